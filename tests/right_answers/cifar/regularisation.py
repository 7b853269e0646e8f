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
        "a rate that is called dropout",
        {
            "dropout": "class InvertedDropout(nn.Module):\n    def __init__(self, rate=0.5):\n"
            "        super().__init__()\n        self.dropout = rate\n\n    def forward(self, inputs):\n"
            "        if not self.training:\n            return inputs\n"
            "        return inputs * (torch.rand_like(inputs) >= self.dropout) / (1 - self.dropout)\n",
        },
    ),
    Answer(
        "words that stand in the legend alone",
        {
            "staircase": "def plot_staircase(accuracies):\n"
            "    figure, ax = plt.subplots()\n"
            "    ax.plot(list(accuracies), [100 * a for a, _ in accuracies.values()])\n"
            "    ax.plot(list(accuracies), [100 * b for _, b in accuracies.values()])\n"
            "    ax.set(xlabel='step', ylabel='accuracy (%)')\n"
            "    ax.legend(['training', 'validation'])\n    return figure\n",
        },
    ),
    Answer(
        "a legend of the whole figure",
        {
            "staircase": "def plot_staircase(accuracies):\n"
            "    figure, ax = plt.subplots()\n"
            "    ax.plot(list(accuracies), [100 * a for a, _ in accuracies.values()], label='training')\n"
            "    ax.plot(list(accuracies), [100 * b for _, b in accuracies.values()], label='validation')\n"
            "    ax.set(xlabel='step', ylabel='accuracy (%)')\n"
            "    figure.legend()\n    return figure\n",
        },
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
]
