"""Right answers to cifar/optimisation in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "sums by hand, singular values, loops",
        {
            "standardise": "def fit_channels(images):\n"
            "    x = images.permute(1, 0, 2, 3).flatten(1).double() / 255\n"
            "    mean = x.mean(1)\n"
            "    std = ((x - mean[:, None]) ** 2).mean(1).sqrt()\n"
            "    return mean.float(), std.float()\n\n\n"
            "def standardise(images, mean, std):\n"
            "    channels = [(images[:, c] / 255 - mean[c]) / std[c] for c in range(images.shape[1])]\n"
            "    return torch.stack(channels, dim=1)\n",
            "zca": "def fit_zca(inputs, epsilon):\n"
            "    x = inputs.reshape(len(inputs), -1)\n"
            "    mean = x.sum(0) / len(x)\n"
            "    _, s, v = torch.linalg.svd((x - mean) / len(x) ** 0.5, full_matrices=False)\n"
            "    return mean, v.T @ torch.diag(1 / torch.sqrt(s**2 + epsilon)) @ v\n\n\n"
            "def apply_zca(inputs, mean, matrix):\n"
            "    shape = inputs.shape\n"
            "    return torch.einsum('nd,ed->ne', inputs.reshape(len(inputs), -1) - mean, matrix).view(shape)\n",
            "schedules": "def step_lr(lr, epoch, step_size, gamma):\n"
            "    for _ in range(step_size, epoch + 1, step_size):\n"
            "        lr *= gamma\n"
            "    return lr\n\n\n"
            "def cosine_lr(lr, epoch, num_epochs):\n"
            "    return 0.5 * lr + 0.5 * lr * np.cos(np.pi * epoch / num_epochs)\n",
            "roughness": "def roughness(values):\n    return np.abs(np.diff(values)).mean()\n",
            "sweeps": "sgd_rates = (1e-4, 1e-3, 1e-2, 0.05, 0.5)\nadam_rates = (3e-5, 3e-4, 2e-3, 1e-2, 0.1)\n"
            "gammas = np.array([0.05, 0.2, 0.5, 0.8, 1.0]).tolist()\n\n\n"
            "def best_run(histories):\n"
            "    best, highest = None, -1.0\n"
            "    for name, history in histories.items():\n"
            '        accuracy, loss = history["validation_accuracy"][-1], history["train_loss"][-1]\n'
            "        if np.isfinite(loss) and accuracy > highest:\n"
            "            best, highest = name, accuracy\n"
            "    return best\n",
        },
    ),
    Answer(
        "a warm restart",
        {
            "own_schedule": "def own_schedule(lr, epoch, num_epochs):\n"
            "    half = (num_epochs + 1) // 2\n"
            "    return cosine_lr(lr, epoch % half, half)\n",
        },
    ),
    Answer(
        "a straight line",
        {
            "own_schedule": "def own_schedule(lr, epoch, num_epochs):\n    return lr * (1 - epoch / num_epochs)\n",
        },
    ),
    Answer(
        "square roots",
        {
            "own_schedule": "def own_schedule(lr, epoch, num_epochs):\n    return lr / math.sqrt(1 + epoch)\n",
        },
    ),
]
