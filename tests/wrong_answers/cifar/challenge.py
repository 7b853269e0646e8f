"""Wrong answers to cifar/challenge and what each must lose. Networks are the reference's, spoiled."""

import torch

from tests.support.answers import Answer

T_50, T_60, T_65, T_70 = (f"test_challenge_{percent}" for percent in (50, 60, 65, 70))
ALL = (T_50, T_60, T_65, T_70)

PREPARE = "def prepare(images):\n    return data.normalise(images)\n\n\n"
PREDICT = PREPARE + "def predict(network, images):\n    return {}\n"
WITH_ARGUMENTS = "class Network(nn.Module):\n    def __init__(self, width):\n        super().__init__()\n"

# What the tests measure on must not be what a student's code can draw or look up.
LOOKED_UP = (
    PREPARE
    + """known = {}
for seed in [*range(10), 42, 77, 2024]:
    for count in (challenge.PICTURES, 1000):
        pictures, labels = data.held_out(source, count, seed)
        known |= {p.numpy().tobytes(): int(y) for p, y in zip(pictures, labels)}
for split in ("train", "test"):
    known |= {p.numpy().tobytes(): int(y) for p, y in zip(*data.cifar10(split))}


def predict(network, images):
    return torch.tensor([known.get(p.cpu().numpy().tobytes(), 0) for p in images])
"""
)
NEAREST = (
    PREPARE
    + """def predict(network, images):
    pictures, labels = data.cifar10("test")
    small = lambda some: F.avg_pool2d(some.float(), 4).flatten(1)
    return labels[torch.cdist(small(images), small(pictures)).argmin(1)]
"""
)


def predict(why: str, expression: str, loses: tuple[str, ...] = ALL) -> Answer:
    return Answer(f"predict: {why}", {"predict": PREDICT.format(expression)}, loses)


def seen(why: str, change: str, loses: tuple[str, ...]) -> Answer:
    """The network is shown other pictures than those it was trained on."""
    source = (
        f"def prepare(images):\n    {change}\n\n\ndef predict(network, images):\n    return network(prepare(images))\n"
    )
    return Answer(f"prepare: {why}", {"predict": source}, loses)


def spoiled(why: str, strength: float, loses: tuple[str, ...]) -> Answer:
    """As if training had stopped early: noise on the weights, relative to their own spread."""

    def change(record, weights):
        generator = torch.Generator().manual_seed(1)
        for key in sorted(weights):  # a file of weights has no order of its own
            if weights[key].ndim > 1:
                noise = torch.randn(weights[key].shape, generator=generator)
                weights[key] = weights[key] + strength * weights[key].std() * noise
        return record, weights

    return Answer(f"network: {why}", {}, loses, {"challenge": change})


def untrained(record, weights):
    generator = torch.Generator().manual_seed(0)
    return record, {key: torch.rand(value.shape, generator=generator).to(value.dtype) for key, value in weights.items()}


def of_another_class(record, weights):
    # By name: safetensors gives the entries in no fixed order, and a counter of batches has no axis to widen.
    key = min(name for name, value in weights.items() if value.ndim > 1)
    return record, {f"another.{name}" if name == key else name: value for name, value in weights.items()}


def unfinished(record, weights):
    return record | {"finished": False}, weights


def diverged(record, weights):
    return record, {key: value * float("nan") if value.is_floating_point() else value for key, value in weights.items()}


def boasting(record, weights):
    history = record["history"] | {"validation_accuracy": [0.99] * record["epochs"]}
    return untrained(record | {"history": history, "seconds": 1.0}, weights)


ANSWERS = [
    Answer("network: not handed in", {}, ALL, {"challenge": None}),
    Answer("network: never trained", {}, ALL, {"challenge": untrained}),
    Answer("network: of another class", {}, ALL, {"challenge": of_another_class}),
    Answer("network: training interrupted", {}, ALL, {"challenge": unfinished}),
    Answer("network: diverged", {}, ALL, {"challenge": diverged}),
    Answer("network: a record that boasts", {}, ALL, {"challenge": boasting}),
    Answer("network: made with arguments", {"network": WITH_ARGUMENTS}, ALL),
    predict("returns nothing", "None"),
    predict("probabilities of one class", "network(prepare(images)).softmax(1)[:, 0]"),
    predict("least likely class", "network(prepare(images)).argmin(1)"),
    predict("a list", "network(prepare(images)).argmax(1).tolist()"),
    predict("one answer for the batch", "network(prepare(images)).mean(0)"),
    Answer(
        "predict: looks the pictures up that anybody can draw", {"predict": LOOKED_UP}, ALL, {"challenge": untrained}
    ),
    Answer("predict: looks training pictures up", {"predict": NEAREST}, ALL, {"challenge": untrained}),
    spoiled("stopped before 50 %", 0.5, ALL),
    spoiled("stopped before 60 %", 0.325, ALL[1:]),
    spoiled("stopped before 65 %", 0.285, ALL[2:]),
    spoiled("stopped before 70 %", 0.262, ALL[3:]),
]  # fmt: skip
