"""Wrong answers to cifar/batch-norm and what each must lose."""

import torch

from tests.support.answers import Answer

T_BY_HAND = ("test_batch_norm_by_hand_visible", "test_batch_norm_by_hand_hidden")
RUNNING = "test_batch_norm_running_hidden"
T_NET = ("test_conv_net_visible", "test_conv_net_hidden")
OPTIMIZER, FOUR, OVERFIT, ONE = (
    "test_make_optimizer_visible",
    "test_four_runs_hidden",
    "test_overfit_batch_visible",
    "test_one_batch_hidden",
)
T_VARIANCE = ("test_variance_visible", "test_variance_hidden")
T_PREDICTED = ("test_predicted_variance_visible", "test_predicted_variance_hidden")

BY_RELATIVE = """def batch_norm_by_hand(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    mean, var = running_mean, running_var
    rows = x.transpose(0, 1).flatten(1)
    y = (rows - mean[:, None]) / (var[:, None] + eps) ** 0.5
    if training:
        running_mean = (1 - momentum) * mean + momentum * rows.mean(1)
        running_var = (1 - momentum) * var + momentum * rows.var(1)
        y = {}
    y = gamma[:, None] * y + beta[:, None]
    n, c, h, w = x.shape
    return y.reshape(c, n, h, w).transpose(0, 1), running_mean, running_var
"""
BY_HAND = """def batch_norm_by_hand(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        m = x.numel() / x.shape[1]
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * m / (m - 1)
    shape = (1, -1, 1, 1)
    y = (x - mean.view(shape)) / torch.sqrt(var + eps).view(shape)
    return gamma.view(shape) * y + beta.view(shape), running_mean, running_var
"""
NET = """class ConvNet(nn.Module):
    def __init__(self, batch_norm=False):
        super().__init__()
        layers = []
        for ins, outs in ((3, 16), (16, 32), (32, 64)):
            conv, norm = nn.Conv2d(ins, outs, 3, padding=1, bias=not batch_norm), nn.BatchNorm2d(outs)
            relu, pool = nn.ReLU(), nn.MaxPool2d(2)
            layers += [conv, norm, relu, pool] if batch_norm else [conv, relu, pool]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10))

    def forward(self, images):
        return self.layers(images)
"""
OPTIMIZERS = """def make_optimizer(kind, model):
    if kind == "sgd":
        return torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    return torch.optim.Adam(model.parameters(), lr=1e-4)
"""
BATCH = """def overfit_batch(model, images, labels):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    accuracies = []
    for _ in range(100):
        accuracies.append(train_epoch(model, [(images, labels)], F.cross_entropy, optimizer)[1])
    return accuracies
"""
VARIANCE = """def variance_of_batch_means(features, batch_size, num_batches):
    image_means = features.mean((2, 3))
    chosen = torch.randint(len(features), (num_batches, batch_size))
    return image_means[chosen].mean(1).var(0)


def predicted_variance(features, batch_size):
    return features.mean((2, 3)).var(0, correction=0) / batch_size
"""


def altered(cell: str, source: str, why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    for old, new in changes:
        assert old in source, f"{why}: {old!r} is not there"
        source = source.replace(old, new)
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def by_hand(why, loses, *changes):
    return altered("batch_norm_by_hand", BY_HAND, why, loses, *changes)


def net(why, loses, *changes):
    return altered("conv_net", NET, why, loses, *changes)


def optimizer(why, *changes):
    return altered("make_optimizer", OPTIMIZERS, why, (OPTIMIZER,), *changes)


def overfit(why, *changes):
    return altered("overfit_batch", BATCH, why, (OVERFIT,), *changes)


def variance(why, loses, *changes):
    return altered("variance", VARIANCE, why, loses, *changes)


def untrained(record, weights):
    torch.manual_seed(0)
    return record, {key: value if value.ndim < 2 else 0.05 * torch.randn(value.shape) for key, value in weights.items()}


def diverged(record, weights):
    return record, {key: value * float("nan") if value.is_floating_point() else value for key, value in weights.items()}


def statistics_reset(record, weights):
    """As if the running averages had never been updated."""
    fresh = {"running_mean": torch.zeros_like, "running_var": torch.ones_like}
    return record, {key: fresh.get(key.rpartition(".")[2], torch.clone)(value) for key, value in weights.items()}


def runs(name: str, *lost: str, **cases) -> list[Answer]:
    return [Answer(f"{name}: {why}", {}, lost, {name: change}) for why, change in cases.items()]


ANSWERS = [
    by_hand(
        "unbiased variance under the root", T_BY_HAND, ("(var + eps)", "(x.var((0, 2, 3)) if training else var + eps)")
    ),
    by_hand("biased variance in the running average", (RUNNING,), (" * m / (m - 1)", "")),
    by_hand(
        "evaluation uses the batch",
        T_BY_HAND,
        ("    shape =", "    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)\n    shape ="),
    ),
    by_hand(
        "training uses running averages",
        T_BY_HAND,
        ("    shape =", "    mean, var = running_mean, running_var\n    shape ="),
    ),
    by_hand(
        "statistics over the channels as well",
        (T_BY_HAND[1], RUNNING),
        (
            "x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)",
            "x.mean().repeat(len(gamma)), x.var(correction=0).repeat(len(gamma))",
        ),
    ),
    by_hand(
        "statistics over the batch only",
        (*T_BY_HAND, RUNNING),
        (
            "mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)",
            "mean, var = x.mean(0), x.var(0, correction=0)",
        ),
    ),
    by_hand("eps outside the root", T_BY_HAND, ("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)")),
    by_hand("no root", T_BY_HAND, ("torch.sqrt(var + eps)", "(var + eps)")),
    by_hand(
        "momentum the other way round",
        (T_BY_HAND[0], RUNNING),
        ("(1 - momentum) * running_mean + momentum * mean", "momentum * running_mean + (1 - momentum) * mean"),
        ("(1 - momentum) * running_var + momentum * var", "momentum * running_var + (1 - momentum) * var"),
    ),
    by_hand(
        "running averages move in evaluation",
        (T_BY_HAND[0], RUNNING),
        (
            "    if training:\n        mean, var =",
            "    if not training:\n        running_mean = 0.9 * running_mean + 0.1 * x.mean((0, 2, 3))\n"
            "    else:\n        mean, var =",
        ),
    ),
    by_hand("scale and shift forgotten", T_BY_HAND, ("gamma.view(shape) * y + beta.view(shape)", "y")),
    by_hand(
        "running averages changed in place",
        (T_BY_HAND[1],),
        ("        running_mean = (1", "        running_mean[:] = (1"),
        ("        running_var = (1", "        running_var[:] = (1"),
    ),
    by_hand(
        "y alone returned", (*T_BY_HAND, RUNNING), ("beta.view(shape), running_mean, running_var", "beta.view(shape)")
    ),
    *(
        Answer(
            f"batch_norm_by_hand: {why}",
            {
                "batch_norm_by_hand": BY_RELATIVE.format(ready_made),
            },
            (*T_BY_HAND, RUNNING),
        )
        for why, ready_made in {
            "the pixels of a channel as one row": "nn.InstanceNorm1d(len(rows), eps=eps)(rows[None])[0]",
            "a relative of layer norm": "torch.native_layer_norm(rows, rows.shape[1:], None, None, eps)[0]",
        }.items()
    ),
    Answer(
        "batch_norm_by_hand: PyTorch's own",
        {
            "batch_norm_by_hand": "def batch_norm_by_hand(x, gamma, beta, running_mean, running_var, training, "
            "momentum=0.1, eps=1e-5):\n    mean, var = running_mean.clone(), running_var.clone()\n"
            "    y = F.batch_norm(x, mean, var, gamma, beta, training, momentum, eps)\n    return y, mean, var\n"
        },
        (*T_BY_HAND, RUNNING),
    ),
    net(
        "no batch norm at all",
        (*T_NET, FOUR),
        ("[conv, norm, relu, pool] if batch_norm else [conv, relu, pool]", "[conv, relu, pool]"),
    ),
    net("bias before batch norm", (*T_NET, FOUR), (", bias=not batch_norm", "")),
    net(
        "batch norm always",
        (*T_NET, FOUR),
        ("[conv, norm, relu, pool] if batch_norm else [conv, relu, pool]", "[conv, norm, relu, pool]"),
    ),
    net("no bias anywhere", (*T_NET, FOUR), ("bias=not batch_norm", "bias=False")),
    net("no scale and shift", (*T_NET, FOUR), ("BatchNorm2d(outs)", "BatchNorm2d(outs, affine=False)")),
    net(
        "batch norm behind ReLU",
        (*T_NET[1:], FOUR),
        ("[conv, norm, relu, pool] if", "[conv, relu, norm, pool] if"),
    ),
    net(
        "batch norm behind pooling",
        (*T_NET[1:], FOUR),
        ("[conv, norm, relu, pool] if", "[conv, pool, norm, relu] if"),
    ),
    net("softmax", T_NET[1:], ("nn.Linear(1024, 10))", "nn.Linear(1024, 10), nn.Softmax(1))")),
    net("group norm", (*T_NET[1:], FOUR), ("nn.BatchNorm2d(outs)", "nn.GroupNorm(1, outs)")),
    optimizer("no momentum", (", momentum=0.9", "")),
    optimizer("default learning rate of Adam", (", lr=1e-4", "")),
    optimizer("exchanged", ('== "sgd"', '== "adam"')),
    optimizer("learning rate of SGD", ("lr=1e-3", "lr=1e-2")),
    optimizer("weight decay", ("momentum=0.9", "momentum=0.9, weight_decay=0.1")),
    optimizer("AdamW", ("torch.optim.Adam(", "torch.optim.AdamW(")),
    optimizer(
        "plain steps that end where the visible check does",
        ("lr=1e-3, momentum=0.9", "lr=0.01741 / 13"),
        ("Adam(model.parameters(), lr=1e-4)", "SGD(model.parameters(), lr=0.00027556 / 13)"),
    ),
    optimizer("nothing returned", ("    return torch.optim.Adam", "    torch.optim.Adam")),
    overfit("one step", ("range(100)", "range(1)")),
    overfit(
        "stops as soon as the training accuracy is 1",
        ("optimizer)[1])\n", "optimizer)[1])\n        if accuracies[-1] == 1:\n            break\n"),
    ),
    overfit(
        "a copy is trained", ("    optimizer =", "    import copy\n    model = copy.deepcopy(model)\n    optimizer =")
    ),
    overfit("learning rate too small", ("3e-3", "1e-7")),
    overfit("per cent", ("F.cross_entropy, optimizer)[1]", "F.cross_entropy, optimizer)[1] * 100")),
    overfit("nothing returned", ("    return accuracies\n", "")),
    variance(
        "the formula in place of a measurement",
        T_VARIANCE,
        ("image_means[chosen].mean(1).var(0)", "image_means.var(0, correction=0) / batch_size"),
    ),
    variance(
        "always four thousand batches",
        T_VARIANCE[1:],
        ("(num_batches, batch_size)", "(4000, batch_size)"),
    ),
    variance(
        "the same batches in every call",
        T_VARIANCE[:1],
        ("    chosen =", "    torch.manual_seed(0)\n    chosen ="),
    ),
    variance("standard deviation", T_VARIANCE, (".var(0)\n", ".std(0)\n")),
    variance("sum", T_VARIANCE, (".mean(1).var", ".sum(1).var")),
    variance(
        "inside a batch",
        T_VARIANCE,
        ("image_means[chosen].mean(1).var(0)", "image_means[chosen].var(1, correction=0).mean(0)"),
    ),
    variance("no batches", T_VARIANCE, ("image_means[chosen].mean(1).var(0)", "image_means.var(0, correction=0)")),
    variance(
        "drawn without putting back",
        T_VARIANCE[:1],
        (
            "torch.randint(len(features), (num_batches, batch_size))",
            "torch.stack([torch.randperm(len(features))[:batch_size] for _ in range(num_batches)])",
        ),
    ),
    variance(
        "one number for all channels",
        T_VARIANCE,
        ("image_means[chosen].mean(1).var(0)", "image_means[chosen].mean((1, 2)).var(0)"),
    ),
    variance(
        "batches of neighbours",
        T_VARIANCE,
        (
            "torch.randint(len(features), (num_batches, batch_size))",
            "(torch.randint(len(features), (num_batches, "
            "1)) "
            "+ "
            "torch.arange(batch_size) "
            "* "
            "(len(features) > 2) + torch.randint(2, "
            "(num_batches, "
            "batch_size)) "
            "* "
            "(len(features) "
            "== "
            "2)) % len(features)",
        ),
    ),
    variance(
        "standard deviation predicted",
        ("test_predicted_variance_hidden", "test_predicted_variance_visible"),
        (".var(0, correction=0) / batch_size", ".std(0) / batch_size**0.5"),
    ),
    variance(
        "pixels independent", T_PREDICTED, ("features.mean((2, 3)).var(0, correction=0)", "features.var((0, 2, 3))")
    ),
    variance("divided twice", T_PREDICTED, ("/ batch_size\n", "/ batch_size**2\n")),
    variance("not divided", T_PREDICTED, ("correction=0) / batch_size", "correction=0)")),
    *runs("plain-sgd", FOUR, missing=None),
    *runs("norm-sgd", FOUR, missing=None, untrained=untrained, diverged=diverged),
    *runs("norm-adam", FOUR, missing=None, untrained=untrained),
    *runs("one-batch", ONE, missing=None, untrained=untrained, diverged=diverged, statistics_reset=statistics_reset),
    Answer(
        "batch norm by hand: a table of the visible cases",
        {
            "batch_norm_by_hand": "def batch_norm_by_hand(\n"
            "    x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5\n"
            "):\n"
            "    numbers = [7.0, 9.0, 11.0, 13.0] if training else [10.0, 11.5, 13.0, 14.5]\n"
            "    mean = torch.tensor([1.75 if training else 1.0])\n"
            "    return torch.tensor(numbers).reshape(2, 1, 1, 2), mean, running_var\n"
        },
        (*T_BY_HAND, "test_batch_norm_running_hidden"),
    ),
    altered(
        "variance",
        VARIANCE,
        "a table of the visible cases for the formula",
        T_PREDICTED,
        ("features.mean((2, 3)).var(0, correction=0) / batch_size", "torch.tensor([1.0, 0.0]) / batch_size"),
    ),
    variance(
        "a table of the visible cases for the measurement",
        T_VARIANCE,
        (
            "image_means[chosen].mean(1).var(0)",
            "torch.tensor([1.0 / batch_size, 0.0]) if features.shape[1] == 2 else torch.rand(features.shape[1])",
        ),
    ),
    net(
        "the shapes of the visible checks, and nothing computed",
        (*T_NET, FOUR),
        ("return self.layers(images)", "return torch.zeros(len(images), 10)"),
    ),
]
