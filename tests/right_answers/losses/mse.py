"""Right answers to losses/mse in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "derivation with a name for the residual",
        {
            "loss_vector": "r = y - X * w\nloss_vector = r.T * r / n",
            "expanded": "Q, q, s = X.T * X, (y.T * X).T, y.T * y",
            "quadratic_gradient": "quadratic_gradient = A * x + A.T * x",
            "gradient": "gradient = -(2 / n) * X.T * (y - X * w)",
            "normal_equations": "normal_equations = Eq(X.T * (y - X * w), zero)",
            "w_best": "w_best = (X.T * X) ** -1 * (X.T * y)",
        },
    ),
    Answer(
        "derivation not simplified",
        {
            "loss_vector": "loss_vector = (w.T * X.T * X * w - 2 * y.T * X * w + y.T * y) / n",
            "gradient": "gradient = (Q * w + Q.T * w - 2 * q) / n",
            "normal_equations": "normal_equations = Eq(2 / n * X.T * X * w, 2 / n * X.T * y)",
            "w_best": "from sympy import Inverse\nw_best = Inverse(Q) * q",
        },
    ),
    Answer(
        "loss as one entry of a matrix, gradient from the expanded form",
        {
            "loss_vector": "residual = X * w - y\nloss_vector = (residual.T * residual)[0, 0] / n",
            "gradient": "gradient = 2 / n * (X.T * X * w - X.T * y)",
            "normal_equations": "normal_equations = Eq(X.T * y, X.T * X * w)",
        },
    ),
    Answer(
        "loss with @ and a trace",
        {
            "loss_vector": "from sympy import Trace\nloss_vector = Trace((X @ w - y) @ (X @ w - y).T) / n",
        },
    ),
    Answer(
        "loss as a dot product",
        {
            "loss_vector": "from sympy.matrices.expressions.dotproduct import DotProduct\n"
            "loss_vector = DotProduct(X * w - y, X * w - y) / n",
        },
    ),
    Answer(
        "loss as a row of ones times the squares of the entries",
        {
            "loss_vector": "from sympy import HadamardPower, OneMatrix\n"
            "loss_vector = OneMatrix(1, n) * HadamardPower(X * w - y, 2) / n",
        },
    ),
    Answer("normal equations as rows", {"normal_equations": "normal_equations = Eq(w.T * X.T * X, y.T * X)"}),
    Answer(
        "normal equations as a row of zeros", {"normal_equations": "normal_equations = Eq((X * w - y).T * X, zero.T)"}
    ),
    Answer(
        "SciPy, QR and singular values",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n    q_, r_ = np.linalg.qr(features)\n"
            "    from scipy.linalg import solve_triangular\n    return solve_triangular(r_, q_.T @ targets)\n",
            "fit_minimum_norm": "def fit_minimum_norm(features, targets):\n"
            "    return np.linalg.pinv(features) @ targets\n",
            "largest_lr": "def largest_lr(features):\n"
            "    return len(features) / np.linalg.norm(features, ord=2) ** 2\n",
            "l1_subgradient": "def l1_subgradient(weights, features, targets):\n"
            "    return np.einsum('n,nd->d', np.sign(np.einsum('nd,d->n', features, weights) - targets), features)"
            " / features.shape[0]\n",
        },
    ),
    Answer(
        "lstsq and eigenvalues",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n"
            "    w, *_ = np.linalg.lstsq(features, targets, rcond=None)\n    return w\n",
            "largest_lr": "def largest_lr(features):\n    n_, _ = features.shape\n"
            "    return np.float64(2.0) / np.max(np.linalg.eigvals(2 / n_ * features.T @ features).real)\n",
        },
    ),
    Answer(
        "singular values on the diagonal of a matrix",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n"
            "    left, sizes, right = np.linalg.svd(features, full_matrices=False)\n"
            "    return np.linalg.solve(np.diag(sizes) @ right, left.T @ targets)\n",
            "fit_minimum_norm": "def fit_minimum_norm(features, targets):\n"
            "    left, sizes, right = np.linalg.svd(features, full_matrices=False)\n"
            "    return right.T @ np.diag([1 / s if s > 1e-9 else 0 for s in sizes]) @ left.T @ targets\n",
        },
    ),
    Answer(
        "singular values without a solver",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n"
            "    left, sizes, right = np.linalg.svd(features, full_matrices=False)\n"
            "    return right.T @ np.diag(1 / sizes) @ left.T @ targets\n",
        },
    ),
    Answer(
        "solved step by step, the right-hand side filled in loops",
        {
            "fit_least_squares": "from scipy import linalg\n\n\ndef normal_of(rows, values):\n"
            "    side = np.zeros(rows.shape[1])\n    for row, value in zip(rows, values):\n"
            "        side += value * row\n    return rows.T @ rows, side\n\n\n"
            "def fit_least_squares(features, targets):\n    matrix, side = normal_of(features, targets)\n"
            "    lower = linalg.cholesky(matrix, lower=True)\n"
            "    between = linalg.solve_triangular(lower, side, lower=True)\n"
            "    return linalg.solve_triangular(lower.T, between)\n",
        },
    ),
    Answer(
        "solved in a function inside, which is given the system",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n"
            "    def solved(matrix, side):\n        return np.linalg.solve(matrix, side)\n\n"
            "    return solved(features.T @ features, features.T @ targets)\n",
        },
    ),
    Answer(
        "solved in a function inside, which is given nothing",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n"
            "    def solved():\n        return np.linalg.solve(features.T @ features, features.T @ targets)\n\n"
            "    return solved()\n",
        },
    ),
    Answer(
        "solved in a lambda",
        {
            "fit_least_squares": "def fit_least_squares(features, targets):\n"
            "    solved = lambda side: np.linalg.solve(features.T @ features, side)  # noqa: E731\n"
            "    return solved(features.T @ targets)\n",
        },
    ),
    Answer(
        "PyTorch",
        {
            "fit_least_squares": "import torch\n\n\ndef fit_least_squares(features, targets):\n"
            "    f, t = torch.from_numpy(features), torch.from_numpy(targets)\n"
            "    return torch.cholesky_solve((f.T @ t)[:, None], torch.linalg.cholesky(f.T @ f))[:, 0].numpy()\n",
            "fit_minimum_norm": "def fit_minimum_norm(features, targets):\n"
            "    f, t = torch.from_numpy(features), torch.from_numpy(targets)\n"
            "    return torch.linalg.lstsq(f, t[:, None], driver='gelsd').solution[:, 0].numpy()\n",
            "gradient_descent": "def gradient_descent(features, targets, lr, num_steps):\n"
            "    f, t = torch.from_numpy(features), torch.from_numpy(targets)\n"
            "    w = torch.zeros(f.shape[1], dtype=f.dtype, requires_grad=True)\n"
            "    optimizer = torch.optim.SGD([w], lr=lr)\n"
            "    for _ in range(num_steps):\n        optimizer.zero_grad()\n"
            "        torch.nn.functional.mse_loss(f @ w, t).backward()\n"
            "        optimizer.step()\n    return w.detach().numpy()\n",
        },
    ),
    Answer(
        "in place, loops",
        {
            "gradient_descent": "def gradient_descent(features, targets, lr, num_steps):\n"
            "    w = [0.0] * features.shape[1]\n"
            "    for _ in range(num_steps):\n        g = [0.0] * len(w)\n"
            "        for row, t in zip(features.tolist(), targets.tolist()):\n"
            "            r = sum(a * b for a, b in zip(row, w)) - t\n"
            "            g = [gk + 2 * r * a / len(targets) for gk, a in zip(g, row)]\n"
            "        w = [a - lr * b for a, b in zip(w, g)]\n    return np.array(w)\n",
            "l1_subgradient": "def l1_subgradient(weights, features, targets):\n"
            "    total = np.zeros_like(weights)\n"
            "    for row, t in zip(features, targets):\n        r = row @ weights - t\n"
            "        total += row if r > 0 else -row if r < 0 else 0 * row\n    return total / len(targets)\n",
        },
    ),
    Answer(
        "numbers in other types",
        {
            "condition_of_normal_matrix": "kappa = symbols('kappa')\ncondition_of_normal_matrix = kappa * kappa",
            "digits": "error_normal, error_lstsq = np.float32(9e-8), np.array(3e-12)",
        },
    ),
]
