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
]
