"""Wrong answers to cifar/residual-networks and what each must lose."""

import torch

from tests.support.answers import Answer

IDENTITY, PROJECTION = "test_residual_identity_hidden", "test_residual_projection_hidden"
T_BLOCK = ("test_residual_block_visible", IDENTITY, PROJECTION)
T_DEEP = ("test_deep_net_visible", "test_deep_net_hidden")
RESIDUAL, DEEP_RUNS = "test_deep_residual_hidden", "test_deep_runs_hidden"

BLOCK = """class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, residual=True):
        super().__init__()
        self.residual = residual
        self.f = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Sequential()
        if residual and (stride != 1 or in_channels != out_channels):
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x):
        out = self.f(x)
        if self.residual:
            out = out + self.shortcut(x)
        return F.relu(out)
"""
DEEP = """class DeepNet(nn.Module):
    def __init__(self, num_blocks=12, residual=True, width=8):
        super().__init__()
        layers = [nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(ResidualBlock(width, 2 * width, 2, residual))
        for _ in range(num_blocks - 1):
            layers.append(ResidualBlock(2 * width, 2 * width, 1, residual))
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 10))

    def forward(self, images):
        return self.layers(images)
"""


def altered(cell: str, source: str, why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    for old, new in changes:
        assert old in source, f"{why}: {old!r} is not there"
        source = source.replace(old, new)
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def block(why, loses, *changes):
    return altered("residual_block", BLOCK, why, (*loses, "test_deep_net_hidden"), *changes)


def deep(why, loses, *changes):
    return altered("deep_net", DEEP, why, loses, *changes)


def untrained(record, weights):
    torch.manual_seed(0)
    return record, {key: value if value.ndim < 2 else 0.05 * torch.randn(value.shape) for key, value in weights.items()}


def diverged(record, weights):
    return record, {key: value * float("nan") if value.is_floating_point() else value for key, value in weights.items()}


def runs(name: str, *lost: str, **cases) -> list[Answer]:
    return [Answer(f"{name}: {why}", {}, lost, {name: change}) for why, change in cases.items()]


ANSWERS = [
    block(
        "addition missing",
        (*T_BLOCK, RESIDUAL, DEEP_RUNS),
        ("        if self.residual:\n            out = out + self.shortcut(x)\n", ""),
    ),
    block(
        "ReLU before the addition",
        T_BLOCK,
        ("            out = out + self.shortcut(x)\n", "            return F.relu(out) + self.shortcut(x)\n"),
    ),
    block("no ReLU at the end", (*T_BLOCK, RESIDUAL, DEEP_RUNS), ("return F.relu(out)", "return out")),
    block(
        "no ReLU inside",
        (IDENTITY, PROJECTION),
        ("            nn.ReLU(),\n", "            nn.Identity(),\n"),
    ),
    block(
        "projection everywhere",
        (T_BLOCK[0], IDENTITY, T_DEEP[0], RESIDUAL, DEEP_RUNS),
        ("if residual and (stride != 1 or in_channels != out_channels):", "if residual:"),
    ),
    block(
        "projection without batch norm",
        (T_BLOCK[0], PROJECTION, T_DEEP[0], RESIDUAL, DEEP_RUNS),
        ("1, stride, bias=False), nn.BatchNorm2d(out_channels)", "1, stride, bias=False)"),
    ),
    block(
        "projection with a bias",
        (T_BLOCK[0], PROJECTION, T_DEEP[0], RESIDUAL, DEEP_RUNS),
        ("1, stride, bias=False)", "1, stride)"),
    ),
    block(
        "stride in the second convolution",
        (PROJECTION,),
        ("3, stride, padding=1", "3, padding=1"),
        ("out_channels, out_channels, 3, padding=1", "out_channels, out_channels, 3, stride, padding=1"),
    ),
    block("biases", (*T_BLOCK, T_DEEP[0], RESIDUAL, DEEP_RUNS), ("padding=1, bias=False", "padding=1")),
    block(
        "switch ignored in forward",
        (IDENTITY, T_BLOCK[0], PROJECTION, T_DEEP[0], DEEP_RUNS),
        (
            "        if self.residual:\n            out = out + self.shortcut(x)\n",
            "        out = out + self.shortcut(x)\n",
        ),
    ),
    block(
        "the first convolution twice where that goes",
        (T_BLOCK[0], IDENTITY, T_DEEP[0], RESIDUAL, DEEP_RUNS),
        (
            "        out = self.f(x)\n",
            "        one, two = self.f[0], self.f[3]\n"
            "        two = one if one.weight.shape == two.weight.shape and one.stride == (1, 1) else two\n"
            "        out = self.f[4](two(self.f[2](self.f[1](one(x)))))\n",
        ),
    ),
    deep(
        "one block is used twice, another not at all",
        T_DEEP,
        (
            "return self.layers(images)",
            "for place, layer in enumerate(self.layers):\n"
            "            images = self.layers[4 if place == 5 and len(self.layers) > 8 else place](images)\n"
            "        return images",
        ),
    ),
    deep("one block too many", (*T_DEEP, RESIDUAL, DEEP_RUNS), ("range(num_blocks - 1)", "range(num_blocks)")),
    deep("switch not passed on", (*T_DEEP, DEEP_RUNS), (", residual)", ")")),
    deep("channels not doubled", (*T_DEEP, RESIDUAL, DEEP_RUNS), ("2 * width", "width")),
    deep(
        "stride in the stem only",
        (*T_DEEP[1:], RESIDUAL, DEEP_RUNS),
        ("2 * width, 2, residual", "2 * width, 1, residual"),
    ),
    deep("largest value instead of the mean", T_DEEP[1:], ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d")),
    deep("softmax", T_DEEP[1:], ("(2 * width, 10))", "(2 * width, 10), nn.Softmax(1))")),
    deep("no ReLU in the stem", T_DEEP[1:], ("nn.ReLU()]", "nn.Identity()]")),
    deep(
        "the same block again and again",
        (*T_DEEP, RESIDUAL, DEEP_RUNS),
        (
            "layers.append(ResidualBlock(2 * width, 2 * width, 1, residual))",
            "layers.append(layers[-1] if len(layers) > 4 else ResidualBlock(2 * width, 2 * width, 1, residual))",
        ),
    ),
    deep(
        "one of two blocks of equal shapes is skipped",
        T_DEEP,
        (
            "return self.layers(images)",
            "for place, layer in enumerate(self.layers):\n"
            "            images = images if place == 4 and len(self.layers) > 7 else layer(images)\n"
            "        return images",
        ),
    ),
    *runs("deep-residual", RESIDUAL, DEEP_RUNS, missing=None, untrained=untrained, diverged=diverged),
    *runs("deep-plain", DEEP_RUNS, missing=None),
    block(
        "the shapes of the visible checks, and nothing computed",
        (*T_BLOCK, T_DEEP[0], RESIDUAL, DEEP_RUNS),
        ("        self.residual = residual\n", "        self.out_channels, self.stride = out_channels, stride\n"),
        (
            "        out = self.f(x)\n        if self.residual:\n            out = out + self.shortcut(x)\n",
            "        out = x[:, :, :: self.stride, :: self.stride]\n        if out.shape[1] != self.out_channels:\n"
            "            out = out[:, :1].repeat(1, self.out_channels, 1, 1)\n",
        ),
    ),
    deep(
        "the shapes of the visible checks, and nothing computed",
        (*T_DEEP, RESIDUAL, DEEP_RUNS),
        ("return self.layers(images)", "return torch.zeros(len(images), 10)"),
    ),
]
