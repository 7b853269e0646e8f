"""Networks of every kind are trained, kept, and loaded by another instance; what can't be kept is told."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.optim.swa_utils import AveragedModel

from course_utils import state_dicts, training
from course_utils.checks import CheckFailed, networks
from tests.grading.bridge.test_handles import Student


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("COURSE_GRADING", "COURSE_FILES", "COURSE_COUNTS"):
        monkeypatch.delenv(name, raising=False)


def shared():
    block = nn.Linear(4, 4)
    return nn.Sequential(block, nn.ReLU(), block, nn.ReLU(), block)


def tied():
    made = nn.Sequential(nn.Embedding(4, 4), nn.Linear(4, 4, bias=False))
    made[1].weight = made[0].weight
    return nn.Sequential(nn.Flatten(), Ids(), made, nn.Flatten(), nn.Linear(16, 4))


class Ids(nn.Module):
    def forward(self, x):
        return x.abs().long() % 4


class Compiled(nn.Module):
    """What `torch.compile` returns, without the compiling."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module

    def forward(self, x):
        return self._orig_mod(x)


class Buffered(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.register_buffer("mean", torch.arange(4.0))
        self.register_buffer("steps", torch.tensor(3))
        self.register_buffer("cache", torch.ones(4), persistent=False)

    def forward(self, x):
        return self.norm(self.linear(x - self.mean)) * self.cache


def in_place():
    model = nn.Linear(4, 4)
    model.compile(backend="eager")
    return model


KINDS = {
    "shared block": shared,
    "tied weights": tied,
    "buffers": Buffered,
    "lazy": lambda: nn.Sequential(nn.LazyLinear(5), nn.LazyBatchNorm1d(), nn.Linear(5, 4)),
    "lazy, shared": lambda: nn.Sequential(*[nn.LazyLinear(4)] * 2),
    "weight_norm": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4))),
    "spectral_norm": lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 4))),
    "old spectral_norm": lambda: nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4))),
    "half": lambda: nn.Linear(4, 4).bfloat16(),
    "double": lambda: nn.Linear(4, 4).double(),
    "parallel": lambda: nn.DataParallel(nn.Linear(4, 4)),
    "parallel inside": lambda: nn.Sequential(nn.DataParallel(nn.Linear(4, 4)), nn.Linear(4, 4)),
    "compiled": lambda: Compiled(nn.Linear(4, 4)),
    "compiled inside": lambda: nn.Sequential(Compiled(nn.Linear(4, 4)), nn.Linear(4, 4)),
    "compiled, parallel": lambda: Compiled(nn.DataParallel(nn.Linear(4, 4))),
    "parallel, compiled, inside": lambda: nn.Sequential(nn.DataParallel(Compiled(nn.Linear(4, 4))), nn.Linear(4, 4)),
    "averaged": lambda: AveragedModel(nn.Linear(4, 4)),
    "pruned": lambda: nn.Sequential(prune.l1_unstructured(nn.Linear(4, 4), "weight", amount=0.5)),
    "compiled in place": in_place,
    "channels last": lambda: nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 4, 2), nn.Flatten()).to(
        memory_format=torch.channels_last
    ),
}


def train(model, name="net", **more):
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    inputs = torch.randn(8, 4, dtype=dtype)

    def epoch():
        loss = model(inputs).float().pow(2).mean()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p -= 0.01 * p.grad
                    p.grad = None
        return {"loss": loss.item()}

    return training.train(name, model, epoch, 2, data="made up", **more), inputs


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_kept_and_computes_the_same(kind):
    torch.manual_seed(0)
    model, other, third = (KINDS[kind]() for _ in range(3))
    record, inputs = train(model)
    assert record.parameters == sum(p.numel() for p in model.parameters())
    again, _ = train(other)  # loads
    assert again == record
    _, graded = networks.restored(lambda: third, "net")
    with torch.no_grad():
        expected = model(inputs)
        assert torch.equal(other(inputs), expected) and torch.equal(graded(inputs), expected)


def test_what_wrapped_it_when_it_was_trained_is_no_matter():
    plain = KINDS["compiled inside"]
    made, bare = plain(), nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    train(made)
    training.load("net", bare)
    assert torch.equal(bare[1].weight, made[1].weight) and torch.equal(bare[0].weight, made[0]._orig_mod.weight)
    wrapped = nn.Sequential(nn.DataParallel(nn.Linear(4, 4)), nn.Linear(4, 4))
    training.load("net", wrapped)
    assert torch.equal(wrapped[0].module.weight, bare[0].weight)


@pytest.mark.parametrize("kind", ["compiled, parallel", "averaged", "parallel", "compiled"])
def test_what_wraps_the_whole_network_is_no_matter(kind):
    made, bare = KINDS[kind](), nn.Linear(4, 4)
    train(made)
    training.load("net", bare)
    again = KINDS[kind]()
    training.load("net", again)
    for key, value in bare.state_dict().items():
        assert any(torch.equal(value, other) for name, other in again.state_dict().items() if name.endswith(key))


def test_a_wrapper_hides_no_other_network():
    train(nn.Sequential(nn.Linear(4, 4)))
    with pytest.raises(training.ArtifactError, match=r"'0\.module\.bias' has the shape \(4,\) there and \(5,\)"):
        training.load("net", nn.Sequential(nn.DataParallel(nn.Linear(4, 5))))
    with pytest.raises(training.ArtifactError, match="none"):
        training.load("net", nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 4)))


def test_large_numbers_are_no_infinities_in_half():
    model = Buffered()
    model.norm.running_var.fill_(1e6)
    state = state_dicts.kept(model, half=True)
    assert state["norm.running_var"].dtype == torch.float32 and state["linear.weight"].dtype == torch.float16


class Remembers(nn.Linear):
    def get_extra_state(self):
        return {"seen": 3}

    def set_extra_state(self, state):
        pass


def complex_weights():
    return nn.ParameterDict({"w": nn.Parameter(torch.ones(2, dtype=torch.complex128))})


def sparse():
    model = nn.Linear(4, 4)
    model.register_buffer("links", torch.eye(4).to_sparse())
    return model


@pytest.mark.parametrize(
    ("make", "named"),
    [(lambda: Remembers(4, 4), "'_extra_state' is no tensor but of type dict"), (sparse, "'links' is no plain tensor"),
     (complex_weights, "'w' holds complex numbers"), (lambda: nn.Linear(4, 4, device="meta"), "has no values")],
)  # fmt: skip
def test_what_cannot_be_kept_is_told_before_the_training(make, named):
    def epoch():
        raise AssertionError("must not run")

    with pytest.raises(training.ArtifactError, match=f"The training of 'net' can't be kept: .*{named}"):
        training.train("net", make(), epoch, 2, data="made up")


@pytest.mark.parametrize("kind", KINDS)
def test_a_student_s_network_that_stays_in_its_own_process_takes_them(kind):
    """The grader holds a handle; the network itself is never here."""
    model = KINDS[kind]()
    _, inputs = train(model)
    student = Student()
    student.names["make"] = KINDS[kind]
    _, network = networks.restored(student.make, "net")
    with torch.no_grad():
        assert torch.equal(network(inputs), model(inputs))


def test_another_network_behind_a_handle_is_told():
    train(nn.Sequential(nn.Linear(4, 4)))
    for other in (lambda: nn.Sequential(nn.Linear(4, 5)), lambda: nn.Linear(4, 4), KINDS["parallel inside"]):
        student = Student()
        student.names["make"] = other
        with pytest.raises(CheckFailed, match="The weights of 'net' are of another network"):
            networks.restored(student.make, "net")
