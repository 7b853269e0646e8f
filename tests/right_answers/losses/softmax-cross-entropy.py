"""Right answers to losses/softmax-cross-entropy in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "everything in float32",
        {
            "softmax": "import torch\n\n\ndef softmax(logits):\n    z = torch.Tensor(logits)\n"
            "    powers = torch.exp(z - torch.max(z, -1, keepdim=True).values)\n"
            "    return (powers / powers.sum(-1, keepdim=True)).numpy()\n",
            "log_sum_exp": "def log_sum_exp(logits):\n    z = np.asarray(logits, dtype=np.float32)\n"
            "    top = z.max(axis=-1)\n    return top + np.log(np.exp(z - top[..., None]).sum(axis=-1))\n",
        },
    ),
    Answer(
        "helpers under other names, a derivative of which a text speaks",
        {
            "d_entry": "def quotient(f, g, df, dg):\n    'Return diff(f / g) by the quotient rule.'\n"
            "    return (df * g - f * dg) / g**2\n\n\nS = Sum(exp(z[k]), (k, 1, N))\n"
            "d_entry = quotient(exp(z[i]), S, d_numerator, d_denominator)",
        },
    ),
    Answer(
        "softmax and losses in PyTorch",
        {
            "softmax": "import torch\n\n\ndef softmax(logits):\n"
            "    t = torch.as_tensor(logits, dtype=torch.float64)\n"
            "    e = (t - t.amax(-1, keepdim=True)).exp()\n    return (e / e.sum(-1, keepdim=True)).numpy()\n",
            "softmax_jacobian": "def softmax_jacobian(logits):\n    p = torch.tensor(softmax(logits))\n"
            "    return (torch.diag(p) - torch.einsum('i,j->ij', p, p)).numpy()\n",
            "cross_entropy_gradient": "def cross_entropy_gradient(logits, targets):\n"
            "    return (torch.tensor(softmax(logits)) - torch.tensor(targets)).div(len(targets)).numpy()\n",
        },
    ),
    Answer(
        "softmax through log_sum_exp, defined first",
        {
            "softmax": "def log_sum_exp(logits):\n    m = np.max(logits, axis=-1)\n"
            "    return m + np.log(np.sum(np.exp(logits - m[..., np.newaxis]), axis=-1))\n\n\n"
            "def softmax(logits):\n    logits = np.asarray(logits, dtype=float)\n"
            "    return np.exp(logits - log_sum_exp(logits)[..., np.newaxis])\n",
        },
    ),
    Answer(
        "loops over rows",
        {
            "softmax": "import math\n\n\ndef softmax(logits):\n    if np.ndim(logits) > 1:\n"
            "        return np.stack([softmax(row) for row in logits])\n    top = float(max(logits))\n"
            "    e = [math.exp(v - top) for v in logits]\n    return np.array([v / sum(e) for v in e])\n",
            "log_sum_exp": "def log_sum_exp(logits):\n    if np.ndim(logits) > 1:\n"
            "        return np.array([log_sum_exp(row) for row in logits])\n    top = max(logits)\n"
            "    return top + math.log(sum(math.exp(v - top) for v in logits))\n",
            "cross_entropy": "def cross_entropy(logits, targets):\n    total = 0.0\n"
            "    for row, target in zip(logits, targets):\n"
            "        for v, t in zip(row, target):\n            total -= t * (v - log_sum_exp(row))\n"
            "    return total / len(logits)\n",
            "softmax_jacobian": "def softmax_jacobian(logits):\n    p = softmax(logits)\n"
            "    J = np.zeros((len(p), len(p)))\n"
            "    for i in range(len(p)):\n        for j in range(len(p)):\n"
            "            J[i, j] = p[i] * ((i == j) - p[j])\n    return J\n",
        },
    ),
    Answer(
        "loss from targets and lse, as an array with one entry",
        {
            "cross_entropy": "def cross_entropy(logits, targets):\n"
            "    return np.mean(log_sum_exp(logits) - np.einsum('bn,bn->b', logits, targets), keepdims=True)\n",
        },
    ),
    Answer(
        "steps in terms of z, not simplified",
        {
            "d_numerator": "from sympy import Piecewise, Eq\nd_numerator = Piecewise((exp(z[i]), Eq(i, j)), (0, True))",
            "d_denominator": "d_denominator = Sum(exp(z[k]) * KroneckerDelta(k, j), (k, 1, N))",
            "d_diagonal": "S = Sum(exp(z[k]), (k, 1, N))\nd_diagonal = (exp(z[i]) * S - exp(z[i]) ** 2) / S**2",
            "d_entry": "d_entry = (exp(z[i]) * KroneckerDelta(i, j) * S - exp(z[i] + z[j])) / S**2",
            "dL_dz": "dL_dz = -y[j] + exp(z[j]) / S",
        },
    ),
    Answer(
        "other letters for indices that are summed over, chain rule left as a sum",
        {
            "dL_dyhat": "dL_dyhat = -(y[i] / yhat[i])",
            "dL_dz_any_sum": 'm = symbols("m")\n'
            "dL_dz_any_sum = Sum(-y[m] / yhat[m] * yhat[m] * (KroneckerDelta(m, j) - yhat[j]), (m, 1, N))",
            "dL_dz": "dL_dz = -y[j] * (1 - yhat[j]) + yhat[j] * (1 - y[j])",
            "dL_dz_one_hot": "from sympy import Piecewise\n"
            "dL_dz_one_hot = Piecewise((yhat[j] - 1, (j >= c) & (j <= c)), (yhat[j], True))",
        },
    ),
    Answer(
        "names made anew without assumptions",
        {
            "d_entry": 'i, j = symbols("i j")\nyhat = IndexedBase("yhat")\n'
            "d_entry = -yhat[j] * yhat[i] + KroneckerDelta(j, i) * yhat[j]",
            "bce": 'p, t = symbols("p t", positive=True)\nbce = log(1 / p) * t + log(1 / (1 - p)) * (1 - t)',
        },
    ),
    Answer(
        "the small data set with arrays",
        {
            "example_losses": "labels, probs = np.array([1, 0, 0]), np.array([0.2, 0.5, 0.1])\n"
            "example_losses = -np.log(np.where(labels == 1, probs, 1 - probs))",
            "mean_loss": "mean_loss = example_losses.mean()",
        },
    ),
    Answer(
        "the small data set exactly",
        {
            "example_losses": "from sympy import Rational\nexample_losses = [log(5), log(2), log(Rational(10, 9))]",
            "mean_loss": "mean_loss = sum(example_losses) / 3",
        },
    ),
    Answer(
        "the small data set by pocket calculator",
        {"example_losses": "example_losses = (1.609, 0.693, 0.105)", "mean_loss": "mean_loss = 0.803"},
    ),
    Answer(
        "the small data set in PyTorch",
        {
            "example_losses": "import torch\nexample_losses = torch.nn.functional.binary_cross_entropy(\n"
            "    torch.tensor([0.2, 0.5, 0.1]), torch.tensor([1.0, 0.0, 0.0]), reduction='none')",
            "mean_loss": "mean_loss = example_losses.mean()",
        },
    ),
]
