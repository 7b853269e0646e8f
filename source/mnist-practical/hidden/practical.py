"""Trusted networks of the practical, what event files must hold, and where dropout acts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import artifacts
from course_utils.checks import assert_equal, assert_number, assert_that, shared
from course_utils.checks.networks import restored, share_right
from course_utils.checks.wording import fail
from course_utils.lessons.mnist_practical import digits, runs

__all__ = [
    "Toy",
    "Writer",
    "check_agreement",
    "check_dropout",
    "check_log_scalars",
    "check_logged",
    "check_sweep",
    "check_times",
    "check_timing",
    "deep_twin",
    "one_conv_twin",
    "step_of",
]

TRAIN, DEV = ("train/loss", "train/accuracy"), ("dev/loss", "dev/accuracy")
# The share of the dev split that shows that a network has learned; without learning it is near 0.1.
LEARNED = 0.4

_AGAIN = "Train it again: write retrain = ['NAME'] into the cell that loads the digits, run it and the run's cell."

# The runs of the experiments: which setting differs, and what it is in each run.
SWEEPS: dict[str, dict[str, Any]] = {
    "keep_prob": {"keep-1": 1.0, "keep-0.75": 0.75, "keep-0.5": 0.5, "keep-0.25": 0.25},
    "lam": {"lambda-0": 0.0, "lambda-0.001": 0.001, "lambda-0.03": 0.03, "lambda-1": 1.0},
    "filters": {"filters-3-3": (3, 3), "filters-5-3": (5, 3), "filters-5-5": (5, 5), "filters-7-5": (7, 5)},
}


def one_conv_twin(end: Iterable[nn.Module] = ()) -> nn.Sequential:
    """Return the network of the skeleton, without dropout."""
    layers = [nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8 * 14 * 14, 64), nn.ReLU(), nn.Linear(64, 10), *end)


def deep_twin(
    filters: tuple[int, int],
    batch_norm: bool = False,
    order: str = "conv norm relu pool",
    end: Iterable[nn.Module] = (),
) -> nn.Sequential:
    """Return the network with two convolutions, without dropout, or one with a likely mistake."""
    layers: list[nn.Module] = []
    for ins, outs, size in ((1, 8, filters[0]), (8, 16, filters[1])):
        parts = {
            "conv": nn.Conv2d(ins, outs, size, padding=size // 2),
            "norm": nn.BatchNorm2d(outs) if batch_norm else nn.Identity(),
            "relu": nn.ReLU(),
            "pool": nn.MaxPool2d(2),
        }
        layers += [parts[part] for part in order.split()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10), *end)


# Dropout: with these weights the logits are what dropout makes of hidden units that are all 1.


def _revealing(state: dict[str, Tensor], hidden: int, *, through: bool) -> dict[str, Tensor]:
    """Return weights with which each hidden unit is 1, and the logits are 2 more than the first ten of them.

    A unit is 1 whatever comes in; or, with `through`, because it reads one number of the maps, which are 1 as the image
    is: then what is dropped on the way shows as well.
    """
    chosen = {}
    for key, value in state.items():
        if not value.is_floating_point():
            chosen[key] = value
            continue
        new = torch.zeros_like(value)
        kind = key.rpartition(".")[2]
        if tuple(value.shape) == (hidden,) and kind == "bias":
            new += 0 if through else 1
        elif through and value.ndim == 4:
            new[:, 0, value.shape[2] // 2, value.shape[3] // 2] = 1
        elif through and value.ndim == 2 and len(value) == hidden:
            new[range(hidden), range(0, value.shape[1] // hidden * hidden, value.shape[1] // hidden)] = 1
        elif tuple(value.shape) == (10, hidden):
            new[range(10), range(10)] = 1
        elif tuple(value.shape) == (10,) and kind == "bias":
            new += 2
        elif kind == "running_var":
            new += 1
        chosen[key] = new
    return chosen


def check_dropout(network: Any, hidden: int, name: str) -> None:
    """Check where dropout acts in a network, and how strongly.

    Parameters
    ----------
    network : torch.nn.Module
        The student's; its weights are replaced.
    hidden : int
        Units of its first dense layer.
    name : str
        How messages call it.

    Raises
    ------
    CheckFailed
        If it is not on the activations of that layer, with the keep probability of the call.
    """
    for through in (False, True):
        network.load_state_dict(_revealing(network.state_dict(), hidden, through=through))
        _check_where(network, name)


def _check_where(network: Any, name: str) -> None:
    images = torch.ones(500, 1, 28, 28)
    for in_training in (False, True):
        network.train(in_training)
        mode = f"in {'training' if in_training else 'evaluation'} mode"
        with torch.no_grad():
            for call, outputs in (
                ("(images)", network(images.clone())),
                ("(images, keep_prob=1.0)", network(images.clone(), keep_prob=1.0)),
            ):
                whole = outputs.shape == (500, 10) and bool(
                    torch.allclose(outputs, torch.full((500, 10), 3.0), atol=1e-4)
                )
                hint = "Without a keep probability, and with 1, nothing is dropped and nothing scaled."
                assert_that(whole, f"{name}{call} drops or scales hidden units {mode}.", hint=hint)
            for keep in (0.8, 0.3):
                units = network(images.clone(), keep_prob=keep) - 2  # what arrives from the hidden units
                again = network(images.clone(), keep_prob=keep) - 2
                _check_units(units, again, keep, f"{name}(images, keep_prob={keep}), {mode},")


def _check_units(units: Tensor, again: Tensor, keep: float, name: str) -> None:
    zero = float((units.abs() < 1e-4).float().mean())
    kept = float(units[units.abs() >= 1e-4].mean()) if zero < 1 else 0.0
    if zero < 0.01:
        if bool(((units + 2).abs() < 1e-4).any()):
            fail(
                f"{name} drops logits.", "Dropout belongs to the activations of the first dense layer, behind its ReLU."
            )
        hint = (
            "Drop activations of the first dense layer, behind its ReLU, with the keep_prob of the call, in any mode."
        )
        fail(f"{name} drops none of the units of the first dense layer.", hint)
    if abs(zero - (1 - keep)) > 0.06:
        only = "Pass keep_prob on to dropout, once: behind the ReLU of the first dense layer, and nowhere else."
        swapped = "This keeps what it should drop: keep_prob is the probability to keep a unit."
        hint = swapped if abs(zero - keep) < 0.06 else only
        fail(f"{name} drops {100 * zero:.0f} % of the units; {100 * (1 - keep):.0f} % are wanted.", hint)
    hint = "Divide what is kept by keep_prob, once, so that the mean stays the same."
    assert_that(abs(kept - 1 / keep) < 0.02 / keep, f"{name}: a unit of 1 that is kept becomes {kept:.3g}.", hint=hint)
    dropped = units.abs() < 1e-4
    hint = "Draw for each example and each unit, in every call: a mask of the shape of the activations."
    shares = dropped.float()
    rows, columns = (
        float(shares.mean(1).std()),
        float(shares.mean(0).std()),
    )  # of independent draws 0.16 and 0.02 at most
    varied = rows < 0.3 and columns < 0.1 and not torch.equal(dropped, again.abs() < 1e-4)
    assert_that(varied, f"{name} drops all units of an example, the same for all, or in every call.", hint=hint)


# Training steps.


class Toy(nn.Module):
    """A network that is small, and whose keep probability shows: it scales the hidden units instead of dropping."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.norm, self.fc2 = nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 4)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Every copy comes with gradients of an earlier step.
        super().__setstate__(state)
        for weight in self.parameters():
            weight.grad = torch.full_like(weight, 7.0)

    def forward(self, images: Tensor, keep_prob: float = 1.0) -> Tensor:
        return self.fc2(keep_prob * torch.relu(self.norm(self.fc1(images))))


def step_of(
    model: nn.Module, images: Tensor, labels: Tensor, keep_prob: float, lam: float, lr: float, mistake: str = ""
) -> tuple[dict[str, Tensor], tuple[float, float, float]]:
    """Return weights after one step of gradient descent, and what a step reports; or what a likely mistake makes.

    Parameters
    ----------
    model : torch.nn.Module
        Left unchanged.
    images, labels : torch.Tensor
    keep_prob, lam, lr : float
    mistake : str

    Returns
    -------
    weights : dict of str to torch.Tensor
    reported : (float, float, float)
        Cross-entropy, accuracy, and the regulariser without lambda.
    """
    twin = copy.deepcopy(model).train(mistake != "evaluation mode")
    if mistake != "not cleared":
        twin.zero_grad()
    optimizer = torch.optim.SGD(twin.parameters(), lr=lr)
    logits = twin(images, 1.0 if mistake == "keep not used" else keep_prob)
    entropy = F.cross_entropy(logits, labels)
    weight, bias = twin.fc1.weight, twin.fc1.bias
    if mistake == "all layers":
        l2 = sum((value**2).sum() for value in twin.parameters())
    elif mistake == "wrong layer":
        l2 = (twin.fc2.weight**2).sum() + (twin.fc2.bias**2).sum()
    elif mistake == "no bias":
        l2 = (weight**2).sum()
    elif mistake == "root":
        l2 = ((weight**2).sum() + (bias**2).sum()).sqrt()
    elif mistake == "mean":
        l2 = (weight**2).mean() + (bias**2).mean()
    else:
        l2 = (weight**2).sum() + (bias**2).sum()
    factor = {"half": lam / 2, "no term": 0.0, "detached": 0.0}.get(mistake, lam)
    loss = entropy + factor * l2
    loss.backward()
    optimizer.step()
    hits = (logits.argmax(1) == labels).float().mean().item()
    return {key: value.detach() for key, value in twin.state_dict().items()}, (entropy.item(), hits, l2.item())


# Logging, on a writer of the test: a file that was written by hand has no part in it.


class Writer(nn.Module):
    """Takes numbers as TensorBoard's writer does; of each it keeps which tag it had, the value and the step."""

    def __init__(self, tags: Iterable[str]) -> None:
        super().__init__()
        self.tags = list(tags)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("logged", torch.zeros(40, 3, dtype=torch.float64))

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: Any = None, walltime: Any = None, *_: Any, **__: Any
    ) -> None:
        row = int(self.count)
        if row < len(self.logged):
            place = self.tags.index(tag) if tag in self.tags else -1
            step = -1.0 if global_step is None else float(global_step)
            self.logged[row] = torch.tensor([place, float(scalar_value), step], dtype=torch.float64)
        self.count += 1

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _assert_logged(writer: Writer, wanted: list[tuple[int, float, int]], what: str) -> None:
    rows = writer.logged[: int(writer.count)].tolist()
    assert_equal(int(writer.count), len(wanted), f"how many numbers {what} logs", hint="One call for each pair.")
    for (place, value, step), (tag, right, at) in zip(sorted(rows), sorted(wanted), strict=True):
        hint = "add_scalar takes the tag, the value and the step, in this order; the tag is the key, as it is."
        known = writer.tags[int(place)] if 0 <= place < len(writer.tags) else "another one"
        assert_equal(known, writer.tags[tag], f"a tag of what {what} logs", hint=hint)
        name = f"under {writer.tags[tag]!r}, as {what} logs it"
        slips = {"No step was handed on.": -1.0, "This is the value; the step is the third argument.": right}
        assert_number(step, float(at), f"the step {name}", hint=hint, mistakes=slips)
        assert_number(value, right, f"the value {name}", hint=hint, rtol=1e-6)


def check_log_scalars(log_scalars: Any) -> None:
    """Check what a student's `log_scalars` hands to a writer.

    Parameters
    ----------
    log_scalars : callable

    Raises
    ------
    CheckFailed
        If it is not each pair, with its step.
    """
    writer = Writer([*TRAIN, *DEV, "l2", "step_time", "a tag of the test"])
    calls = [
        (12, {"train/loss": 2.25, "train/accuracy": 0.125, "l2": 17.5}),
        (24, {"train/accuracy": 0.375, "l2": 16.25, "train/loss": 1.75}),
        (25, {"step_time": 0.0625}),
        (31, {"dev/loss": 1.5, "dev/accuracy": 0.4375}),
        (40, {}),
        (52, {"a tag of the test": -3.0}),
    ]
    for step, values in calls:
        log_scalars(shared(writer), step, dict(values))
    wanted = [(writer.tags.index(tag), value, step) for step, values in calls for tag, value in values.items()]
    _assert_logged(writer, wanted, "log_scalars")


def check_timing(block_means: Any, log_scalars: Any) -> None:
    """Check that the student's functions, called as the loop calls them, log the mean time of a step.

    Parameters
    ----------
    block_means, log_scalars : callable

    Raises
    ------
    CheckFailed
        If not.
    """
    draws = np.random.default_rng(52)
    for every, epochs in ((4, (11, 9, 14)), (3, (3, 8, 1))):
        writer, durations, timed, wanted = Writer(["step_time"]), [], 0, []
        for count in epochs:
            durations += draws.uniform(0.01, 0.05, count).tolist()
            full = range(every + 1, len(durations) + 1, every)
            wanted = [(0, float(np.mean(durations[last - every : last])), last) for last in full]
            means = [(int(last), float(mean)) for last, mean in block_means(list(durations), every)]
            for last, mean in means[timed:]:
                log_scalars(shared(writer), last, {"step_time": mean})
            timed = len(means)
        _assert_logged(writer, wanted, f"the loop, with blocks of {every} steps,")


# What was handed in.


def check_logged(name: str, more: Iterable[str] = ()) -> dict[str, runs.Scalars]:
    """Check that an event file holds what the loop logs, at the steps at which it does.

    Parameters
    ----------
    name : str
        Of the run.
    more : iterable of str
        Tags that are wanted beside those of loss and accuracy.

    Returns
    -------
    dict of str to runs.Scalars

    Raises
    ------
    CheckFailed
        If not.
    """
    record, found = artifacts.read_record(name), runs.read_scalars(name)
    if record.data not in (digits.data.MNIST, digits.data.STAND_IN):
        fail(f"The record of {name!r} says that it was trained on {record.data[:80]!r}, which nobody here has.", None)
    every = digits.log_every(record.data, all_of_them=name == "final")
    for tag in (*TRAIN, *DEV, *more):
        if tag not in found:
            fail(
                f"The run {name!r} has no scalars {tag!r}; it has {', '.join(sorted(found))}.",
                "Log each pair of values.",
            )
        steps, values, _ = found[tag]
        hint = "add_scalar takes the tag, the value and the step, in this order."
        assert_that(bool(np.isfinite(values).all()), f"{tag} of the run {name!r} is not always a number.", hint=hint)
        rising = len(steps) > 1 and bool((np.diff(steps) > 0).all())
        fact = f"The steps of {tag} in the run {name!r} do not rise: they are {', '.join(map(str, steps[:4]))}, …"
        assert_that(rising, fact, hint="Pass the step as the third argument of add_scalar.")
    apart = np.diff(found[TRAIN[0]].steps)
    fact = f"The training loss of {name!r} is logged every {apart[0]} steps at first; {every} are wanted."
    assert_that(bool((apart == every).all()), fact, hint="The loop that is given calls log_scalars where it is due.")
    count, wanted = len(found[DEV[1]].values), record.epochs
    fact = f"The run {name!r} has {count} values of {DEV[1]}, its record {wanted} epochs."
    assert_that(count == wanted, fact, hint=f"Event file and record are of different runs. {_AGAIN}")
    for tag in (TRAIN[1], DEV[1]):
        values = found[tag].values
        fact = f"{tag} of the run {name!r} is not always between 0 and 1."
        assert_that(bool(((values >= 0) & (values <= 1)).all()), fact, hint="An accuracy is a share, from 0 to 1.")
    return found


def check_agreement(make: Callable[[], Any], name: str, found: dict[str, runs.Scalars]) -> None:
    """Check that weights that were handed in have learned, and that the last dev accuracy that was logged is theirs.

    Parameters
    ----------
    make : callable
        Returns the student's network.
    name : str
        Of the run.
    found : dict of str to runs.Scalars
        Its event file.

    Raises
    ------
    CheckFailed
        If they differ by more than 0.2 points and one digit, or if hardly a digit is right.
    """
    record, network = restored(make, name)
    _agree(network, record.data, name, found)


def _agree(network: Any, source: str, name: str, found: dict[str, runs.Scalars], least: float = LEARNED) -> None:
    images, labels = digits.dev_split(source)
    share, logged = share_right(network, images, labels, name), float(found[DEV[1]].values[-1])
    if share < least:
        fail(
            f"The weights of {name!r} read {100 * share:.1f} % of the dev split: they have learned next to nothing.",
            _AGAIN,
        )
    if abs(share - logged) > 0.002 + 1.5 / len(labels):
        fact = (
            f"The last dev accuracy in the event file of {name!r} is {100 * logged:.1f} %; the weights that lie beside "
        )
        fail(
            f"{fact}it reach {100 * share:.1f} %.",
            "Measure in evaluation mode, without dropout, on all of the dev split. If the class has changed since, "
            f"{_AGAIN[0].lower()}{_AGAIN[1:]}",
        )


def check_times(name: str, found: dict[str, runs.Scalars]) -> None:
    """Check the summaries of the time of a step: spaced as asked, positive, and not more than the run took.

    Parameters
    ----------
    name : str
        Of the run.
    found : dict of str to runs.Scalars
        What `check_logged` returned.

    Raises
    ------
    CheckFailed
        If not.
    """
    every = int(found[TRAIN[0]].steps[0])
    if "step_time" not in found:
        fail(
            f"The run {name!r} has no scalars 'step_time'.",
            f"Write block_means first. {_AGAIN}",
        )
    steps, values, times = found["step_time"]
    spaced = len(steps) > 1 and bool((np.diff(steps) == every).all())
    fact = f"step_time of {name!r} must come every {every} steps; its steps are {', '.join(map(str, steps[:4]))}, …"
    assert_that(spaced, fact, hint="One mean for each full block.")
    fact = f"step_time of {name!r} must be positive numbers of seconds."
    assert_that(bool(np.isfinite(values).all() and (values > 0).all()), fact, hint="A step takes some time.")
    took = max(artifacts.read_record(name).seconds, float(times.max() - times.min()))
    total = float(values.sum()) * every
    fact = f"By step_time the steps of {name!r} took {total:.3g} s, but all of the run took {took:.3g} s."
    assert_that(total <= 1.05 * took + 0.05, fact, hint="Log the mean time of one step, in seconds, not a sum.")


def _laid(twin: nn.Module, name: str) -> str:
    """Lay weights that were handed in into a trusted network whose weights all have shapes of their own.

    Returns what they were trained on.
    """
    record, weights = artifacts.handed_in(name)
    theirs = {tuple(value.shape): value for value in weights.values()}
    own = {key: tuple(value.shape) for key, value in twin.state_dict().items()}
    if set(theirs) != set(own.values()) or len(weights) != len(own):
        shape = sorted(set(theirs) ^ set(own.values()))
        which = f"of the shape {shape[0]} " if shape else ""
        fail(
            f"The weights of {name!r} are of another network: weights {which}are missing, or too many.",
            f"Its cell names the network. {_AGAIN}",
        )
    twin.load_state_dict({key: theirs[shape] for key, shape in own.items()})
    twin.eval()
    return record.data


def _check_trained(setting: str, name: str, value: Any, found: dict[str, runs.Scalars]) -> dict[str, Tensor]:
    """Measure what a run of an experiment has left, in a trusted network; return its weights."""
    twin = deep_twin(value) if setting == "filters" else one_conv_twin()
    source = _laid(twin, name)
    # The largest lambda may press the network flat.
    _agree(twin, source, name, found, 0.0 if (setting, value) == ("lam", 1.0) else LEARNED)
    return twin.state_dict()


def check_sweep(setting: str, more: Iterable[str] = ()) -> list[dict[str, runs.Scalars]]:
    """Check that the runs of an experiment are there, each with its own value of a setting and trained weights.

    Records and event files can be written by hand; so the weights are laid into a trusted network and measured.

    Parameters
    ----------
    setting : str
        A key of `SWEEPS`.
    more : iterable of str
        As for `check_logged`.

    Returns
    -------
    list of dict of str to runs.Scalars
        What each run logged.

    Raises
    ------
    CheckFailed
        If one is missing, not finished, of another setting, has not learned, or logged what its weights do not
        reach; or if two are the same run.
    """
    logged, curves, kept_weights = [], {}, {}
    for name, value in SWEEPS[setting].items():
        record = artifacts.read_record(name)
        hint = "Run the cell of the experiment again, to its end."
        assert_that(record.finished, f"The run {name!r} did not come to its end.", hint=hint)
        kept = record.settings.get(setting)
        kept = tuple(kept) if isinstance(kept, list) else kept
        assert_that(kept == value, f"The run {name!r} was made with {setting} = {kept!r}, not {value!r}.", hint=hint)
        logged.append(check_logged(name, more))
        losses = tuple(logged[-1][TRAIN[0]].values)
        same = next((other for other, known in curves.items() if known == losses), None)
        assert_that(same is None, f"The runs {name!r} and {same!r} are one and the same.", hint=hint)
        curves[name] = losses
        weights = _check_trained(setting, name, value, logged[-1])
        twins = [
            other
            for other, known in kept_weights.items()
            if all(known[key].shape == part.shape and torch.equal(known[key], part) for key, part in weights.items())
        ]
        assert_that(not twins, f"The runs {name!r} and {twins[:1]} left one and the same network.", hint=hint)
        kept_weights[name] = weights
    if setting == "lam":
        _check_squares(kept_weights, logged)
    return logged


def _check_squares(weights: dict[str, dict[str, Tensor]], logged: list[dict[str, runs.Scalars]]) -> None:
    """Check that the sums of squares of the weights fall with lambda, and are those that were logged last."""
    sums = []
    for (name, state), found in zip(weights.items(), logged, strict=True):
        layer = [value.double() for value in state.values() if tuple(value.shape) in ((64, 8 * 14 * 14), (64,))]
        sums.append(sum(float((value**2).sum()) for value in layer))
        last = float(found["l2"].values[-1])
        fact = (
            f"The last value of l2 that {name!r} logged is {last:.3g}; of the weights beside it, it is {sums[-1]:.3g}."
        )
        assert_that(abs(last - sums[-1]) <= 0.25 * sums[-1] + 0.01, fact, hint=_AGAIN)
    fact = "In the weights of the four runs the sum of squares of fc1 does not fall from lambda 0 to 0.03 to 1."
    assert_that(sums[0] > sums[2] > sums[3], fact, hint="Is lam in the loss that backward is called on?")
