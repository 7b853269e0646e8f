"""Wrong answers to cifar/regularisation and what each must lose."""

import torch

from tests.support.answers import Answer

T_STANDARDISE = ("test_standardise_visible", "test_standardise_hidden")
T_ZCA = ("test_zca_visible", "test_zca_hidden")
T_FLIP = ("test_flip_visible", "test_flip_hidden")
T_SHIFT = ("test_shift_visible", "test_shift_hidden")
T_FINAL = ("test_final_visible", "test_final_hidden")
T_STEP, T_COSINE = ("test_step_lr_visible", "test_step_lr_hidden"), ("test_cosine_visible", "test_cosine_hidden")
T_ROUGH = ("test_roughness_visible", "test_roughness_hidden")
T_BEST_RUN, T_CHOICE, T_BEST = "test_best_run_hidden", "test_choice_hidden", "test_best_network"
T_DROPOUT = ("test_dropout_visible", "test_dropout_hidden")
T_NETWORK = ("test_network_visible", "test_network_hidden")
T_REPORT = "test_report_hidden"


def of(cell: str, why: str, source: str, loses: tuple[str, ...]) -> Answer:
    return Answer(f"{cell}: {why}", {cell: source}, loses)


def standardise(
    why: str,
    loses: tuple[str, ...] = T_STANDARDISE,
    *,
    fit: str = "std, mean = torch.std_mean(images.float() / 255, dim=(0, 2, 3), correction=0)",
    use: str = "(images.float() / 255 - mean[:, None, None]) / std[:, None, None]",
) -> Answer:
    source = (
        f"def fit_channels(images):\n    {fit}\n    return mean, std\n\n\n"
        f"def standardise(images, mean, std):\n    return {use}\n"
    )
    return of("standardise", why, source, loses)


def zca(
    why: str,
    loses: tuple[str, ...] = T_ZCA,
    *,
    mean: str = "x.mean(0)",
    divide: str = "len(x)",
    scale: str = "(values.clamp(min=0) + epsilon) ** -0.5",
    matrix: str = "(u * scale) @ u.T",
    use: str = "((inputs.flatten(1) - mean) @ matrix.T).reshape(inputs.shape)",
) -> Answer:
    source = (
        "def fit_zca(inputs, epsilon):\n"
        "    x = inputs.flatten(1)\n"
        f"    mean = {mean}\n"
        f"    values, u = torch.linalg.eigh((x - mean).T @ (x - mean) / ({divide}))\n"
        f"    scale = {scale}\n"
        f"    return mean, {matrix}\n\n\n"
        f"def apply_zca(inputs, mean, matrix):\n    return {use}\n"
    )
    return of("zca", why, source, loses)


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


def schedules(
    why: str,
    loses: tuple[str, ...],
    step: str = "lr * gamma ** (epoch // step_size)",
    cosine: str = "lr * (1 + math.cos(math.pi * epoch / num_epochs)) / 2",
) -> Answer:
    source = (
        f"def step_lr(lr, epoch, step_size, gamma):\n    return {step}\n\n\n"
        f"def cosine_lr(lr, epoch, num_epochs):\n    return {cosine}\n"
    )
    return of("schedules", why, source, loses)


def rough(why: str, body: str, loses: tuple[str, ...] = T_ROUGH) -> Answer:
    source = f"def roughness(values):\n    changes = [b - a for a, b in zip(values, values[1:])]\n    return {body}\n"
    return of("roughness", why, source, loses)


BEST_RUN = (
    "    finite = {k: h for k, h in histories.items() if math.isfinite(h['train_loss'][-1])}\n"
    "    return max(finite, key=lambda k: finite[k]['validation_accuracy'][-1])\n"
)


def sweeps(
    why: str,
    loses: tuple[str, ...],
    *,
    sgd: str = "[0.0001, 0.001, 0.01, 0.05, 0.5]",
    adam: str = "[0.00003, 0.0003, 0.002, 0.01, 0.1]",
    gammas: str = "[0.05, 0.2, 0.5, 0.8, 1.0]",
    best: str = BEST_RUN,
) -> Answer:
    source = f"sgd_rates = {sgd}\nadam_rates = {adam}\ngammas = {gammas}\n\n\ndef best_run(histories):\n{best}"
    return of("sweeps", why, source, loses)


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
    first: str = "EdgeMaps(), ",
    norm: str = "nn.BatchNorm2d(width), nn.ReLU(), ",
    hidden: str = "nn.ReLU(), InvertedDropout(rate)",
    end: str = "nn.Linear(256, 10)",
    widths: str = "(16, 32, 64)",
    head: str = "nn.Linear(256, 256)",
    conv: str = "nn.Conv2d(channels, width, 3, padding=1)",
) -> Answer:
    source = (
        "class RegularisedNetwork(nn.Module):\n"
        "    def __init__(self, rate=0.0, batch_norm=False):\n"
        "        super().__init__()\n"
        f"        layers, channels = [{first}], 3\n"
        f"        for width in {widths}:\n"
        f"            layers.append({conv})\n"
        f"            layers += [{norm}] if batch_norm else [nn.ReLU()]\n"
        "            layers.append(nn.MaxPool2d(2))\n"
        "            channels = width\n"
        f"        self.layers = nn.Sequential(*layers, nn.Flatten(), {head}, {hidden}, {end})\n\n"
        "    def forward(self, images):\n"
        "        return self.layers(images)\n"
    )
    return of("network", why, source, loses)


NAME = "best_run({name: record.history for name, record in candidate_records.items()})"


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


T_OWN, T_RULE = ("test_own_transform_visible",), ("test_own_schedule_visible",)


def own(why: str, body: str) -> Answer:
    return of("own_transform", why, f"def own_transform(images):\n    {body}\n", T_OWN)


def plan(why: str, body: str) -> Answer:
    return of("own_schedule", why, f"def own_schedule(lr, epoch, num_epochs):\n    {body}\n", T_RULE)


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
    plan("constant", "return lr"),
    plan("the cosine", "return cosine_lr(lr, epoch, num_epochs)"),
    plan("the steps", "return step_lr(lr, epoch, 3, 0.5)"),
    plan("a factor in each epoch", "return lr * 0.9**epoch"),
    plan("ends at 0", "return lr * (1 - epoch / (num_epochs - 1))"),
    plan("above lr", "return lr * (1.5 - epoch / num_epochs)"),
    plan("never near lr", "return 0.3 * lr * (1 - epoch / num_epochs)"),
    plan("numbers of its own", "return 0.005 * (1 - epoch / num_epochs)"),
    plan("for ten epochs only", "return lr * [1, 0.9, 0.8, 0.9, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1][epoch]"),
    plan(
        "a scheduler of torch",
        "steps = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)\n"
        "    plan = torch.optim.lr_scheduler.PolynomialLR(steps, total_iters=num_epochs, power=2)\n"
        "    for _ in range(epoch):\n        steps.step()\n        plan.step()\n"
        "    return steps.param_groups[0]['lr']",
    ),
]

CHOSEN = "reg-best-batch-norm"  # the reference's best candidate


def table(cell: str, source: str, loses: tuple[str, ...]) -> Answer:
    """The cases of the visible check, and nothing else."""
    return of(cell, "a table of what the visible check asks", source, loses)


TABLES = [
    table(
        "standardise",
        "def fit_channels(images):\n    return torch.tensor([0.5, 0.4]), torch.tensor([0.5, 0.2])\n\n\n"
        "def standardise(images, mean, std):\n"
        "    return torch.tensor([[[[-1.0, 1.0]], [[-1.0, 1.0]]], [[[1.0, -1.0]], [[1.0, -1.0]]]])\n",
        T_STANDARDISE,
    ),
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
        "schedules",
        "def step_lr(lr, epoch, step_size, gamma):\n    return [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2][min(epoch, 6)]\n\n\n"
        "def cosine_lr(lr, epoch, num_epochs):\n    return {0: 0.4, 5: 0.2}.get(epoch, 0.0)\n",
        (*T_STEP, *T_COSINE),
    ),
    table("roughness", "def roughness(values):\n    return 2.0\n", T_ROUGH),
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
    standardise("data.normalise", ("test_standardise_hidden",), use="data.normalise(images, mean, std)"),
    flip(
        "torchvision's mirror",
        "from course_utils.torchvision_ops import transforms\n"
        "    chosen = torch.rand(len(images), device=images.device) < probability\n"
        "    return torch.where(chosen[:, None, None, None], transforms.functional.hflip(images), images)",
        ("test_flip_hidden",),
    ),
    flip(
        "the course's mirror, until it comes out",
        "out = images.clone()\n"
        "    for place in range(len(images)):\n"
        "        if torch.rand(()) < probability:\n"
        "            out[place] = next((v for v in (data.flip(images[place : place + 1])[0] for _ in range(99))\n"
        "                               if not torch.equal(v, images[place])), images[place])\n"
        "    return out",
        ("test_flip_hidden",),
    ),
    of("shift", "data.crop", "def random_shift(images, padding=4):\n    return data.crop(images, padding)\n", T_SHIFT),
    of(
        "shift",
        "torchvision's crop",
        "def random_shift(images, padding=4):\n"
        "    from course_utils.torchvision_ops import transforms\n"
        "    window = transforms.RandomCrop(images.shape[-2:], padding=padding or None)\n"
        "    return torch.stack([window(image) for image in images])\n",
        T_SHIFT[1:],
    ),
    of(
        "schedules",
        "torch's schedulers under other names",
        "def by_torch(kind, lr, epoch, **settings):\n"
        "    from torch import optim\n"
        "    steps = optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)\n"
        "    plan = kind(steps, **settings)\n"
        "    for _ in range(epoch):\n        steps.step()\n        plan.step()\n"
        "    return steps.param_groups[0]['lr']\n\n\n"
        "def step_lr(lr, epoch, step_size, gamma):\n"
        "    places = list(range(step_size, epoch + step_size, step_size))\n"
        "    return by_torch(torch.optim.lr_scheduler.MultiStepLR, lr, epoch, milestones=places, gamma=gamma)\n\n\n"
        "def cosine_lr(lr, epoch, num_epochs):\n"
        "    rule = lambda t: (1 + math.cos(math.pi * t / num_epochs)) / 2\n"
        "    return by_torch(torch.optim.lr_scheduler.LambdaLR, lr, epoch, lr_lambda=rule)\n",
        ("test_step_lr_hidden", "test_cosine_hidden"),
    ),
    dropout(
        "a relative of the layer",
        ("test_dropout_hidden",),
        mask="None",
        out="torch.native_dropout(inputs, self.rate, True)[0]",
    ),
    sweeps(
        "of equal runs the last",
        (T_BEST_RUN,),
        best="    finite = [k for k, h in histories.items() if math.isfinite(h['train_loss'][-1])]\n"
        "    return max(reversed(finite), key=lambda k: histories[k]['validation_accuracy'][-1])\n",
    ),
]

ANSWERS = [
    *TABLES,
    *FORBIDDEN,
    *CHOSEN_BY_THE_STUDENT,
    standardise("pixels not divided", fit="std, mean = torch.std_mean(images.float(), dim=(0, 2, 3), correction=0)"),
    standardise(
        "one less than the number",
        fit="std, mean = torch.std_mean(images.float() / 255, dim=(0, 2, 3))",
    ),
    standardise("mean over pictures only", fit="std, mean = torch.std_mean(images.float() / 255, dim=0, correction=0)"),
    standardise("variance", fit="std, mean = torch.var_mean(images.float() / 255, dim=(0, 2, 3), correction=0)"),
    standardise(
        "numbers of the pictures at hand",
        ("test_standardise_hidden",),
        use="(images / 255 - (images / 255).mean((0, 2, 3), True)) / (images / 255).std((0, 2, 3), correction=0, "
        "keepdim=True)",
    ),
    standardise("the course's own", ("test_standardise_hidden",), fit="mean, std = data.channel_mean_std(images)"),
    zca("scaled, not rotated back", matrix="(u * scale).T"),
    zca("inverse without root", scale="1 / (values + epsilon)"),
    zca("not centred", mean="0 * x.mean(0)"),
    zca("epsilon left out", ("test_zca_hidden",), scale="values.clamp(min=1e-12) ** -0.5"),
    zca("epsilon after the root", ("test_zca_hidden",), scale="1 / (values.clamp(min=0) ** 0.5 + epsilon)"),
    zca("divided by N - 1", divide="len(x) - 1"),
    zca(
        "mean of the pictures at hand",
        ("test_zca_hidden",),
        use="((inputs.flatten(1) - inputs.flatten(1).mean(0)) @ matrix.T).reshape(inputs.shape)",
    ),
    zca("left as vectors", use="(inputs.flatten(1) - mean) @ matrix.T"),
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
    schedules("falls in each epoch", T_STEP, step="lr * gamma ** epoch"),
    schedules("not rounded", T_STEP, step="lr * gamma ** (epoch / step_size)"),
    schedules("one epoch early", T_STEP, step="lr * gamma ** ((epoch + 1) // step_size)"),
    schedules("one factor only", T_STEP, step="lr * (gamma if epoch >= step_size else 1)"),
    schedules("a quarter of a wave", T_COSINE, cosine="lr * math.cos(math.pi * epoch / num_epochs / 2)"),
    schedules("a straight line", ("test_cosine_hidden",), cosine="lr * (1 - epoch / num_epochs)"),
    schedules("not halved", T_COSINE, cosine="lr * (1 + math.cos(math.pi * epoch / num_epochs))"),
    schedules("one epoch less", T_COSINE, cosine="lr * (1 + math.cos(math.pi * epoch / (num_epochs - 1))) / 2"),
    rough("signed", "sum(changes) / len(changes)"),
    rough("divided by the number of values", "sum(map(abs, changes)) / len(values)"),
    rough("squares", "sum(c * c for c in changes) / len(changes)"),
    rough("sum", "sum(map(abs, changes))"),
    sweeps(
        "best on the way",
        (T_BEST_RUN,),
        best=BEST_RUN.replace("'validation_accuracy'][-1]", "'validation_accuracy'].__getitem__(slice(None))")
        .replace("key=lambda k: ", "key=lambda k: max(")
        .replace("slice(None)))", "slice(None))))"),
    ),
    sweeps(
        "lowest training loss",
        (T_BEST_RUN,),
        best="    return min(histories, key=lambda k: histories[k]['train_loss'][-1])\n",
    ),
    sweeps(
        "nan not looked at",
        (T_BEST_RUN,),
        best="    return max(histories, key=lambda k: histories[k]['validation_accuracy'][-1])\n",
    ),
    sweeps("rates of SGD too close", ("test_sgd_sweep",), sgd="[0.01, 0.02, 0.03, 0.04, 0.05]"),
    sweeps("four rates of SGD", ("test_sgd_sweep",), sgd="[0.0001, 0.001, 0.01, 0.5]"),
    sweeps("rates of SGD not in order", ("test_sgd_sweep",), sgd="[0.5, 0.05, 0.01, 0.001, 0.0001]"),
    sweeps("rates of Adam equal", ("test_adam_sweep",), adam="[0.00003, 0.0003, 0.0003, 0.01, 0.1]"),
    sweeps("rates of Adam too close", ("test_adam_sweep",), adam="[0.001, 0.0015, 0.002, 0.003, 0.004]"),
    sweeps("six rates of Adam", ("test_adam_sweep",), adam="[0.00003, 0.0003, 0.001, 0.002, 0.01, 0.1]"),
    sweeps("factor above 1", ("test_gamma_sweep",), gammas="[0.05, 0.2, 0.5, 0.8, 1.5]"),
    sweeps("factors not in order", ("test_gamma_sweep",), gammas="[1.0, 0.8, 0.5, 0.2, 0.05]"),
    sweeps("a factor of 0", ("test_gamma_sweep",), gammas="[0.0, 0.2, 0.5, 0.8, 1.0]"),
    dropout("not scaled", out="inputs * kept", loses=(*T_DROPOUT, "test_network_hidden")),
    dropout(
        "share that is kept",
        (*T_DROPOUT, "test_network_hidden"),
        mask="(torch.rand_like(inputs) < self.rate)",
    ),
    dropout("scaled in use", idle="inputs * (1 - self.rate)", loses=(*T_DROPOUT, *T_NETWORK)),
    dropout("always at work", before="self.training = True", loses=(*T_DROPOUT, *T_NETWORK)),
    dropout("one mask for all samples", ("test_dropout_hidden",), mask="(torch.rand_like(inputs[:1]) >= self.rate)"),
    dropout("the layer of torch", ("test_dropout_hidden",), mask="None", out="nn.Dropout(self.rate)(inputs)"),
    network("batch norm after ReLU", norm="nn.ReLU(), nn.BatchNorm2d(width), ", loses=(*T_NETWORK, T_CHOICE, T_BEST)),
    network("batch norm left out", norm="nn.ReLU(), ", loses=(*T_NETWORK, T_CHOICE, T_BEST)),
    network("no maps of edges", first="", head="nn.LazyLinear(256)", loses=(*T_NETWORK, T_CHOICE, T_BEST)),
    network(
        "no bias beside batch norm",
        (*T_NETWORK, T_CHOICE, T_BEST),
        conv="nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)",
    ),
    network("softmax", end="nn.Linear(256, 10), nn.Softmax(1)"),
    network(
        "dropout on the logits",
        ("test_network_hidden",),
        hidden="nn.ReLU(), nn.Identity()",
        end="nn.Linear(256, 10), InvertedDropout(rate)",
    ),
    network("no dropout", ("test_network_hidden",), hidden="nn.ReLU(), nn.Identity()"),
    network(
        "dropout on the features, too",
        ("test_network_hidden", T_CHOICE, T_BEST),
        head="nn.Sequential(InvertedDropout(rate), nn.Linear(256, 256))",
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
