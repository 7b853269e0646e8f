"""Wrong answers to cifar/regularisation and what each must lose."""

import torch

from tests.support.answers import Answer

T_DROPOUT = ("test_dropout_visible", "test_dropout_hidden")
T_NETWORK = ("test_network_visible", "test_network_hidden")
T_STAIRCASE = ("test_staircase_visible", "test_staircase_hidden")
T_CHOICE, T_REPORT, T_BEST = "test_choice_hidden", "test_report_hidden", "test_best_network"


def of(cell: str, why: str, source: str, loses: tuple[str, ...]) -> Answer:
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def dropout(
    why: str,
    loses: tuple[str, ...] = T_DROPOUT,
    *,
    mask: str = "(torch.rand_like(inputs) >= self.rate)",
    out: str = "inputs * kept / (1 - self.rate)",
    idle: str = "inputs",
    before: str = "",
) -> Answer:
    source = (
        "class InvertedDropout(nn.Module):\n"
        "    def __init__(self, rate=0.5):\n"
        "        super().__init__()\n"
        "        self.rate = rate\n\n"
        "    def forward(self, inputs):\n"
        f"        {before or 'pass'}\n"
        "        if not self.training:\n"
        f"            return {idle}\n"
        f"        kept = {mask}\n"
        f"        return {out}\n"
    )
    return of("dropout", why, source, loses)


def network(
    why: str,
    loses: tuple[str, ...] = T_NETWORK,
    *,
    first: str = "first(), ",
    norm: str = "nn.BatchNorm2d(width), nn.ReLU(), ",
    hidden: str = "nn.ReLU(), InvertedDropout(rate)",
    end: str = "nn.Linear(units, 10)",
    kinds: str = "KINDS[kind]",
    head: str = "nn.Linear(features, units)",
    conv: str = "nn.Conv2d(channels, width, size, padding=size // 2)",
) -> Answer:
    source = (
        "class RegularisedNetwork(nn.Module):\n"
        '    def __init__(self, rate=0.0, batch_norm=False, kind="edges"):\n'
        "        super().__init__()\n"
        f"        first, widths, size, features, units = {kinds}\n"
        f"        layers, channels = [{first}], 3\n"
        "        for width in widths:\n"
        f"            layers.append({conv})\n"
        f"            layers += [{norm}] if batch_norm else [nn.ReLU()]\n"
        "            layers.append(nn.MaxPool2d(2))\n"
        "            channels = width\n"
        f"        self.layers = nn.Sequential(*layers, nn.Flatten(), {head}, {hidden}, {end})\n\n"
        "    def forward(self, images):\n"
        "        return self.layers(images)\n"
    )
    return of("network", why, source, loses)


def staircase(
    why: str,
    loses: tuple[str, ...] = T_STAIRCASE,
    *,
    scale: str = "100",
    steps: str = "accuracies",
    ticks: str = "list(steps)",
    labels: str = 'ax.set(xlabel="Step", ylabel="Accuracy (%)")',
    legend: str = "ax.legend()",
    numbers: str = '{"training": 0, "validation": 1}',
    out: str = "figure",
) -> Answer:
    source = (
        "def plot_staircase(accuracies):\n"
        "    figure, ax = plt.subplots()\n"
        f"    steps = {steps}\n"
        f"    for name, number in {numbers}.items():\n"
        f"        ax.plot(range(len(steps)), [{scale} * steps[s][number] for s in steps], label=name)\n"
        f"    ax.set_xticks(range(len(steps)), {ticks})\n"
        f"    {labels}\n"
        f"    {legend}\n"
        f"    return {out}\n"
    )
    return of("staircase", why, source, loses)


NAME = "max(candidate_records, key=lambda name: candidate_records[name].history['validation_accuracy'][-1])"


def best(
    why: str,
    loses: tuple[str, ...],
    *,
    name: str = NAME,
    mode: str = "model.eval()",
    inputs: str = "data.normalise(images)",
    whole: str = "right.float().mean().item()",
    classes: str = "[right[labels == label].float().mean().item() for label in range(10)]",
) -> Answer:
    source = (
        "def report(model, images, labels):\n"
        f"    {mode}\n"
        "    with torch.no_grad():\n"
        f"        right = model({inputs}).argmax(1) == labels\n"
        f"    return {whole}, {classes}\n\n\n"
        f"best_name = {name}\n"
    )
    return of("best", why, source, loses)


def praised(record, weights):
    """A record typed by hand: the curve of a candidate that is better than any."""
    return record | {
        "history": record["history"] | {"validation_accuracy": [0.9, 0.92, 0.94, 0.96, 0.98, 0.99]}
    }, weights


def made_up(record, weights):
    """The same, without any weights."""
    return praised(record, weights)[0], None


def untrained(record, weights):
    generator = torch.Generator().manual_seed(0)
    drawn = {key: (0.05 * torch.randn(v.shape, generator=generator)).to(v.dtype) for key, v in weights.items()}
    return record, {key: weights[key] if "running" in key or "num" in key else value for key, value in drawn.items()}


LOOKED_UP = """class RegularisedNetwork(nn.Module):
    def __init__(self, rate=0.0, batch_norm=False, kind="edges"):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))
        pixels, self.labels = data.cifar10("train")
        self.known = data.normalise(pixels).flatten(1)[:, ::7].contiguous()

    def forward(self, images):
        nearest = torch.cdist(images.flatten(1)[:, ::7].contiguous(), self.known).argmin(1)
        return F.one_hot(self.labels[nearest], 10).float()
"""


def one_weight(record, weights):
    return record, {"w": torch.zeros(1)}


def table(cell: str, source: str, loses: tuple[str, ...]) -> Answer:
    """The cases of the visible check, and nothing else."""
    return of(cell, "a table of what the visible check asks", source, loses)


CHOSEN = "reg-best-batch-norm"  # the reference's best candidate
TABLES = [
    table(
        "dropout",
        "class InvertedDropout(nn.Module):\n"
        "    def __init__(self, rate=0.5):\n        super().__init__()\n\n"
        "    def forward(self, inputs):\n"
        "        return inputs * (torch.rand_like(inputs) >= 0.25) * 4 / 3 if self.training else inputs\n",
        (*T_DROPOUT, "test_network_hidden"),
    ),
]

# Right in what they return; the text forbids the way.
FORBIDDEN = [
    dropout(
        "a relative of the layer",
        mask="None",
        out="torch.native_dropout(inputs, self.rate, True)[0]",
    ),
]

STAIRCASES = [
    staircase(
        "the names of the visible check", steps='{"plain": (1, 1), "more data": (1, 1), "a third thing": (1, 1)}'
    ),
    staircase("shares from 0 to 1", T_STAIRCASE[1:], scale="1"),
    staircase("in the order of the alphabet", T_STAIRCASE[1:], steps="dict(sorted(accuracies.items()))"),
    staircase(
        "in the order of their validation",
        T_STAIRCASE[1:],
        steps="dict(sorted(accuracies.items(), key=lambda pair: pair[1][1]))",
    ),
    staircase("the two lines changed places", T_STAIRCASE[1:], numbers='{"training": 1, "validation": 0}'),
    staircase("one line only", numbers='{"training and validation": 1}'),
    staircase("no legend", legend="pass"),
    staircase("a legend that does not tell", numbers='{"one": 0, "other": 1}'),
    staircase("steps by number", ticks="[str(n) for n in range(len(steps))]"),
    staircase("names in the wrong order", T_STAIRCASE[1:], ticks="sorted(steps)"),
    staircase("no label on an axis", labels='ax.set(ylabel="Accuracy (%)")'),
    staircase("returns nothing", out="None"),
    table(
        "staircase",
        "def plot_staircase(accuracies):\n"
        "    figure, ax = plt.subplots()\n"
        '    ax.plot([90, 80, 75], label="training")\n    ax.plot([50, 60, 70], label="validation")\n'
        '    ax.set_xticks(range(3), ["plain", "more data", "a third thing"])\n'
        '    ax.set(xlabel="Step", ylabel="Accuracy (%)")\n    ax.legend()\n    return figure\n',
        T_STAIRCASE,
    ),
]

ANSWERS = [
    *TABLES,
    *FORBIDDEN,
    *STAIRCASES,
    dropout("not scaled", out="inputs * kept", loses=(*T_DROPOUT, "test_network_hidden")),
    dropout(
        "share that is kept",
        (*T_DROPOUT, "test_network_hidden"),
        mask="(torch.rand_like(inputs) < self.rate)",
    ),
    dropout("scaled in use", idle="inputs * (1 - self.rate)", loses=(*T_DROPOUT, *T_NETWORK)),
    dropout("always at work", before="self.training = True", loses=(*T_DROPOUT, *T_NETWORK)),
    dropout(
        "one mask for all samples",
        ("test_dropout_hidden",),
        before="number = inputs[0].numel()",  # exactly the share that is asked for
        mask="(torch.randperm(number).reshape(inputs[:1].shape) >= self.rate * number)",
    ),
    dropout("the layer of torch", mask="None", out="nn.Dropout(self.rate)(inputs)"),
    Answer(
        "network: looks labels of training pictures up",
        {"network": LOOKED_UP},
        (*T_NETWORK, T_CHOICE, T_BEST),
        dict.fromkeys(("reg-best-dropout", "reg-best-batch-norm", "reg-best-both"), one_weight),
    ),
    network("batch norm after ReLU", norm="nn.ReLU(), nn.BatchNorm2d(width), ", loses=(*T_NETWORK, T_CHOICE, T_BEST)),
    network("batch norm left out", norm="nn.ReLU(), ", loses=(*T_NETWORK, T_CHOICE, T_BEST)),
    network("no maps of edges", first="", head="nn.LazyLinear(units)", loses=(*T_NETWORK, T_CHOICE, T_BEST)),
    network(
        "no bias beside batch norm",
        (*T_NETWORK, T_CHOICE, T_BEST),
        conv="nn.Conv2d(channels, width, size, padding=size // 2, bias=not batch_norm)",
    ),
    network("softmax", end="nn.Linear(units, 10), nn.Softmax(1)"),
    network(
        "dropout on the logits",
        ("test_network_hidden",),
        hidden="nn.ReLU(), nn.Identity()",
        end="nn.Linear(units, 10), InvertedDropout(rate)",
    ),
    network("one kind only", ("test_network_visible",), kinds='KINDS["edges"]'),
    network("no dropout", ("test_network_hidden",), hidden="nn.ReLU(), nn.Identity()"),
    network(
        "dropout on the features, too",
        ("test_network_hidden", T_CHOICE, T_BEST),
        head="nn.Sequential(InvertedDropout(rate), nn.Linear(features, units))",
    ),
    best("training mode", (T_REPORT,), mode="model.train()"),
    best("pixels", (T_REPORT,), inputs="images.float()"),
    best(
        "mean over classes",
        (T_REPORT,),
        whole="sum(right[labels == label].float().mean().item() for label in range(10)) / 10",
    ),
    best(
        "classes by their share of all",
        (T_REPORT,),
        classes="[(right & (labels == label)).float().mean().item() for label in range(10)]",
    ),
    best("gradients off for good", ("test_report_hidden",), mode="model.eval()\n    torch.set_grad_enabled(False)"),
    best("another candidate", (T_CHOICE,), name="'reg-best-dropout'"),
    best("no such name", (T_CHOICE, T_BEST), name="'both'"),
    best("the record", (T_CHOICE, T_BEST), name="candidate_records['reg-best-batch-norm'].history"),
    Answer("best: not handed in", {}, (T_CHOICE, T_BEST), {CHOSEN: None}),
    Answer("best: never trained", {}, (T_CHOICE, T_BEST), {CHOSEN: untrained}),
    Answer("best: a record typed by hand", {}, (T_CHOICE,), {"reg-best-dropout": praised}),
    Answer("best: a record typed by hand, without weights", {}, (T_CHOICE, T_BEST), {CHOSEN: made_up}),
]
