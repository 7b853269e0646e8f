"""Wrong answers to losses/softmax-cross-entropy and what each must lose."""

from tests.support.answers import Answer


def softmax(body: str) -> str:
    return f"def softmax(logits):\n    {body}\n"


def jacobian(body: str) -> str:
    return f"def softmax_jacobian(logits):\n    p = softmax(logits)\n    return {body}\n"


def lse(body: str) -> str:
    return f"def log_sum_exp(logits):\n    {body}\n"


def loss(body: str) -> str:
    return f"def cross_entropy(logits, targets):\n    {body}\n"


def gradient(body: str) -> str:
    return f"def cross_entropy_gradient(logits, targets):\n    {body}\n"


def derived(name: str, why: str, expression: str, before: str = "") -> Answer:
    source = f"{before}\n{name} = {expression}" if before else f"{name} = {expression}"
    return Answer(f"{name} not derived by hand: {why}", {name: source}, (f"test_{name}_visible",))


T_SOFTMAX = ("test_softmax_visible", "test_softmax_hidden")
T_LSE = ("test_log_sum_exp_visible", "test_log_sum_exp_hidden")
T_LOSS = ("test_cross_entropy_visible", "test_cross_entropy_hidden")
T_JACOBIAN = ("test_softmax_jacobian_visible", "test_softmax_jacobian_hidden")
T_GRADIENT = ("test_cross_entropy_gradient_visible", "test_cross_entropy_gradient_hidden")
T_BCE = ("test_bce_visible", "test_bce_hidden")
T_EXAMPLES = ("test_example_losses_visible", "test_example_losses_hidden")

# The losses of the exercise are right, whatever bce is.
RIGHT_LOSSES = {"example_losses": "example_losses = [1.609438, 0.693147, 0.105361]"}

ANSWERS = [
    # What the package of the course offers for tests is no answer.
    Answer(
        "softmax_jacobian by the differences that come with the checks",
        {
            "softmax_jacobian": "from course_utils import checks\n\n\ndef softmax_jacobian(logits):\n"
            "    rows = [lambda at, k=k: softmax(at)[k] for k in range(len(logits))]\n"
            "    return np.stack([checks.numerical_gradient(row, logits) for row in rows])\n"
        },
        T_JACOBIAN,
    ),
    Answer(
        "a step taken from the values at the points of practice",
        {
            "dL_dz": "from course_utils.lessons.losses.derivations import STEPS\n\n"
            "dL_dz = 0\nfor at in STEPS['dL_dz'].points(1):\n"
            "    here = KroneckerDelta(N, at['N']) * KroneckerDelta(i, at['i']) * KroneckerDelta(j, at['j'])\n"
            "    dL_dz += here * float(STEPS['dL_dz'].expected(at))\n"
        },
        ("test_dL_dz_visible",),
    ),
    # softmax. Later cells use it, so the bodies that stay right for small logits cost only what they break.
    Answer(
        "softmax overflows",
        {"softmax": softmax("e = np.exp(logits)\n    return e / e.sum(axis=-1, keepdims=True)")},
        ("test_softmax_hidden",),
    ),
    Answer(
        "softmax subtracts the largest logit of the whole batch",
        {"softmax": softmax("e = np.exp(logits - logits.max())\n    return e / e.sum(axis=-1, keepdims=True)")},
        ("test_softmax_hidden",),
    ),
    Answer(
        "softmax sums over axis 1",
        {
            "softmax": softmax(
                "e = np.exp(logits - logits.max())\n    return e / e.sum(axis=min(1, e.ndim - 1), keepdims=True)"
            )
        },
        ("test_softmax_hidden",),
    ),
    Answer(
        "softmax changes its argument",
        {
            "softmax": softmax(
                "logits -= logits.max(axis=-1, keepdims=True)\n    e = np.exp(logits)\n"
                "    return e / e.sum(axis=-1, keepdims=True)"
            )
        },
        ("test_softmax_hidden",),
    ),
    Answer(
        "softmax is SciPy's",
        {"softmax": softmax("return special.softmax(logits, axis=-1)")},
        T_SOFTMAX,
    ),
    Answer(
        "softmax normalises the whole batch",
        {"softmax": softmax("e = np.exp(logits - logits.max())\n    return e / e.sum()")},
        T_SOFTMAX,  # the gradient that uses it is a right step
    ),
    Answer(
        "softmax normalises over the first axis",
        {"softmax": softmax("e = np.exp(logits - logits.max(axis=0))\n    return e / e.sum(axis=0)")},
        T_SOFTMAX,
    ),
    Answer(
        "softmax forgets the exponential",
        {"softmax": softmax("return logits / logits.sum(axis=-1, keepdims=True)")},
        T_SOFTMAX,
    ),
    Answer(
        "softmax subtracts in the dtype of its argument, where whole numbers wrap round",
        {
            "softmax": softmax(
                "e = np.exp(logits - logits.max(axis=-1, keepdims=True))\n    return e / e.sum(axis=-1, keepdims=True)"
            )
        },
        ("test_softmax_hidden",),
    ),
    Answer(
        "softmax is PyTorch's softmin",
        {
            "softmax": "import torch\n\n\ndef softmax(logits):\n"
            "    return torch.nn.functional.softmin(-torch.as_tensor(logits, dtype=torch.float64), dim=-1).numpy()\n"
        },
        T_SOFTMAX,
    ),
    Answer(
        "softmax is that of a distribution",
        {
            "softmax": "import torch\n\n\ndef softmax(logits):\n    z = torch.as_tensor(logits, dtype=torch.float64)\n"
            "    return torch.distributions.Categorical(logits=z).probs.numpy()\n"
        },
        T_SOFTMAX,
    ),
    # log_sum_exp
    Answer(
        "lse overflows",
        {"log_sum_exp": lse("return np.log(np.exp(logits).sum(axis=-1))")},
        ("test_log_sum_exp_hidden",),  # the loss that uses it is a right step
    ),
    Answer(
        "lse subtracts the largest logit of the batch",
        {"log_sum_exp": lse("m = logits.max()\n    return m + np.log(np.exp(logits - m).sum(axis=-1))")},
        ("test_log_sum_exp_hidden",),
    ),
    Answer(
        "lse is SciPy's",
        {"log_sum_exp": lse("return special.logsumexp(logits, axis=-1)")},
        T_LSE,
    ),
    Answer(
        "lse does not add the largest logit again",
        {
            "log_sum_exp": lse(
                "m = logits.max(axis=-1, keepdims=True)\n    return np.log(np.exp(logits - m).sum(axis=-1))"
            )
        },
        T_LSE,
    ),
    Answer(
        "lse changes its argument",
        {
            "log_sum_exp": lse(
                "m = logits.max(axis=-1)\n    logits -= m[..., None]\n"
                "    return m + np.log(np.exp(logits).sum(axis=-1))"
            ),
            "cross_entropy": loss(
                "return (special.logsumexp(logits, axis=-1) - (targets * logits).sum(axis=-1)).mean()"
            ),
        },
        ("test_log_sum_exp_hidden",),
    ),
    Answer(
        "lse is NumPy's",
        {"log_sum_exp": lse("return np.logaddexp.reduce(logits, axis=-1)")},
        T_LSE,
    ),
    Answer(
        "lse is the last of PyTorch's running sums",
        {
            "log_sum_exp": "import torch\n\n\n"
            + lse("return torch.logcumsumexp(torch.as_tensor(logits, dtype=torch.float64), dim=-1)[..., -1].numpy()")
        },
        T_LSE,
    ),
    Answer(
        "lse keeps the last axis",
        {
            "log_sum_exp": lse(
                "m = logits.max(axis=-1, keepdims=True)\n"
                "    return m + np.log(np.exp(logits - m).sum(axis=-1, keepdims=True))"
            ),
            "cross_entropy": loss("return -(targets * (logits - log_sum_exp(logits))).sum(axis=-1).mean()"),
        },
        T_LSE,
    ),
    Answer(
        "lse sums over the whole batch",
        {
            "log_sum_exp": lse("m = logits.max()\n    return m + np.log(np.exp(logits - m).sum())"),
            "cross_entropy": loss("return -(targets * np.log(softmax(logits))).sum(axis=-1).mean()"),
        },
        (*T_LSE, "test_cross_entropy_hidden"),
    ),
    # cross_entropy
    Answer(
        "loss takes the logarithm of rounded probabilities",
        {"cross_entropy": loss("return -(targets * np.log(softmax(logits))).sum(axis=-1).mean()")},
        ("test_cross_entropy_hidden",),
    ),
    Answer(
        "loss clips the probabilities",
        {"cross_entropy": loss("return -(targets * np.log(np.clip(softmax(logits), 1e-12, 1))).sum(axis=-1).mean()")},
        ("test_cross_entropy_hidden",),
    ),
    Answer(
        "loss is a sum over the batch",
        {"cross_entropy": loss("return -(targets * (logits - log_sum_exp(logits)[:, None])).sum()")},
        T_LOSS,
    ),
    Answer(
        "loss is a mean over classes too",
        {"cross_entropy": loss("return -(targets * (logits - log_sum_exp(logits)[:, None])).mean()")},
        T_LOSS,
    ),
    Answer(
        "loss has no minus sign",
        {"cross_entropy": loss("return (targets * (logits - log_sum_exp(logits)[:, None])).sum(axis=-1).mean()")},
        T_LOSS,
    ),
    Answer(
        "loss takes the likeliest class of a soft target",
        {
            "cross_entropy": loss(
                "rows = np.arange(len(logits))\n"
                "    return (log_sum_exp(logits) - logits[rows, targets.argmax(axis=1)]).mean()"
            )
        },
        T_LOSS,
    ),
    Answer(
        "loss changes the logits",
        {
            "cross_entropy": loss(
                "logits -= special.logsumexp(logits, axis=-1, keepdims=True)\n"
                "    return -(targets * logits).sum(axis=-1).mean()"
            )
        },
        ("test_cross_entropy_hidden",),
    ),
    Answer(
        "loss is PyTorch's",
        {
            "cross_entropy": "import torch\n\n\ndef cross_entropy(logits, targets):\n"
            "    return torch.nn.CrossEntropyLoss()(torch.tensor(logits), torch.tensor(targets)).item()\n"
        },
        T_LOSS,
    ),
    # What differentiates by itself, in every spelling.
    derived("d_numerator", "diff", "diff(exp(z[i]), z[j])", "from sympy import diff"),
    derived("d_denominator", "a method", "Sum(exp(z[k]), (k, 1, N)).diff(z[j])"),
    derived(
        "d_diagonal", "a derivative that is done", "Derivative(example, z[i]).doit()", "from sympy import Derivative"
    ),
    derived("d_entry", "an alias", "D(example, z[j])", "import sympy as sp\n\nD = sp.diff"),
    derived("dL_dyhat", "a function", "slope(-y[i] * log(yhat[i]), yhat[i])", "slope = lambda f, at: f.diff(at)"),
    derived(
        "dL_dz_any_sum",
        "getattr",
        "getattr(loss_of_z, 'di' + 'ff')(z[j])",
        "loss_of_z = log(Sum(exp(z[k]), (k, 1, N))) * Sum(y[k], (k, 1, N)) - Sum(y[k] * z[k], (k, 1, N))",
    ),
    derived(
        "dL_dz",
        "imported under another name",
        "d(log(Sum(exp(z[k]), (k, 1, N))), z[j]) - y[j]",
        "from sympy import diff as d",
    ),
    derived(
        "dL_dz_one_hot",
        "the method called by its name",
        "methodcaller('diff', z[j])(log(Sum(exp(z[k]), (k, 1, N))) - z[c])",
        "from operator import methodcaller",
    ),
    derived(
        "d_numerator",
        "a limit of differences",
        "KroneckerDelta(i, j) * limit((exp(z[i] + h) - exp(z[i])) / h, h, 0)",
        'from sympy import limit\n\nh = symbols("h")',
    ),
    derived(
        "d_numerator",
        "the term of a series",
        "KroneckerDelta(i, j) * exp(z[i]) * exp(h).series(h, 0, 2).removeO().coeff(h, 1)",
        'h = symbols("h")',
    ),
    derived("d_denominator", "a text", "sympify('diff(exp(x), x)').subs('x', z[j])", "from sympy import sympify"),
    derived(
        "d_denominator",
        "a text that SymPy reads",
        "simplify('diff(exp(x), x)').subs('x', z[j])",
        "from sympy import simplify",
    ),
    derived(
        "d_entry",
        "differences",
        "(moved - example) / h",
        "h = 1e-7\ndelta = KroneckerDelta\n"
        "moved = exp(z[i] + h * delta(i, j)) / Sum(exp(z[k] + h * delta(k, j)), (k, 1, N))",
    ),
    derived(
        "d_entry",
        "central differences of a step without a small number",
        "(moved(1) - moved(-1)) / (2 * h)",
        "h = exp(-5 * (N + 1) / (N + 1))\ndelta = KroneckerDelta\nmoved = lambda to: (\n"
        "    exp(z[i] + to * h * delta(i, j)) / Sum(exp(z[k] + to * h * delta(k, j)), (k, 1, N))\n)",
    ),
    # A right step that starts from a wrong earlier one earns its points.
    Answer(
        "c and d: the quotient rule with the delta of step a lost",
        {
            "d_numerator": "d_numerator = exp(z[i])",
            "d_diagonal": "d_diagonal = yhat[i] * (1 - yhat[i])",
            "d_entry": "d_entry = yhat[i] * (1 - yhat[j])",
        },
        ("test_d_numerator_visible",),
    ),
    Answer(
        "b to d: the sign of step a is carried on",
        {
            "dL_dyhat": "dL_dyhat = y[i] / yhat[i]",
            "dL_dz_any_sum": "dL_dz_any_sum = y[j] - yhat[j] * Sum(y[k], (k, 1, N))",
            "dL_dz": "dL_dz = y[j] - yhat[j]",
            "dL_dz_one_hot": "dL_dz_one_hot = KroneckerDelta(j, c) - yhat[j]",
        },
        ("test_dL_dyhat_visible",),
    ),
    Answer(
        "c: agrees with a step b that is no mistake anybody makes",
        {"dL_dz_any_sum": "dL_dz_any_sum = 3 + y[j]", "dL_dz": "dL_dz = 3 + y[j]"},
        ("test_dL_dz_any_sum_visible", "test_dL_dz_visible"),
    ),
    # Jacobian, steps a to d
    Answer("a: delta missing", {"d_numerator": "d_numerator = exp(z[i])"}, ("test_d_numerator_visible",)),
    Answer("a: delta alone", {"d_numerator": "d_numerator = KroneckerDelta(i, j)"}, ("test_d_numerator_visible",)),
    Answer("a: exp(z_j)", {"d_numerator": "d_numerator = exp(z[j])"}, ("test_d_numerator_visible",)),
    Answer(
        "a: power rule",
        {"d_numerator": "d_numerator = z[i] * exp(z[i] - 1) * KroneckerDelta(i, j)"},
        ("test_d_numerator_visible",),
    ),
    Answer(
        "b: the whole sum",
        {"d_denominator": "d_denominator = Sum(exp(z[k]), (k, 1, N))"},
        ("test_d_denominator_visible",),
    ),
    Answer(
        "b: a delta too much",
        {"d_denominator": "d_denominator = exp(z[i]) * KroneckerDelta(i, j)"},
        ("test_d_denominator_visible",),
    ),
    Answer("b: exp(z_i)", {"d_denominator": "d_denominator = exp(z[i])"}, ("test_d_denominator_visible",)),
    Answer(
        "b: derivative left standing",
        {"d_denominator": "from sympy import Derivative\nd_denominator = Derivative(exp(z[j]), z[j])"},
        ("test_d_denominator_visible",),
    ),
    Answer("c: denominator held fixed", {"d_diagonal": "d_diagonal = yhat[i]"}, ("test_d_diagonal_visible",)),
    Answer("c: sign inside", {"d_diagonal": "d_diagonal = yhat[i] * (1 + yhat[i])"}, ("test_d_diagonal_visible",)),
    Answer("c: sign", {"d_diagonal": "d_diagonal = yhat[i] * (yhat[i] - 1)"}, ("test_d_diagonal_visible",)),
    Answer("c: derivative of the logarithm", {"d_diagonal": "d_diagonal = 1 - yhat[i]"}, ("test_d_diagonal_visible",)),
    Answer(
        "c: unknown symbol",
        {"d_diagonal": 's = IndexedBase("s")\nd_diagonal = s[i] * (1 - s[i])'},
        ("test_d_diagonal_visible",),
    ),
    Answer("c: text", {"d_diagonal": 'd_diagonal = "yhat[i] * (1 - yhat[i])"'}, ("test_d_diagonal_visible",)),
    Answer("d: delta missing", {"d_entry": "d_entry = yhat[i] * (1 - yhat[j])"}, ("test_d_entry_visible",)),
    Answer("d: beside the diagonal only", {"d_entry": "d_entry = -yhat[i] * yhat[j]"}, ("test_d_entry_visible",)),
    Answer("d: diagonal only", {"d_entry": "d_entry = yhat[i] * (1 - yhat[i])"}, ("test_d_entry_visible",)),
    Answer(
        "d: zero beside the diagonal",
        {"d_entry": "d_entry = KroneckerDelta(i, j) * yhat[i] * (1 - yhat[i])"},
        ("test_d_entry_visible",),
    ),
    Answer("d: sign", {"d_entry": "d_entry = yhat[i] * (yhat[j] - KroneckerDelta(i, j))"}, ("test_d_entry_visible",)),
    # Jacobian as a function
    Answer("J: diagonal only", {"softmax_jacobian": jacobian("np.diag(p * (1 - p))")}, T_JACOBIAN),
    Answer("J: delta missing", {"softmax_jacobian": jacobian("-np.outer(p, p)")}, T_JACOBIAN),
    Answer("J: sign", {"softmax_jacobian": jacobian("np.outer(p, p) - np.diag(p)")}, T_JACOBIAN),
    Answer("J: element-wise", {"softmax_jacobian": jacobian("p * (1 - p)")}, T_JACOBIAN),
    Answer(
        "J: size fixed to two classes",
        {"softmax_jacobian": jacobian("p[0] * p[1] * np.array([[1, -1], [-1, 1]])")},
        ("test_softmax_jacobian_hidden",),
    ),
    Answer(
        "J: differences by hand",
        {
            "softmax_jacobian": "def softmax_jacobian(logits):\n    h = 1e-5\n"
            "    steps = h * np.eye(len(logits))\n"
            "    return np.stack([(softmax(logits + e) - softmax(logits - e)) / (2 * h) for e in steps], axis=1)\n"
        },
        T_JACOBIAN,
    ),
    Answer(
        "J: automatic differentiation",
        {
            "softmax_jacobian": "import torch\n\n\ndef softmax_jacobian(logits):\n"
            "    z = torch.tensor(logits, requires_grad=True)\n    p = torch.exp(z) / torch.exp(z).sum()\n"
            "    return np.stack([torch.autograd.grad(q, z, retain_graph=True)[0].numpy() for q in p])\n"
        },
        T_JACOBIAN,
    ),
    Answer(
        "J: changes its argument",
        {
            "softmax_jacobian": "def softmax_jacobian(logits):\n    logits -= logits.max()\n    p = softmax(logits)\n"
            "    return np.diag(p) - np.outer(p, p)\n"
        },
        ("test_softmax_jacobian_hidden",),
    ),
    # gradient, steps a to d
    Answer("a: one-hot only", {"dL_dyhat": "dL_dyhat = -1 / yhat[i]"}, ("test_dL_dyhat_visible",)),
    Answer("a: sign", {"dL_dyhat": "dL_dyhat = y[i] / yhat[i]"}, ("test_dL_dyhat_visible",)),
    Answer(
        "a: the sum stays",
        {"dL_dyhat": "dL_dyhat = -Sum(y[k] / yhat[k], (k, 1, N))"},
        ("test_dL_dyhat_visible",),
    ),
    Answer(
        "b: sum of the targets used",
        {"dL_dz_any_sum": "dL_dz_any_sum = yhat[j] - y[j]"},
        ("test_dL_dz_any_sum_visible",),
    ),
    Answer(
        "b: one term of the chain rule",
        {"dL_dz_any_sum": "dL_dz_any_sum = -y[j] * (1 - yhat[j])"},
        ("test_dL_dz_any_sum_visible",),
    ),
    Answer(
        "b: delta lost",
        {"dL_dz_any_sum": "dL_dz_any_sum = Sum(-y[i] * (1 - yhat[j]), (i, 1, N))"},
        ("test_dL_dz_any_sum_visible",),
    ),
    Answer(
        "b: sum from 0",
        {"dL_dz_any_sum": "dL_dz_any_sum = yhat[j] * Sum(y[k], (k, 0, N - 1)) - y[j]"},
        ("test_dL_dz_any_sum_visible",),
    ),
    Answer("c: still step b", {"dL_dz": "dL_dz = yhat[j] * Sum(y[k], (k, 1, N)) - y[j]"}, ("test_dL_dz_visible",)),
    Answer(
        "c: the chain rule left as a sum",
        {"dL_dz": "dL_dz = Sum(-y[i] * (KroneckerDelta(i, j) - yhat[j]), (i, 1, N))"},
        ("test_dL_dz_visible",),
    ),
    Answer(
        "c: the targets summed one by one",
        {
            "dL_dz": "from sympy import Piecewise\n\n"
            "total = y[1] + y[2] + Piecewise((y[3], N > 2), (0, True)) + Piecewise((y[4], N > 3), (0, True))\n"
            "dL_dz = yhat[j] * total - y[j]"
        },
        ("test_dL_dz_visible",),
    ),
    Answer("c: sign", {"dL_dz": "dL_dz = y[j] - yhat[j]"}, ("test_dL_dz_visible",)),
    Answer("c: one-hot only", {"dL_dz": "dL_dz = yhat[j] - 1"}, ("test_dL_dz_visible",)),
    Answer("c: one term of the chain rule", {"dL_dz": "dL_dz = -y[j] * (1 - yhat[j])"}, ("test_dL_dz_visible",)),
    Answer("c: mean over the classes", {"dL_dz": "dL_dz = (yhat[j] - y[j]) / N"}, ("test_dL_dz_visible",)),
    Answer("d: 1 for every class", {"dL_dz_one_hot": "dL_dz_one_hot = yhat[j] - 1"}, ("test_dL_dz_one_hot_visible",)),
    Answer(
        "d: entry of the true class", {"dL_dz_one_hot": "dL_dz_one_hot = yhat[c] - 1"}, ("test_dL_dz_one_hot_visible",)
    ),
    Answer(
        "d: zero for the other classes",
        {"dL_dz_one_hot": "dL_dz_one_hot = KroneckerDelta(j, c) * (yhat[j] - 1)"},
        ("test_dL_dz_one_hot_visible",),
    ),
    Answer(
        "d: sign", {"dL_dz_one_hot": "dL_dz_one_hot = KroneckerDelta(j, c) - yhat[j]"}, ("test_dL_dz_one_hot_visible",)
    ),
    # gradient as a function
    Answer("gradient of the sum", {"cross_entropy_gradient": gradient("return softmax(logits) - targets")}, T_GRADIENT),
    Answer(
        "gradient has the other sign",
        {"cross_entropy_gradient": gradient("return (targets - softmax(logits)) / len(logits)")},
        T_GRADIENT,
    ),
    Answer(
        "gradient is divided by the classes too",
        {"cross_entropy_gradient": gradient("return (softmax(logits) - targets) / logits.size")},
        T_GRADIENT,
    ),
    Answer(
        "gradient for one-hot targets only",
        {
            "cross_entropy_gradient": gradient(
                "g = softmax(logits)\n    g[np.arange(len(g)), targets.argmax(axis=1)] -= 1\n    return g / len(g)"
            )
        },
        T_GRADIENT,
    ),
    Answer(
        "gradient by differences",
        {
            "cross_entropy_gradient": gradient(
                "h, g = 1e-6, np.zeros(logits.shape)\n    for at in np.ndindex(logits.shape):\n"
                "        step = np.zeros(logits.shape)\n        step[at] = h\n"
                "        ahead, behind = cross_entropy(logits + step, targets), cross_entropy(logits - step, targets)\n"
                "        g[at] = (ahead - behind) / (2 * h)\n"
                "    return g"
            )
        },
        T_GRADIENT,
    ),
    Answer(
        "gradient by automatic differentiation",
        {
            "cross_entropy_gradient": "import torch\n\n\n"
            + gradient(
                "z = torch.tensor(logits, requires_grad=True)\n"
                "    torch.nn.functional.cross_entropy(z, torch.tensor(targets)).backward()\n    return z.grad.numpy()"
            )
        },
        T_GRADIENT,
    ),
    Answer(
        "gradient in place of the targets",
        {
            "cross_entropy_gradient": gradient(
                "targets *= -1\n    targets += softmax(logits)\n    return targets / len(logits)"
            )
        },
        ("test_cross_entropy_gradient_hidden",),
    ),
    # BCE. Cells that compute the three losses from it would follow, so those are given.
    Answer("bce: no second term", {"bce": 't, p = symbols("t p")\nbce = -t * log(p)', **RIGHT_LOSSES}, T_BCE),
    Answer(
        "bce: sign",
        {"bce": 't, p = symbols("t p")\nbce = t * log(p) + (1 - t) * log(1 - p)', **RIGHT_LOSSES},
        T_BCE,
    ),
    Answer(
        "bce: probabilities swapped",
        {"bce": 't, p = symbols("t p")\nbce = -t * log(1 - p) - (1 - t) * log(p)', **RIGHT_LOSSES},
        T_BCE,
    ),
    Answer(
        "bce: in bits",
        {"bce": 't, p = symbols("t p")\nbce = -t * log(p, 2) - (1 - t) * log(1 - p, 2)', **RIGHT_LOSSES},
        T_BCE,
    ),
    Answer(
        "bce: case distinction",
        {
            "bce": "from sympy import Eq, Piecewise\n"
            't, p = symbols("t p")\nbce = Piecewise((-log(p), Eq(t, 1)), (-log(1 - p), True))',
            **RIGHT_LOSSES,
        },
        ("test_bce_hidden",),
    ),
    Answer(
        "bce: holds for labels 0 and 1 only",
        {"bce": 't, p = symbols("t p")\nbce = -log(t * p + (1 - t) * (1 - p))', **RIGHT_LOSSES},
        ("test_bce_hidden",),
    ),
    # The small data set
    Answer(
        "losses negative",
        {
            "example_losses": "example_losses = [np.log(0.2), np.log(0.5), np.log(0.9)]",
            "mean_loss": "mean_loss = 0.8026",
        },
        T_EXAMPLES,
    ),
    Answer(
        "losses of p for label 0",
        {"example_losses": "example_losses = [1.609438, 0.693147, 2.302585]", "mean_loss": "mean_loss = 0.8026"},
        ("test_example_losses_hidden",),
    ),
    Answer(
        "losses in bits",
        {"example_losses": "example_losses = list(-np.log2([0.2, 0.5, 0.9]))", "mean_loss": "mean_loss = 0.8026"},
        T_EXAMPLES,
    ),
    Answer(
        "three numbers that fall",
        {"example_losses": "example_losses = [3, 2, 1]", "mean_loss": "mean_loss = 2"},
        (*T_EXAMPLES, "test_mean_loss_hidden"),
    ),
    Answer(
        "losses in bits, their mean as well",
        {
            "example_losses": "example_losses = list(-np.log2([0.2, 0.5, 0.9]))",
            "mean_loss": "mean_loss = sum(example_losses) / 3",
        },
        T_EXAMPLES,
    ),
    Answer(
        "losses and mean by a formula without its second term",
        {
            "bce": 't, p = symbols("t p")\nbce = -t * log(p)',
            "example_losses": "example_losses = [1.609, 0, 0]",
            "mean_loss": "mean_loss = 0.5365",
        },
        T_BCE,
    ),
    Answer(
        "one number for the losses",
        {"example_losses": "example_losses = 0.8026", "mean_loss": "mean_loss = 0.8026"},
        T_EXAMPLES,
    ),
    Answer(
        "only the example with label 1",
        {"example_losses": "example_losses = [1.609438, 0.0, 0.0]", "mean_loss": "mean_loss = 0.8026"},
        ("test_example_losses_hidden",),
    ),
    Answer("mean: sum", {"mean_loss": "mean_loss = sum(example_losses)"}, ("test_mean_loss_hidden",)),
    Answer("mean: sign", {"mean_loss": "mean_loss = -0.8026"}, ("test_mean_loss_hidden",)),
    Answer(
        "mean: only the example with label 1", {"mean_loss": "mean_loss = -np.log(0.2) / 3"}, ("test_mean_loss_hidden",)
    ),
    Answer("mean: in bits", {"mean_loss": "mean_loss = -np.log2([0.2, 0.5, 0.9]).mean()"}, ("test_mean_loss_hidden",)),
    Answer(
        "mean: p for label 0", {"mean_loss": "mean_loss = -np.log([0.2, 0.5, 0.1]).mean()"}, ("test_mean_loss_hidden",)
    ),
    Answer(
        "softmax: a table of the visible cases",
        {
            "softmax": "def softmax(logits):\n"
            "    rows = [[0.125, 0.25, 0.625], [0.5, 0.25, 0.25], [0.3, 0.3, 0.4], [0.25, 0.25, 0.5]]\n"
            "    return np.array(rows if logits.ndim == 2 else rows[0])\n"
        },
        T_SOFTMAX,
    ),
    Answer(
        "log_sum_exp: a table of the visible cases",
        {
            "log_sum_exp": "def log_sum_exp(logits):\n"
            "    return np.log(8.0) if logits.ndim == 1 else np.log([2.0, 10.0, 1.0])\n"
        },
        T_LSE,
    ),
    Answer(
        "cross_entropy: a table of the visible cases",
        {
            "cross_entropy": "def cross_entropy(logits, targets):\n"
            "    return [np.log(4.0), (np.log(4.0) + (np.log(8.0) + np.log(8 / 5)) / 2) / 2][len(logits) - 1]\n"
        },
        T_LOSS,
    ),
    Answer(
        "softmax_jacobian: a table of the visible case",
        {
            "softmax_jacobian": "def softmax_jacobian(logits):\n"
            "    return 3 / 16 * np.array([[1.0, -1.0], [-1.0, 1.0]])\n"
        },
        T_JACOBIAN,
    ),
    Answer(
        "cross_entropy_gradient: a table of the visible case",
        {
            "cross_entropy_gradient": "def cross_entropy_gradient(logits, targets):\n"
            "    return np.array([[1.0, -6.0, 5.0], [-3.0, 2.0, 1.0]]) / 16\n"
        },
        T_GRADIENT,
    ),
]
