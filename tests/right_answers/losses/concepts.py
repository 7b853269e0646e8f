"""Right answers to losses/concepts in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "two models as arrays",
        {"two_models": "probs_a = np.full(5, 0.51)\nprobs_b = np.array([0.99, 0.99, 0.99, 0.49, 0.49])"},
    ),
    Answer(
        "two models as tensors",
        {
            "two_models": "probs_a = torch.tensor([0.9, 0.9, 0.9, 0.9, 0.01])\n"
            "probs_b = (0.6, 0.6, 0.6, 0.6, 0.4)[:4] + (0.4,)\n"
            "probs_b = [0.6, 0.6, 0.6, 0.4, 0.4]"
        },
    ),
    Answer(
        "early stopping with a counter",
        {
            "best_epoch": "def best_epoch(val_losses, patience):\n"
            "    best_loss, best, waited = float('inf'), None, 0\n"
            "    for epoch, loss in enumerate(val_losses):\n        if loss < best_loss:\n"
            "            best_loss, best, waited = loss, epoch, 0\n"
            "            continue\n        waited += 1\n        if waited == patience:\n"
            "            return best\n    return best\n",
        },
    ),
    Answer(
        "early stopping with NumPy",
        {
            "best_epoch": "def best_epoch(val_losses, patience):\n    losses = np.asarray(val_losses)\n"
            "    best = 0\n"
            "    while True:\n"
            "        later = np.flatnonzero(losses[best + 1 : best + 1 + patience] < losses[best])\n"
            "        if not later.size:\n            return np.int64(best)\n        best = best + 1 + later[0]\n",
        },
    ),
    Answer(
        "slopes from the sheet's own formulas",
        {
            "mse_slope": "def mse_slope(logits, labels):\n    s = 1 / (1 + np.exp(-logits))\n"
            "    return 2 * (s - labels) * (s - s**2)\n",
            "bce_slope": "def bce_slope(logits, labels):\n"
            "    return np.where(labels == 1, -sigmoid(-logits), sigmoid(logits))\n",
        },
    ),
    Answer(
        "slopes in float32",
        {
            "mse_slope": "def mse_slope(logits, labels):\n    s = torch.sigmoid(torch.Tensor(logits)).numpy()\n"
            "    return 2 * (s - labels) * s * (1 - s)\n",
            "bce_slope": "def bce_slope(logits, labels):\n"
            "    return (torch.sigmoid(torch.Tensor(logits)) - torch.Tensor(labels)).numpy()\n",
        },
    ),
    Answer(
        "penalty with a mask, einsum",
        {
            "penalised_gradient": "def penalised_gradient(weights, features, labels, weight_decay):\n"
            "    mask = np.r_[0.0, np.ones(len(weights) - 1)]\n"
            "    difference = sigmoid(features.dot(weights)) - labels\n"
            "    return np.einsum('n,nd->d', difference, features) / len(features) + weight_decay * mask * weights\n",
        },
    ),
    Answer(
        "penalty by loops",
        {
            "penalised_gradient": "def penalised_gradient(weights, features, labels, weight_decay):\n"
            "    g = np.zeros(len(weights))\n"
            "    for row, label in zip(features, labels):\n"
            "        g += bce_slope(row @ weights, label) * row / len(labels)\n"
            "    g[1:] += weight_decay * weights[1:]\n    return g\n",
        },
    ),
]
