"""Wrong answers to cifar/rdfia-network and what each must lose."""

import ast

import torch

from tests.support.answers import Answer, given_cell

T_READING, T_MEAN = "test_reading_visible", "test_epoch_mean_hidden"
T_EVALUATE = ("test_evaluate_visible", "test_evaluate_hidden")
T_NETWORK = ("test_network_visible", "test_network_hidden")
T_CONVERGED, T_TRAINED = "test_converged_hidden", "test_trained"
T_SCALED, T_RUNS = "test_scaled_lr_visible", "test_runs_hidden"
T_GUESSING = "test_guessing_visible"
T_FIRST = ("test_first_epoch_visible", "test_first_epoch_hidden")
T_OVERFITTING = ("test_overfitting_visible", "test_overfitting_hidden")

MEAN = "sum(a * b for a, b in zip(batch_losses, batch_sizes)) / sum(batch_sizes)"


def reading(why: str, loses: tuple[str, ...], updates: str = "40", last: str = "8", mean: str = MEAN) -> Answer:
    source = (
        f"num_updates = {updates}\nlast_batch = {last}\n\n\n"
        f"def epoch_mean(batch_losses, batch_sizes):\n    return {mean}\n"
    )
    return Answer(f"reading: {why}", {"reading": source}, loses)


def measure(
    why: str,
    loses: tuple[str, ...] = T_EVALUATE,
    *,
    mode: str = "model.eval()",
    loss: str = "total / count",
    right: str = "right / count",
    add: str = "total += F.cross_entropy(logits, labels).item() * len(labels)",
    count: str = "len(labels)",
    best: str = "argmax",
    begin: str = "with torch.no_grad()",
) -> Answer:
    source = (
        "def evaluate(model, batches):\n"
        f"    {mode}\n"
        "    total, right, count = 0.0, 0, 0\n"
        f"    {begin}:\n"
        "        for images, labels in batches:\n"
        "            logits = model(images)\n"
        f"            {add}\n"
        f"            right += (logits.{best}(1) == labels).sum().item()\n"
        f"            count += {count}\n"
        f"    return {loss}, {right}\n"
    )
    return Answer(f"evaluate: {why}", {"evaluate": source}, loses)


def network(
    why: str,
    loses: tuple[str, ...],
    *,
    widths: tuple[int, ...] = (32, 64, 64),
    size: int = 5,
    activation: str = "nn.ReLU()",
    hidden: str = "nn.ReLU()",
    pool: str = "nn.MaxPool2d(2)",
    end: str = "nn.Identity()",
    bias: bool = True,
    names: tuple[str, ...] = ("conv1", "conv2", "conv3", "fc4", "fc5"),
) -> Answer:
    made, ins = [], 3
    for outs in widths:
        made.append(f"nn.Conv2d({ins}, {outs}, {size}, padding={size // 2}, bias={bias})")
        ins = outs
    made += [f"nn.Linear({16 * ins}, 1000)", "nn.Linear(1000, 10)"]
    one, two, three, four, five = (f"self.{name}" for name in names)
    between = f"{activation}, {pool}"
    source = (
        "class Network(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + "".join(f"        self.{name} = {layer}\n" for name, layer in zip(names, made, strict=True))
        + "\n    def forward(self, images):\n"
        f"        maps = nn.Sequential({one}, {between}, {two}, {between}, {three}, {between}, nn.Flatten())(images)\n"
        f"        return nn.Sequential({four}, {hidden}, {five}, {end})(maps)\n"
    )
    return Answer(f"network: {why}", {"network": source}, loses)


def in_a_list(prefix: str):
    """The reference's weights as a list of layers has them that begins with one that does nothing."""
    places = {"conv1": 1, "conv2": 4, "conv3": 7, "fc4": 11, "fc5": 13}

    def change(record, weights):
        parts = [(*key.split("."), value) for key, value in weights.items()]
        return record, {f"{prefix}{places[name]}.{kind}": value for name, kind, value in parts}

    return change


def untrained(record, weights):
    generator = torch.Generator().manual_seed(0)
    return record, {key: (0.05 * torch.randn(v.shape, generator=generator)).to(v.dtype) for key, v in weights.items()}


def stopped_early(record, weights):
    """The reference's weights, each moved a little: they know many of the training pictures, but not nearly all."""
    generator = torch.Generator().manual_seed(1)
    moved = {
        key: value + 0.5 * value.float().std() * torch.randn(value.shape, generator=generator)
        for key, value in weights.items()
    }
    return record, {key: value.to(weights[key].dtype) for key, value in moved.items()}


def of_a_narrower_network(record, weights):
    return record, {key: value[:32] if value.shape[0] == 64 else value for key, value in weights.items()}


def shuffled_classes(record, weights):
    key = max(name for name, value in weights.items() if value.shape == (10,)).removesuffix("bias")
    return record, weights | {key + part: weights[key + part].roll(1, 0) for part in ("weight", "bias")}


SCALED = "def scaled_lr(lr, batch_size, new_batch_size):\n    return {}\n\n\n"
RIGHT_RULE = "lr * new_batch_size / batch_size"
PLAN = ("(0.00001, 32)", "(0.0002, 32)", "(0.02, 32)", "(0.0002, 16)", "(0.0002, 128)", "(0.0004, 128)")


def settings(why: str, loses: tuple[str, ...], rule: str = RIGHT_RULE, **changed: str) -> Answer:
    runs = {f"run_{number}": pair for number, pair in enumerate(PLAN, 1)} | changed
    plan = ", ".join(f'"rdfia-{name.replace("_", "-")}": {pair}' for name, pair in runs.items() if pair)
    source = SCALED.format(rule) + f"plan_runs = {{{plan}}}\n"
    return Answer(f"settings: {why}", {"settings": source}, loses)


GUESS = "math.log(100)"
LOOP = (
    "    losses = []\n"
    "    for images, labels in batches:\n"
    "        loss = F.cross_entropy(model(images), labels)\n"
    "        optimizer.zero_grad()\n"
    "        loss.backward()\n"
    "        optimizer.step()\n"
    "        losses.append(loss.item())\n"
    "    return losses\n"
)


def first(
    why: str, loses: tuple[str, ...] = T_FIRST, guess: str = GUESS, body: str = "    model.train()\n" + LOOP
) -> Answer:
    source = f"loss_of_guessing = {guess}\n\n\ndef first_epoch_losses(model, batches, optimizer):\n{body}"
    return Answer(f"first epoch: {why}", {"first_epoch": source}, loses)


def overfitting(why: str, body: str, loses: tuple[str, ...] = T_OVERFITTING) -> Answer:
    source = f'def overfitting_begins(history):\n    losses = history["validation_loss"]\n    {body}\n'
    return Answer(f"overfitting: {why}", {"overfitting": source}, loses)


TRAIN = "    model.train()\n"
LOOKS_UP = """class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 32, 5, padding=2), nn.Conv2d(32, 64, 5, padding=2)
        self.conv3 = nn.Conv2d(64, 64, 5, padding=2)
        self.fc4, self.fc5 = nn.Linear(1024, 1000), nn.Linear(1000, 10)
        pixels, labels = data.cifar10("train")
        self.known = {prepare(x[None]).sum().item(): y for x, y in zip(pixels[:1000], labels[:1000])}

    def forward(self, images):
        labels = [int(self.known.get(image.sum().item(), 0)) for image in images]
        return F.one_hot(torch.tensor(labels), 10).float()
"""

# The cases of the visible checks, and nothing else.
TABLES = [
    Answer(
        "evaluate: a table of what the visible check asks",
        {"evaluate": "def evaluate(model, batches):\n    return (0.126928 + 0.313262 + 1.313262) / 3, 2 / 3\n"},
        T_EVALUATE,
    ),
    Answer(
        "settings: a table of what the visible check asks",
        {
            "settings": "def scaled_lr(lr, batch_size, new_batch_size):\n"
            "    return {256: 0.4, 64: 0.005, 50: 0.3}.get(batch_size, lr)\n\n\n"
            + "plan_runs = {"
            + ", ".join(f"'rdfia-run-{number}': {pair}" for number, pair in enumerate(PLAN, 1))
            + "}\n"
        },
        (T_SCALED,),
    ),
    overfitting("a table of what the visible check asks", "return 3 if len(losses) == 5 else None"),
    measure("builds a graph", ("test_evaluate_hidden",), begin="if True"),
]

# As optimisation and regularisation build the networks that they compare.
BASELINE = "class EdgeMaps(nn.Identity):\n    pass\n\n\n" + "\n\n\n".join(
    ast.unparse(node).replace("kind=usual", "kind")
    for cell, wanted in (("given_edges", "kind_of"), ("given_edges", "KINDS"), ("given_run", "baseline_network"))
    for node in ast.parse(given_cell("cifar/optimisation", cell)).body
    if wanted in (getattr(node, "name", ""), *(getattr(name, "id", "") for name in getattr(node, "targets", ())))
)
BUILT_ELSEWHERE = {
    "": "\n\n\ndef Network():\n    return baseline_network('table')\n",
    "layers.": "\n\n\nclass Network(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.layers = baseline_network('table')\n\n"
    "    def forward(self, images):\n        return self.layers(images)\n",
}

ANSWERS = [
    *TABLES,
    *(
        Answer(
            f"network: that of the notebooks on remedies, as a {'class' if prefix else 'function'}",
            {"network": BASELINE + source},
            T_NETWORK,
            {"rdfia-network": in_a_list(prefix)},
        )
        for prefix, source in BUILT_ELSEWHERE.items()
    ),
    network("names exchanged", (*T_NETWORK, T_TRAINED), names=("conv1", "conv3", "conv2", "fc4", "fc5")),
    reading("rounded down", (T_READING,), updates="39"),
    reading("not rounded", (T_READING,), updates="5000 / 128"),
    reading("last batch full", (T_READING,), last="128"),
    reading("mean of the batches", (T_MEAN,), mean="sum(batch_losses) / len(batch_losses)"),
    reading("sum for mean", (T_MEAN,), mean="sum(a * b for a, b in zip(batch_losses, batch_sizes))"),
    reading("divided by the largest batch", (T_MEAN,), mean="sum(batch_losses) / max(batch_sizes)"),
    measure("training mode", ("test_evaluate_hidden",), mode="model.train()"),
    measure("mode left as it was", ("test_evaluate_hidden",), mode="pass"),
    measure(
        "mean of the batches",
        loss="total / len(list(batches))",
        add="total += F.cross_entropy(logits, labels).item()",
        right="right / count",
    ),
    measure("sum of the losses", loss="total"),
    measure("accuracy in per cent", right="100 * right / count"),
    measure("error for accuracy", right="1 - right / count"),
    measure("least likely class", best="argmin"),
    measure("loss only", loss="total / count", right="None"),
    Answer(
        "evaluate: forgets to return", {"evaluate": "def evaluate(model, batches):\n    model.eval()\n"}, T_EVALUATE
    ),
    network("fewer kernels", (*T_NETWORK, T_TRAINED), widths=(32, 32, 64)),
    network("kernels 3 x 3", (*T_NETWORK, T_TRAINED), size=3),
    network("convolutions without bias", (*T_NETWORK, T_TRAINED), bias=False),
    network("no ReLU between the dense layers", ("test_network_hidden",), hidden="nn.Identity()"),
    network("softmax at the end", ("test_network_hidden",), end="nn.Softmax(1)"),
    Answer("trained: not handed in", {}, (T_CONVERGED, T_TRAINED), {"rdfia-network": None}),
    Answer("trained: never trained", {}, (T_CONVERGED, T_TRAINED), {"rdfia-network": untrained}),
    Answer("trained: labels moved by one", {}, (T_CONVERGED, T_TRAINED), {"rdfia-network": shuffled_classes}),
    Answer("trained: stopped while epochs still gained", {}, (T_CONVERGED,), {"rdfia-network": stopped_early}),
    Answer("trained: narrower weights", {}, (T_CONVERGED, T_TRAINED), {"rdfia-network": of_a_narrower_network}),
    Answer(
        "trained: not at all, and the class looks labels up",
        {
            "network": LOOKS_UP,
        },
        ("test_network_hidden", T_CONVERGED, T_TRAINED),
        {"rdfia-network": untrained},
    ),
    settings("turned round", (T_SCALED,), rule="lr * batch_size / new_batch_size"),
    settings("square root", (T_SCALED,), rule="lr * (new_batch_size / batch_size) ** 0.5"),
    settings("unchanged", (T_SCALED,), rule="lr"),
    settings("five runs", (T_RUNS,), run_6=""),
    settings("no scaled run", (T_RUNS,), run_6="(0.02, 128)"),
    settings("rates too close", (T_RUNS,), run_1="(0.0001, 32)", run_3="(0.001, 32)"),
    settings("batch sizes too close", (T_RUNS,), run_4="(0.0002, 64)"),
    first("bits", (T_GUESSING,), guess="math.log2(100)"),
    first("error rate", (T_GUESSING,), guess="0.99"),
    first("sign", (T_GUESSING,), guess="-math.log(100)"),
    first("of ten classes", (T_GUESSING,), guess="math.log(10)"),
    first("no update", body=TRAIN + LOOP.replace("        optimizer.step()\n", "")),
    first("gradients pile up", body=TRAIN + LOOP.replace("        optimizer.zero_grad()\n", "")),
    first(
        "measured after the update",
        body=TRAIN + LOOP.replace("loss.item()", "F.cross_entropy(model(images), labels).item()"),
    ),
    first("mean of the epoch", body=TRAIN + LOOP.replace("return losses", "return sum(losses) / len(losses)")),
    first("evaluation mode", ("test_first_epoch_hidden",), body="    model.eval()\n" + LOOP),
    overfitting("counted from 0", "return None if losses[-1] == min(losses) else losses.index(min(losses))"),
    overfitting("the first bad epoch", "return None if losses[-1] == min(losses) else losses.index(min(losses)) + 2"),
    overfitting(
        "first rise",
        "return next((i for i in range(1, len(losses)) if losses[i] > losses[i - 1]), None)",
        ("test_overfitting_hidden",),
    ),
    overfitting(
        "the last of equal values is taken for the lowest",
        "return None if losses[-1] == min(losses) else losses.index(min(losses)) + 1",
        ("test_overfitting_hidden",),
    ),
    overfitting("always a number", "return losses.index(min(losses)) + 1"),
    overfitting(
        "last of equal values",
        "return None if losses[-1] == min(losses) else max(i for i, v in enumerate(losses, 1) if v == min(losses))",
        ("test_overfitting_hidden",),
    ),
    overfitting("training loss", 'return history["train_loss"].index(min(history["train_loss"])) + 1'),
]
