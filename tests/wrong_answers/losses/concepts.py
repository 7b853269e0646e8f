"""Wrong answers to losses/concepts and what each must lose."""

from tests.support.answers import Answer

T_EPOCH = ("test_best_epoch_visible", "test_best_epoch_hidden")
T_PENALTY = ("test_penalised_gradient_visible", "test_penalised_gradient_hidden")


def models(why: str, first: list[float], second: list[float]) -> Answer:
    return Answer(
        f"two models: {why}", {"two_models": f"probs_a = {first}\nprobs_b = {second}"}, ("test_two_models_visible",)
    )


def epoch(why: str, body: str, loses: tuple[str, ...] = T_EPOCH) -> Answer:
    return Answer(f"best epoch: {why}", {"best_epoch": f"def best_epoch(val_losses, patience):\n{body}"}, loses)


def slope(loss: str, why: str, body: str) -> Answer:
    source = f"def {loss}_slope(logits, labels):\n    p = sigmoid(logits)\n    return {body}\n"
    return Answer(f"{loss}: {why}", {f"{loss}_slope": source}, (f"test_{loss}_slope_visible",))


def penalty(why: str, body: str, loses: tuple[str, ...] = T_PENALTY) -> Answer:
    source = (
        "def penalised_gradient(weights, features, labels, weight_decay):\n"
        "    residuals = sigmoid(features @ weights) - labels\n"
        "    free = weights * (np.arange(len(weights)) > 0)\n"
        f"    {body}\n"
    )
    return Answer(f"penalty: {why}", {"penalised_gradient": source}, loses)


ANSWERS = [
    models("the better model named A", [0.9] * 5, [0.6, 0.6, 0.6, 0.4, 0.4]),
    models("exchanged", [0.6, 0.6, 0.6, 0.45, 0.45], [0.9, 0.9, 0.9, 0.9, 0.01]),
    models("both equally accurate", [0.9, 0.9, 0.9, 0.9, 0.01], [0.6, 0.6, 0.6, 0.6, 0.45]),
    models("four numbers", [0.9, 0.9, 0.9, 0.01], [0.6, 0.6, 0.6, 0.45]),
    models("B right too seldom", [0.9, 0.9, 0.9, 0.9, 0.01], [0.49] * 5),
    models("a probability below the least one", [0.9, 0.9, 0.9, 0.9, 1e-6], [0.6, 0.6, 0.6, 0.45, 0.45]),
    models("almost the same cross-entropy", [0.6, 0.6, 0.6, 0.6, 0.4], [0.7, 0.7, 0.7, 0.49, 0.49]),
    models("a probability of zero", [0.9, 0.9, 0.9, 0.9, 0.0], [0.6, 0.6, 0.6, 0.45, 0.45]),
    epoch("least of all", "    return min(range(len(val_losses)), key=val_losses.__getitem__)\n"),
    epoch(
        "where it stops",
        "    best = 0\n    for epoch, loss in enumerate(val_losses):\n"
        "        if loss < val_losses[best]:\n            best = epoch\n"
        "        elif epoch - best >= patience:\n            return epoch\n    return best\n",
    ),
    epoch(
        "counter never starts again",
        "    best, bad = 0, 0\n    for epoch, loss in enumerate(val_losses):\n"
        "        if loss < val_losses[best]:\n            best = epoch\n"
        "        elif epoch > 0:\n            bad += 1\n            if bad >= patience:\n"
        "                break\n    return best\n",
        ("test_best_epoch_visible",),
    ),
    epoch(
        "one epoch too late",
        "    best = 0\n    for epoch, loss in enumerate(val_losses):\n"
        "        if loss < val_losses[best]:\n            best = epoch\n"
        "        elif epoch - best > patience:\n            break\n    return best\n",
    ),
    epoch(
        "equal counts as better",
        "    best = 0\n    for epoch, loss in enumerate(val_losses):\n"
        "        if loss <= val_losses[best]:\n            best = epoch\n"
        "        elif epoch - best >= patience:\n            break\n    return best\n",
        ("test_best_epoch_hidden",),
    ),
    epoch(
        "compared with the epoch before",
        "    best, bad = 0, 0\n    for epoch in range(1, len(val_losses)):\n"
        "        if val_losses[epoch] < val_losses[epoch - 1]:\n"
        "            best, bad = epoch, 0\n        else:\n            bad += 1\n"
        "            if bad >= patience:\n                break\n    return best\n",
        ("test_best_epoch_hidden",),
    ),
    epoch(
        "counted from 1",
        "    best = 0\n    for epoch, loss in enumerate(val_losses):\n"
        "        if loss < val_losses[best]:\n            best = epoch\n"
        "        elif epoch - best >= patience:\n            break\n    return best + 1\n",
    ),
    slope("mse", "by the probability", "2 * (p - labels)"),
    slope("mse", "2 lost", "(p - labels) * p * (1 - p)"),
    slope("mse", "sign", "2 * (labels - p) * p * (1 - p)"),
    slope("mse", "mean", "2 * (p - labels) * p * (1 - p) / len(logits)"),
    slope(
        "mse",
        "differences of the check",
        "numerical_gradient(lambda at: float(((sigmoid(at) - labels) ** 2).sum()), logits)",
    ),
    slope(
        "bce",
        "differences of the check",
        "numerical_gradient(lambda at: float(-special.log_expit(np.where(labels == 1, at, -at)).sum()), logits)",
    ),
    slope(
        "mse",
        "differences by hand",
        "((sigmoid(logits + 1e-5) - labels) ** 2 - (sigmoid(logits - 1e-5) - labels) ** 2) / 2e-5",
    ),
    slope(
        "bce",
        "differences by hand",
        "(np.logaddexp(0, logits + 1e-4) - np.logaddexp(0, logits - 1e-4)) / (2 * 1e-4) - labels",
    ),
    Answer(
        "slopes by automatic differentiation",
        {
            "mse_slope": "def mse_slope(logits, labels):\n    z = torch.tensor(logits, requires_grad=True)\n"
            "    ((torch.sigmoid(z) - torch.tensor(labels)) ** 2).sum().backward()\n    return z.grad.numpy()\n",
            "bce_slope": "def bce_slope(logits, labels):\n    z = torch.tensor(logits, requires_grad=True)\n"
            "    target = torch.tensor(labels, dtype=z.dtype)\n"
            "    nn.functional.binary_cross_entropy_with_logits(z, target, reduction='sum').backward()\n"
            "    return z.grad.numpy()\n",
        },
        ("test_mse_slope_visible", "test_bce_slope_visible"),
    ),
    Answer(
        "slopes that change their arguments",
        {
            "mse_slope": "def mse_slope(logits, labels):\n    p = sigmoid(logits)\n    logits *= 0\n"
            "    return 2 * (p - labels) * p * (1 - p)\n",
            "bce_slope": "def bce_slope(logits, labels):\n    p = sigmoid(logits)\n    p -= labels\n    labels *= 0\n"
            "    return p\n",
        },
        ("test_mse_slope_visible", "test_bce_slope_visible"),
    ),
    Answer(
        "penalty: a wrong slope of BCE is carried on",
        {
            "bce_slope": "def bce_slope(logits, labels):\n    return labels - sigmoid(logits)\n",
            "penalised_gradient": "def penalised_gradient(weights, features, labels, weight_decay):\n"
            "    free = weights * (np.arange(len(weights)) > 0)\n"
            "    return features.T @ bce_slope(features @ weights, labels) / len(labels) + weight_decay * free\n",
        },
        ("test_bce_slope_visible",),
    ),
    penalty(
        "changes the labels",
        "labels *= 0\n    return features.T @ residuals / len(labels) + weight_decay * free",
        ("test_penalised_gradient_hidden",),
    ),
    slope("bce", "by the probability", "(p - labels) / (p * (1 - p))"),
    slope("bce", "sign", "labels - p"),
    slope("bce", "label 1 only", "p - 1"),
    slope("bce", "not cancelled", "(p - labels) / (p * (1 - p)) * p * (1 - p)"),
    slope("bce", "slope of MSE", "2 * (p - labels) * p * (1 - p)"),
    penalty("missing", "return features.T @ residuals / len(labels)"),
    penalty("2 too much", "return features.T @ residuals / len(labels) + 2 * weight_decay * free"),
    penalty("sign", "return features.T @ residuals / len(labels) - weight_decay * free"),
    penalty("of L1", "return features.T @ residuals / len(labels) + weight_decay * np.sign(free)"),
    penalty("divided by n", "return (features.T @ residuals + weight_decay * free) / len(labels)"),
    penalty("data summed", "return features.T @ residuals + weight_decay * free"),
    penalty(
        "on the intercept too",
        "return features.T @ residuals / len(labels) + weight_decay * weights",
        ("test_penalised_gradient_hidden",),
    ),
    penalty(
        "changes the weights",
        "weights[0] = 0\n    return features.T @ residuals / len(labels) + weight_decay * weights",
        ("test_penalised_gradient_hidden",),
    ),
    epoch("a table of the visible cases", "    return {3: 6, 2: 3}.get(patience, 0)\n"),
    Answer(
        "penalty: a table of the visible cases",
        {
            "penalised_gradient": "def penalised_gradient(weights, features, labels, weight_decay):\n"
            "    return np.array([0.0, 1.0 if weights[1] else -0.5])\n"
        },
        T_PENALTY,
    ),
    Answer(
        "bce: a table of the visible cases",
        {
            "bce_slope": "def bce_slope(logits, labels):\n"
            "    if len(logits) == 3:\n"
            "        return np.array([1.0, -1.0, 1.0])\n"
            "    p = np.array([0.01798621, 0.26894142, 0.5, 0.88079708, 0.04742587, 0.62245933])\n"
            "    return p - np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])\n"
        },
        ("test_bce_slope_visible",),
    ),
]
