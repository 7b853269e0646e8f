"""Wrong answers to cifar/regularisation and what each must lose."""

import torch

from tests.support.answers import Answer

T_FLIP = ("test_flip_visible", "test_flip_hidden")
T_SHIFT = ("test_shift_visible", "test_shift_hidden")
T_FINAL = ("test_final_visible", "test_final_hidden")
T_OWN = ("test_own_transform_visible",)
T_DROPOUT = ("test_dropout_visible", "test_dropout_hidden")
T_NETWORK = ("test_network_visible", "test_network_hidden")
T_STAIRCASE = ("test_staircase_visible", "test_staircase_hidden")
T_CHOICE, T_REPORT, T_BEST = "test_choice_hidden", "test_report_hidden", "test_best_network"


def of(cell: str, why: str, source: str, loses: tuple[str, ...]) -> Answer:
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def flip(why: str, body: str, loses: tuple[str, ...] = T_FLIP) -> Answer:
    return of("flip", why, f"def random_flip(images, probability=0.5):\n    {body}\n", loses)


def shift(
    why: str,
    loses: tuple[str, ...] = T_SHIFT,
    *,
    padded: str = "F.pad(images, (padding,) * 4)",
    draw: str = "torch.randint(2 * padding + 1, (len(images), 2)).tolist()",
    window: str = "x[:, i : i + h, j : j + w]",
) -> Answer:
    source = (
        "def random_shift(images, padding=4):\n"
        "    h, w = images.shape[-2:]\n"
        f"    padded = {padded}\n"
        f"    places = {draw}\n"
        f"    return torch.stack([{window} for x, (i, j) in zip(padded, places)])\n"
    )
    return of("shift", why, source, loses)


def final(why: str, body: str, loses: tuple[str, ...] = T_FINAL) -> Answer:
    return of(
        "final",
        why,
        f'def final_accuracy(history, last=3):\n    values = history["validation_accuracy"]\n    return {body}\n',
        loses,
    )


def own(why: str, body: str) -> Answer:
    return of("own_transform", why, f"def own_transform(images):\n    {body}\n", T_OWN)


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


def table(cell: str, source: str, loses: tuple[str, ...]) -> Answer:
    """The cases of the visible check, and nothing else."""
    return of(cell, "a table of what the visible check asks", source, loses)


CHOSEN = "reg-best-batch-norm"  # the reference's best candidate
NOISE = "(images + 40 * torch.randn({})).clamp(0, 255).to(torch.uint8)"
CHOSEN_BY_THE_STUDENT = [
    own("changes nothing", "return images.clone()"),
    own("the same change in each call", "return (images * 0.8).to(torch.uint8)"),
    own("one change for the batch", "return (images * (0.5 + 0.5 * torch.rand(()))).to(torch.uint8)"),
    own("floats", "return images + 40 * torch.randn(images.shape)"),
    own("nothing of the picture is left", "return torch.randint_like(images, 256)"),
    own("in place", "images[:] = " + NOISE.format("images.shape") + "\n    return images"),
    own("the mirror that is there", "return random_flip(images)"),
    own("windows that are there", "return random_shift(random_flip(images), 2)"),
    own("the course's square", "return data.cutout(" + NOISE.format("images.shape") + ", 8)"),
    own(
        "torchvision's mirror",
        "from course_utils.torchvision_ops import transforms\n"
        "    turn = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.RandomRotation(10)])\n"
        "    return torch.stack([turn(image) for image in images])",
    ),
    own(
        "a seed",
        "torch.manual_seed(int(images.float().sum()))\n    return " + NOISE.format("images.shape"),
    ),
]

TABLES = [
    table(
        "flip",
        "def random_flip(images, probability=0.5):\n"
        "    order = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 14, 13, 12, 17, 16, 15, 20, 19, 18, 23, 22, 21]\n"
        "    return torch.tensor(order).to(images.dtype).reshape(2, 2, 2, 3) if probability == 1 else images\n",
        T_FLIP,
    ),
    table(
        "final",
        "def final_accuracy(history, last=3):\n    return {3: 0.4, 2: 0.45}.get(last, 0.0)\n",
        T_FINAL,
    ),
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
    flip(
        "torchvision's mirror",
        "from course_utils.torchvision_ops import transforms\n"
        "    chosen = torch.rand(len(images), device=images.device) < probability\n"
        "    return torch.where(chosen[:, None, None, None], transforms.functional.hflip(images), images)",
    ),
    flip(
        "the course's mirror, until it comes out",
        "out = images.clone()\n"
        "    for place in range(len(images)):\n"
        "        if torch.rand(()) < probability:\n"
        "            out[place] = next((v for v in (data.flip(images[place : place + 1])[0] for _ in range(99))\n"
        "                               if not torch.equal(v, images[place])), images[place])\n"
        "    return out",
    ),
    of("shift", "data.crop", "def random_shift(images, padding=4):\n    return data.crop(images, padding)\n", T_SHIFT),
    of(
        "shift",
        "torchvision's crop",
        "def random_shift(images, padding=4):\n"
        "    from course_utils.torchvision_ops import transforms\n"
        "    window = transforms.RandomCrop(images.shape[-2:], padding=padding or None)\n"
        "    return torch.stack([window(image) for image in images])\n",
        T_SHIFT,
    ),
    shift(
        "the middle is likelier",
        T_SHIFT[1:],
        draw="sum(torch.randint(padding + 1, (len(images), 2)) for _ in range(2)).tolist()",
    ),
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
    *CHOSEN_BY_THE_STUDENT,
    *STAIRCASES,
    flip(
        "upside down",
        "chosen = torch.rand(len(images)) < probability\n"
        "    return torch.where(chosen[:, None, None, None], images.flip(2), images)",
    ),
    flip("all or none", "return images.flip(3) if torch.rand(()) < probability else images", ("test_flip_hidden",)),
    flip(
        "always half",
        "chosen = torch.rand(len(images)) < 0.5\n"
        "    return torch.where(chosen[:, None, None, None], images.flip(3), images)",
    ),
    flip(
        "turned round",
        "chosen = torch.rand(len(images)) >= probability\n"
        "    return torch.where(chosen[:, None, None, None], images.flip(3), images)",
    ),
    flip(
        "row by row",
        "chosen = torch.rand(images.shape[:3]) < probability\n"
        "    return torch.where(chosen[..., None], images.flip(3), images)",
        ("test_flip_hidden",),
    ),
    flip(
        "in place",
        "chosen = torch.rand(len(images)) < probability\n    images[chosen] = images[chosen].flip(3)\n"
        "    return images",
        ("test_flip_hidden",),
    ),
    shift("one place for the batch", draw="[torch.randint(2 * padding + 1, (2,)).tolist()] * len(images)"),
    shift(
        "upper end left out",
        ("test_shift_hidden",),
        draw="torch.randint(2 * padding, (len(images), 2)).tolist() if padding else [(0, 0)] * len(images)",
    ),
    shift(
        "along the diagonal",
        ("test_shift_hidden",),
        draw="[(int(k), int(k)) for k in torch.randint(2 * padding + 1, (len(images),))]",
    ),
    shift(
        "rolled round",
        padded="images",
        draw="torch.randint(-padding, padding + 1, (len(images), 2)).tolist()",
        window="x.roll((i, j), (1, 2))",
    ),
    shift(
        "mirrored border",
        padded="F.pad(images.float(), (padding,) * 4, mode='reflect').to(images.dtype) if padding else images",
    ),
    shift("not cut out", window="x"),
    final("all epochs", "sum(values) / len(values)"),
    final("best epoch", "max(values)"),
    final("first epochs", "sum(values[:last]) / len(values[:last])"),
    final("divided by last", "sum(values[-last:]) / last", ("test_final_hidden",)),
    dropout("not scaled", out="inputs * kept", loses=(*T_DROPOUT, "test_network_hidden")),
    dropout(
        "share that is kept",
        (*T_DROPOUT, "test_network_hidden"),
        mask="(torch.rand_like(inputs) < self.rate)",
    ),
    dropout("scaled in use", idle="inputs * (1 - self.rate)", loses=(*T_DROPOUT, *T_NETWORK)),
    dropout("always at work", before="self.training = True", loses=(*T_DROPOUT, *T_NETWORK)),
    dropout("one mask for all samples", ("test_dropout_hidden",), mask="(torch.rand_like(inputs[:1]) >= self.rate)"),
    dropout("the layer of torch", mask="None", out="nn.Dropout(self.rate)(inputs)"),
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
    best("another candidate", (T_CHOICE,), name="'reg-best-dropout'"),
    best("no such name", (T_CHOICE, T_BEST), name="'both'"),
    best("the record", (T_CHOICE, T_BEST), name="candidate_records['reg-best-batch-norm'].history"),
    Answer("best: not handed in", {}, (T_CHOICE, T_BEST), {CHOSEN: None}),
    Answer("best: never trained", {}, (T_CHOICE, T_BEST), {CHOSEN: untrained}),
    Answer("best: a record typed by hand", {}, (T_CHOICE,), {"reg-best-dropout": praised}),
    Answer("best: a record typed by hand, without weights", {}, (T_CHOICE, T_BEST), {CHOSEN: made_up}),
]
