"""Right and wrong gradients of the network with one hidden layer, and the batches on which they are told apart."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import special

from course_utils.checks import assert_array, assert_gradients, assert_keys, assert_unchanged
from course_utils.draws import seed_for

__all__ = [
    "SIZES",
    "batch",
    "check_epoch",
    "check_gradients",
    "check_sure",
    "gradients",
    "model_of",
    "outputs_of",
    "params_of",
    "torch_params",
]

Arrays = dict[str, np.ndarray]

# N, nx, nh, ny: no two of a case are equal, since a sum over the wrong axis may else have the right shape. N is at most
# nx, so that there are weights for any pre-activations.
SIZES = ((5, 7, 4, 3), (3, 6, 5, 4), (2, 8, 3, 6), (6, 9, 2, 5), (4, 5, 7, 3))


def batch(case: int) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """Draw a network and a batch on which wrong derivatives of tanh show.

    The absolute values of all pre-activations lie between 1 and 3.

    Parameters
    ----------
    case : int
        Place in `SIZES`.

    Returns
    -------
    params : dict of str to numpy.ndarray
    X, Y : numpy.ndarray of shape (N, nx) and (N, ny)
        The targets are one-hot in all cases but the last, where they are soft.
    """
    count, inputs, hidden, outputs = SIZES[case]
    rng = np.random.default_rng(seed_for(f"backpropagation {case}"))
    htilde = rng.uniform(1, 3, size=(count, hidden)) * rng.choice([-1, 1], size=(count, hidden))
    X, bh = rng.normal(size=(count, inputs)), rng.normal(size=hidden)
    params = {
        "Wh": np.ascontiguousarray((np.linalg.pinv(X) @ (htilde - bh)).T),
        "bh": bh,
        "Wy": rng.normal(size=(outputs, hidden)),
        "by": rng.normal(size=outputs),
    }
    soft = case == len(SIZES) - 1
    Y = rng.dirichlet(np.ones(outputs), size=count) if soft else np.eye(outputs)[rng.permutation(count) % outputs]
    return params, X, Y


def torch_params(params: Arrays, *, requires_grad: bool = True) -> dict[str, torch.Tensor]:
    """Return copies of parameters as tensors."""
    return {name: torch.tensor(value, requires_grad=requires_grad) for name, value in params.items()}


def _forward(params: dict[str, torch.Tensor], X: torch.Tensor) -> dict[str, torch.Tensor]:
    htilde = F.linear(X, params["Wh"], params["bh"])
    h = torch.tanh(htilde)
    ytilde = F.linear(h, params["Wy"], params["by"])
    return {"X": X, "htilde": htilde, "h": h, "ytilde": ytilde, "yhat": torch.softmax(ytilde, dim=1)}


def outputs_of(params: Arrays, X: np.ndarray) -> Arrays:
    """Return what the forward pass keeps, by its name in the notebook."""
    outputs = _forward(torch_params(params, requires_grad=False), torch.from_numpy(X))
    return {name: value.numpy() for name, value in outputs.items()}


def gradients(params: Arrays, X: np.ndarray, Y: np.ndarray) -> Arrays:
    """Return the gradients of the mean cross-entropy by all parameters, by autograd."""
    leaves = torch_params(params)
    loss = F.cross_entropy(_forward(leaves, torch.from_numpy(X))["ytilde"], torch.from_numpy(Y))
    found = torch.autograd.grad(loss, list(leaves.values()))
    return {name: gradient.numpy() for name, gradient in zip(leaves, found, strict=True)}


_HINT = "Compare each line of your function with the step of your derivation that it comes from."


def check_gradients(backward: Callable[..., Any], hint: str = _HINT) -> None:
    """Check a backward pass on batches of five different sizes, and call known mistakes by their name.

    Parameters
    ----------
    backward : callable
        The student's.
    hint : str
        What the message says of a mistake that it does not know.

    Raises
    ------
    CheckFailed
        If it is wrong.
    """
    for case, (count, inputs, hidden, classes) in enumerate(SIZES):
        params, X, Y = batch(case)
        kept = outputs_of(params, X)
        arguments = params, kept, Y
        originals = copy.deepcopy(arguments)
        found = backward(*arguments)
        assert_gradients(
            found,
            gradients(*originals[:1], X, Y),
            f"backward of a network with nx = {inputs}, nh = {hidden}, ny = {classes} on a batch of N = {count}",
            hint=hint,
            sizes={"N": count, "ny": classes, "nh": hidden, "nx": inputs},
            mistakes=_mistakes(originals[0], originals[1], Y),
        )
        for name in params:
            assert_unchanged(params[name], originals[0][name], f"backward's argument params[{name!r}]")
        for name in kept:
            assert_unchanged(kept[name], originals[1][name], f"backward's argument outputs[{name!r}]")
    check_sure(backward)


def check_sure(backward: Callable[..., Any]) -> None:
    """Check a backward pass where the network is sure and right: differences of the loss are rounded away there.

    Parameters
    ----------
    backward : callable
        The student's.

    Raises
    ------
    CheckFailed
        If the gradients are not those of the formula.
    """
    params = {"Wh": np.ones((2, 1)), "bh": np.zeros(2), "Wy": np.zeros((3, 2)), "by": np.array([40.0, 0.0, 1.0])}
    point, target = np.array([[0.5]]), np.eye(3)[[0]]
    found = backward(params, outputs_of(params, point), target)
    name = "backward where the network is sure and right"
    assert_keys(found, list(params), name)
    assert_array(
        np.asarray(found["by"])[1:],
        special.softmax(params["by"])[1:],
        f"the entries of by after the first of {name}",
        hint="Compute it from the formula: differences are rounded away here.",
        rtol=1e-3,
        atol=0,
    )


def _with(params: Arrays, kept: Arrays, G: np.ndarray, slope: np.ndarray) -> Arrays:
    """Return the gradients that follow from those by the logits and from a derivative of the activation."""
    D = (G @ params["Wy"]) * slope
    return {"Wy": G.T @ kept["h"], "by": G.sum(axis=0), "Wh": D.T @ kept["X"], "bh": D.sum(axis=0)}


def _mistakes(params: Arrays, kept: Arrays, Y: np.ndarray) -> dict[str, Arrays]:
    h, htilde, yhat = kept["h"], kept["htilde"], kept["yhat"]
    G, slope = (yhat - Y) / len(Y), 1 - h**2
    right = _with(params, kept, G, slope)
    D = (G @ params["Wy"]) * slope
    total = {name: len(Y) * value for name, value in right.items()}
    wrong_slopes = {
        "The derivative of tanh is 1 - h^2 with h = tanh(htilde), not 1 - htilde^2.": 1 - htilde**2,
        "h is the hyperbolic tangent already: 1 - tanh(h)^2 takes it once too often.": 1 - np.tanh(h) ** 2,
        "The derivative of tanh is 1 - h^2, not (1 - h)^2.": (1 - h) ** 2,
        "The derivative of tanh is 1 - h^2: the square is missing.": 1 - h,
        "h (1 - h) is the derivative of the sigmoid; the activation here is tanh.": h * (1 - h),
        "This is the derivative of the ReLU; the activation here is tanh.": (h > 0).astype(float),
        "The derivative of tanh is 1 - h^2, with a minus.": 1 + h**2,
        "1/cosh(htilde) has to be squared to be the derivative of tanh.": 1 / np.cosh(htilde),
        "The derivative of the activation is left out on the way back through the hidden layer.": np.ones_like(h),
    }
    squared = 2 * yhat * ((yhat - Y) - ((yhat - Y) * yhat).sum(axis=1, keepdims=True)) / len(Y)
    again = np.exp(yhat) / np.exp(yhat).sum(axis=1, keepdims=True)
    twice = yhat * ((again - Y) - ((again - Y) * yhat).sum(axis=1, keepdims=True)) / len(Y)
    wrong_logits = {
        "This is the gradient of the squared error; the loss is the cross-entropy.": squared,
        "This is the squared error, divided by ny as well; the loss is the cross-entropy.": squared / Y.shape[1],
        "-y/yhat is the derivative by the output; asked is the one by the logit.": -Y / yhat / len(Y),
        "The factor yhat (1 - yhat) has cancelled already: cross-entropy and softmax together leave a plain "
        "difference.": G * yhat * (1 - yhat),
        "The targets are missing in the derivative by the logits.": yhat / len(Y),
        "Softmax was taken twice: yhat holds probabilities already.": twice,
    }
    return {
        "The loss is a mean over the batch: divide by N once, where the gradient by the logits is formed.": total,
        "The 1/N of the mean is in the gradients of the weights, not in those of the biases.": {
            "by": total["by"], "bh": total["bh"],
        },
        "The 1/N is in the gradient by the logits already; a bias sums over the batch and takes no mean.": {
            "by": right["by"] / len(Y), "bh": right["bh"] / len(Y),
        },
        "The loss is a mean over the batch: this divides by N twice.": {
            name: value / len(Y) for name, value in right.items()
        },
        "Nothing reaches the biases: each needs the sum of what reaches its units.": {
            "by": 0 * right["by"],
            "bh": 0 * right["bh"],
        },
        "Nothing reaches the hidden layer: its gradients are 0.": {"Wh": 0 * right["Wh"], "bh": 0 * right["bh"]},
        "Nothing reaches bh: it needs the sum of what reaches its units.": {"bh": 0 * right["bh"]},
        "The sign is the other way round: the gradient by the logits is prediction minus target.": {
            name: -value for name, value in right.items()
        },
        "The 2 belongs to a squared error; cross-entropy with softmax has none.": {
            name: 2 * value for name, value in right.items()
        },
        "The loss is a mean over the examples, and a sum over the classes: divide by N only.": {
            name: value / Y.shape[1] for name, value in right.items()
        },
        "The sign turns round on the way through the hidden layer.": {"Wh": -right["Wh"], "bh": -right["bh"]},
        "The weights of the output layer multiply h, behind the activation, not htilde.": {"Wy": G.T @ htilde},
        "Each output has a bias of its own: sum over the examples only (axis 0).": {
            "by": np.full_like(right["by"], G.sum())
        },
        "Each hidden unit has a bias of its own: sum over the examples only (axis 0).": {
            "bh": np.full_like(right["bh"], D.sum())
        },
        "The bias is used by every example: sum over all of them, not the first alone.": {"by": G[0], "bh": D[0]},
        "The output's bias is used by every example: sum over all of them, not the first alone.": {"by": G[0]},
        **{text: _with(params, kept, G, wrong) for text, wrong in wrong_slopes.items()},
        **{text: _with(params, kept, wrong, slope) for text, wrong in wrong_logits.items()},
    }  # fmt: skip


# The same training step in PyTorch, for whole epochs.

_ORDER = ("Wh", "bh", "Wy", "by")


def model_of(params: Arrays) -> torch.nn.Sequential:
    """Return a network of PyTorch with given parameters."""
    hidden, inputs = params["Wh"].shape
    model = torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, len(params["Wy"]))
    ).double()
    with torch.no_grad():
        for parameter, name in zip(model.parameters(), _ORDER, strict=True):
            parameter.copy_(torch.from_numpy(params[name]))
    return model


def params_of(model: torch.nn.Module) -> Arrays:
    """Return the parameters of a network of PyTorch by their names in the notebook."""
    return {name: value.detach().numpy() for name, value in zip(_ORDER, model.parameters(), strict=True)}


def check_epoch(found: Any, begin: Arrays, batches: list[tuple[np.ndarray, np.ndarray]], eta: float, name: str) -> None:
    """Check parameters after an epoch against steps with right gradients, and call known mistakes by their name.

    Parameters
    ----------
    found : mapping of str to numpy.ndarray
        The student's parameters after the epoch.
    begin : dict of str to numpy.ndarray
        Parameters before it.
    batches : list of (X, Y)
    eta : float
    name : str
        What was called.

    Raises
    ------
    CheckFailed
        If a parameter is not what it should be.
    """
    assert_keys(found, list(begin), f"what {name} returns")
    wanted = _epoch(begin, batches, eta)
    mistakes = {
        "Nothing has moved: were the gradients cleared between backward and step, or the parameters replaced by new "
        "tensors?": begin,
        "The gradients of earlier batches are still there: clear them before each backward.": _epoch(
            begin, batches, eta, kept=True
        ),
        "This goes up the slope: subtract.": _epoch(begin, batches, -eta),
        "The biases have not moved.": _epoch(begin, batches, eta, moving=("Wh", "Wy")),
        "Only the first batch was used.": _epoch(begin, batches[:1], eta),
        "F.cross_entropy takes logits; it was given probabilities, so that softmax is taken twice.": _epoch(
            begin, batches, eta, twice=True
        ),
        "This is the loss summed over the batch; it is the mean.": _epoch(begin, batches, eta, summed=True),
    }
    for key, value in wanted.items():
        assert_array(
            found[key],
            value,
            f"{key} after three batches by {name}",
            hint="The same steps as by hand: compare the loss, the gradients of one batch, and the step.",
            rtol=1e-9,
            atol=1e-10,
            mistakes={text: wrong[key] for text, wrong in mistakes.items()},
        )


def _epoch(
    begin: Arrays,
    batches: list[tuple[np.ndarray, np.ndarray]],
    eta: float,
    *,
    moving: tuple[str, ...] = _ORDER,
    kept: bool = False,
    twice: bool = False,
    summed: bool = False,
) -> Arrays:
    """Return the parameters after an epoch, with a mistake if asked for."""
    leaves = torch_params(begin)
    for X, Y in batches:
        outputs = _forward(leaves, torch.from_numpy(X))
        loss = F.cross_entropy(outputs["yhat" if twice else "ytilde"], torch.from_numpy(Y))
        (loss * (len(Y) if summed else 1)).backward()
        with torch.no_grad():
            for name in moving:
                leaves[name] -= eta * leaves[name].grad
        if not kept:
            for leaf in leaves.values():
                leaf.grad = None
    return {name: leaf.detach().numpy() for name, leaf in leaves.items()}
