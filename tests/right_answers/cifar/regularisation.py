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
        "copies, indices",
        {
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
            "    def __init__(self, rate=0.0, batch_norm=False, kind='edges'):\n"
            "        super().__init__()\n"
            "        make, widths, size, features, hidden = KINDS[kind]\n"
            "        self.maps, self.drop = make(), InvertedDropout(rate)\n"
            "        self.hidden, self.last = nn.Linear(features, hidden), nn.Linear(hidden, 10)\n"
            "        sizes = list(zip((3, *widths), widths))\n"
            "        self.c = nn.ModuleList([nn.Conv2d(i, o, size, padding='same') for i, o in sizes])\n"
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
        "a figure by pyplot, names by the lines' own axis",
        {
            "staircase": "def plot_staircase(accuracies):\n"
            "    plt.figure()\n"
            "    names = list(accuracies)\n"
            "    train, validation = zip(*accuracies.values())\n"
            "    plt.plot(names, np.multiply(train, 100), 'k:', label='accuracy in training')\n"
            "    plt.plot(names, np.multiply(validation, 100), drawstyle='steps-mid', label='validation, in %')\n"
            "    plt.xlabel('What was added')\n    plt.ylabel('%')\n    plt.legend()\n"
            "    return plt.gcf()\n",
        },
    ),
    Answer(
        "noise",
        {
            "own_transform": "def own_transform(images):\n"
            "    strength = 40 * torch.rand(len(images), 1, 1, 1)\n"
            "    return (images + strength * torch.randn(images.shape)).round().clamp(0, 255).byte()\n",
        },
    ),
    Answer(
        "brightness on top of random_flip",
        {
            "own_transform": "def own_transform(images):\n"
            "    factors = 0.7 + 0.6 * torch.rand(len(images), 1, 1, 1, device=images.device)\n"
            "    return (random_flip(images).float() * factors).round().clamp(0, 255).to(torch.uint8)\n",
        },
    ),
    Answer(
        "transforms of torchvision",
        {
            "own_transform": "from course_utils.torchvision_ops import transforms\n\n\n"
            "def own_transform(images):\n"
            "    colours = transforms.ColorJitter(0.3, 0.3, 0.3, 0.02)\n"
            "    turn = transforms.Compose([transforms.RandomRotation(12), colours])\n"
            "    return torch.stack([turn(image) for image in images])\n",
        },
    ),
    Answer(
        "some pictures without colour",
        {
            "own_transform": "def own_transform(images):\n"
            "    grey = images.float().mean(1, keepdim=True).round().byte().expand_as(images)\n"
            "    return torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, grey, images)\n",
        },
    ),
    Answer(
        "the negative of some pictures",
        {
            "own_transform": "def own_transform(images):\n"
            "    chosen = torch.rand(len(images)) < 0.3\n"
            "    images = images.clone()\n    images[chosen] = 255 - images[chosen]\n"
            "    grey = images.float() * (0.8 + 0.4 * np.random.rand(len(images), 1, 1, 1).astype('float32'))\n"
            "    return torch.as_tensor(grey).clamp(0, 255).to(torch.uint8)\n",
        },
    ),
]
