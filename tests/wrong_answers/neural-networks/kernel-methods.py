"""Wrong answers to neural-networks/kernel-methods and what each must lose."""

from tests.support.answers import Answer


def both(name: str) -> tuple[str, str]:
    return f"test_{name}_visible", f"test_{name}_hidden"


def function(name: str, arguments: str, why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    source = f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return Answer(f"{name}: {why}", {name: source}, both(name) if loses is None else loses)


def features(why: str, columns: str, loses: tuple[str, ...] | None = None) -> Answer:
    body = f"a, b = points.T\nr, ones = np.sqrt(2), np.ones(len(points))\nreturn {columns}"
    return function("quadratic_features", "points", why, body, loses)


def kernel(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    """A kernel that is wrong; the decision, which may use it, is looked at with a right one."""
    return function("gaussian_kernel", "points, others, gamma", why, body, loses)


def decision(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    arguments = "points, support_vectors, dual_coef, intercept, gamma"
    return function("decision", arguments, why, f"K = gaussian_kernel(points, support_vectors, gamma)\n{body}", loses)


def report(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    arguments = "train_points, train_labels, test_points, test_labels, **settings"
    return function("svc_report", arguments, why, body, loses)


def cubic(why: str, settings: str, loses: tuple[str, ...] | None = None) -> Answer:
    return Answer(f"cubic: {why}", {"cubic": f"cubic = {settings}"}, both("cubic") if loses is None else loses)


def counts(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    return function("margin_counts", "scores, labels", why, body, loses)


_SVC = "m = SVC(**settings).fit(train_points, train_labels)\n"
_TRAIN, _TEST = "100 * m.score(train_points, train_labels)", "100 * m.score(test_points, test_labels)"


def entries(train: str = _TRAIN, test: str = _TEST, number: str = "len(m.support_)") -> str:
    return f"return {{'train': {train}, 'test': {test}, 'support_vectors': {number}}}"


ANSWERS = [
    features("no roots", "np.column_stack([ones, a, b, a**2, b**2, a * b])"),
    features("twice the root", "np.column_stack([ones, 2 * a, 2 * b, a**2, b**2, 2 * a * b])"),
    features("no mixed term", "np.column_stack([ones, r * a, r * b, a**2, b**2])"),
    features("no constant", "np.column_stack([r * a, r * b, a**2, b**2, r * a * b])"),
    features("squares and mixed term only", "np.column_stack([a**2, b**2, r * a * b])"),
    features("root at the mixed term only", "np.column_stack([ones, a, b, a**2, b**2, r * a * b])"),
    features("no root at the mixed term", "np.column_stack([ones, r * a, r * b, a**2, b**2, a * b])"),
    features("the squared distance alone", "np.column_stack([points, (points**2).sum(axis=1)])"),
    features("transposed", "np.stack([ones, r * a, r * b, a**2, b**2, r * a * b])"),
    features(
        "roots of the table itself",
        "np.linalg.cholesky((points @ points.T + 1) ** 2 + 1e-9 * np.eye(len(points)))",
        ("test_quadratic_features_hidden",),
    ),
    kernel("not squared", "return np.exp(-gamma * np.linalg.norm(points[:, None] - others[None], axis=-1))"),
    kernel("no gamma", "return np.exp(-((points[:, None] - others[None]) ** 2).sum(-1))"),
    kernel("sign", "return np.exp(gamma * ((points[:, None] - others[None]) ** 2).sum(-1))"),
    kernel("width", "return np.exp(-((points[:, None] - others[None]) ** 2).sum(-1) / (2 * gamma**2))"),
    kernel("half", "return np.exp(-gamma * ((points[:, None] - others[None]) ** 2).sum(-1) / 2)"),
    kernel("no exponential", "return ((points[:, None] - others[None]) ** 2).sum(-1)"),
    kernel("transposed", "return np.exp(-gamma * ((others[:, None] - points[None]) ** 2).sum(-1))"),
    kernel("point by point", "return np.exp(-gamma * ((points - others[: len(points)]) ** 2).sum(-1))"),
    kernel(
        "two coordinates only",
        "d = (points[:, None] - others[None]) ** 2\nreturn np.exp(-gamma * (d[..., 0] + d[..., -1]))",
        ("test_gaussian_kernel_hidden",),
    ),
    kernel(
        "the library's own",
        "from sklearn.metrics.pairwise import rbf_kernel\nreturn rbf_kernel(points, others, gamma=gamma)",
    ),
    kernel(
        "the library's own, of Gaussian processes",
        "from sklearn.gaussian_process.kernels import RBF\nreturn RBF((2 * gamma) ** -0.5)(points, others)",
    ),
    Answer(
        "gaussian_kernel and decision: wrong, each by itself",
        {
            "gaussian_kernel": "def gaussian_kernel(points, others, gamma):\n"
            "    return np.exp(-gamma * np.linalg.norm(points[:, None] - others[None], axis=-1))\n",
            "decision": "def decision(points, support_vectors, dual_coef, intercept, gamma):\n"
            "    return gaussian_kernel(points, support_vectors, gamma) @ dual_coef - intercept\n",
        },
        (*both("gaussian_kernel"), *both("decision")),
    ),
    decision("intercept subtracted", "return K @ dual_coef - intercept"),
    decision("no intercept", "return K @ dual_coef"),
    decision("signs lost", "return K @ np.abs(dual_coef) + intercept"),
    decision("signs only", "return K @ np.sign(dual_coef) + intercept"),
    decision("classes", "return np.sign(K @ dual_coef + intercept)"),
    decision("intercept for each vector", "return (K * dual_coef + intercept).sum(axis=1)"),
    decision("mean", "return (K * dual_coef).mean(axis=1) + intercept"),
    decision("a column", "return K @ dual_coef[:, None] + intercept"),
    decision(
        "gamma fixed",
        "return gaussian_kernel(points, support_vectors, 1.0) @ dual_coef + intercept",
    ),
    report("shares", _SVC + entries("m.score(train_points, train_labels)", "m.score(test_points, test_labels)")),
    report("training for test", _SVC + entries(test=_TRAIN)),
    report("exchanged", _SVC + entries(_TEST, _TRAIN)),
    report("all points are support vectors", _SVC + entries(number="len(train_points)")),
    report("of one class", _SVC + entries(number="int(m.n_support_[0])")),
    report("of both classes, as an array", _SVC + entries(number="m.n_support_")),
    report("a tuple", f"{_SVC}return {_TRAIN}, {_TEST}, len(m.support_)"),
    report("other names", f"{_SVC}return {{'training': {_TRAIN}, 'testing': {_TEST}, 'sv': len(m.support_)}}"),
    report(
        "always linear",
        "m = SVC(kernel='linear', C=10.0).fit(train_points, train_labels)\n" + entries(),
        ("test_svc_report_hidden",),
    ),
    report(
        "kernel and C only",
        "chosen = {key: settings[key] for key in ('kernel', 'C') if key in settings}\n"
        "m = SVC(**chosen).fit(train_points, train_labels)\n" + entries(),
        ("test_svc_report_hidden",),
    ),
    cubic("a constant that is found by trying", "{'kernel': 'poly', 'degree': 3, 'coef0': 1}"),
    cubic("weights taken for settings", "{'kernel': 'poly', 'degree': 3, 'gamma': 0.343, 'coef0': 1.323}"),
    cubic("the 3 forgotten", "{'kernel': 'poly', 'degree': 3, 'gamma': 0.7, 'coef0': 2.7}"),
    cubic("as it comes", "{'kernel': 'poly', 'degree': 3}"),
    cubic("a larger C", "{'kernel': 'poly', 'degree': 3, 'C': 100.0}"),
    cubic("a sharper gamma", "{'kernel': 'poly', 'degree': 3, 'gamma': 10.0}"),
    cubic("gamma as a word", "{'kernel': 'poly', 'degree': 3, 'gamma': 'scale', 'coef0': 0.9}"),
    cubic("a tuple", "('poly', 3)"),
    cubic("degree 2", "{'kernel': 'poly', 'degree': 2, 'coef0': 1.0}"),
    cubic("another kernel", "{'kernel': 'rbf', 'degree': 3}"),
    cubic("a tiny constant", "{'kernel': 'poly', 'degree': 3, 'coef0': 1e-4}"),
    cubic("C without limit", "{'kernel': 'poly', 'degree': 3, 'coef0': 1.0, 'C': 1e9}"),
    counts(
        "labels forgotten", "m = scores\na, c = int((m <= 0).sum()), int((m >= 1).sum())\nreturn a, len(m) - a - c, c"
    ),
    counts(
        "other order",
        "m = labels * scores\na, c = int((m <= 0).sum()), int((m >= 1).sum())\nreturn c, len(m) - a - c, a",
    ),
    counts(
        "size of the margin",
        "m = labels * scores\ni = int((abs(m) < 1).sum())\nw = int((m <= -1).sum())\nreturn w, i, len(m) - i - w",
    ),
    counts(
        "right ones all clear",
        "m = labels * scores\nreturn int((m <= 0).sum()), 0, int((m > 0).sum())",
    ),
    counts(
        "wrong counted twice",
        "m = labels * scores\nreturn int((m <= 0).sum()), int((m < 1).sum()), int((m >= 1).sum())",
    ),
    counts(
        "two numbers",
        "m = labels * scores\nreturn int((m <= 0).sum()), int((m > 0).sum())",
    ),
    counts(
        "edges on the other side",
        "m = labels * scores\na, c = int((m < 0).sum()), int((m > 1).sum())\nreturn a, len(m) - a - c, c",
        ("test_margin_counts_hidden",),
    ),
]
