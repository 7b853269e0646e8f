"""Wrong answers to neural-networks/svm and what each must lose."""

from tests.support.answers import Answer


def both(name: str) -> tuple[str, str]:
    return f"test_{name}_visible", f"test_{name}_hidden"


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


_FIT = "m = LinearSVC().fit(train_points, train_labels)\n"
_SCORES = "m.score(train_points, train_labels), m.score(test_points, test_labels)"
_TRAIN, _TEST = "100 * m.score(train_points, train_labels)", "100 * m.score(test_points, test_labels)"

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
    plane(
        "fitted",
        "LinearSVC().fit(lift(X_train), y_train).coef_[0]",
        "LinearSVC().fit(lift(X_train), y_train).intercept_[0]",
    ),
    plane(
        "fitted by least squares",
        "(np.linalg.pinv(np.column_stack([lift(X_train), np.ones(200)])) @ y_train)[:3]",
        "(np.linalg.pinv(np.column_stack([lift(X_train), np.ones(200)])) @ y_train)[3]",
    ),
    line("the visible number", "return 200 / 3"),
    objective("the visible number", "return 22.0"),
    lifted("the visible numbers", "return np.array([[3.0, 4.0, 25.0], [0.0, -2.0, 4.0]])"),
]
