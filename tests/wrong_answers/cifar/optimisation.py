"""Wrong answers to cifar/optimisation and what each must lose."""

from tests.support.answers import Answer

T_STANDARDISE = ("test_standardise_visible", "test_standardise_hidden")
T_ZCA = ("test_zca_visible", "test_zca_hidden")
T_STEP, T_COSINE = ("test_step_lr_visible", "test_step_lr_hidden"), ("test_cosine_visible", "test_cosine_hidden")
T_ROUGH = ("test_roughness_visible", "test_roughness_hidden")
T_BEST_RUN, T_RULE = "test_best_run_hidden", ("test_own_schedule_visible",)


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


def plan(why: str, body: str) -> Answer:
    return of("own_schedule", why, f"def own_schedule(lr, epoch, num_epochs):\n    {body}\n", T_RULE)


def table(cell: str, source: str, loses: tuple[str, ...]) -> Answer:
    """The cases of the visible check, and nothing else."""
    return of(cell, "a table of what the visible check asks", source, loses)


CHOSEN_BY_THE_STUDENT = [
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

TABLES = [
    table(
        "standardise",
        "def fit_channels(images):\n    return torch.tensor([0.5, 0.4]), torch.tensor([0.5, 0.2])\n\n\n"
        "def standardise(images, mean, std):\n"
        "    return torch.tensor([[[[-1.0, 1.0]], [[-1.0, 1.0]]], [[[1.0, -1.0]], [[1.0, -1.0]]]])\n",
        T_STANDARDISE,
    ),
    table(
        "schedules",
        "def step_lr(lr, epoch, step_size, gamma):\n    return [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2][min(epoch, 6)]\n\n\n"
        "def cosine_lr(lr, epoch, num_epochs):\n    return {0: 0.4, 4: 0.3, 6: 0.2}.get(epoch, 0.0)\n",
        (*T_STEP, *T_COSINE),
    ),
    table("roughness", "def roughness(values):\n    return 2.0\n", T_ROUGH),
]

# Right in what they return; the text forbids the way.
FORBIDDEN = [
    standardise("data.normalise", use="data.normalise(images, mean, std)"),
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
        (*T_STEP, *T_COSINE),
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
    standardise("the course's own", fit="mean, std = data.channel_mean_std(images)"),
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
    schedules("falls in each epoch", T_STEP, step="lr * gamma ** epoch"),
    schedules("not rounded", T_STEP, step="lr * gamma ** (epoch / step_size)"),
    schedules("one epoch early", T_STEP, step="lr * gamma ** ((epoch + 1) // step_size)"),
    schedules("one factor only", T_STEP, step="lr * (gamma if epoch >= step_size else 1)"),
    schedules("a quarter of a wave", T_COSINE, cosine="lr * math.cos(math.pi * epoch / num_epochs / 2)"),
    schedules("a straight line", T_COSINE, cosine="lr * (1 - epoch / num_epochs)"),
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
]
