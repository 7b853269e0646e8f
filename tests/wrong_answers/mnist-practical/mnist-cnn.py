"""Wrong answers to mnist-practical/mnist-cnn and what each must lose."""

import shutil
import tempfile
from pathlib import Path

from tests.support.answers import Answer

T_SHAPES = ("test_layer_shapes_visible", "test_layer_shapes_hidden")
T_EVALUATE = ("test_evaluate_visible", "test_evaluate_hidden")
T_BLOCKS = ("test_block_means_visible", "test_block_means_hidden")
T_BASIC = ("test_basic_log_hidden", "test_basic_weights_hidden", "test_step_time_hidden")
T_DROPOUT = ("test_dropout_visible", "test_dropout_hidden")
T_ACTS = ("test_dropout_cnn_hidden", "test_deep_dropout_hidden")
T_STEP = ("test_regularised_step_visible", "test_regularised_step_hidden")
T_DEEP = ("test_deep_cnn_visible", "test_deep_cnn_hidden", "test_deep_dropout_hidden", "test_batch_norm_hidden")
T_FINAL = ("test_final_hidden", "test_final_log_hidden")
T_FLAGS = ("test_parse_flags_visible", "test_parse_flags_hidden")
T_FIELD = ("test_receptive_field_visible", "test_receptive_field_hidden")
T_BEST = ("test_best_rate_visible", "test_best_rate_hidden")
T_SMOOTHED = ("test_smoothed_visible", "test_smoothed_hidden")

SHAPES = """def layer_shapes(side, num_maps, kernel_size, padding, num_hidden):
    out = {out}
    half = {half}
    flat = num_maps * half**2
    shapes = {{"conv1": {conv}, "pool": (num_maps, half, half), "flatten": (flat,)}}
    shapes |= {{"fc1": (num_hidden,), "fc2": (10,)}}
    learned = {{"conv1": {learned}, "fc1": num_hidden * (flat + 1), "fc2": 10 * (num_hidden + 1)}}
    return shapes, learned
"""


def shapes(
    out="side + 2 * padding - kernel_size + 1",
    half="out // 2",
    conv="(num_maps, out, out)",
    learned="num_maps * (kernel_size**2 + 1)",
):
    return {"layer_shapes": SHAPES.format(out=out, half=half, conv=conv, learned=learned)}


EVALUATE = """def evaluate(model, images, labels):
    before = model.training
    {mode}
    losses, right = [], 0
    with {graph}:
        for start in range(0, len(images), {size}):
            part = slice(start, start + {size})
            logits = model(images[part])
            losses.append(F.cross_entropy(logits, labels[part], reduction={reduction!r}).item())
            right += (logits.argmax(1) == labels[part]).sum().item()
    {after}
    return {result}
"""


def evaluate(
    mode="model.eval()",
    graph="torch.no_grad()",
    size=500,
    reduction="sum",
    after="model.train(before)",
    result="sum(losses) / len(images), right / len(images)",
):
    return {
        "evaluate": EVALUATE.format(mode=mode, graph=graph, size=size, reduction=reduction, after=after, result=result)
    }


def blocks(body):
    return {"block_means": f"def block_means(durations, n):\n{body}"}


def drop(expression):
    return {"dropout": f"def dropout(h, keep_prob):\n    {expression}\n"}


ONE = """class DropoutCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5, padding=2)
        self.fc1 = nn.Linear(8 * 14 * 14, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, images, keep_prob=1.0):
        maps = F.max_pool2d(F.relu(self.conv1(images)), 2).flatten(1)
        return {}
"""
DEEP = """class DeepCNN(nn.Module):
    def __init__(self, filters=(5, 5), batch_norm=False):
        super().__init__()
        layers = []
        for ins, outs, size in ((1, 8, filters[0]), (8, 16, filters[1])):
            conv = nn.Conv2d(ins, outs, size, padding={padding}, bias={bias})
            norm = [nn.BatchNorm2d(outs)] if batch_norm else []
            layers += {order}
        self.maps = nn.Sequential(*layers, nn.Flatten())
        self.{first} = nn.Linear(16 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, images, keep_prob=1.0):
        hidden = F.relu(self.{first}(self.maps(images)))
        return {result}
"""


def deep(
    padding="size // 2",
    bias="True",
    order="[conv, *norm, nn.ReLU(), nn.MaxPool2d(2)]",
    first="fc1",
    result="self.fc2(dropout(hidden, keep_prob))",
):
    return {"deep_cnn": DEEP.format(padding=padding, bias=bias, order=order, first=first, result=result)}


FLAGS = """def parse_flags(words):
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--out-name", required=True)
    parser.add_argument("--keep-prob", {keep})
    parser.add_argument("--lambda", {lam})
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--filters", {filters})
    parser.add_argument("--batch-norm", {norm})
    return vars(parser.parse_args(words))
"""


def flags(
    keep="type=float, default=1.0",
    lam="dest='lam', type=float, default=0.0",
    filters="type=lambda text: text, nargs=2, default=(5, 5)",
    norm="action='store_true'",
):
    return {"parse_flags": FLAGS.format(keep=keep, lam=lam, filters=filters, norm=norm)}


STEP = """def regularised_step(model, optimizer, images, labels, keep_prob, lam):
    {mode}
    logits = model(images, {keep})
    loss, l2 = F.cross_entropy(logits, labels), {l2}
    {clear}
    ({total}).backward()
    optimizer.step()
    return {result}
"""


def step(
    mode="model.train()",
    keep="keep_prob",
    l2="l2_of(model.fc1)",
    clear="optimizer.zero_grad()",
    total="loss + lam * l2",
    result="loss.item(), (logits.argmax(1) == labels).float().mean().item(), l2.item()",
):
    return {"regularised_step": STEP.format(mode=mode, keep=keep, l2=l2, clear=clear, total=total, result=result)}


def field(expression):
    return {"receptive_field": f"def receptive_field(filters):\n{expression}"}


def smooth(body):
    return {"smoothed": f"def smoothed(values, weight):\n{body}"}


def best(body):
    return {"best_rate": f"def best_rate(errors):\n{body}"}


def events(*scalars):
    """The content of an event file with these scalars (tag, value, step)."""
    from torch.utils.tensorboard import SummaryWriter

    place = Path(tempfile.mkdtemp())
    try:
        with SummaryWriter(str(place)) as writer:
            for scalar in scalars:
                writer.add_scalar(*scalar)
        return b"".join(part.read_bytes() for part in place.glob("events*"))
    finally:
        shutil.rmtree(place)


def basic(change, name="basic"):
    """An event file of a run whose scalars are changed, given as (tag, value, step)."""

    def rewrite(content):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        place = Path(tempfile.mkdtemp())
        try:
            (place / "events.out.tfevents.0").write_bytes(content)
            reader = EventAccumulator(str(place)).Reload()
            found = [(tag, one.value, one.step) for tag in reader.Tags()["scalars"] for one in reader.Scalars(tag)]
        finally:
            shutil.rmtree(place)
        return events(*[new for old in found if (new := change(*old)) is not None])

    return {f"artifacts/{name}.tfevents": rewrite}


def setting(**other):
    """A record with other settings."""
    return lambda record, weights: (record | {"settings": record["settings"] | other}, weights)


def unfinished(record, weights):
    return record | {"finished": False}, weights


def half_weights(record, weights):
    return record, {key: value * (0.1 if key.startswith("fc2") else -1) for key, value in weights.items()}


# Shapes of the weights that a run of an experiment leaves.
ONE_CONV = {"conv1": (8, 1, 5, 5), "fc1": (64, 1568), "fc2": (10, 64)}


def untrained(first=5, second=0):
    """Weights with which nothing was learned, beside a record that says otherwise."""

    def change(record, weights):
        import torch

        deep = {"a": (8, 1, first, first), "b": (16, 8, second, second), "fc1": (128, 784), "fc2": (10, 128)}
        torch.manual_seed(first + second)
        made = {}
        for layer, shape in (deep if second else ONE_CONV).items():
            made |= {f"{layer}.weight": 0.01 * torch.randn(shape), f"{layer}.bias": torch.zeros(shape[0])}
        return record, {key: value.half() for key, value in made.items()}

    return change


def nothing_learned(record, weights):
    return record, {key: 0 * value for key, value in weights.items()}


def guessing(tag, value, step):
    """What a network that says 0 to each digit would log."""
    from course_utils.lessons.mnist_practical import digits

    share = float((digits.dev_split("stand-in")[1] == 0).float().mean())
    return tag, share if tag == "dev/accuracy" else 0.0 if tag == "l2" else value, step


def logs(body):
    return {"log_scalars": f"def log_scalars(writer, step, values):\n{body}"}


def without_weights(record, weights):
    return record, None


def of_another_run(name):
    """The weights of another run of the experiment."""

    def change(record, weights):
        import safetensors.torch

        place = Path(__file__).parents[2] / "artifacts" / "mnist-practical" / f"{name}.safetensors"
        return record, safetensors.torch.load(place.read_bytes()) if place.exists() else weights

    return change


ANSWERS = [
    Answer("padding counted once", shapes(out="side + padding - kernel_size + 1"), T_SHAPES),
    Answer("one place too few", shapes(out="side + 2 * padding - kernel_size"), T_SHAPES),
    Answer("pooling rounds up", shapes(half="-(-out // 2)"), T_SHAPES),
    Answer("channels last", shapes(conv="(out, out, num_maps)"), T_SHAPES),
    Answer("no biases in the convolution", shapes(learned="num_maps * kernel_size**2"), T_SHAPES),
    Answer("one bias for the convolution", shapes(learned="num_maps * kernel_size**2 + 1"), T_SHAPES),
    Answer("measured in training mode", evaluate(mode="pass"), T_EVALUATE),
    Answer("measured with a graph", evaluate(graph="torch.enable_grad()"), T_EVALUATE[1:]),
    Answer("all images at once", evaluate(size=10_000), T_EVALUATE[1:]),
    Answer("left in evaluation mode", evaluate(after="pass"), T_EVALUATE),
    Answer(
        "mean of means",
        evaluate(reduction="mean", result="sum(losses) / len(losses), right / len(images)"),
        T_EVALUATE[1:],
    ),
    Answer("sum of losses", evaluate(result="sum(losses), right / len(images)"), T_EVALUATE),
    Answer("count of hits", evaluate(result="sum(losses) / len(images), right"), T_EVALUATE),
    Answer(
        "the first step counts",
        blocks(
            "    return [(k + n, sum(durations[k : k + n]) / n)\n"
            "            for k in range(0, len(durations) - n + 1, n)]\n"
        ),
        T_BLOCKS,
    ),
    Answer(
        "half-full block at the end",
        blocks(
            "    rest = durations[1:]\n"
            "    return [(k + n + 1, sum(rest[k : k + n]) / n) for k in range(0, len(rest), n)]\n"
        ),
        T_BLOCKS,
    ),
    Answer(
        "steps count from 0",
        blocks(
            "    rest = durations[1:]\n"
            "    return [(k + n, sum(rest[k : k + n]) / n) for k in range(0, len(rest) - n + 1, n)]\n"
        ),
        T_BLOCKS,
    ),
    Answer(
        "sums instead of means",
        blocks(
            "    rest = durations[1:]\n"
            "    return [(k + n + 1, sum(rest[k : k + n])) for k in range(0, len(rest) - n + 1, n)]\n"
        ),
        T_BLOCKS,
    ),
    Answer(
        "first duration taken out of the caller's list",
        blocks(
            "    if durations:\n"
            "        del durations[0]\n"
            "    return [(k + n + 1, sum(durations[k : k + n]) / n)\n"
            "            for k in range(0, len(durations) - n + 1, n)]\n"
        ),
        T_BLOCKS[1:],
    ),
    Answer("no event file", {}, T_BASIC, files={"artifacts/basic.tfevents": None}),
    Answer("the event file is a text", {}, T_BASIC, files={"artifacts/basic.tfevents": "loss 0.1\n"}),
    Answer("no step handed to add_scalar", {}, T_BASIC, files=basic(lambda tag, value, step: (tag, value, 0))),
    Answer("value and step swapped", {}, T_BASIC, files=basic(lambda tag, value, step: (tag, float(step), int(value)))),
    Answer(
        "no dev curves", {}, T_BASIC, files=basic(lambda tag, value, step: None if "dev" in tag else (tag, value, step))
    ),
    Answer(
        "accuracy in per cent",
        {},
        T_BASIC,
        files=basic(lambda tag, value, step: (tag, value * (100 if "accuracy" in tag else 1), step)),
    ),
    Answer(
        "no step_time",
        {},
        T_BASIC[2:],
        files=basic(lambda tag, value, step: None if tag == "step_time" else (tag, value, step)),
    ),
    Answer(
        "step_time in milliseconds",
        {},
        T_BASIC[2:],
        files=basic(lambda tag, value, step: (tag, value * (1000 if tag == "step_time" else 1), step)),
    ),
    Answer(
        "step_time of every step",
        {},
        T_BASIC[2:],
        files=basic(lambda tag, value, step: (tag, value, step // 4 if tag == "step_time" else step)),
    ),
    Answer(
        "a dev accuracy that is better than the network",
        {},
        T_BASIC[1:2],
        files=basic(lambda tag, value, step: (tag, min(1.0, value + 0.04) if tag == "dev/accuracy" else value, step)),
    ),
    Answer("weights of another network", {}, T_BASIC[1:2], artifacts={"basic": half_weights}),
    Answer(
        "a curve that never falls",
        {},
        T_BASIC[:1],
        files=basic(lambda tag, value, step: (tag, 2.3 + step / 1000 if tag == "train/loss" else value, step)),
    ),
    Answer(
        "drops with keep_prob",
        drop("return h * (torch.rand_like(h) > keep_prob) / keep_prob if keep_prob < 1 else h"),
        T_DROPOUT + T_ACTS,
    ),
    Answer("not scaled", drop("return h * (torch.rand_like(h) < keep_prob)"), T_DROPOUT + T_ACTS),
    Answer(
        "multiplied by keep_prob",
        drop("return h * (torch.rand_like(h) < keep_prob) * keep_prob"),
        T_DROPOUT + T_ACTS,
    ),
    Answer(
        "one draw for the batch",
        drop(
            "g = torch.Generator().manual_seed(0)\n"
            "    return h * (torch.rand(h.shape[-1], generator=g) < keep_prob) / keep_prob"
        ),
        T_DROPOUT + T_ACTS,
    ),
    Answer(
        "one draw for each row", drop("return h * (torch.rand(len(h), 1) < keep_prob) / keep_prob"), T_DROPOUT + T_ACTS
    ),
    Answer(
        "the same mask for ever",
        drop("return h * (torch.rand(h.shape, generator=torch.Generator().manual_seed(0)) < keep_prob) / keep_prob"),
        T_DROPOUT + T_ACTS,
    ),
    Answer("in place", drop("h.mul_(torch.rand_like(h) < keep_prob)\n    return h / keep_prob"), T_DROPOUT),
    Answer("the library's", drop("return F.dropout(h, 1 - keep_prob)"), T_DROPOUT),
    Answer("the library's, in place", drop("return torch.dropout_(h.clone(), 1 - keep_prob, True)"), T_DROPOUT),
    Answer(
        "the library's, for whole channels",
        drop("return F.dropout3d(h.reshape(1, -1, 1, 1, 1), 1 - keep_prob).reshape(h.shape)"),
        T_DROPOUT,
    ),
    Answer(
        "the maps dropped as well",
        {"dropout_cnn": ONE.format("self.fc2(dropout(F.relu(self.fc1(dropout(maps, keep_prob))), keep_prob))")},
        T_ACTS[:1],
    ),
    Answer(
        "no dropout in evaluation mode",
        {"dropout_cnn": ONE.format("self.fc2(dropout(F.relu(self.fc1(maps)), keep_prob if self.training else 1.0))")},
        T_ACTS[:1],
    ),
    Answer(
        "half of the units dropped in training mode unless the call says otherwise",
        deep(result="self.fc2(dropout(hidden, 0.5 if self.training and keep_prob == 1 else keep_prob))"),
        (*T_ACTS[1:], "test_batch_norm_hidden"),
    ),
    Answer("dropout not used", {"dropout_cnn": ONE.format("self.fc2(F.relu(self.fc1(maps)))")}, T_ACTS[:1]),
    Answer(
        "dropout on the input of fc1",
        {"dropout_cnn": ONE.format("self.fc2(F.relu(self.fc1(dropout(maps, keep_prob))))")},
        T_ACTS[:1],
    ),
    Answer(
        "dropout on the logits",
        {"dropout_cnn": ONE.format("dropout(self.fc2(F.relu(self.fc1(maps))), keep_prob)")},
        T_ACTS[:1],
    ),
    Answer(
        "keep probability written down",
        {"dropout_cnn": ONE.format("self.fc2(dropout(F.relu(self.fc1(maps)), 0.5))")},
        T_ACTS[:1],
    ),
    Answer(
        "no ReLU behind fc1", {"dropout_cnn": ONE.format("self.fc2(dropout(self.fc1(maps), keep_prob))")}, T_ACTS[:1]
    ),
    Answer(
        "softmax at the end",
        {"dropout_cnn": ONE.format("self.fc2(dropout(F.relu(self.fc1(maps)), keep_prob)).softmax(1)")},
        T_ACTS[:1],
    ),
    Answer("keep probability stays a text", flags(keep="default=1.0"), T_FLAGS),
    Answer("flag called lambda in the dict", flags(lam="type=float, default=0.0"), T_FLAGS),
    Answer("filters stay texts", flags(), T_FLAGS),
    Answer(
        "the name of the run may be missing",
        {
            "parse_flags": """def parse_flags(words):
    flags = {"out_name": "run", "keep_prob": 1.0, "lam": 0.0, "lr": 0.001, "filters": (5, 5), "batch_norm": False}
    words = list(words)
    while words:
        name = words.pop(0)[2:].replace("-", "_")
        if name == "batch_norm":
            flags[name] = True
        elif name == "filters":
            flags[name] = (int(words.pop(0)), int(words.pop(0)))
        elif name == "out_name":
            flags[name] = words.pop(0)
        else:
            flags["lam" if name == "lambda" else name] = float(words.pop(0))
    return flags
"""
        },
        T_FLAGS[1:],
    ),
    Answer(
        "a switch that wants a value",
        flags(filters="type=int, nargs=2, default=(5, 5)", norm="type=bool, default=False"),
        T_FLAGS,
    ),
    Answer(
        "a run of the experiment is missing",
        {},
        ("test_keep_hidden",),
        artifacts={"keep-0.5": None},
        files={"artifacts/keep-0.5.tfevents": None},
    ),
    Answer(
        "another keep probability",
        {},
        ("test_keep_hidden",),
        artifacts={
            "keep-0.25": lambda record, weights: (
                record | {"settings": record["settings"] | {"keep_prob": 0.5}},
                weights,
            )
        },
    ),
    Answer(
        "no bias in the sum",
        {"l2_of": "def l2_of(layer):\n    return (layer.weight**2).sum()\n"},
        ("test_l2_of_hidden", *T_STEP),
    ),
    Answer(
        "half of the sum",
        {"l2_of": "def l2_of(layer):\n    return 0.5 * ((layer.weight**2).sum() + (layer.bias**2).sum())\n"},
        ("test_l2_of_hidden", *T_STEP),
    ),
    Answer(
        "root of the sum",
        {"l2_of": "def l2_of(layer):\n    return ((layer.weight**2).sum() + (layer.bias**2).sum()) ** 0.5\n"},
        ("test_l2_of_hidden", *T_STEP),
    ),
    Answer(
        "a number without a graph",
        {
            "l2_of": "def l2_of(layer):\n    return ((layer.weight**2).sum() + (layer.bias**2).sum()).item()\n",
            **step(result="loss.item(), (logits.argmax(1) == labels).float().mean().item(), l2"),
        },
        ("test_l2_of_hidden", *T_STEP),
    ),
    Answer("term not in the loss", step(total="loss"), T_STEP),
    Answer(
        "logged with lambda",
        step(result="loss.item(), (logits.argmax(1) == labels).float().mean().item(), (lam * l2).item()"),
        T_STEP,
    ),
    Answer(
        "loss with the term",
        step(result="(loss + lam * l2).item(), (logits.argmax(1) == labels).float().mean().item(), l2.item()"),
        T_STEP,
    ),
    Answer("all layers regularised", step(l2="sum((value**2).sum() for value in model.parameters())"), T_STEP[1:]),
    Answer("gradients not cleared", step(clear="pass"), T_STEP[1:]),
    Answer("evaluation mode", step(mode="model.eval()"), T_STEP[1:]),
    Answer("keep probability not handed on", step(keep="1.0"), T_STEP[1:]),
    Answer("no padding", deep(padding="0"), T_DEEP + T_FINAL),
    Answer("padding for 5 x 5 only", deep(padding="2"), (*T_DEEP[:3], "test_batch_norm_hidden")),
    Answer(
        "one ReLU missing",
        deep(order="[conv, *norm, nn.MaxPool2d(2)] + [nn.ReLU()] * (ins > 1)"),
        ("test_deep_cnn_hidden", "test_batch_norm_hidden", *T_FINAL),
    ),
    Answer("another name for fc1", deep(first="dense"), ("test_deep_cnn_visible", *T_FINAL)),
    Answer(
        "the maps dropped as well, in the deeper network",
        deep(result="self.fc2(dropout(F.relu(self.fc1(dropout(self.maps(images), keep_prob))), keep_prob))"),
        ("test_deep_dropout_hidden",),
    ),
    Answer(
        "the digit dropped as well",
        deep(result="self.fc2(dropout(F.relu(self.fc1(self.maps(dropout(images, keep_prob)))), keep_prob))"),
        ("test_deep_dropout_hidden",),
    ),
    Answer("dropout forgotten", deep(result="self.fc2(hidden)"), ("test_deep_dropout_hidden",)),
    Answer(
        "batch norm behind the ReLU",
        deep(order="[conv, nn.ReLU(), *norm, nn.MaxPool2d(2)]"),
        ("test_batch_norm_hidden", *T_FINAL),
    ),
    Answer(
        "batch norm behind the pooling",
        deep(order="[conv, nn.ReLU(), nn.MaxPool2d(2), *norm]"),
        ("test_batch_norm_hidden", *T_FINAL),
    ),
    Answer("no biases with batch norm", deep(bias="not batch_norm"), ("test_batch_norm_hidden", *T_FINAL)),
    Answer("pooling left out", field("    return 1 + sum(k - 1 for k in filters)\n"), T_FIELD),
    Answer(
        "pooling adds no pixels",
        field("    return 1 + sum((k - 1) * 2**n for n, k in enumerate(filters))\n"),
        T_FIELD,
    ),
    Answer("distance of neighbours forgotten", field("    return 1 + sum(filters)\n"), T_FIELD),
    Answer(
        "no division",
        smooth(
            "    s, out = 0.0, []\n"
            "    for x in values:\n"
            "        s = weight * s + (1 - weight) * x\n"
            "        out.append(s)\n"
            "    return np.array(out)\n"
        ),
        T_SMOOTHED,
    ),
    Answer(
        "starts with the first value",
        smooth(
            "    s, out = values[0], []\n"
            "    for x in values:\n"
            "        s = weight * s + (1 - weight) * x\n"
            "        out.append(s)\n"
            "    return np.array(out)\n"
        ),
        T_SMOOTHED,
    ),
    Answer(
        "goes on with what was divided",
        smooth(
            "    s, out = 0.0, []\n"
            "    for t, x in enumerate(values, 1):\n"
            "        s = (weight * s + (1 - weight) * x) / (1 - weight**t)\n"
            "        out.append(s)\n"
            "    return np.array(out)\n"
        ),
        T_SMOOTHED,
    ),
    Answer(
        "best single value",
        best("    return min(errors, key=lambda rate: min(errors[rate]))\n"),
        T_BEST,
    ),
    Answer(
        "last value only",
        best(
            "    ends = {r: c[-1] for r, c in errors.items() if np.isfinite(c).all()}\n"
            "    return min(ends, key=ends.get) if ends else None\n"
        ),
        T_BEST,
    ),
    Answer(
        "diverged curves stay in",
        best("    return min(errors, key=lambda rate: np.mean(errors[rate][-3:]))\n"),
        T_BEST,
    ),
    Answer(
        "the error, not the rate",
        best(
            "    ends = {r: float(np.mean(c[-3:])) for r, c in errors.items() if np.isfinite(c).all()}\n"
            "    return min(ends.values()) if ends else None\n"
        ),
        T_BEST,
    ),
    Answer("final network missing", {}, T_FINAL, artifacts={"final": None}),
    Answer("final weights turned round", {}, T_FINAL, artifacts={"final": half_weights}),
    Answer("no event file of the final run", {}, T_FINAL[1:], files={"artifacts/final.tfevents": None}),
    Answer("accuracy before loss", evaluate(result="right / len(images), sum(losses) / len(images)"), T_EVALUATE),
    Answer("nothing dropped", drop("return h"), T_DROPOUT + T_ACTS),
    Answer("a run that was interrupted", {}, ("test_keep_hidden",), artifacts={"keep-1": unfinished}),
    Answer("a run with lambda is missing", {}, ("test_lambda_hidden",), artifacts={"lambda-1": None}),
    Answer("another lambda", {}, ("test_lambda_hidden",), artifacts={"lambda-0.03": setting(lam=0.3)}),
    Answer(
        "sum of squares logged with lambda",
        {},
        ("test_lambda_hidden",),
        files=basic(lambda tag, value, step: (tag, 0.0 if tag == "l2" else value, step), "lambda-0"),
    ),
    Answer("a run with filters is missing", {}, ("test_filters_hidden",), artifacts={"filters-5-5": None}),
    Answer("other filters", {}, ("test_filters_hidden",), artifacts={"filters-3-3": setting(filters=[5, 5])}),
    Answer(
        "no curves of training with filters",
        {},
        ("test_filters_hidden",),
        files=basic(lambda tag, value, step: None if "train" in tag else (tag, value, step), "filters-7-5"),
    ),
    Answer(
        "a curve that was no number at first is not out",
        best(
            "    ends = {r: np.mean(c[-3:]) for r, c in errors.items() if np.isfinite(c[-3:]).all()}\n"
            "    return min(ends, key=ends.get) if ends else None\n"
        ),
        ("test_best_rate_hidden",),
    ),
    Answer("largest error", best("    return max(errors, key=lambda rate: np.mean(errors[rate][-3:]))\n"), T_BEST),
    Answer("nothing logged, an event file from elsewhere", logs("    pass\n"), (T_BASIC[0], T_BASIC[2])),
    Answer(
        "logged without the step",
        logs("    for tag in values:\n        writer.add_scalar(tag, values[tag])\n"),
        (T_BASIC[0], T_BASIC[2]),
    ),
    Answer(
        "step before value",
        logs("    for tag in values:\n        writer.add_scalar(tag, step, values[tag])\n"),
        (T_BASIC[0], T_BASIC[2]),
    ),
    Answer(
        "the first pair only",
        logs("    for tag in values:\n        writer.add_scalar(tag, values[tag], step)\n        return\n"),
        T_BASIC[:1],
    ),
    Answer(
        "tags without their group",
        logs("    for tag in values:\n        writer.add_scalar(tag.split('/')[-1], values[tag], step)\n"),
        T_BASIC[:1],
    ),
    Answer(
        "a log made up for weights that learned nothing",
        {},
        T_BASIC[1:2],
        artifacts={"basic": nothing_learned},
        files=basic(guessing),
    ),
    Answer(
        "a log made up for a final network that learned nothing",
        {},
        T_FINAL,
        artifacts={"final": nothing_learned},
        files=basic(guessing, "final"),
    ),
    Answer("keep probabilities: records made up", {}, ("test_keep_hidden",), artifacts={"keep-0.5": untrained()}),
    Answer("keep probabilities: no weights", {}, ("test_keep_hidden",), artifacts={"keep-0.75": without_weights}),
    Answer(
        "keep probabilities: one network twice",
        {},
        ("test_keep_hidden",),
        artifacts={"keep-0.25": of_another_run("keep-0.5")},
    ),
    Answer("lambdas: records made up", {}, ("test_lambda_hidden",), artifacts={"lambda-0": untrained()}),
    Answer("lambdas: no weights", {}, ("test_lambda_hidden",), artifacts={"lambda-0.001": without_weights}),
    Answer(
        "lambdas: trained without the term",
        {},
        ("test_lambda_hidden",),
        artifacts={"lambda-1": of_another_run("lambda-0")},
    ),
    Answer("filters: records made up", {}, ("test_filters_hidden",), artifacts={"filters-3-3": untrained(3, 3)}),
    Answer("filters: no weights", {}, ("test_filters_hidden",), artifacts={"filters-5-5": without_weights}),
    Answer(
        "filters: trained with others",
        {},
        ("test_filters_hidden",),
        artifacts={"filters-5-3": of_another_run("filters-5-5")},
    ),
    Answer(
        "a table of the visible case",
        {
            "layer_shapes": 'def layer_shapes(side, *rest):\n    shapes = {"conv1": (2, 7, 7), "pool": (2, 3, 3)}\n'
            '    shapes |= {"flatten": (18,), "fc1": (4,), "fc2": (10,)}\n'
            '    return shapes, {"conv1": 20, "fc1": 76, "fc2": 50}\n'
        },
        T_SHAPES,
    ),
    Answer("a table of smoothed", smooth("    return np.array([4.0, 20 / 3, 52 / 7])\n"), T_SMOOTHED),
    Answer(
        "a table of regularised_step",
        {
            "regularised_step": "def regularised_step(model, optimizer, images, labels, keep_prob, lam):\n"
            "    with torch.no_grad():\n        model.fc1.weight.mul_(0.9)\n"
            "    return float(np.log(2)), 0.75, 29.0\n"
        },
        T_STEP,
    ),
    Answer("a table of receptive_field", field("    return {(3,): 4, (3, 7): 9}.get(tuple(filters), 1)\n"), T_FIELD),
]
