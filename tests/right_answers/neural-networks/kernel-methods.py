"""Right answers to neural-networks/kernel-methods in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "accuracies by another function, in another order",
        {
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
        "percent rounded to one decimal",
        {
            "svc_report": "def svc_report(train_points, train_labels, test_points, test_labels, **settings):\n"
            "    model = SVC(**settings).fit(train_points, train_labels)\n"
            "    train, test = ((model.predict(points) == labels).mean() for points, labels in (\n"
            "        (train_points, train_labels), (test_points, test_labels)))\n"
            "    return {'train': round(100 * train, 1), 'test': round(100 * test, 1),\n"
            "            'support_vectors': len(model.support_vectors_)}\n",
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
