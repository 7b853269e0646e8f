"""Right answers to cifar/challenge in other styles; the weights are the reference's."""

from tests.support.answers import Answer


def half(record, weights):
    return record, {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}


def modest(record, weights):
    """A record whose numbers look bad: the points come from what is measured."""
    history = {"train_loss": [9.0], "validation_accuracy": [0.1]}
    return record | {"history": history, "seconds": 1e6, "epochs": 1}, weights


def doubled(record, weights):
    return record, {key: value.double() if value.is_floating_point() else value for key, value in weights.items()}


ANSWERS = [
    Answer(
        "labels, a class in another style, its own arithmetic",
        {
            "network": "class Network(nn.Module):\n"
            "    def __init__(self, widths=(32, 64, 64), classes=10):\n"
            "        super().__init__()\n"
            "        layers = [nn.Conv2d(3, 32, (5, 5), (3, 3), (1, 1), bias=False), nn.ReLU()]\n"
            "        for before, after in zip((32, *widths[:-1]), widths):\n"
            "            layers.append(nn.Conv2d(before, after, (3, 3), padding='same', bias=False))\n"
            "            if len(layers) < 10:\n"
            "                layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))\n"
            "            layers.append(nn.BatchNorm2d(after))\n"
            "            layers.append(nn.ReLU())\n"
            "        layers.append(nn.AdaptiveAvgPool2d((1, 1)))\n"
            "        self.layers = nn.Sequential(*layers, nn.Flatten(1), nn.Linear(widths[-1], classes))\n\n"
            "    def forward(self, images):\n"
            "        return self.layers(images)\n",
            "predict": "def prepare(images):\n    return (images.float() / 255 - 0.5) / 0.25\n\n\n"
            "@torch.no_grad()\ndef predict(network, images):\n    network.eval()\n"
            "    return network(prepare(images)).argmax(dim=1)\n",
        },
    ),
    Answer(
        "the mean over the picture and its mirror image",
        {
            "predict": "def prepare(images):\n    return data.normalise(images)\n\n\n"
            "def predict(network, images):\n"
            "    both = network(prepare(images)), network(prepare(images.flip(3)))\n"
            "    return torch.stack(both).softmax(-1).mean(0)\n",
        },
    ),
    Answer("weights of 16 bits", {}, artifacts={"challenge": half}),
    Answer("weights of 64 bits", {}, artifacts={"challenge": doubled}),
    Answer("a record with bad numbers", {}, artifacts={"challenge": modest}),
    Answer(
        "training code that is not there any more",
        {
            "training": "def make_optimizer(network, num_steps):\n    raise RuntimeError('not while grading')\n",
            "augment": "pass",
        },
    ),
]  # fmt: skip
