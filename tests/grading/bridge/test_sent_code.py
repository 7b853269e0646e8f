"""Functions and classes of a test that run in the student's process work there, and tell nothing of the test."""
# ruff: noqa: E501 (attackers write long lines)

from __future__ import annotations

import functools
import inspect
import sys
import textwrap
import traceback
import types

import pytest
import torch
from cloudpickle import cloudpickle

from course_utils import checks
from course_utils.checks import basic
from course_utils.grading.bridge.sent_code import stripped_code
from tests.grading.bridge.test_handles import Student

CANARY = "canary"

# Each holds the canary where somebody might look for it: in docstrings, annotations, names, comments, unused constants.
PLANTED = {
    "a function": """
        def canary_helper(x: "canary") -> "canary":
            "canary"
            canary_local = x + 1  # canary
            "canary"
            return canary_local
        given = canary_helper
    """,
    "a function in a function": """
        def outer():
            "canary"
            def canary_inner(x: "canary"):
                "canary"
                canary_variable = 2 * x
                return canary_variable
            return canary_inner
        given = outer()
    """,
    "a lambda that names a function": """
        def canary_twice(x):
            "canary"
            return 2 * x
        given = [canary_twice][0]
    """,
    "a class": """
        class CanaryWitness(nn.Module):
            "canary"
            note: "canary"
            def __init__(self) -> "canary":
                "canary"
                super().__init__()
                self.weight = nn.Parameter(torch.ones(1))
            @property
            def double(self):
                "canary"
                return 2 * self.weight
            @staticmethod
            def plus(x):
                "canary"
                return x + 1
            @classmethod
            def made(cls):
                "canary"
                return cls()
            def forward(self, x: "canary"):
                "canary"
                canary_local = self.double * self.plus(x)
                return canary_local
        given = CanaryWitness()
    """,
    "a class of a class": """
        class CanaryBase:
            "canary"
            def __call__(self, x):
                "canary"
                return x
        class CanaryDerived(CanaryBase):
            "canary"
            def __call__(self, x):
                canary_local = super().__call__(x)
                return canary_local
        given = CanaryDerived()
    """,
    "a wrapped function": """
        import functools
        def canary_wrapper(function):
            @functools.wraps(function)
            def inner(x):
                "canary"
                return function(x)
            return inner
        @canary_wrapper
        def given(x):
            "canary"
            return x
    """,
    "a function beside what is expected": """
        canary_expected = "canary"
        unused = [canary_expected]
        def given(x):
            return x
    """,
}

# What a student's function may look for: everything that can be reached from its argument, its callers and the process.
LOOK = """
import gc, inspect, io, sys, types
def look(given):
    given(torch.ones(1))
    seen, told, queue = set(), [], [given, type(given)]
    frame = sys._getframe().f_back
    while frame is not None and frame.f_code.co_filename.endswith("agent.py"):
        queue += list(frame.f_locals.values())
        frame = frame.f_back
    while queue and len(seen) < 20_000:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, types.ModuleType):
            continue
        seen.add(id(thing))
        if isinstance(thing, (str, bytes)):
            told.append(str(thing))
            continue
        for name in ("__doc__", "__name__", "__qualname__", "__module__", "__annotations__", "__defaults__", "__closure__",
                     "__wrapped__", "__dict__", "__code__", "cell_contents", "fget", "__func__", "co_consts", "co_names",
                     "co_varnames", "co_filename", "co_name", "co_qualname", "co_freevars", "co_cellvars", "blobs"):
            try:
                queue.append(getattr(thing, name))
            except Exception:
                pass
        if isinstance(thing, types.FunctionType):
            told.append(str(thing.__code__.co_firstlineno))
            try:
                told.append(inspect.getsource(thing))
            except (OSError, TypeError):
                pass
        if isinstance(thing, (dict, types.MappingProxyType)):
            if "__builtins__" in thing and thing.get("look") is look:
                continue
            queue += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            queue += list(thing)
    return told
"""


def looked_at(cell):
    """Hand `given` of a test cell to a function that looks for all it can find; return that, and what was sent."""
    student, frames = Student(LOOK), []
    answer = student.transport.agent.answer

    def as_elsewhere(content, buffers):
        # Both sides are one process here: else it would find the test's own class under the number of what was sent.
        cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()
        frames.extend(map(repr, buffers))
        return answer(content, buffers)

    student.transport.agent.answer = as_elsewhere
    told = student.test(textwrap.dedent(cell) + "\ntold = look(given)")["told"]
    assert len(told) > 3
    return told, frames


@pytest.mark.parametrize("cell", PLANTED.values(), ids=PLANTED)
def test_no_word_of_the_test_reaches_the_students_process(cell):
    told, frames = looked_at(cell)
    assert [text for text in [*told, *frames] if CANARY in text.lower()] == []


def test_names_of_arguments_and_attributes_stay_because_they_are_used():
    student = Student("def call(given):\n    return given(first=2, rest=3), given.kept")
    names = student.test(
        """
        def given(first, *, rest=1, **more):
            total = first * rest
            return total
        given.kept = 5
        result = call(given)
        """
    )
    assert names["result"] == (6, 5)


def test_what_is_sent_does_what_it_did_here():
    student = Student("def call(function, *arguments):\n    return function(*arguments)")
    names = student.test(
        """
        import functools, math
        scale = 10

        def factorial(n):
            return 1 if n == 0 else n * factorial(n - 1)

        def even(n):
            return n == 0 or odd(n - 1)

        def odd(n):
            return n != 0 and even(n - 1)

        def counter():
            count = 0
            def step(by=1):
                nonlocal count
                count += by
                return count
            return step

        def many(n):
            '''Yield.'''
            for number in range(n):
                try:
                    yield number / (number - 1)
                except ZeroDivisionError as error:
                    yield str(error) and f"{number=}"

        class Base:
            rate = 3
            def value(self):
                return self.rate
        class Derived(Base):
            __slots__ = ()
            def value(self):
                "It doubles."
                return 2 * super().value()
            @property
            def doubled(self):
                return [self.rate * part for part in (1, 2)]

        step = counter()
        results = [
            call(factorial, 5), call(even, 10), call(lambda x: math.floor(x * scale), 0.55), call(step, 4),
            list(call(many, 3)), call(Derived().value), call(lambda: Derived().doubled), call(lambda d: d.value(), Derived()),
            call(functools.partial(max, 3), 4), call(lambda *a, **k: (a, k), 1, 2),
            call(lambda: isinstance(Derived(), Base)),
        ]
        """
    )
    assert names["results"] == [
        120, True, 5, 4, [0.0, "number=1", 2.0], 6, [3, 6], 6, 4, ((1, 2), {}), True,
    ]  # fmt: skip


def test_a_class_is_one_class_in_all_calls():
    student = Student("kept = []\ndef keep(kind):\n    kept.append(kind)\n    return kept[0] is kind")
    names = student.test("class Mine:\n    pass\nfirst = keep(Mine)\nsecond = keep(Mine)")
    assert names["first"] is True and names["second"] is True


def test_an_exception_inside_what_is_sent_is_told_and_can_be_printed():
    student = Student(
        """
        import io, traceback
        def call(function):
            try:
                function()
            except ZeroDivisionError as error:
                return "".join(traceback.format_exception(error))
        """
    )
    text = student.test("def canary_broken():\n    x = 1\n    return x / 0\ntold = call(canary_broken)")["told"]
    assert 'File "<test>", line 1, in given' in text and "ZeroDivisionError" in text and CANARY not in text


@pytest.fixture
def hidden():
    """A package of hidden modules, as it lies beside an assignment's notebooks."""
    package, module = types.ModuleType("hidden"), types.ModuleType("hidden.judges")
    module.__file__ = "/course/source/hidden/canary.py"
    package.judges = module
    sys.modules.update({"hidden": package, "hidden.judges": module})
    source = """
limit = 4
class CanaryJudge:
    "canary"
    def __call__(self, x):
        "canary"
        return successor(x) < limit
def successor(x):
    "canary"
    return x + 1
"""
    exec(compile(source, module.__file__, "exec"), vars(module))
    yield module
    del sys.modules["hidden"], sys.modules["hidden.judges"]


def test_what_a_hidden_module_holds_goes_by_value_and_bare(hidden):
    told, frames = looked_at("from hidden.judges import CanaryJudge\ngiven = CanaryJudge()")
    assert [text for text in [*told, *frames] if CANARY in text.lower()] == []
    student = Student("def call(judge, x):\n    return judge(x)")
    assert student.test("from hidden.judges import CanaryJudge\nfound = call(CanaryJudge(), 2)")["found"] is True


def test_a_hidden_module_itself_is_not_sent(hidden):
    student = Student("def call(f):\n    return f(1)")
    with pytest.raises(TypeError, match=r"hidden\.judges can't be sent: import from it what is needed"):
        student.test("import hidden.judges as judges\ncall(lambda x: judges.successor(x))")


def test_stripped_code_keeps_every_constant_that_it_loads():
    functions = (checks.assert_tensor, basic.compare, traceback.format_exception, functools.wraps, inspect.getsource,
                 torch.nn.Linear.forward, textwrap.dedent)  # fmt: skip
    for function in functions:
        code = stripped_code(function.__code__)
        assert code.co_code == function.__code__.co_code
        assert {line for *_, line in code.co_lines()} == {1}
        assert function.__doc__ is None or function.__doc__ not in code.co_consts
    assert stripped_code(textwrap.dedent.__code__).co_argcount == 1
