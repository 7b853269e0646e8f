"""Right answers to cifar/regularisation in other styles."""

from tests.support.answers import Answer


def renamed(record, weights):
    """The reference's weights under the names that the layers have below."""
    if any(key.endswith("running_mean") for key in weights):
        places = {"1": "c.0", "2": "n.0", "5": "c.1", "6": "n.1", "9": "c.2", "10": "n.2", "14": "hidden", "17": "last"}
    else:
        places = {"1": "c.0", "4": "c.1", "7": "c.2", "11": "hidden", "14": "last"}
    return record, {f"{places[key.split('.')[1]]}.{key.split('.')[2]}": value for key, value in weights.items()}


CANDIDATES = ("reg-best-dropout", "reg-best-batch-norm", "reg-best-both")

ANSWERS = [
    Answer(
        "sums by hand, singular values, indices, loops",
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
            "flip": "def random_flip(images, probability=0.5):\n"
            "    images = images.clone()\n"
            "    for place in range(len(images)):\n"
            "        if np.random.rand() < probability:\n"
            "            images[place] = torch.flip(images[place], dims=[2])\n"
            "    return images\n",
            "shift": "def random_shift(images, padding=4):\n"
            "    n, _, h, w = images.shape\n"
            "    padded = F.pad(images, [padding] * 4)\n"
            "    rows = torch.randint(0, 2 * padding + 1, (n, 1)) + torch.arange(h)\n"
            "    columns = torch.randint(0, 2 * padding + 1, (n, 1)) + torch.arange(w)\n"
            "    one = torch.arange(n)[:, None, None]\n"
            "    return padded.movedim(1, -1)[one, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)\n",
            "final": "def final_accuracy(history, last=3):\n"
            '    return np.mean(history["validation_accuracy"][-last:])\n',
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
        "layers as attributes, dropout with a Bernoulli mask, a report by counting",
        {
            "dropout": "class InvertedDropout(nn.Module):\n"
            "    def __init__(self, rate=0.5):\n"
            "        super().__init__()\n"
            "        self.keep = 1 - rate\n\n"
            "    def forward(self, x):\n"
            "        if self.training:\n"
            "            mask = torch.bernoulli(torch.full_like(x, self.keep))\n"
            "            x = x * mask / self.keep\n"
            "        return x\n",
            "network": "class RegularisedNetwork(nn.Module):\n"
            "    def __init__(self, rate=0.0, batch_norm=False):\n"
            "        super().__init__()\n"
            "        self.maps, self.drop = EdgeMaps(), InvertedDropout(rate)\n"
            "        self.hidden, self.last = nn.Linear(64 * 2 * 2, 256), nn.Linear(256, 10)\n"
            "        sizes = [(3, 16), (16, 32), (32, 64)]\n"
            "        self.c = nn.ModuleList([nn.Conv2d(i, o, 3, padding='same') for i, o in sizes])\n"
            "        self.n = nn.ModuleList([nn.BatchNorm2d(o) if batch_norm else nn.Identity() for _, o in sizes])\n\n"
            "    def forward(self, images):\n"
            "        x = self.maps(images)\n"
            "        for conv, norm in zip(self.c, self.n):\n"
            "            x = F.max_pool2d(F.relu(norm(conv(x))), 2)\n"
            "        return self.last(self.drop(self.hidden(x.flatten(1)).relu()))\n",
            "best": "@torch.no_grad()\n"
            "def report(model, images, labels):\n"
            "    model.train(False)\n"
            "    guesses = model(data.normalise(images)).max(dim=1).indices\n"
            "    hits = torch.bincount(labels[guesses == labels], minlength=10)\n"
            "    return (hits.sum() / len(labels)).item(), (hits / torch.bincount(labels, minlength=10)).tolist()\n\n\n"
            "finals = {k: r.history['validation_accuracy'][-1] for k, r in candidate_records.items()}\n"
            "best_name = sorted(finals, key=finals.get)[-1]\n",
        },
        artifacts=dict.fromkeys(CANDIDATES, renamed),
    ),
    Answer(
        "noise, and a warm restart",
        {
            "own_transform": "def own_transform(images):\n"
            "    strength = 40 * torch.rand(len(images), 1, 1, 1)\n"
            "    return (images + strength * torch.randn(images.shape)).round().clamp(0, 255).byte()\n",
            "own_schedule": "def own_schedule(lr, epoch, num_epochs):\n"
            "    half = (num_epochs + 1) // 2\n"
            "    return cosine_lr(lr, epoch % half, half)\n",
        },
    ),
    Answer(
        "transforms of torchvision, a straight line",
        {
            "own_transform": "from course_utils.torchvision_ops import transforms\n\n\n"
            "def own_transform(images):\n"
            "    colours = transforms.ColorJitter(0.3, 0.3, 0.3, 0.02)\n"
            "    turn = transforms.Compose([transforms.RandomRotation(12), colours])\n"
            "    return torch.stack([turn(image) for image in images])\n",
            "own_schedule": "def own_schedule(lr, epoch, num_epochs):\n    return lr * (1 - epoch / num_epochs)\n",
        },
    ),
    Answer(
        "the negative of some pictures, square roots",
        {
            "own_transform": "def own_transform(images):\n"
            "    chosen = torch.rand(len(images)) < 0.3\n"
            "    images = images.clone()\n    images[chosen] = 255 - images[chosen]\n"
            "    grey = images.float() * (0.8 + 0.4 * np.random.rand(len(images), 1, 1, 1).astype('float32'))\n"
            "    return torch.as_tensor(grey).clamp(0, 255).to(torch.uint8)\n",
            "own_schedule": "def own_schedule(lr, epoch, num_epochs):\n    return lr / math.sqrt(1 + epoch)\n",
        },
    ),
]
