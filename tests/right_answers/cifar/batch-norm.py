"""Right answers to cifar/batch-norm in other styles."""

from tests.support.answers import Answer


def renamed(*pairs):
    """The reference's weights under the names of another class."""

    def change(record, weights):
        found = {}
        for key, value in weights.items():
            for old, new in pairs:
                if key.startswith(old):
                    key = new + key.removeprefix(old)
                    break
            found[key] = value
        return record, found

    return change


NORM = renamed(
    ("layers.0.", "convs.0."), ("layers.1.", "norms.0."), ("layers.4.", "convs.1."), ("layers.5.", "norms.1."),
    ("layers.8.", "convs.2."), ("layers.9.", "norms.2."), ("layers.13.", "out."),
)  # fmt: skip
PLAIN = renamed(("layers.0.", "convs.0."), ("layers.3.", "convs.1."), ("layers.6.", "convs.2."), ("layers.10.", "out."))

ANSWERS = [
    Answer(
        "lists of layers, functions",
        {
            "batch_norm_by_hand": "def batch_norm_by_hand(x, gamma, beta, running_mean, running_var, training, "
            "momentum=0.1, eps=1e-5):\n    flat = x.transpose(0, 1).flatten(1)\n"
            "    if training:\n        var, mean = torch.var_mean(flat, 1, unbiased=False)\n"
            "        running_mean = torch.lerp(running_mean, mean, momentum)\n"
            "        running_var = torch.lerp(running_var, torch.var(flat, 1), momentum)\n"
            "    else:\n        mean, var = running_mean, running_var\n"
            "    y = ((flat.T - mean) * torch.rsqrt(var + eps) * gamma + beta).T\n"
            "    y = y.reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)\n"
            "    return [y, running_mean, running_var]\n",
            "conv_net": "class ConvNet(nn.Module):\n    def __init__(self, batch_norm=False):\n"
            "        super().__init__()\n"
            "        sizes = [3, 16, 32, 64]\n"
            "        self.convs = nn.ModuleList([nn.Conv2d(a, b, 3, 1, 1, bias=not batch_norm) for a, b in "
            "zip(sizes, sizes[1:])])\n"
            "        self.norms = nn.ModuleList([nn.BatchNorm2d(b) if batch_norm else nn.Identity() for b in "
            "sizes[1:]])\n"
            "        self.out = nn.Linear(1024, 10)\n\n"
            "    def forward(self, x):\n        for conv, norm in zip(self.convs, self.norms):\n"
            "            x = F.max_pool2d(norm(conv(x)), 2).relu()\n        return self.out(x.flatten(1))\n",
            "make_optimizer": "def make_optimizer(kind, model):\n"
            "    return "
            "{'sgd': lambda p: torch.optim.SGD(p, 0.001, 0.9), 'adam': lambda p: torch.optim.Adam(p, 0.0001)}[kind]"
            "(list(model.parameters()))\n",
            "overfit_batch": "def overfit_batch(model, images, labels):\n"
            "    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)\n"
            "    history, done = [], 0\n    while done < 60 and len(history) < 500:\n        model.train()\n"
            "        logits = model(images)\n        optimizer.zero_grad()\n"
            "        F.cross_entropy(logits, labels).backward()\n        optimizer.step()\n"
            "        history.append((logits.argmax(1) == labels).float().mean().item())\n"
            "        done = done + 1 if history[-1] == 1 else 0\n    return history\n",
            "variance": "def variance_of_batch_means(features, batch_size, num_batches):\n    means = []\n"
            "    for _ in range(num_batches):\n"
            "        batch = features[torch.randint(0, features.shape[0], (batch_size,))]\n"
            "        means.append(batch.mean(dim=[0, 2, 3]))\n"
            "    return torch.stack(means).var(dim=0, unbiased=False)\n\n\n"
            "def predicted_variance(features, batch_size):\n"
            "    return torch.var(features.flatten(2).mean(-1), dim=0) / batch_size\n",
        },
        artifacts={"plain-sgd": PLAIN, "plain-adam": PLAIN, "norm-sgd": NORM, "norm-adam": NORM, "one-batch": NORM},
    ),
    Answer(
        "sums for means, running averages by their differences",
        {
            "batch_norm_by_hand": "def over(x):\n"
            "    return x.sum(dim=(0, 2, 3), keepdim=True) / (x.numel() // x.shape[1])\n"
            "\n\ndef batch_norm_by_hand(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):\n"
            "    c = lambda v: v[None, :, None, None]\n    mean, var = c(running_mean), c(running_var)\n"
            "    new_mean, new_var = running_mean.clone(), running_var.clone()\n"
            "    if training:\n        m = len(x) * x.shape[2] * x.shape[3]\n        mean = over(x)\n"
            "        var = over((x - mean) ** 2)\n        new_mean += momentum * (mean.flatten() - new_mean)\n"
            "        new_var += momentum * (var.flatten() * m / (m - 1) - new_var)\n"
            "    return c(gamma) * (x - mean) / (var + eps) ** 0.5 + c(beta), new_mean, new_var\n",
        },
    ),
    Answer(
        "variance with 64 bits, biases in a group of their own",
        {
            "batch_norm_by_hand": "import numpy as np\n\n\ndef batch_norm_by_hand(x, gamma, beta, running_mean, "
            "running_var, training, momentum=0.1, eps=1e-5):\n    y = torch.empty_like(x)\n"
            "    new_mean, new_var = running_mean.clone(), running_var.clone()\n"
            "    for c in range(x.shape[1]):\n        values = x[:, c].numpy()\n"
            "        mean, var = running_mean[c], running_var[c]\n"
            "        if training:\n            mean, var = values.mean(), values.var()\n"
            "            new_mean[c] = (1 - momentum) * running_mean[c] + momentum * float(mean)\n"
            "            new_var[c] = (1 - momentum) * running_var[c] + momentum * float(values.var(ddof=1))\n"
            "        y[:, c] = gamma[c] * (x[:, c] - float(mean)) / float(np.sqrt(float(var) + eps)) + beta[c]\n"
            "    return y, new_mean, new_var\n",
            "variance": "def variance_of_batch_means(features, batch_size, num_batches):\n"
            "    a = features.double().mean((2, 3))\n"
            "    m = torch.stack([a[torch.randint(len(a), (batch_size,))].mean(0) for _ in range(num_batches)])\n"
            "    return m.var(0)\n\n\n"
            "def predicted_variance(features, batch_size):\n"
            "    return features.double().mean((2, 3)).var(0, correction=0) / batch_size\n",
            "make_optimizer": "def make_optimizer(kind, model):\n"
            "    groups = [{'params': [p for p in model.parameters() if p.ndim == 1]},\n"
            "              {'params': [p for p in model.parameters() if p.ndim > 1]}]\n"
            "    if kind == 'sgd':\n        return torch.optim.SGD(groups, lr=0.001, momentum=0.9)\n"
            "    return torch.optim.Adam(groups, lr=0.0001)\n",
            "overfit_batch": "def overfit_batch(model, images, labels):\n"
            "    optimizer, history = torch.optim.Adam(model.parameters(), lr=1e-3), []\n"
            "    while len(history) < 300 and 1.0 not in history:\n"
            "        train_epoch(model, [(images, labels)], F.cross_entropy, optimizer)\n        model.eval()\n"
            "        with torch.no_grad():\n"
            "            history.append((model(images).argmax(1) == labels).float().mean().item())\n"
            "    return history\n",
        },
    ),
    Answer(
        "variance drawn without putting back, numbers in other types",
        {
            "variance": "def variance_of_batch_means(features, batch_size, num_batches):\n"
            "    chosen = torch.multinomial(torch.ones(len(features)), num_batches * batch_size, replacement=True)\n"
            "    batches = features[chosen].unflatten(0, (num_batches, batch_size))\n"
            "    means = batches.mean((1, 3, 4))\n    return ((means - means.mean(0)) ** 2).mean(0)\n\n\n"
            "def predicted_variance(features, batch_size):\n    a = features.mean(3).mean(2)\n"
            "    return ((a**2).mean(0) - a.mean(0) ** 2) / batch_size\n",
        },
    ),
]
