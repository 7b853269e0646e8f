"""Right answers to neural-networks/concepts in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "leaks by a set",
        {
            "num_leaked": "def num_leaked(train_groups, test_groups):\n    known = set(train_groups.tolist())\n"
            "    return sum(1 for group in test_groups if int(group) in known)"
        },
    ),
    Answer(
        "leaks by broadcasting",
        {
            "num_leaked": "def num_leaked(train_groups, test_groups):\n"
            "    return (test_groups[:, None] == train_groups[None, :]).any(axis=1).sum()"
        },
    ),
    Answer(
        "merged by columns",
        {
            "merge": "def as_one_map(W1, b1, W2, b2):\n    W = np.einsum('yh,hx->yx', W2, W1)\n    b = b2.copy()\n"
            "    for unit in range(len(b1)):\n        b += W2[:, unit] * b1[unit]\n    return [W, b]"
        },
    ),
    Answer(
        "parameters with torch",
        {
            "num_parameters": "drawn = [5, 7, 4]\n\n\ndef num_parameters(n_x, n_h, n_y):\n"
            "    model = nn.Sequential(nn.Linear(n_x, n_h), nn.Tanh(), nn.Linear(n_h, n_y))\n"
            "    return sum(p.numel() for p in model.parameters())"
        },
    ),
    Answer(
        "parameters layer by layer",
        {
            "num_parameters": "drawn = np.array([5, 7, 4])\n\n\ndef num_parameters(n_x, n_h, n_y):\n"
            "    return (n_x + 1) * n_h + (n_h + 1) * n_y"
        },
    ),
    Answer(
        "slopes in loops",
        {
            "slopes": "def ce_slope(y, yhat):\n    slope = np.zeros_like(yhat)\n    for k in range(len(y)):\n"
            "        if y[k] == 1:\n            slope[k] = -1 / yhat[k]\n    return slope\n\n\n"
            "def se_slope(y, yhat):\n    return np.array([2 * p - 2 * t for t, p in zip(y, yhat)])"
        },
    ),
    Answer(
        "slopes with autograd",
        {
            "slopes": "def ce_slope(y, yhat):\n    at = torch.tensor(yhat, requires_grad=True)\n"
            "    (-(torch.tensor(y) * at.log()).sum()).backward()\n    return at.grad.numpy()\n\n\n"
            "def se_slope(y, yhat):\n    at = torch.tensor(yhat, requires_grad=True)\n"
            "    ((at - torch.tensor(y)) ** 2).sum().backward()\n    return at.grad.numpy()"
        },
    ),
]
