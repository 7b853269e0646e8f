"""Right answers to neural-networks/svm in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "predictions counted by hand, as an array",
        {
            "linear_accuracy": "def linear_accuracy(train_points, train_labels, test_points, test_labels):\n"
            "    svm = LinearSVC()\n    svm.fit(train_points, train_labels)\n"
            "    right = [svm.predict(p) == l for p, l in ((train_points, train_labels), (test_points, test_labels))]\n"
            "    return np.array([r.mean() * 100 for r in right])\n",
            "svc_report": "def svc_report(train_points, train_labels, test_points, test_labels, **kw):\n"
            "    from sklearn.metrics import accuracy_score\n"
            "    svc = SVC(**kw)\n    svc.fit(train_points, train_labels)\n"
            "    return dict(\n"
            "        support_vectors=svc.n_support_.sum(),\n"
            "        train=accuracy_score(train_labels, svc.predict(train_points)) * 100,\n"
            "        test=accuracy_score(test_labels, svc.predict(test_points)) * 100,\n    )\n",
        },
    ),
    Answer(
        "math instead of NumPy, a dual solver",
        {
            "linear_accuracy": "def linear_accuracy(train_points, train_labels, test_points, test_labels):\n"
            "    svm = LinearSVC(dual=False).fit(train_points, train_labels)\n"
            "    return [100 * svm.score(train_points, train_labels), 100 * svm.score(test_points, test_labels)]\n",
            "best_line_accuracy": "import math\n\n\ndef best_line_accuracy(radius):\n"
            "    angle = 2 * math.acos(radius)\n    return 0.5 * 100 + 0.5 * 100 * angle / math.tau\n",
            "svm_objective": "def svm_objective(weights, intercept, points, labels, C):\n"
            "    total = 0.0\n    for x, y in zip(points, labels):\n"
            "        margin = y * (np.dot(weights, x) + intercept)\n        if margin < 1:\n"
            "            total += 1 - margin\n"
            "    return np.linalg.norm(weights) ** 2 / 2 + C * total\n",
        },
    ),
    Answer(
        "another lift, a steeper plane, as an array",
        {
            "lift": "def lift(points):\n    x, y = points[:, 0], points[:, 1]\n    return np.c_[x, y, x * x + y * y]\n",
            "plane": "plane_weights = np.array([0.05, 0.0, -7.0])\nplane_intercept = np.float64(3.6)\n",
        },
    ),
    Answer(
        "lift by a loop, plane of whole numbers",
        {
            "lift": "def lift(points):\n    return np.array([[a, b, np.hypot(a, b) ** 2] for a, b in points])\n",
            "plane": "plane_weights = (0, 0, -2)\nplane_intercept = 1\n",
        },
    ),
    Answer(
        "the mixed product twice instead of a root",
        {
            "quadratic_features": "def quadratic_features(points):\n"
            "    p = np.c_[points, np.ones(len(points))]\n"
            "    return (p[:, :, None] * p[:, None, :]).reshape(len(points), -1)\n",
        },
    ),
    Answer(
        "columns in another order, one by one",
        {
            "quadratic_features": "def quadratic_features(points):\n    rows = []\n    for a, b in points:\n"
            "        rows.append([a * a, 2**0.5 * a * b, b * b, -(2**0.5) * a, 2**0.5 * b, 1.0])\n"
            "    return np.array(rows)\n",
        },
    ),
    Answer(
        "kernel by loops, decision by a loop",
        {
            "gaussian_kernel": "def gaussian_kernel(points, others, gamma):\n"
            "    K = np.empty((len(points), len(others)))\n"
            "    for i, p in enumerate(points):\n        for j, q in enumerate(others):\n"
            "            K[i, j] = np.exp(-gamma * np.dot(p - q, p - q))\n    return K\n",
            "decision": "def decision(points, support_vectors, dual_coef, intercept, gamma):\n"
            "    total = np.full(len(points), float(intercept))\n"
            "    for s, a in zip(support_vectors, dual_coef):\n"
            "        total += a * np.exp(-gamma * ((points - s) ** 2).sum(axis=1))\n    return total\n",
        },
    ),
    Answer(
        "kernel by SciPy and by the binomial formula",
        {
            "gaussian_kernel": "from scipy.spatial.distance import cdist\n\n\n"
            "def gaussian_kernel(points, others, gamma):\n"
            "    return np.exp(-gamma * cdist(points, others, 'sqeuclidean'))\n",
            "decision": "def decision(points, support_vectors, dual_coef, intercept, gamma):\n"
            "    square = (points**2).sum(1)[:, None] + (support_vectors**2).sum(1) - 2 * points @ support_vectors.T\n"
            "    return np.einsum('ns,s->n', np.exp(-gamma * square), dual_coef) + intercept\n",
        },
    ),
    Answer(
        "other settings, counts by a loop",
        {
            "cubic": "cubic = dict(kernel='poly', degree=3, C=10, gamma=0.343 ** (1 / 3), coef0=1.323 / 3 / 0.49)",
            "margin_counts": "def margin_counts(scores, labels):\n    counts = [0, 0, 0]\n"
            "    for s, y in zip(scores, labels):\n"
            "        if s * y <= 0:\n            counts[0] += 1\n"
            "        elif s * y < 1:\n            counts[1] += 1\n"
            "        else:\n            counts[2] += 1\n    return counts\n",
        },
    ),
    Answer(
        "counts as an array",
        {
            "cubic": "cubic = {'kernel': 'poly', 'degree': 3, 'coef0': 0.9, 'gamma': 7 / 10, 'C': 3}",
            "margin_counts": "def margin_counts(scores, labels):\n    m = labels * scores\n"
            "    return np.array([np.sum(m <= 0), np.sum((m > 0) & (m < 1)), np.sum(m >= 1)])\n",
        },
    ),
]
