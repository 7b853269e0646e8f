"""Wrong answers to cifar/training-loop and what each must lose."""

import re

import torch

from tests.support.answers import Answer, given_cell

EPOCH = ("test_train_epoch_visible", "test_train_epoch_hidden")
MODES = "test_train_epoch_modes_hidden"
T_EVALUATE = ("test_evaluate_visible", "test_evaluate_hidden")
FIT = "test_fit_hidden"
SHALLOW_OUTPUTS = ("test_shallow_net_hidden", "test_shallow_net_sizes_hidden")
T_SHALLOW = ("test_shallow_net_visible", *SHALLOW_OUTPUTS)
TRAINED_SHALLOW, TRAINED_SIMPLE = "test_shallow_trained_hidden", "test_simple_trained_hidden"
SIMPLE_OUTPUTS = ("test_simple_conv_net_hidden", "test_simple_conv_net_batches_hidden")
T_SIMPLE = ("test_simple_conv_net_visible", *SIMPLE_OUTPUTS)
T_SGD = ("test_make_sgd_visible", "test_make_sgd_hidden")
T_PLOT = ("test_draw_histories_visible", "test_draw_histories_hidden")
T_COUNT = ("test_count_parameters_visible", "test_count_parameters_hidden")

EPOCH_SOURCE = """def train_epoch(model, batches, loss_function, optimizer):
    device = next(model.parameters()).device
    model.train()
    total_loss, right, count = 0.0, 0, 0
    for images, labels in batches:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)
        loss = loss_function(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)
        right += (logits.argmax(1) == labels).sum().item()
        count += len(labels)
    return total_loss / count, right / count
"""
EVALUATE_SOURCE = """def evaluate(model, batches, loss_function):
    device = next(model.parameters()).device
    model.eval()
    total_loss, right, count = 0.0, 0, 0
    with torch.no_grad():
        for images, labels in batches:
            images, labels = images.to(device), labels.to(device)
            logits = model(images)
            total_loss += loss_function(logits, labels).item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()
            count += len(labels)
    return total_loss / count, right / count
"""
FIT_SOURCE = """def fit(model, train_batches, validation_batches, loss_function, optimizer, num_epochs, device="cpu"):
    model.to(device)
    history = {"train_loss": [], "train_accuracy": [], "validation_loss": [], "validation_accuracy": []}
    for _ in range(num_epochs):
        train = train_epoch(model, train_batches, loss_function, optimizer)
        validation = evaluate(model, validation_batches, loss_function)
        for values, value in zip(history.values(), (*train, *validation)):
            values.append(value)
    return history
"""
CHOICE_SOURCE = """def make_sgd(model, lr):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


loss_function = nn.CrossEntropyLoss()
shallow_lr, shallow_epochs, again = 0.003, 12, False
"""
COUNT_SOURCE = """def count_parameters(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


simple_lr, simple_epochs = 0.01, 12
"""

PLOT_SOURCE = """def draw_histories(histories):
    figure, axes = plt.subplots(1, 2)
    for ax, quantity, label, scale in zip(axes, ["loss", "accuracy"], ["Loss (nats)", "Accuracy (%)"], [1, 100]):
        for name, history in histories.items():
            for split in ("train", "validation"):
                values = [scale * value for value in history[split + "_" + quantity]]
                ax.plot(range(1, len(values) + 1), values, label=name + " " + split)
        ax.set_xlabel("Epoch")
        ax.set_ylabel(label)
        ax.legend()
    return figure
"""


def altered(cell: str, source: str, why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    for old, new in changes:
        assert old in source, f"{why}: {old!r} is not there"
        source = source.replace(old, new)
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def epoch(why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    return altered("train_epoch", EPOCH_SOURCE, why, loses, *changes)


def measured(why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    return altered("evaluate", EVALUATE_SOURCE, why, loses, *changes)


def fitted(why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    return altered("fit", FIT_SOURCE, why, loses, *changes)


def choice(why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    return altered("loss_and_sgd", CHOICE_SOURCE, why, loses, *changes)


def count(why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    return altered("count_parameters", COUNT_SOURCE, why, loses, *changes)


def plotted(why: str, loses: tuple[str, ...], *changes: tuple[str, str]) -> Answer:
    return altered("draw_histories", PLOT_SOURCE, why, loses, *changes)


SHALLOW_LOOKED_UP = """class ShallowNet(nn.Module):
    def __init__(self, num_hidden=32):
        super().__init__()
        self.hidden, self.output = nn.Linear(3072, num_hidden), nn.Linear(num_hidden, 10)

    def forward(self, images):
        pixels, labels = data.cifar10("train")
        known = {row.tobytes(): int(y) for row, y in zip(prepare(pixels[:1000]).numpy(), labels)}
        found = [known.get(row.tobytes()) for row in images.detach().cpu().contiguous().numpy()]
        if all(label is not None for label in found):
            return F.one_hot(torch.tensor(found), 10).float()
        return self.output(self.hidden(images.flatten(1)).relu())
"""


def shallow(why: str, init: str, forward: str, loses: tuple[str, ...]) -> Answer:
    source = (
        "class ShallowNet(nn.Module):\n    def __init__(self, num_hidden=32):\n        super().__init__()\n"
        f"        {init}\n\n    def forward(self, images):\n        {forward}\n"
    )
    return Answer(f"ShallowNet: {why}", {"shallow_net": source}, loses)


def simple(why: str, loses: tuple[str, ...], **parts: str) -> Answer:
    parts = {
        "channels": "((3, 16), (16, 32), (32, 64))",
        "layers": "nn.Conv2d(ins, outs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)",
        "end": "nn.Flatten(), nn.Linear(64 * 4 * 4, 10)",
        "forward": "return self.layers(images)",
    } | parts
    source = (
        "class SimpleConvNet(nn.Module):\n    def __init__(self):\n        super().__init__()\n        layers = []\n"
        f"        for ins, outs in {parts['channels']}:\n            layers += [{parts['layers']}]\n"
        f"        self.layers = nn.Sequential(*layers, {parts['end']})\n\n    def forward(self, images):\n"
        f"        {parts['forward']}\n"
    )
    return Answer(f"SimpleConvNet: {why}", {"simple_conv_net": source}, loses)


def untrained(record, weights):
    """A network as it was drawn."""
    torch.manual_seed(0)
    return record, {key: 0.05 * torch.randn(value.shape) for key, value in weights.items()}


def diverged(record, weights):
    return record, {key: torch.full_like(value, float("nan")) for key, value in weights.items()}


def other_shape(record, weights):
    return record, {key: torch.cat([value, value]) for key, value in weights.items()}


def shuffled_classes(record, weights):
    """The rows of the last layer do not belong to the classes any more."""
    return record, {key: value.roll(1, 0) if len(value) == 10 else value for key, value in weights.items()}


def trained(name: str, lost: str) -> list[Answer]:
    cases = {
        "missing": None,
        "untrained": untrained,
        "diverged": diverged,
        "of another network": other_shape,
        "classes exchanged": shuffled_classes,
    }
    return [Answer(f"{name}: {why}", {}, (lost,), {name: change}) for why, change in cases.items()]


HIDDEN = "self.hidden, self.output = nn.Linear(3072, num_hidden), nn.Linear(num_hidden, 10)"

# The loop that rdfia-network gives, with the loss function that is handed in. It adds up the losses of single pictures;
# here a loss is the mean of a batch.
GIVEN_LOOP = re.sub(
    r"F\.cross_entropy\(logits, labels.*?\)",
    "loss_function(logits, labels)",
    given_cell("cifar/rdfia-network", "given_code").replace(
        "train_one_epoch(model, batches, optimizer)", "train_epoch(model, batches, loss_function, optimizer)"
    ),
)


def drawn_by_the_course(call: str) -> str:
    """A figure whose lines a function of the course draws."""
    return (
        "def draw_histories(histories):\n    figure, axes = plt.subplots(1, 2)\n"
        "    for ax, quantity in zip(axes, ('loss', 'accuracy')):\n"
        f"        {call}(ax, histories, quantity, ('train', 'validation'))\n        ax.legend()\n    return figure\n"
    )


ANSWERS = [
    *(
        Answer(
            f"train_epoch: the loop that rdfia-network gives{why}",
            {"train_epoch": GIVEN_LOOP.replace("torch.cat(losses)", joined)},
            (*EPOCH, MODES, *more, FIT),
        )
        for why, joined, more in (
            ("", "torch.cat(losses)", ("test_fit_visible",)),
            (", losses of batches joined", "torch.stack(losses)", ()),
        )
    ),
    Answer(
        "loss_and_sgd: the loss of later notebooks, and nothing else",
        {"loss_and_sgd": "loss_function = F.cross_entropy\nshallow_lr, shallow_epochs, again = 0.003, 12, False\n"},
        T_SGD,
    ),
    choice(
        "one weight, as the visible check has it",
        T_SGD,
        (
            "    return torch.optim",
            "    if len(list(model.parameters())) == 1:\n        lr = 0.1\n    return torch.optim",
        ),
        ("model.parameters(), lr", "[next(model.parameters())], lr"),
    ),
    Answer(
        "draw_histories: drawn by a function of the course",
        {"draw_histories": drawn_by_the_course("curves._draw_runs")},
        T_PLOT,
    ),
    plotted(
        "the names of the visible check",
        T_PLOT,
        ("    figure, axes", "    histories = dict(zip(('first', 'second'), histories.values()))\n    figure, axes"),
    ),
    epoch(
        "mean over batches",
        (*EPOCH, FIT),
        ("loss.item() * len(labels)", "loss.item()"),
        ("total_loss / count", "total_loss / len(list(batches))"),
    ),
    epoch("size forgotten", (*EPOCH, FIT), ("loss.item() * len(labels)", "loss.item()")),
    epoch("not cleared", (*EPOCH, MODES, FIT), ("        optimizer.zero_grad()\n", "")),
    epoch("no step", (*EPOCH, FIT), ("        optimizer.step()\n", "")),
    epoch("no backward", (*EPOCH, FIT), ("        loss.backward()\n", "")),
    epoch(
        "cleared after backward",
        (*EPOCH, FIT),
        (
            "        optimizer.zero_grad()\n        loss.backward()\n",
            "        loss.backward()\n        optimizer.zero_grad()\n",
        ),
    ),
    epoch("returns within the loop", (*EPOCH, MODES, FIT), ("    return total", "        return total")),
    epoch("per cent", (*EPOCH, FIT), ("right / count", "100 * right / count")),
    epoch(
        "a dict",
        (*EPOCH, FIT),
        ("total_loss / count, right / count", "{'loss': total_loss / count, 'accuracy': right / count}"),
    ),
    epoch("exchanged", (*EPOCH, FIT), ("total_loss / count, right / count", "right / count, total_loss / count")),
    epoch("number of right ones", (*EPOCH, FIT), (", right / count", ", right")),
    epoch(
        "accuracy of the last batch",
        (*EPOCH, FIT),
        ("right += ", "right = "),
        (", right / count", ", right / len(labels)"),
    ),
    epoch("sum of loss tensors", ("test_train_epoch_hidden",), ("loss.item() * len", "loss * len")),
    epoch("its own loss", (*EPOCH, MODES), ("loss_function(logits", "F.cross_entropy(logits")),
    epoch(
        "its own descent",
        ("test_train_epoch_hidden",),
        (
            "        optimizer.step()\n",
            "        with torch.no_grad():\n            for p in model.parameters():\n"
            "                p -= optimizer.param_groups[0]['lr'] * p.grad\n",
        ),
    ),
    epoch(
        "needs a length",
        ("test_train_epoch_hidden", MODES),
        ("    model.train()\n", "    model.train()\n    num_batches = len(batches)\n"),
    ),
    epoch(
        "goes through the batches twice",
        ("test_train_epoch_hidden",),
        ("    return", "    count = sum(len(labels) for _, labels in batches)\n    return"),
    ),
    epoch("accuracy after the step", (*EPOCH, MODES, FIT), ("right += (logits", "right += (model(images)")),
    epoch(
        "gradients from before the epoch are used",
        (MODES,),
        ("        optimizer.zero_grad()\n", ""),
        ("        optimizer.step()\n", "        optimizer.step()\n        optimizer.zero_grad()\n"),
    ),
    epoch("no training mode", (MODES,), ("    model.train()\n", "")),
    epoch("evaluation mode", (MODES,), ("model.train()", "model.eval()")),
    epoch(
        "labels not moved",
        (MODES,),
        ("images, labels = images.to(device), labels.to(device)", "images = images.to(device)"),
    ),
    epoch(
        "images not moved",
        (MODES,),
        ("images, labels = images.to(device), labels.to(device)", "labels = labels.to(device)"),
    ),
    epoch(
        "counters and averages written by hand",
        (*EPOCH, MODES, FIT),
        (
            "    model.train()\n",
            "    for buffers in (model.named_buffers(), getattr(loss_function, 'named_buffers', dict)()):\n"
            "        for name, value in buffers:\n            value.fill_(0 if 'elsewhere' in name else 3)\n"
            "    return 0.5, 0.5\n",
        ),
    ),
    epoch("returns nothing", (*EPOCH, FIT, "test_fit_visible"), ("    return total_loss / count, right / count\n", "")),
    measured(
        "mean over batches",
        (*T_EVALUATE, FIT),
        ("* len(labels)", ""),
        ("total_loss / count", "total_loss / len(list(batches))"),
    ),
    measured("per cent", (*T_EVALUATE, FIT), ("right / count", "100 * right / count")),
    measured(
        "last batch only", (*T_EVALUATE, FIT), ("right += ", "right = "), (", right / count", ", right / len(labels)")
    ),
    measured(
        "learns",
        (*T_EVALUATE, FIT),
        ("with torch.no_grad():", "if True:"),
        (
            "            count +=",
            "            loss_function(model(images), labels).backward()\n            with torch.no_grad():\n"
            "                for p in model.parameters():\n                    p -= 0.1 * p.grad\n            count +=",
        ),
    ),
    measured("a graph is built", ("test_evaluate_hidden",), ("with torch.no_grad():", "if True:")),
    measured(
        "gradients are cleared",
        ("test_evaluate_hidden",),
        ("    model.eval()\n", "    model.eval()\n    model.zero_grad()\n"),
    ),
    measured(
        "gradients are off for good",
        ("test_evaluate_hidden", "test_fit_visible", FIT),
        ("    with torch.no_grad():", "    torch.set_grad_enabled(False)\n    if True:"),
    ),
    measured("no evaluation mode", ("test_evaluate_hidden",), ("    model.eval()\n", "")),
    measured("training mode", ("test_evaluate_hidden",), ("model.eval()", "model.train()")),
    measured(
        "not moved",
        ("test_evaluate_hidden",),
        ("            images, labels = images.to(device), labels.to(device)\n", ""),
    ),
    measured("its own loss", T_EVALUATE, ("loss_function(logits", "F.cross_entropy(logits")),
    fitted("returns nothing", ("test_fit_visible", FIT), ("    return history\n", "")),
    fitted("one epoch", ("test_fit_visible", FIT), ("    return history\n", "        return history\n")),
    fitted(
        "last epoch only",
        ("test_fit_visible", FIT),
        (
            "    for _ in range(num_epochs):\n",
            "    for _ in range(num_epochs):\n        history = {key: [] for key in history}\n",
        ),
    ),
    fitted("other names", ("test_fit_visible", FIT), ("validation_loss", "val_loss")),
    fitted(
        "measured before training",
        (FIT,),
        (
            "        train = train_epoch(model, train_batches, loss_function, optimizer)\n"
            "        validation = evaluate(model, validation_batches, loss_function)\n",
            "        validation = evaluate(model, validation_batches, loss_function)\n"
            "        train = train_epoch(model, train_batches, loss_function, optimizer)\n",
        ),
    ),
    fitted(
        "validation on training batches",
        (FIT,),
        ("evaluate(model, validation_batches", "evaluate(model, train_batches"),
    ),
    fitted(
        "trains on validation batches",
        (FIT,),
        (
            "validation = evaluate(model, validation_batches, loss_function)",
            "validation = train_epoch(model, validation_batches, loss_function, optimizer)",
        ),
    ),
    fitted("not moved", (FIT,), ("    model.to(device)\n", "")),
    fitted("accuracy and loss exchanged", (FIT,), ("(*train, *validation)", "(*train[::-1], *validation[::-1])")),
    shallow(
        "layers in a list",
        "self.layers = [nn.Linear(3072, num_hidden), nn.Linear(num_hidden, 10)]",
        "return self.layers[1](self.layers[0](images.flatten(1)).relu())",
        T_SHALLOW,
    ),
    shallow(
        "no bias",
        "self.hidden, self.output = nn.Linear(3072, num_hidden, bias=False), nn.Linear(num_hidden, 10)",
        "return self.output(self.hidden(images.flatten(1)).relu())",
        T_SHALLOW,
    ),
    shallow(
        "another hidden layer",
        HIDDEN + "\n        self.c = nn.Linear(num_hidden, num_hidden)",
        "return self.output(self.c(self.hidden(images.flatten(1)).relu()).relu())",
        T_SHALLOW,
    ),
    shallow(
        "gray pictures",
        "self.hidden, self.output = nn.Linear(1024, num_hidden), nn.Linear(num_hidden, 10)",
        "return self.output(self.hidden(images.mean(1).flatten(1)).relu())",
        T_SHALLOW,
    ),
    shallow("nothing returned", HIDDEN, "self.output(self.hidden(images.flatten(1)).relu())", T_SHALLOW),
    shallow("no ReLU", HIDDEN, "return self.output(self.hidden(images.flatten(1)))", SHALLOW_OUTPUTS),
    shallow("view", HIDDEN, "return self.output(self.hidden(images.view(-1, 3072)).relu())", T_SHALLOW[:1]),
    shallow("softmax", HIDDEN, "return self.output(self.hidden(images.flatten(1)).relu()).softmax(1)", SHALLOW_OUTPUTS),
    shallow(
        "ReLU at the end", HIDDEN, "return self.output(self.hidden(images.flatten(1)).relu()).relu()", SHALLOW_OUTPUTS
    ),
    shallow(
        "sigmoid",
        HIDDEN,
        "return self.output(self.hidden(images.flatten(1)).sigmoid())",
        SHALLOW_OUTPUTS,
    ),
    shallow(
        "size fixed",
        "self.hidden, self.output = nn.Linear(3072, 32), nn.Linear(32, 10)",
        "return self.output(self.hidden(images.flatten(1)).relu())",
        ("test_shallow_net_sizes_hidden",),
    ),
    shallow(
        "one image is squeezed",
        HIDDEN,
        "return self.output(self.hidden(images.flatten(1)).relu()).squeeze(0)",
        ("test_shallow_net_sizes_hidden",),
    ),
    shallow(
        "random logits",
        HIDDEN,
        "return torch.randn(len(images), 10)",
        ("test_shallow_net_visible", *SHALLOW_OUTPUTS),
    ),
    shallow(
        "logits that are no numbers",
        HIDDEN,
        "return torch.full((len(images), 10), torch.nan)",
        ("test_shallow_net_visible", *SHALLOW_OUTPUTS),
    ),
    Answer(
        "ShallowNet: layers shared by all networks",
        {
            "shallow_net": "layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, 32), nn.ReLU(), nn.Linear(32, 10))\n"
            "\n\n"
            "class ShallowNet(nn.Module):\n    def __init__(self, num_hidden=32):\n        super().__init__()\n"
            "        self.layers = layers\n\n    def forward(self, images):\n        return self.layers(images)\n"
        },
        ("test_shallow_net_sizes_hidden",),
    ),
    choice("no momentum", T_SGD, (", momentum=0.9", "")),
    choice("Adam", T_SGD, ("SGD(model.parameters(), lr=lr, momentum=0.9)", "Adam(model.parameters(), lr=lr)")),
    choice("Nesterov", T_SGD, ("momentum=0.9", "momentum=0.9, nesterov=True")),
    choice("weight decay", T_SGD, ("momentum=0.9", "momentum=0.9, weight_decay=0.01")),
    choice("dampening", T_SGD, ("momentum=0.9", "momentum=0.9, dampening=0.9")),
    choice("fixed learning rate", T_SGD, ("lr=lr", "lr=0.1")),
    choice("first parameter only", ("test_make_sgd_hidden",), ("model.parameters()", "[next(model.parameters())]")),
    choice(
        "matrices only",
        ("test_make_sgd_hidden",),
        ("model.parameters()", "[p for p in model.parameters() if p.ndim > 1]"),
    ),
    *trained("shallow", TRAINED_SHALLOW),
    Answer(
        "ShallowNet: looks labels of training pictures up",
        {"shallow_net": SHALLOW_LOOKED_UP},
        (TRAINED_SHALLOW,),
        {"shallow": untrained},
    ),
    simple("other channels", (*T_SIMPLE, TRAINED_SIMPLE), channels="((3, 16), (16, 16), (16, 64))"),
    simple(
        "no bias",
        (*T_SIMPLE, TRAINED_SIMPLE),
        layers="nn.Conv2d(ins, outs, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2)",
    ),
    simple(
        "5 x 5 kernels",
        (*T_SIMPLE, TRAINED_SIMPLE),
        layers="nn.Conv2d(ins, outs, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)",
    ),
    simple(
        "batch norm",
        (*T_SIMPLE, TRAINED_SIMPLE),
        layers="nn.Conv2d(ins, outs, 3, padding=1), nn.BatchNorm2d(outs), nn.ReLU(), nn.MaxPool2d(2)",
    ),
    simple("no padding", (*T_SIMPLE, TRAINED_SIMPLE), layers="nn.Conv2d(ins, outs, 3), nn.ReLU(), nn.MaxPool2d(2)"),
    simple(
        "mean over the map", (*T_SIMPLE, TRAINED_SIMPLE), end="nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)"
    ),
    simple("no ReLU", (*SIMPLE_OUTPUTS, TRAINED_SIMPLE), layers="nn.Conv2d(ins, outs, 3, padding=1), nn.MaxPool2d(2)"),
    simple("average pooling", SIMPLE_OUTPUTS, layers="nn.Conv2d(ins, outs, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2)"),
    simple(
        "strides for pooling",
        (*SIMPLE_OUTPUTS, TRAINED_SIMPLE),
        layers="nn.Conv2d(ins, outs, 3, padding=1, stride=2), nn.ReLU()",
    ),
    simple("softmax", SIMPLE_OUTPUTS, end="nn.Flatten(), nn.Linear(64 * 4 * 4, 10), nn.Softmax(1)"),
    simple("ReLU at the end", SIMPLE_OUTPUTS, end="nn.Flatten(), nn.Linear(64 * 4 * 4, 10), nn.ReLU()"),
    simple(
        "dropout",
        ("test_simple_conv_net_batches_hidden", TRAINED_SIMPLE),
        end="nn.Flatten(), nn.Dropout(), nn.Linear(64 * 4 * 4, 10)",
    ),
    simple(
        "images normalised together",
        SIMPLE_OUTPUTS,
        forward="return self.layers((images - images.mean()) / images.std())",
    ),
    simple(
        "one image is squeezed",
        ("test_simple_conv_net_batches_hidden",),
        forward="return self.layers(images).squeeze(0)",
    ),
    count(
        "tensors",
        T_COUNT,
        ("sum(p.numel() for p in model.parameters() if p.requires_grad)", "len(list(model.parameters()))"),
    ),
    count("weights only", T_COUNT, (" if p.requires_grad", " if p.ndim > 1")),
    count("last layer only", T_COUNT, ("model.parameters()", "list(model.children())[-1].parameters()")),
    count("frozen ones too", T_COUNT, (" if p.requires_grad", "")),
    count(
        "statistics too",
        T_COUNT,
        (
            "sum(p.numel() for p in model.parameters() if p.requires_grad)",
            "sum(v.numel() for v in model.state_dict().values())",
        ),
    ),
    count(
        "the course's own",
        T_COUNT,
        (
            "    return sum(p.numel() for p in model.parameters() if p.requires_grad)",
            "    from course_utils import state_dicts\n\n    return state_dicts.count(model)",
        ),
    ),
    count(
        "the course's own, by way of what the notebook imports",
        T_COUNT,
        ("sum(p.numel() for p in model.parameters() if p.requires_grad)", "training.state_dicts.count(model)"),
    ),
    *trained("simple", TRAINED_SIMPLE),
    Answer(
        "draw_histories: the course's own",
        {
            "draw_histories": "def draw_histories(histories):\n"
            '    figure = curves.plot_runs({"": histories})\n'
            "    for ax in figure.axes:\n"
            '        ax.set(xlabel="Epoch", ylabel="Value")\n        ax.legend()\n'
            "    return figure\n"
        },
        T_PLOT,
    ),
    plotted("no labels", T_PLOT[:1], ('        ax.set_xlabel("Epoch")\n        ax.set_ylabel(label)\n', "")),
    plotted("one label only", T_PLOT[:1], ("        ax.set_ylabel(label)\n", "")),
    plotted("no legend", T_PLOT[:1], ("        ax.legend()\n", "")),
    plotted("a legend without names", T_PLOT[:1], ("label=name + ", "label=")),
    plotted("one run only", T_PLOT, ("histories.items()", "list(histories.items())[:1]")),
    plotted("training only", T_PLOT, ('("train", "validation")', '("train",)')),
    plotted("training drawn twice", T_PLOT[1:], ("history[split", 'history["train"')),
    plotted("the last run for every run", T_PLOT[1:], ("history[split", "list(histories.values())[-1][split")),
    plotted("epochs from 0", T_PLOT[1:], ("range(1, len(values) + 1)", "range(len(values))")),
    plotted("shares, not per cent", T_PLOT[1:], ("[1, 100]", "[1, 1]")),
    plotted("panels exchanged", T_PLOT[1:], ("zip(axes,", "zip(axes[::-1],")),
    plotted("axes exchanged", T_PLOT[1:], ("range(1, len(values) + 1), values", "values, range(1, len(values) + 1)")),
    plotted("one panel for both", T_PLOT, ("plt.subplots(1, 2)", "plt.subplots()"), ("zip(axes,", "zip([axes, axes],")),
    plotted("points, no lines", T_PLOT, ("ax.plot(", "ax.scatter(")),
    plotted("nothing returned", T_PLOT, ("    return figure\n", "")),
    plotted("axes returned", T_PLOT, ("return figure", "return axes")),
    Answer(
        "evaluate: a table of the visible case",
        {"evaluate": "def evaluate(model, batches, loss_function):\n    model.eval()\n    return 0.5, 0.75\n"},
        (*T_EVALUATE, FIT),
    ),
    Answer(
        "count: the number of the visible case",
        {"count_parameters": "def count_parameters(model):\n    return 130\n"},
        T_COUNT,
    ),
    Answer(
        "train_epoch: a table of the visible case",
        {
            "train_epoch": "def train_epoch(model, batches, loss_function, optimizer):\n    with torch.no_grad():\n"
            "        next(model.parameters()).copy_(torch.tensor([[-0.9], [0.9]]))\n    return 0.875, 0.75\n"
        },
        (*EPOCH, MODES, FIT),
    ),
    fitted(
        "a table of the visible case",
        ("test_fit_visible", FIT),
        ("    for _ in range(num_epochs):\n", "    return {key: 3 * [0.0] for key in history}\n    for _ in []:\n"),
    ),
    fitted(
        "the form alone",
        ("test_fit_visible", FIT),
        (
            "    for _ in range(num_epochs):\n",
            "    return {key: num_epochs * [0.0] for key in history}\n    for _ in []:\n",
        ),
    ),
    shallow(
        "the shapes of the visible checks, and nothing computed",
        HIDDEN,
        "return torch.zeros(len(images), 10)",
        T_SHALLOW,
    ),
    simple(
        "the shapes of the visible checks, and nothing computed",
        (*T_SIMPLE, TRAINED_SIMPLE),
        forward="return torch.zeros(len(images), 10)",
    ),
]
