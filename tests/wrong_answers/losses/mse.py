"""Wrong answers to losses/mse and what each must lose."""

from tests.support.answers import Answer

T_FIT = ("test_fit_least_squares_visible", "test_fit_least_squares_hidden")
T_NORM = ("test_fit_minimum_norm_visible", "test_fit_minimum_norm_hidden")
T_DESCENT = ("test_gradient_descent_visible", "test_gradient_descent_hidden")
T_RATE = ("test_largest_lr_visible", "test_largest_lr_hidden")
T_L1 = ("test_l1_subgradient_visible", "test_l1_subgradient_hidden")


def step(name: str, why: str, expression: str) -> Answer:
    return Answer(f"{name}: {why}", {name: f"{name} = {expression}"}, (f"test_{name}_visible",))


def expanded(why: str, loses: str, **parts: str) -> Answer:
    parts = {"Q": "X.T * X", "q": "X.T * y", "s": "y.T * y"} | parts
    source = "\n".join(f"{name} = {expression}" for name, expression in parts.items())
    return Answer(f"expanded: {why}", {"expanded": source}, (f"test_expanded_{loses}_visible",))


def fit(why: str, body: str, loses: tuple[str, ...] = T_FIT) -> Answer:
    return Answer(
        f"fit: {why}", {"fit_least_squares": f"def fit_least_squares(features, targets):\n    {body}\n"}, loses
    )


def norm(why: str, body: str, loses: tuple[str, ...] = T_NORM) -> Answer:
    source = f"def fit_minimum_norm(features, targets):\n    {body}\n"
    return Answer(f"minimum norm: {why}", {"fit_minimum_norm": source}, loses)


def digits(why: str, pair: str) -> Answer:
    return Answer(f"digits: {why}", {"digits": f"error_normal, error_lstsq = {pair}"}, ("test_digits_hidden",))


def descent(
    why: str, update: str, start: str = "np.zeros(features.shape[1])", loses: tuple[str, ...] = T_DESCENT
) -> Answer:
    source = (
        "def gradient_descent(features, targets, lr, num_steps):\n"
        f"    weights = {start}\n"
        "    for _ in range(num_steps):\n"
        "        residuals = features @ weights - targets\n"
        f"        weights = {update}\n"
        "    return weights\n"
    )
    return Answer(f"descent: {why}", {"gradient_descent": source}, loses)


def rate(why: str, body: str, loses: tuple[str, ...] = T_RATE) -> Answer:
    return Answer(f"rate: {why}", {"largest_lr": f"def largest_lr(features):\n    return {body}\n"}, loses)


def l1(why: str, body: str, loses: tuple[str, ...] = T_L1) -> Answer:
    source = (
        f"def l1_subgradient(weights, features, targets):\n    residuals = features @ weights - targets\n    {body}\n"
    )
    return Answer(f"L1: {why}", {"l1_subgradient": source}, loses)


ANSWERS = [
    step("loss_vector", "sum for mean", "(X * w - y).T * (X * w - y)"),
    step("loss_vector", "divided by d", "(X * w - y).T * (X * w - y) / d"),
    step("loss_vector", "half", "(X * w - y).T * (X * w - y) / (2 * n)"),
    step("loss_vector", "square of a column", "(X * w - y) ** 2 / n"),
    step("loss_vector", "outer product", "(X * w - y) * (X * w - y).T / n"),
    step("loss_vector", "squares of lengths subtracted", "((X * w).T * (X * w) - y.T * y) / n"),
    expanded("factors in the wrong order", "matrix", Q="X * X.T"),
    expanded("1/n in Q", "matrix", Q="X.T * X / n"),
    expanded("the whole quadratic term", "matrix", Q="w.T * X.T * X * w"),
    expanded("q is a row", "rest", q="y.T * X"),
    expanded("2 in q", "rest", q="2 * X.T * y"),
    expanded("minus sign in q", "rest", q="-X.T * y"),
    expanded("s is a matrix", "rest", s="y * y.T"),
    expanded("sign of s", "rest", s="-y.T * y"),
    step("quadratic_gradient", "symmetric only", "2 * A * x"),
    step("quadratic_gradient", "symmetric only, transposed", "2 * A.T * x"),
    step("quadratic_gradient", "one factor held", "A * x"),
    step("quadratic_gradient", "a row", "x.T * (A + A.T)"),
    step("gradient", "2 lost", "X.T * (X * w - y) / n"),
    step("gradient", "sum for mean", "2 * X.T * (X * w - y)"),
    step("gradient", "sign", "2 * X.T * (y - X * w) / n"),
    step("gradient", "a row", "2 * (X * w - y).T * X / n"),
    step("gradient", "2 lost in the linear term", "(2 * X.T * X * w - X.T * y) / n"),
    step("gradient", "constant kept", "2 * (X * w - y) / n"),
    step("normal_equations", "X.T cancelled", "Eq(X * w, y)"),
    step("normal_equations", "sign", "Eq(X.T * X * w, -X.T * y)"),
    step("normal_equations", "2 lost on one side", "Eq(2 * X.T * X * w, X.T * y)"),
    step("normal_equations", "a column set equal to a number", "Eq(X.T * X * w - X.T * y, 0)"),
    step("normal_equations", "no equation", "X.T * X * w - X.T * y"),
    step("normal_equations", "compared with ==", "X.T * X * w == X.T * y"),
    # What differentiates by itself, and sums over an index.
    step("quadratic_gradient", "SymPy's derivative", "(x.T * A * x).diff(x)"),
    step("gradient", "SymPy's derivative", "((X * w - y).T * (X * w - y) / n).diff(w)"),
    step("normal_equations", "SymPy's derivative", "Eq(((X * w - y).T * (X * w - y)).diff(w), zero)"),
    Answer(
        "gradient: an alias in a cell before",
        {
            "expanded": "import sympy as sp\n\nQ, q, s = X.T * X, X.T * y, y.T * y\nslope = sp.diff",
            "gradient": "gradient = slope(loss_vector, w)",
        },
        ("test_gradient_visible",),
    ),
    Answer(
        "loss_vector: the sum of the text",
        {
            "loss_vector": "from sympy import IndexedBase, Sum\ni, j = symbols('i j', integer=True)\n"
            "x_, w_, y_ = IndexedBase('X'), IndexedBase('w'), IndexedBase('y')\n"
            "loss_vector = Sum((Sum(x_[i, j] * w_[j], (j, 1, d)) - y_[i]) ** 2, (i, 1, n)) / n",
        },
        ("test_loss_vector_visible",),
    ),
    Answer(
        "loss_vector: a sum over rows",
        {
            "loss_vector": "from sympy import Sum\ni = symbols('i', integer=True)\n"
            "loss_vector = Sum((X * w - y)[i, 0] ** 2, (i, 0, n - 1)) / n",
        },
        ("test_loss_vector_visible",),
    ),
    expanded("s is a sum", "rest", s="__import__('sympy').Sum(y[n, 0] ** 2, (n, 0, n - 1))"),
    # A right step that starts from a wrong earlier one earns its points.
    Answer(
        "d to f: the sign of q is carried on",
        {
            "expanded": "Q, q, s = X.T * X, -X.T * y, y.T * y",
            "gradient": "gradient = 2 / n * (X.T * X * w + X.T * y)",
            "normal_equations": "normal_equations = Eq(X.T * X * w, -X.T * y)",
            "w_best": "w_best = -(X.T * X).inv() * X.T * y",
        },
        ("test_expanded_rest_visible",),
    ),
    Answer(
        "d: half of the quadratic term is carried on",
        {
            "quadratic_gradient": "quadratic_gradient = A * x",
            "gradient": "gradient = (X.T * X * w - 2 * X.T * y) / n",
            "normal_equations": "normal_equations = Eq(X.T * X * w, 2 * X.T * y)",
            "w_best": "w_best = 2 * (X.T * X).inv() * X.T * y",
        },
        ("test_quadratic_gradient_visible",),
    ),
    Answer(
        "f: solves an equation that is no mistake anybody makes",
        {"normal_equations": "normal_equations = Eq(w, X.T * y)", "w_best": "w_best = X.T * y"},
        ("test_normal_equations_visible", "test_w_best_visible"),
    ),
    step("w_best", "no inverse", "X.T * y"),
    step("w_best", "inverse at the wrong place", "X.T * (X * X.T).inv() * y * d / n + 0 * X.T * y"),
    step("w_best", "a row", "y.T * X * (X.T * X).inv()"),
    step("w_best", "w left in the formula", "(X.T * X).inv() * (X.T * X * w)"),
    fit(
        "inverse",
        "return np.linalg.inv(features.T @ features) @ features.T @ targets",
    ),
    fit(
        "inverse of a np.matrix",
        "normal = np.matrix(features.T @ features)\n    return np.asarray(normal.I @ (features.T @ targets)).ravel()",
    ),
    fit(
        "power -1 of a np.matrix",
        "normal = np.asmatrix(features.T @ features)\n"
        "    return np.asarray(normal ** -1 @ (features.T @ targets)).ravel()",
    ),
    fit(
        "solved for the identity matrix",
        "inverse = np.linalg.solve(features.T @ features, np.eye(features.shape[1]))\n"
        "    return inverse @ features.T @ targets",
    ),
    fit(
        "solved for a diagonal of ones",
        "inverse = np.linalg.solve(features.T @ features, np.diag(np.ones(features.shape[1])))\n"
        "    return inverse @ features.T @ targets",
    ),
    fit(
        "solved for one column of the identity matrix after the other",
        "normal, k = features.T @ features, features.shape[1]\n    columns = []\n    for place in range(k):\n"
        "        unit = np.zeros(k)\n        unit[place] = 1\n        columns.append(np.linalg.solve(normal, unit))\n"
        "    return np.column_stack(columns) @ (features.T @ targets)",
    ),
    fit(
        "targets centred in the caller's array",
        "weights = np.linalg.lstsq(features, targets)[0]\n    targets -= features @ weights\n    return weights",
        ("test_fit_least_squares_hidden",),
    ),
    fit(
        "the columns of an inverse, in a function inside",
        "def column(unit):\n        return np.linalg.solve(features.T @ features, unit)\n\n"
        "    inverse = np.stack([column(unit) for unit in np.eye(features.shape[1])])\n"
        "    return inverse @ features.T @ targets",
    ),
    fit(
        "the columns of an inverse, by a lambda",
        "columns = map(lambda unit: np.linalg.solve(features.T @ features, unit), np.eye(features.shape[1]))\n"
        "    return np.stack(list(columns)) @ features.T @ targets",
    ),
    fit("pseudo-inverse", "return np.linalg.pinv(features) @ targets"),
    fit(
        "penalty on the diagonal",
        "k = features.shape[1]\n    "
        "return np.linalg.solve(features.T @ features + 0.01 * np.eye(k), features.T @ targets)",
    ),
    fit("first rows only", "k = features.shape[1]\n    return np.linalg.solve(features[:k], targets[:k])"),
    fit(
        "right-hand side without X.T",
        "k = features.shape[1]\n    return np.linalg.solve(features.T @ features, targets[:k])",
    ),
    fit(
        "divides the right side only",
        "return np.linalg.solve(features.T @ features, features.T @ targets / len(targets))",
    ),
    norm("solve", "return np.linalg.solve(features.T @ features, features.T @ targets)"),
    norm("whole result of lstsq", "return np.linalg.lstsq(features, targets)"),
    norm(
        "one of the solutions", "w = np.zeros(features.shape[1])\n    w[0] = targets[0] / features[0, 0]\n    return w"
    ),
    norm(
        "formula for wide matrices",
        "return features.T @ np.linalg.solve(features @ features.T, targets)",
        ("test_fit_minimum_norm_hidden",),
    ),
    norm(
        "penalty on the diagonal",
        "k = features.shape[1]\n    "
        "return np.linalg.solve(features.T @ features + 0.001 * np.eye(k), features.T @ targets)",
    ),
    norm(
        "changes the features",
        "weights = np.linalg.lstsq(features, targets)[0]\n    features *= 0\n    return weights",
        ("test_fit_minimum_norm_hidden",),
    ),
    step("condition_of_normal_matrix", "unchanged", "kappa"),
    step("condition_of_normal_matrix", "doubled", "2 * kappa"),
    step("condition_of_normal_matrix", "root", "kappa ** 0.5"),
    digits("growth for the error", "9e8, 3e4"),
    digits("both alike", "3e-12, 3e-12"),
    digits("exchanged", "3e-12, 9e-8"),
    digits("how many digits stay", "7, 11.5"),
    digits("small whole numbers that stand elsewhere", "6, 11"),
    digits("another error of rounding", "2e-7, 6.7e-12"),
    descent("2 lost", "weights - lr / len(targets) * features.T @ residuals"),
    descent(
        "the learning rate of the example stays in the code",
        "weights - 0.1 * 2 / len(targets) * features.T @ residuals",
        loses=("test_gradient_descent_hidden",),
    ),
    descent(
        "mean over samples and weights",
        "weights - lr * 2 / features.size * features.T @ residuals",
        loses=("test_gradient_descent_hidden",),
    ),
    descent(
        "by a factorisation",
        "weights - lr * 2 / len(targets) * np.linalg.qr(features)[1].T @ (np.linalg.qr(features)[0].T @ residuals)",
        loses=("test_gradient_descent_hidden",),
    ),
    descent("sum for mean", "weights - lr * 2 * features.T @ residuals"),
    descent("uphill", "weights + lr * 2 / len(targets) * features.T @ residuals"),
    descent("starts at one", "weights - lr * 2 / len(targets) * features.T @ residuals", "np.ones(features.shape[1])"),
    descent(
        "starts at random",
        "weights - lr * 2 / len(targets) * features.T @ residuals",
        "np.random.randn(features.shape[1])",
    ),
    descent("divided by the number of weights", "weights - lr * 2 / len(weights) * features.T @ residuals"),
    Answer(
        "descent: solver",
        {
            "gradient_descent": "def gradient_descent(features, targets, lr, num_steps):\n"
            "    best = np.linalg.lstsq(features, targets)[0]\n"
            "    values, vectors = np.linalg.eigh(2 / len(targets) * features.T @ features)\n"
            "    return best - vectors @ ((1 - lr * values) ** num_steps * (vectors.T @ best))\n"
        },
        ("test_gradient_descent_hidden",),
    ),
    rate("half", "len(features) / np.linalg.norm(features, 2) ** 2 / 2"),
    rate("2 of the Hessian lost", "2 * len(features) / np.linalg.norm(features, 2) ** 2"),
    rate("singular value not squared", "len(features) / np.linalg.norm(features, 2)"),
    rate("n lost", "1 / np.linalg.norm(features, 2) ** 2"),
    rate("trace for the largest eigenvalue", "len(features) / np.sum(features ** 2)", ("test_largest_lr_hidden",)),
    rate(
        "smallest eigenvalue",
        "2 / np.linalg.eigvalsh(2 / len(features) * features.T @ features).min()",
        ("test_largest_lr_hidden",),
    ),
    rate(
        "changes the features",
        "[2 / np.linalg.eigvalsh(2 / len(features) * features.T @ features).max(), features.fill(0)][0]",
        ("test_largest_lr_hidden",),
    ),
    l1(
        "changes the targets",
        "targets *= 0\n    return features.T @ np.sign(residuals) / len(residuals)",
        ("test_l1_subgradient_hidden",),
    ),
    l1("sign", "return -features.T @ np.sign(residuals) / len(targets)"),
    l1("sum for mean", "return features.T @ np.sign(residuals)"),
    l1("gradient of the squares", "return 2 * features.T @ residuals / len(targets)"),
    l1("features missing", "return np.full(features.shape[1], np.sign(residuals).mean())"),
    l1(
        "nan at zero",
        "return features.T @ (residuals / np.abs(residuals)) / len(targets)",
        ("test_l1_subgradient_hidden",),
    ),
    l1(
        "1 at zero",
        "return features.T @ np.where(residuals >= 0, 1.0, -1.0) / len(targets)",
        ("test_l1_subgradient_hidden",),
    ),
    fit("a table of the visible cases", "return np.array([1.0, 2.0] if targets[-1] == 5 else [0.5, 3.5])"),
    norm("a table of the visible case", "return np.ones(2)"),
    Answer(
        "descent: a table of the visible cases",
        {
            "gradient_descent": "def gradient_descent(features, targets, lr, num_steps):\n"
            "    return np.array([1.5 if num_steps else 0.0])\n"
        },
        T_DESCENT,
    ),
    rate("a table of the visible case", "0.4"),
    l1("a table of the visible case", "return np.array([-0.5])"),
]
