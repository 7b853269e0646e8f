"""Wrong answers to neural-networks/svm and what each must lose."""

from tests.support.answers import Answer


def both(name: str) -> tuple[str, str]:
    return f"test_{name}_visible", f"test_{name}_hidden"


KERNEL = (*both("gaussian_kernel"), *both("decision"))  # the decision uses the kernel


def function(name: str, arguments: str, why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    source = f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return Answer(f"{name}: {why}", {name: source}, both(name) if loses is None else loses)


def linear(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    arguments = "train_points, train_labels, test_points, test_labels"
    return function("linear_accuracy", arguments, why, body, loses)


def line(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    return function("best_line_accuracy", "radius", why, body, loses)


def objective(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    body = f"margins = labels * (points @ weights + intercept)\n{body}"
    return function("svm_objective", "weights, intercept, points, labels, C", why, body, loses)


def lifted(why: str, body: str, loses: tuple[str, ...] | None = None) -> Answer:
    return function("lift", "points", why, body, loses)


def plane(why: str, weights: str, intercept: str, loses: tuple[str, ...] | None = None) -> Answer:
    source = f"plane_weights = {weights}\nplane_intercept = {intercept}\n"
    return Answer(f"plane: {why}", {"plane": source}, both("plane") if loses is None else loses)


def features(why: str, columns: str, loses: tuple[str, ...] | None = None) -> Answer:
    body = f"a, b = points.T\nr, ones = np.sqrt(2), np.ones(len(points))\nreturn {columns}"
    return function("quadratic_features", "points", why, body, loses)


def kernel(why: str, body: str, loses: tuple[str, ...] = KERNEL) -> Answer:
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


_FIT = "m = LinearSVC().fit(train_points, train_labels)\n"
_SCORES = "m.score(train_points, train_labels), m.score(test_points, test_labels)"
_SVC = "m = SVC(**settings).fit(train_points, train_labels)\n"
_TRAIN, _TEST = "100 * m.score(train_points, train_labels)", "100 * m.score(test_points, test_labels)"


def entries(train: str = _TRAIN, test: str = _TEST, number: str = "len(m.support_)") -> str:
    return f"return {{'train': {train}, 'test': {test}, 'support_vectors': {number}}}"


ANSWERS = [
    linear("shares, not percent", f"{_FIT}return {_SCORES}"),
    linear("training twice", f"{_FIT}a = {_TRAIN}\nreturn a, a"),
    linear("mistakes", f"{_FIT}a, b = {_SCORES}\nreturn 100 - 100 * a, 100 - 100 * b"),
    linear("test only", f"{_FIT}return {_TEST}"),
    linear("test first", f"{_FIT}return {_TEST}, {_TRAIN}"),
    linear("fitted to the test split", f"m = LinearSVC().fit(test_points, test_labels)\nreturn {_TRAIN}, {_TEST}"),
    linear(
        "no intercept",
        f"m = LinearSVC(fit_intercept=False).fit(train_points, train_labels)\nreturn {_TRAIN}, {_TEST}",
        ("test_linear_accuracy_hidden",),
    ),
    linear(
        "RBF in its place",
        f"m = SVC().fit(train_points, train_labels)\nreturn {_TRAIN}, {_TEST}",
    ),
    linear(
        "SVC with a linear kernel in its place",
        f"m = SVC(kernel='linear').fit(train_points, train_labels)\nreturn {_TRAIN}, {_TEST}",
    ),
    line("the ring only", "return 100 * np.arccos(radius) / np.pi"),
    line("shares added", "return 100 * (1 + np.arccos(radius) / np.pi)"),
    line("a share", "return (1 + np.arccos(radius) / np.pi) / 2"),
    line("half of the angle", "return 50 * (1 + np.arccos(radius) / (2 * np.pi))"),
    line("degrees", "return 50 * (1 + 2 * np.arccos(radius) / 360)"),
    line("length in place of angle", "return 50 * (1 + (1 - radius) / 2)"),
    objective("mean", "return 0.5 * weights @ weights + C * np.maximum(0, 1 - margins).mean()"),
    objective("no half", "return weights @ weights + C * np.maximum(0, 1 - margins).sum()"),
    objective("length not squared", "return 0.5 * np.linalg.norm(weights) + C * np.maximum(0, 1 - margins).sum()"),
    objective("no maximum", "return 0.5 * weights @ weights + C * (1 - margins).sum()"),
    objective("perceptron", "return 0.5 * weights @ weights + C * np.maximum(0, -margins).sum()"),
    objective("C at the length", "return C * 0.5 * weights @ weights + np.maximum(0, 1 - margins).sum()"),
    objective("squared hinge", "return 0.5 * weights @ weights + C * (np.maximum(0, 1 - margins) ** 2).sum()"),
    objective("sign", "return 0.5 * weights @ weights + C * np.maximum(0, 1 + margins).sum()"),
    objective("the margin itself", "return 0.5 * weights @ weights + C * np.maximum(0, margins).sum()"),
    objective(
        "intercept subtracted",
        "margins = labels * (points @ weights - intercept)\n"
        "return 0.5 * weights @ weights + C * np.maximum(0, 1 - margins).sum()",
    ),
    objective("losses only", "return C * np.maximum(0, 1 - margins).sum()"),
    objective(
        "intercept penalised",
        "return 0.5 * (weights @ weights + intercept**2) + C * np.maximum(0, 1 - margins).sum()",
    ),
    objective(
        "intercept forgotten",
        "return 0.5 * weights @ weights + C * np.maximum(0, 1 - labels * (points @ weights)).sum()",
    ),
    lifted("distance", "return np.column_stack([points, np.linalg.norm(points, axis=1)])"),
    lifted("product", "return np.column_stack([points, points[:, 0] * points[:, 1]])"),
    lifted("square of the sum", "return np.column_stack([points, points.sum(axis=1) ** 2])"),
    lifted("sum", "return np.column_stack([points, points.sum(axis=1)])"),
    lifted("first", "return np.column_stack([(points**2).sum(axis=1), points])"),
    lifted("the new coordinate only", "return (points**2).sum(axis=1)"),
    lifted(
        "summed along the wrong axis",
        "return np.column_stack([points, np.resize((points**2).sum(axis=0), len(points))])",
    ),
    lifted(
        "changes the points",
        "points **= 2\nr = points.sum(axis=1)\nreturn np.column_stack([np.sqrt(points), r])",
    ),
    plane("the ring is positive", "[0, 0, 1.0]", "-0.5"),
    plane("above all points", "[0, 0, -1.0]", "5.0"),
    plane("upright", "[1.0, 0, 0]", "0.0"),
    plane("at the radius of the disc", "[0, 0, -1.0]", "0.16"),
    plane("two numbers", "[0, -1.0]", "0.5"),
    features("no roots", "np.column_stack([ones, a, b, a**2, b**2, a * b])"),
    features("twice the root", "np.column_stack([ones, 2 * a, 2 * b, a**2, b**2, 2 * a * b])"),
    features("no mixed term", "np.column_stack([ones, r * a, r * b, a**2, b**2])"),
    features("no constant", "np.column_stack([r * a, r * b, a**2, b**2, r * a * b])"),
    features("squares and mixed term only", "np.column_stack([a**2, b**2, r * a * b])"),
    features("root at the mixed term only", "np.column_stack([ones, a, b, a**2, b**2, r * a * b])"),
    features("no root at the mixed term", "np.column_stack([ones, r * a, r * b, a**2, b**2, a * b])"),
    features("the lift of Exercise 4", "lift(points)"),
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
        ("test_gaussian_kernel_hidden", *both("decision")),
    ),
    kernel(
        "the library's own",
        "from sklearn.metrics.pairwise import rbf_kernel\nreturn rbf_kernel(points, others, gamma=gamma)",
        both("gaussian_kernel"),
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
    line("the visible number", "return 200 / 3"),
    objective("the visible number", "return 22.0"),
    lifted("the visible numbers", "return np.array([[3.0, 4.0, 25.0], [0.0, -2.0, 4.0]])"),
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
