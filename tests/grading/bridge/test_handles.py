"""A test cell reads as in a notebook while every name of the student lives in another process.

The other process is the agent itself, asked directly; `test_kernel_client` asks one in a sandboxed kernel.
"""

from __future__ import annotations

import copy
import json
import linecache
import operator
import textwrap

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils import checks
from course_utils.checks import CheckFailed, calls, networks
from course_utils.grading.bridge import tree as tree_module
from course_utils.grading.bridge import writing
from course_utils.grading.bridge.agent import Agent
from course_utils.grading.bridge.handed_in import Shared
from course_utils.grading.bridge.handles import Bridge, BridgeNamespace, Handle, StudentError

matplotlib.use("agg")


class Direct:
    """Asks an agent in this process, through bytes only."""

    def __init__(self, agent):
        self.agent, self.operations, self.bytes = agent, [], 0

    def request(self, content, buffers):
        self.operations.append(content["operation"])
        self.bytes += sum(map(len, buffers))
        return self.agent.answer(json.loads(json.dumps(content)), [bytes(buffer) for buffer in buffers])


class Student:
    """A notebook's solution cells, run; its names as a test cell reads them."""

    def __init__(self, *cells, limits=None):
        self.names = {"__name__": "__main__", "np": np, "torch": torch, "nn": nn}
        self.cells = [textwrap.dedent(cell) for cell in cells]
        for number, cell in enumerate(self.cells):
            file = f"<ipython-input-{number}>"
            linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
            exec(compile(cell, file, "exec"), self.names)
        self.transport = Direct(Agent(self.names))
        self.bridge = Bridge(self.transport, self.cells, limits)

    def __getattr__(self, name):
        return self.bridge.fetch(name)

    def test(self, cell, **own):
        """Run a test cell; return its names."""
        imports = {"__name__": "__main__", "np": np, "torch": torch, "nn": nn, "checks": checks, **own}
        namespace = BridgeNamespace(imports, self.bridge)
        exec(compile(textwrap.dedent(cell), "<test>", "exec"), namespace)
        return namespace


THING = """
class Thing:
    def __init__(self, entries):
        self.entries, self.name = entries, "thing"
    def __getitem__(self, key):
        return self.entries[key]
    def __setitem__(self, key, value):
        self.entries[key] = value
    def __contains__(self, key):
        return key in self.entries
    def __len__(self):
        return len(self.entries)
    def first(self, n=1):
        return list(self.entries.items())[:n]
    def me(self):
        return self
    def same(self, other):
        return other is self

thing = Thing({"a": 1, "b": np.arange(3)})
"""


# Values.


def test_plain_values_are_copies():
    student = Student("numbers = [1, 2.5, 'x']\narray = np.arange(3)\ntensor = torch.ones(2)")
    fetched, array, tensor = student.numbers, student.array, student.tensor
    assert fetched == [1, 2.5, "x"]
    fetched.append(4)
    array += 7
    tensor += 7
    assert student.names["numbers"] == [1, 2.5, "x"]
    assert student.array.tolist() == [0, 1, 2] and student.tensor.tolist() == [1, 1]


def test_what_is_not_there_is_told():
    with pytest.raises(NameError, match=r"^conv2d is not defined\. Is its cell still there"):
        _ = Student("").conv2d


def test_a_value_that_is_too_large_is_told():
    student = Student(
        "def grow():\n    return np.zeros(10**6)\nendless = []\nendless.append(endless)",
        limits=tree_module.Limits(size=10**6),
    )
    with pytest.raises(CheckFailed, match=r"What grow\(\) returned can't be looked at: the value takes 8,"):
        student.grow()
    with pytest.raises(StudentError, match="contains itself"):
        _ = student.endless


# Handles.


def test_handles_pass_operations_on():
    thing = Student(THING).thing
    assert isinstance(thing, Handle)
    assert thing.name == "thing"
    assert thing["a"] == 1
    assert thing["b"].tolist() == [0, 1, 2]
    assert len(thing) == 2
    assert "a" in thing and "z" not in thing
    assert thing.first() == [("a", 1)]
    assert thing.first(n=2)[1][0] == "b"
    thing["c"] = [1, 2]
    thing.name = "changed"
    assert thing["c"] == [1, 2] and thing.name == "changed"
    assert repr(thing) == "<Thing of the notebook>"


def test_a_handle_stays_the_students_own_object():
    thing = Student(THING).thing
    assert thing.same(thing) is True
    assert thing.me() == thing
    assert (thing.me() != thing) is False
    assert {thing: 1}[thing.me()] == 1
    assert thing.same([thing]) is False
    other = Student(THING).thing
    assert other != thing


def test_classes_are_called_and_their_objects_used():
    student = Student(THING)
    made = student.Thing({"x": (1, 2)})
    assert made["x"] == (1, 2)
    assert made != student.thing
    assert student.Thing.__name__ == "Thing"


def test_what_cannot_be_called_is_told_as_python_does():
    with pytest.raises(TypeError, match="'Thing' object is not callable"):
        Student(THING).thing()


def test_iteration_goes_on_in_the_students_process():
    student = Student(
        "def batches(items, size):\n    for i in range(0, len(items), size):\n        yield items[i : i + size]"
    )
    assert list(student.batches([1, 2, 3], 2)) == [[1, 2], [3]]
    assert [a + b for a, b in zip(student.batches([1, 2], 1), student.batches([3, 4], 1), strict=True)] == [
        [1, 3],
        [2, 4],
    ]
    generator = student.batches([1], 1)
    assert next(generator) == [1]
    assert next(generator, "end") == "end"


def test_endless_iteration_may_be_cut():
    assert [
        n for n, _ in zip(Student("import itertools\ncount = itertools.count()").count, range(3), strict=False)
    ] == [0, 1, 2]


def test_a_function_that_raises_stop_iteration_ends_no_loop_of_the_test():
    student = Student("def bad(x):\n    raise StopIteration")
    with pytest.raises(StudentError, match="raised StopIteration"):
        list(map(student.bad, [1, 2]))


OPERATORS = [
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.add, operator.sub,
    operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow, operator.matmul, operator.and_,
    operator.or_, operator.xor,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATORS)
def test_handles_do_not_compare_or_compute(operation):
    """Were they passed on, an object whose operators agree with everything would pass every test."""
    student = Student(
        "class Yes:\n    def __getattr__(self, name):\n        return lambda *_: True\n"
        + "".join(f"    __{n}__ = lambda *_: True\n" for n in ("eq", "lt", "add", "bool", "float", "array"))
        + "    __hash__ = None\nyes = Yes()"
    )
    for left, right in ((student.yes, 3), (3, student.yes)):
        with pytest.raises(CheckFailed, match=r"^yes must be a plain value .* got an object of type Yes\.$"):
            operation(left, right)


@pytest.mark.parametrize(
    "function", [bool, int, float, complex, round, abs, operator.index, operator.neg, np.asarray, sum]
)
def test_handles_are_no_numbers(function):
    thing = Student(THING).thing
    with pytest.raises((CheckFailed, StudentError)):
        function(thing)


def test_a_handle_is_never_none_and_in_no_list():
    thing = Student(THING).thing
    assert (thing == None) is False  # noqa: E711
    assert thing is not None
    with pytest.raises(CheckFailed):
        assert thing in [1, 2]


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda it: checks.assert_tensor(it, torch.ones(1), "it"), "it must be a torch.Tensor, got a Thing"),
        (lambda it: checks.assert_array(it, np.ones(1), "it"), "it must be a NumPy array, got a Thing"),
        (lambda it: checks.assert_number(it, 1, "it"), "it must be a number, got a Thing"),
        (lambda it: checks.assert_equal(it, [1], "it"), "it must be a list, got a Thing"),
        (lambda it: checks.assert_figure(it, "it"), "it must be a Matplotlib figure or axes, got a Thing"),
    ],
)
def test_checks_speak_of_the_students_type(check, message):
    with pytest.raises(CheckFailed, match=message):
        check(Student(THING).thing)


# Arguments.


CHANGE = """
def change(array, tensor, entries, table, chosen):
    array[0] = 9
    tensor.mul_(2)
    entries.append(entries.pop(0))
    table["new"] = table.pop("old")
    chosen.add(3)
    return "done"
"""


def test_a_call_gets_copies_and_what_it_does_to_them_stays_with_it():
    student = Student(CHANGE)
    array, tensor, entries, table, chosen = np.zeros(2), torch.ones(2), [1, 2], {"old": [1]}, {1}
    for _ in range(2):
        assert student.change(array, tensor, entries, table, chosen=chosen) == "done"
        assert (array.tolist(), tensor.tolist(), entries, table, chosen) == ([0, 0], [1, 1], [1, 2], {"old": [1]}, {1})


def test_what_lies_inside_of_containers_is_a_copy_too():
    student = Student("def change(params, nested):\n    params['w'] -= 1\n    nested[0][1].append(5)")
    weights, inner = np.ones(2), [4]
    student.change({"w": weights}, ((0, inner),))
    assert weights.tolist() == [1, 1] and inner == [4]


def test_one_array_given_twice_stays_one():
    student = Student("def both(a, b):\n    a += 1\n    return a is b")
    for size in (2, 100_000):
        array = np.zeros(size)
        assert student.both(array, array) is True
        assert student.both(array, Shared(array)) is True
        assert array[0] == 1


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("x[0] = 5", np.zeros(3)),
        ("x.mul_(2)", torch.ones(3)),
        ("x.resize_(5)", torch.ones(3)),
        ("x.data = x.data.double()", torch.ones(3)),
        ("x[0] = 5; raise ValueError", torch.ones(3)),
        ("x.weight.data[0] = 5", nn.Linear(2, 1)),
        ("x.weight = nn.Parameter(x.weight.detach().clone())", nn.Linear(2, 1)),
        ("x(torch.ones(3, 2))", nn.Sequential(nn.BatchNorm1d(2))),
        ("x[0] = nn.Identity()", nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))),
    ],
)
def test_that_a_call_changed_its_argument_is_noted(body, given):
    """The test's own object is as it was; only that the copy was changed comes back, for `assert_unchanged`."""
    student = Student(f"def change(x):\n    {body}")
    kept = copy.deepcopy(given)
    names = student.test("try:\n    change(given)\nexcept ValueError:\n    pass", given=given)
    calls.speak_of(None)
    checks.assert_unchanged(given, kept, "change's argument x")
    student.test("", given=given)  # a new cell knows nothing of the calls of earlier ones
    checks.assert_unchanged(given, kept, "change's argument x")
    with pytest.raises(CheckFailed, match=r"^change's argument x was changed by the call; work on a copy\.$"):
        student.test(
            """
            try:
                change(given)
            except ValueError:
                pass
            checks.assert_unchanged(given, kept, "change's argument x")
            """,
            given=given,
            kept=kept,
        )
    assert names["given"] is given


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("x = x + 1", np.zeros(3)),
        ("x.requires_grad_()", torch.ones(3)),
        ("x *= 1", torch.tensor([float("nan"), 1.0])),
        ("x *= 1", np.array([np.nan, -0.0])),
        ("x(torch.ones(3, 2)).sum().backward()", nn.Linear(2, 1)),
        ("x.train(); x.zero_grad()", nn.Linear(2, 1).eval()),
        ("x = x[::-1]", np.arange(6).reshape(2, 3)[:, ::2]),
        ("x = x.mT", torch.ones(2, 3).expand(4, 2, 3)),
        ("x = x.float()", torch.ones(3, dtype=torch.bfloat16)),
    ],
)
def test_an_argument_that_is_left_alone_is_not_blamed(body, given):
    student = Student(f"def keep(x):\n    {body}")
    kept = copy.deepcopy(given)
    student.test("keep(given)\nchecks.assert_unchanged(given, kept, 'x')", given=given, kept=kept)


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
@pytest.mark.parametrize(
    ("given", "looked_at", "blamed"),
    [
        ("whole[:2]", "whole", True),
        ("whole", "whole[1:]", True),
        ("whole[:2]", "whole[2:]", False),
        ("[whole]", "whole", False),  # the entry of the list is another array now; this one is as it was
        ("whole", "other", False),
    ],
)
def test_a_part_of_what_was_handed_in_counts_for_the_whole_and_the_other_way_round(make, given, looked_at, blamed):
    student = Student("def change(x):\n    x[0] = 5")
    own = {"whole": make(4), "other": make(4)}
    kept = copy.deepcopy(eval(looked_at, {}, own))
    names = student.test(
        f"""
        change({given})
        try:
            checks.assert_unchanged({looked_at}, kept, "x")
            found = False
        except checks.CheckFailed:
            found = True
        """,
        **own,
        kept=kept,
    )
    assert names["found"] is blamed


def test_the_state_dict_of_a_network_that_was_changed_is_blamed_entry_by_entry():
    student = Student("def change(net):\n    net[0].bias.data += 1")
    with pytest.raises(CheckFailed, match=r"^the body \(0\.bias\) was changed"):
        student.test(
            """
            net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
            kept = {key: value.clone() for key, value in net.state_dict().items()}
            change(net)
            for key, value in net.state_dict().items():
                checks.assert_unchanged(value, kept[key], f"the body ({key})")
            """
        )


def test_what_a_test_shares_comes_back_in_its_own_objects():
    student = Student(
        """
        def change(array, tensor, entries, table, steps):
            array[0] = 9
            tensor.mul_(2)
            entries[1] *= 3
            entries[0] = 7
            table["lr"] = 0.5
            return next(steps)
        """
    )
    array, tensor, inner = np.zeros(2), torch.ones(2), np.ones(1)
    entries, table, steps = [1, inner], {"lr": 1, "name": "a"}, iter([5, 6])
    view = array[:1]
    names = student.test(
        "result = change(checks.shared(array), checks.shared(tensor), checks.shared(entries), "
        "table=checks.shared(table), steps=checks.shared(steps))",
        array=array, tensor=tensor, entries=entries, table=table, steps=steps,
    )  # fmt: skip
    assert names["result"] == 5 and list(steps) == [6]
    assert (array.tolist(), tensor.tolist(), entries[0], table) == ([9, 0], [2, 2], 7, {"lr": 0.5, "name": "a"})
    assert view.tolist() == [9] and entries[1] is inner and inner.tolist() == [3]  # the same arrays, not others


def test_what_is_shared_in_one_call_is_a_copy_in_the_next():
    student = Student("def change(x):\n    x += 1")
    x = np.zeros(2)
    student.change(Shared(x))
    student.change(x)
    assert x.tolist() == [1, 1]


def test_changes_of_shared_things_before_an_exception_come_back():
    student = Student("def change(x):\n    x[0] = 5\n    raise ValueError('late')")
    array = np.zeros(2)
    with pytest.raises(ValueError, match="late"):
        student.change(Shared(array))
    assert array[0] == 5


def test_in_a_notebook_nothing_is_wrapped():
    x = [1]
    assert checks.shared(x) is x


@pytest.mark.parametrize("thing", [{1, 2}, 5, "text", [{1}], object(), None])
def test_what_has_no_fixed_names_and_places_cannot_be_shared(thing):
    with pytest.raises(TypeError, match="can't be shared"):
        Shared(thing)


def test_only_a_whole_argument_can_be_shared():
    with pytest.raises(TypeError, match="it can't be a part of one"):
        Student("def f(x):\n    pass").f([Shared(np.ones(2))])


@pytest.mark.parametrize(
    ("body", "given", "reason"),
    [
        ("x.resize_(5)", torch.ones(2), r"the tensor had shape \(2,\) and dtype torch.float32, and has shape \(5,\)"),
        ("x.data = x.data.double()", torch.ones(2), "the tensor had .* and dtype torch.float64 now"),
        ("x.append(4)", [1, 2], "a list of 2 entries has another number"),
        ("x.clear()", [1, 2], "a list of 2 entries has another number"),
        ("x['b'] = x.pop('a')", {"a": 1}, "a dict has no entry 'b'"),
        ("x['a'] = 'text'", {"a": 1}, "entry 'a' was of type int"),
        ("x[0] = lambda: 0", [1], "entry '0' was of type int"),
        ("x[0] = np.ones(3)", [np.ones(2)], r"entry '0' had shape \(2,\)"),
        ("x.double()", nn.Linear(1, 1), "weight had shape"),
        ("x.weight = nn.Parameter(torch.ones(3, 3))", nn.Linear(1, 1), "weight had shape"),
    ],
)
def test_what_does_not_fit_any_more_is_refused(body, given, reason):
    student = Student(f"def change(x):\n    {body}")
    with pytest.raises(CheckFailed, match=rf"^change\(…\) changed one of its arguments in a way .*: {reason}"):
        student.change(Shared(given))


STEP = """
def step(model, optimizer, inputs, targets, scheduler=None):
    model.train()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    if scheduler is not None:
        scheduler.step()
    return loss.item()
"""


def twins():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    torch.manual_seed(0)
    return model, nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()


def adam(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)


@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step")
def test_a_training_step_reads_as_in_a_notebook():
    """Model with batch norm, optimiser and scheduler are the grader's own and shared; all of their state comes back."""
    student = Student(STEP)
    model, twin = twins()
    inputs, targets = torch.randn(8, 3), torch.randn(8, 1)
    optimizer, scheduler = adam(model)
    its, schedule = adam(twin)
    for _ in range(2):
        expected = student.names["step"](twin, its, inputs, targets, schedule)
        mine = Shared(model), Shared(optimizer), inputs, targets, Shared(scheduler)
        assert student.step(*mine) == pytest.approx(expected)
    for name, tensor in twin.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor)
    for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, other.grad)
    assert model.training and model[1].training
    assert optimizer.param_groups[0]["lr"] == its.param_groups[0]["lr"] == pytest.approx(0.025)
    assert scheduler.last_epoch == 2
    state, other = optimizer.state[model[0].weight], its.state[twin[0].weight]
    torch.testing.assert_close(state["exp_avg"], other["exp_avg"])
    assert optimizer.param_groups[0]["params"][0] is model[0].weight


def test_gradients_of_a_leaf_come_back():
    student = Student("def back(x):\n    (x ** 2).sum().backward()")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    student.back(x)
    assert x.grad is None
    student.back(Shared(x))
    assert x.grad.tolist() == [2, 4]


@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step")
@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta",
                                  "Rprop", "ASGD"])  # fmt: skip
def test_each_optimiser_goes_on_where_the_student_left_it(kind):
    """Three steps over there and one here are four steps of one optimiser."""
    options = {"SGD": {"momentum": 0.9, "nesterov": True}, "RMSprop": {"momentum": 0.5, "centered": True}}.get(kind, {})
    student, (model, twin) = Student(STEP), twins()
    optimizer, its = (getattr(torch.optim, kind)(m.parameters(), lr=1, **options) for m in (model, twin))
    schedulers = [torch.optim.lr_scheduler.ExponentialLR(o, 0.3) for o in (optimizer, its)]
    inputs, targets = torch.randn(8, 3), torch.randn(8, 1)
    for number in range(4):
        student.names["step"](twin, its, inputs, targets, schedulers[1])
        function = student.step if number < 3 else student.names["step"]
        share = Shared if number < 3 else lambda thing: thing
        function(share(model), share(optimizer), inputs, targets, share(schedulers[0]))
    for name, tensor in twin.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(its.param_groups[0]["lr"])
    assert schedulers[0].get_last_lr() == pytest.approx(schedulers[1].get_last_lr())


# What a student's function may do to the objects of a test: (what, the call's body, what the test hands in).
TAMPERED = [
    ("labels set to 0", "x.zero_()", lambda: torch.arange(4)),
    ("a gradient zeroed through a view", "np.asarray(x.T)[...] = 0", lambda: np.ones((2, 3))),
    (
        "values written through other strides",
        "np.lib.stride_tricks.as_strided(x, x.shape, (0, 0))[...] = 7",
        lambda: np.arange(6.0).reshape(2, 3),
    ),
    ("a list cleared", "x.clear()", lambda: [1, 2]),
    ("labels in a dict changed", "x['labels'] = x['labels'] * 0", lambda: {"labels": torch.arange(3)}),
    ("a judge's bias set", "x.bias.data[0] = 1e9", lambda: nn.Linear(2, 2)),
    ("a witness's buffer written", "x.num_batches_tracked.fill_(3)", lambda: nn.BatchNorm1d(2)),
    ("NaN in running averages", "x.running_mean.fill_(float('nan'))", lambda: nn.BatchNorm1d(2)),
    ("a network put into training mode", "x.train()", lambda: nn.Dropout(0.5).eval()),
    ("gradients switched off", "x.requires_grad_(False)", lambda: nn.Linear(2, 2)),
    ("a hook registered", "x.register_forward_hook(lambda *_: torch.zeros(1))", lambda: nn.Linear(2, 2)),
    ("forward replaced", "x.forward = lambda *_: torch.zeros(1)", lambda: nn.Linear(2, 2)),
    ("a class replaced", "x.__class__ = nn.Identity", lambda: nn.Linear(2, 2)),
    ("a layer replaced", "x[0] = nn.Identity()", lambda: nn.Sequential(nn.Linear(2, 2))),
    ("a dtype changed", "x.double()", lambda: nn.Linear(2, 2)),
    ("__setstate__ of a class of the student", "x[0] = type('T', (), {'__setstate__': print})()", lambda: [1]),
]


def described(thing):
    """All that a test could read of something it handed in."""
    if isinstance(thing, nn.Module):
        flags = [
            (name, type(m), m.training, [*m._forward_hooks], "forward" in vars(m)) for name, m in thing.named_modules()
        ]
        tensors = [(name, t.dtype, t.tolist(), t.requires_grad) for name, t in thing.state_dict(keep_vars=True).items()]
        return flags, tensors
    if isinstance(thing, (np.ndarray, torch.Tensor)):
        return thing.tolist(), tuple(thing.shape), thing.dtype, getattr(thing, "strides", None)
    if isinstance(thing, (list, dict)):
        return [
            (key, described(value)) for key, value in (thing.items() if isinstance(thing, dict) else enumerate(thing))
        ]
    return repr(thing)


@pytest.mark.parametrize(("what", "body", "make"), TAMPERED, ids=[what for what, *_ in TAMPERED])
def test_nothing_that_a_call_does_to_a_tests_object_reaches_it(what, body, make):
    student, given = Student(f"def tamper(x):\n    {body}"), make()
    before = described(given)
    student.tamper(given)
    assert described(given) == before


# Of what is shared: (what, the call's body, whether it is refused).
SHARED = [
    ("a scheduler's step replaced", "scheduler.step = lambda: None", False),
    ("a scheduler's step among its state", "scheduler.__dict__['step'] = 5", False),
    ("a scheduler's optimiser replaced", "scheduler.optimizer = 3", False),
    ("an optimiser's step replaced", "optimizer.step = lambda *_: None", False),
    ("new groups of parameters", "optimizer.add_param_group({'params': [torch.ones(1)], 'lr': 9})", True),
    ("groups of parameters replaced", "optimizer.param_groups = []", True),
    ("a group's parameters replaced", "optimizer.param_groups[0]['params'] = [torch.ones(1)]", False),
    ("a text for a learning rate", "optimizer.param_groups[0]['lr'] = 'high'", False),
    ("state of an unknown name", "optimizer.state[model.weight]['evil'] = torch.ones(1)", True),
    ("state of another shape", "optimizer.state[model.weight]['exp_avg'] = torch.ones(7)", True),
    ("a function as state", "optimizer.state[model.weight]['exp_avg'] = print", True),
    ("state_dict overridden", "model.state_dict = lambda **_: {'weight': torch.zeros(1), 'x': 1}", False),
    ("a hook on the network", "model.register_forward_hook(lambda *_: torch.zeros(1))", False),
    ("forward replaced", "model.forward = lambda *_: torch.zeros(1)", False),
    ("more buffers", "model.register_buffer('extra', torch.ones(1))", False),
    ("gradients switched off", "model.requires_grad_(False)", False),
    ("a gradient of another shape", "model.weight.data = torch.ones(5); model.weight.grad = torch.ones(5)", True),
]


@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step")
@pytest.mark.parametrize(("what", "body", "refused"), SHARED, ids=[what for what, *_ in SHARED])
def test_of_what_a_test_shares_only_values_of_the_same_form_come_back(what, body, refused):
    student = Student(f"def tamper(model, optimizer, scheduler):\n    {body}")
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    parts = {id(part): dict.fromkeys(vars(part)) for part in (model, optimizer, scheduler)}
    functions = {part: vars(part).get("step") for part in (optimizer, scheduler)}
    before, parameters = described(model), list(model.parameters())
    try:
        student.tamper(Shared(model), Shared(optimizer), Shared(scheduler))
    except CheckFailed as failure:
        assert refused and "in a way that can't be followed" in str(failure)
    else:
        assert not refused
    assert described(model) == before
    assert {id(part): dict.fromkeys(vars(part)) for part in (model, optimizer, scheduler)} == parts
    assert all(vars(part).get("step") is step for part, step in functions.items())
    assert [p for group in optimizer.param_groups for p in group["params"]] == parameters
    assert optimizer.param_groups[0]["lr"] == 0.5 and scheduler.optimizer is optimizer
    assert not any("evil" in state for state in optimizer.state.values())
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.25


FORGED_STATES = [
    {"step": 1}, {"last_epoch": "7"}, {"optimizer": 1}, {"_last_lr": [1, 2]}, {"__class__": 1},
    {"last_epoch": True}, {"last_epoch": None}, {"base_lrs": 3}, 5, None, [1], {1: 2},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step")
@pytest.mark.parametrize("told", FORGED_STATES, ids=repr)
def test_a_forged_state_of_a_scheduler_is_refused(told):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    before = dict(vars(scheduler))
    with pytest.raises(CheckFailed, match="in a way that can't be followed"):
        Bridge(Forged(writing.dumps({"shared": [told]}))).handle(handle_tree, "f")(Shared(scheduler))
    assert vars(scheduler) == before


def test_modules_of_the_student_are_used_by_handle():
    student = Student(
        """
        class Net(nn.Module):
            def __init__(self, width=2):
                super().__init__()
                self.linear = nn.Linear(3, width)
            def forward(self, x):
                return self.linear(x)
        """
    )
    net = student.Net(width=4)
    assert isinstance(net, nn.Module)
    assert [tuple(p.shape) for p in net.parameters()] == [(4, 3), (4,)]
    assert sum(p.numel() for p in net.parameters()) == 16
    net.load_state_dict({"linear.weight": torch.ones(4, 3), "linear.bias": torch.zeros(4)})
    net.eval()
    assert net.training is False
    assert net(torch.ones(1, 3)).tolist() == [[3, 3, 3, 3]]
    assert net.linear.out_features == 4


def test_loaders_travel_and_are_iterated_there():
    student = Student("def count(loader):\n    return sum(len(x) for x, _ in loader)")
    data = torch.utils.data.TensorDataset(torch.ones(10, 2), torch.zeros(10))
    assert student.count(torch.utils.data.DataLoader(data, batch_size=4)) == 10


def test_functions_and_classes_of_the_test_are_sent_over():
    student = Student("def apply(f, x):\n    return f(x)\ndef make(cls):\n    return cls(2).double()\nfactor = 3")
    names = student.test(
        """
        scale = 10
        def helper(x):
            return np.sum(x) * scale
        class Mine:
            def __init__(self, n):
                self.n = n
            def double(self):
                return 2 * self.n
        first = apply(lambda x: helper(x) + 1, [1, 2])
        second = make(Mine)
        third = apply(lambda x: x * factor, 2)
        """
    )
    assert (names["first"], names["second"], names["third"]) == (31, 4, 6)


def test_large_arrays_are_sent_once():
    student = Student("def total(x):\n    return float(x.sum())")
    image = np.ones((200, 200))
    assert student.total(image) == 40_000
    once = student.transport.bytes
    for _ in range(5):
        assert student.total(image) == 40_000
    assert student.transport.bytes < once + image.nbytes
    image[0] = 0
    assert student.total(image) == 39_800  # what changed is sent again


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3),
        torch.tensor(3),
        torch.tensor([True, False]),
        torch.ones(2, 1, 3, dtype=torch.bfloat16),
        torch.tensor([1 + 2j]),
        torch.tensor([1 + 2j]).conj(),
        torch.zeros(0, 3),
        torch.ones(3, 4).T,
        torch.ones(3, 2, 1, 1).to(memory_format=torch.channels_last),
        torch.ones(3, requires_grad=True),
        nn.Parameter(torch.ones(2), requires_grad=False),
        torch.eye(3).to_sparse(),
    ],
    ids=lambda tensor: f"{tensor.dtype} {tuple(tensor.shape)} {tensor.layout}",
)
def test_a_tensor_arrives_as_it_is(tensor):
    asked = """
    def about(x):
        strides = tuple(x.stride()) if x.layout is torch.strided else ()
        return str(type(x)), str(x.dtype), tuple(x.shape), strides, x.requires_grad, x.is_leaf, x.is_conj()
    """
    student, here = Student(asked), {"torch": torch}
    exec(textwrap.dedent(asked), here)
    assert student.about(tensor) == here["about"](tensor)
    dense = tensor.detach().to_dense()
    assert (Student("def entries(x):\n    return x.detach().to_dense()").entries(tensor) == dense).all()


def test_a_view_brings_nothing_of_the_array_it_is_cut_from():
    """The rest of that array may be what the test expects."""
    student = Student("def whole(x):\n    return x.untyped_storage().nbytes()")
    data = torch.arange(10.0)
    assert student.whole(data[:6]) == 24
    assert student.whole(data[0].expand(3)) <= 12


def test_gradients_of_functions_by_differences():
    student = Student("def f(x):\n    return (x ** 3).sum()")
    x = np.array([1.0, 2.0])
    checks.assert_gradient(3 * x**2, lambda z: student.f(z), x, "the gradient")


def test_the_mode_of_autograd_goes_along():
    student = Student("def mode():\n    return torch.is_grad_enabled()")
    assert student.mode() is True
    with torch.no_grad():
        assert student.mode() is False
    assert student.mode() is True


# Exceptions.


@pytest.mark.parametrize(
    "kind",
    [ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, AssertionError, NotImplementedError, OSError],
)
def test_exceptions_are_caught_by_their_class(kind):
    student = Student(f"def bad():\n    raise {kind.__name__}('too small')")
    with pytest.raises(kind, match="too small") as caught:
        student.bad()
    assert isinstance(caught.value, StudentError) and caught.value.kind == kind.__name__


def test_own_exceptions_are_caught_by_their_base():
    student = Student("class Odd(ValueError):\n    pass\ndef bad():\n    raise Odd('x')")
    with pytest.raises(ValueError, match=r"bad\(\) raised Odd: x"):
        student.bad()


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "MemoryError", "StopIteration"])
def test_exceptions_that_would_end_the_test_do_not(kind):
    student = Student(f"def bad():\n    raise {kind}")
    with pytest.raises(StudentError, match=f"raised {kind}") as caught:
        student.bad()
    assert not isinstance(caught.value, (SystemExit, KeyboardInterrupt, StopIteration))


def test_a_message_names_the_call_and_the_lines():
    student = Student("def outer(x):\n    return inner(x)\n\ndef inner(x):\n    return x / 0")
    with pytest.raises(StudentError) as caught:
        student.outer(1)
    assert str(caught.value).splitlines() == [
        "outer(…) raised ZeroDivisionError: division by zero",
        "  in outer, line 2: return inner(x)",
        "  in inner, line 5: return x / 0",
    ]


def test_what_is_not_written_yet_is_told():
    student = Student("def f():\n    raise NotImplementedError()")
    with pytest.raises(NotImplementedError, match=r"^f\(\) is not written yet: it raises NotImplementedError\.$"):
        student.f()


@pytest.mark.parametrize("body", ["raise OSError", "return 5", "while True: raise SystemExit", "return 'x' * 10**7"])
def test_a_hostile_text_of_an_exception_costs_nothing_else(body):
    student = Student(f"class Bad(Exception):\n    def __str__(self):\n        {body}\ndef f():\n    raise Bad")
    with pytest.raises(StudentError, match=r"^f\(\) raised Bad") as caught:
        student.f()
    assert len(str(caught.value)) < 3000


# Rules on the source, figures, names.

RULES = """
from torch.nn.functional import conv2d as c
def helper(x):
    return torch.nn.functional.conv2d(x, x)
def direct(x):
    return nn.functional.conv2d(x, x)
def by_helper(x):
    return helper(x)
def by_alias(x):
    return c(x, x)
def by_getattr(x):
    return getattr(nn.functional, "conv" + "2d")(x, x)
def honest(x):
    # not conv2d
    return x
"""


@pytest.mark.parametrize("name", ["direct", "by_helper", "by_alias", "by_getattr"])
def test_a_forbidden_call_is_found_through_the_handle(name):
    student = Student(RULES)
    with pytest.raises(CheckFailed, match=f"{name} uses .*, which is not allowed in this exercise"):
        checks.assert_no_calls(getattr(student, name), ["F.conv2d"], name)


def test_an_honest_function_keeps_the_rule_and_the_kernel_is_not_asked():
    student = Student(RULES)
    function = student.honest
    before = len(student.transport.operations)
    checks.assert_no_calls(function, ["F.conv2d"], "honest")
    assert len(student.transport.operations) == before
    checks.assert_calls(student.by_alias, ["F.conv2d"], "by_alias")


def test_a_function_that_no_cell_defines_is_told():
    student = Student("import math\nroot = math.sqrt")
    student.cells.clear()
    student.bridge.cells.clear()
    with pytest.raises(CheckFailed, match="no cell of the notebook defines `root`"):
        checks.assert_no_calls(student.root, ["sqrt"], "root")


def test_figures_are_looked_at_by_handle():
    student = Student(
        """
        import matplotlib.pyplot as plt
        def draw(label):
            figure, axes = plt.subplots(1, 2)
            for panel in axes:
                panel.plot([1, 2], [3, 4], label="a")
                panel.plot([1, 2], [4, 3], label="b")
                panel.set_xlabel(label)
                panel.set_ylabel("loss (nats)")
                panel.legend()
            axes[0].imshow(np.zeros((2, 2)))
            plt.close(figure)
            return figure
        """
    )
    checks.assert_figure(student.draw("epoch"), "the figure", axes=2, lines=4, images=1, legend=True)
    with pytest.raises(CheckFailed, match="Panel 1 of the figure has no label on its horizontal axis"):
        checks.assert_figure(student.draw(""), "the figure")
    with pytest.raises(CheckFailed, match="must have 3 panels, got 2"):
        checks.assert_figure(student.draw("epoch"), "the figure", axes=3)


def test_names_are_fetched_again_after_a_call():
    student = Student("calls = 0\ndef count():\n    global calls\n    calls += 1")
    names = student.test("before = calls\nsame = calls\ncount()\nafter = calls")
    assert (names["before"], names["after"]) == (0, 1)
    assert student.transport.operations.count("name") == 3  # calls, count, calls


def test_names_of_the_grader_and_of_python_come_first():
    """A student who calls something `abs`, `np` or `checks` cannot change what the test uses."""
    student = Student("np = abs = checks = None\ndef f(x):\n    return -x")
    student.test("checks.assert_number(abs(f(2)), 2, 'f(2)')\nassert np.pi > 3")


def test_names_of_a_test_cell_live_for_that_cell():
    student = Student("def f():\n    return helper()")
    with pytest.raises(NameError):
        student.test("def helper():\n    return 1\nf()")


def test_a_helper_of_the_grader_runs_there_and_returns_values():
    student = Student("def f(x):\n    return x ** 2")

    def slope(function, at):
        x = torch.tensor(at, requires_grad=True)
        function(x).backward()
        return x.grad.item()

    assert student.bridge.run(slope, student.f, 3.0) == 6.0


# Answers that nobody has to believe.


class Forged:
    def __init__(self, frames):
        self.frames = frames

    def request(self, content, buffers):
        return self.frames


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.just(np.ones(2)) | st.just(torch.ones(2)),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from(["state", "type", "text"]), parts),
    max_leaves=6,
)
keys = st.sampled_from(["result", "error", "changed", "shared", "exhausted", "type", "bases", "where"])
handle_tree = {"t": "handle", "id": 1, "kind": "function", "type": "f", "bases": ["builtins.object"]}
TO_HANDLE = object()
replies = st.dictionaries(keys, junk | st.just(TO_HANDLE), max_size=4) | junk


@settings(max_examples=300)
@given(replies, st.sampled_from([np.zeros(2), [1], {"a": 1}, {1}, torch.zeros(2), nn.Linear(1, 1)]), st.booleans())
def test_forged_answers_raise_nothing_but_failures_of_the_check(reply, argument, changes):
    argument = copy.deepcopy(argument)
    if isinstance(reply, dict) and changes:
        reply = {**reply, "changed": [0, reply.get("changed")], "shared": [reply.get("shared")]}
    frames = writing.dumps(reply, lambda _: handle_tree)
    bridge = Bridge(Forged(frames))
    function = bridge.handle(handle_tree, "f")
    try:
        function(argument if isinstance(argument, set) else Shared(argument))
    except (CheckFailed, StudentError) as error:
        assert str(error)


@pytest.mark.parametrize(
    "part", [np.ones(2), torch.ones(2), 5, "text", {"a": 1}, [1], [[0]], [[9, 1]], TO_HANDLE, [TO_HANDLE]]
)
@pytest.mark.parametrize("key", ["changed", "shared", "error", "type", "text", "bases", "where"])
def test_each_part_of_an_answer_may_be_anything(key, part):
    reply = {key: part} if key in ("changed", "shared", "error") else {"error": {key: part}}
    bridge = Bridge(Forged(writing.dumps(reply, lambda _: handle_tree)))
    function = bridge.handle(handle_tree, "f")
    try:
        function(Shared([1]))
    except (CheckFailed, StudentError) as error:
        assert str(error)
    else:
        assert key in ("changed", "shared")


def test_only_an_iterator_may_be_exhausted():
    """Were a call, a loop of the test over `map` would end before it has looked at anything."""
    bridge = Bridge(Forged(writing.dumps({"exhausted": True})))
    assert list(map(bridge.handle(handle_tree, "f"), [1, 2])) == [None, None]


@given(st.lists(st.binary(max_size=30), max_size=3))
def test_noise_instead_of_an_answer_fails_the_check(frames):
    with pytest.raises(CheckFailed, match=r"What f returned can't be looked at"):
        Bridge(Forged(frames)).fetch("f")


@pytest.mark.parametrize(
    ("operation", "answer"),
    [(len, -1), (len, 2**40), (len, 1.5), (len, True), (len, None), (iter, 5), (iter, [1]), (iter, None)],
)
def test_forged_lengths_and_iterators_are_refused(operation, answer):
    bridge = Bridge(Forged(writing.dumps({"result": answer})))
    with pytest.raises(CheckFailed, match=r"has no usable length|can't be iterated over"):
        operation(bridge.handle(handle_tree, "f"))


@pytest.mark.parametrize("tree", [{"id": "1"}, {"id": True}, {}, {"id": 1, "type": "a b", "bases": None}])
def test_forged_handles_are_refused_or_harmless(tree):
    bridge = Bridge(Forged([json.dumps({"t": "dict", "v": [["result", {"t": "handle", **tree}]]}).encode()]))
    try:
        assert type(bridge.fetch("f")).__name__ == "object"
    except CheckFailed as error:
        assert str(error).startswith("What f returned can't be looked at: ")


NETWORK = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))

    def forward(self, x):
        return self.layers(x)

def predict(network, x):
    return network(x)
"""


def test_a_network_of_the_student_goes_back_as_it_is_without_a_look_at_its_weights():
    student = Student(NETWORK)
    network, predict = student.Net(), student.predict
    student.transport.operations.clear()
    assert predict(network, torch.zeros(4, 3)).shape == (4, 2)
    assert student.transport.operations == ["call"]


def test_shapes_of_a_network_are_asked_for_at_once_and_what_is_no_list_of_shapes_is_asked_for_one_by_one():
    twin = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    student = Student(NETWORK)
    network = student.Net()
    student.transport.operations.clear()
    networks.assert_shapes(network, twin, "Net()")
    assert student.transport.operations == ["run"]
    with pytest.raises(CheckFailed, match=r"one of shape \(5, 4\) is missing and one of shape \(5, 3\) is too many"):
        networks.assert_shapes(network, nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2)), "Net()")
    student.names["Net"].parameters = lambda self: [3]
    with pytest.raises(AttributeError, match="shape"):
        networks.assert_shapes(student.Net(), twin, "Net()")
    student.names["Net"].parameters = lambda self: nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2)).parameters()
    networks.assert_shapes(student.Net(), twin, "Net()")
