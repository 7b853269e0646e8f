"""Operators of a student's objects answer where the test has said that it means an object, and nowhere else."""

from __future__ import annotations

import re

import numpy as np
import pytest

from course_utils.checks import CheckFailed
from course_utils.grading.bridge.handles import StudentError
from course_utils.grading.bridge.operators import NotPlain
from tests.grading.bridge.test_handles import Student
from tests.support.engine import ROOT

CLASSES = """
class Stack:
    def __init__(self, *entries): self.entries = list(entries)
    def push(self, entry): self.entries.append(entry)
    def me(self): return self
    def __eq__(self, other): return self.entries == getattr(other, "entries", other)
    def __lt__(self, other): return len(self) < len(other)
    def __hash__(self): return hash(tuple(self.entries))
    def __len__(self): return len(self.entries)
    def __getitem__(self, place): return self.entries[place]
    def __delitem__(self, place): del self.entries[place]
    def __add__(self, other): return Stack(*self.entries, *getattr(other, "entries", [other]))
    def __radd__(self, other): return Stack(other, *self.entries)
    def __iadd__(self, other): self.entries.append(other); return self
    def __neg__(self): return Stack(*map(int.__neg__, self.entries))
    def __float__(self): return float(sum(self.entries))
    def __str__(self): return "|".join(map(str, self.entries))
    def __repr__(self): return f"Stack{tuple(self.entries)}"
    def __format__(self, spec): return spec + str(self)

class Tall(Stack): pass
class Pile(list):
    def top(self): return self[-1]

found = Stack(1)
def make(*entries): return Stack(*entries)
def same(values): return list(values)
"""


@pytest.fixture
def student() -> Student:
    student = Student(CLASSES)
    student.bridge.objects = frozenset({"Stack", "Pile"})
    return student


@pytest.mark.parametrize(
    "cell",
    [
        "s, t = Stack(1, 2), Stack(1, 2)\nassert s == t and not s != t and s != Stack(3) and s is not t",
        "s = Stack(1, 2)\nassert s == [1, 2] and [1, 2] == s and s != 3 and s in [Stack(2), s]",
        "assert Stack(1) < Stack(1, 2) and Stack(1, 2) > Stack(1)\nassert max(Stack(1), Stack(1, 2)) == Stack(1, 2)",
        "assert Stack(1) + Stack(2) == Stack(1, 2) and Stack(1) + 2 == Stack(1, 2) and 0 + Stack(1) == Stack(0, 1)",
        "s = t = Stack(1)\ns += 2\nassert s is t and s == Stack(1, 2) and -s == Stack(-1, -2) and float(s) == 3.0",
        "assert bool(Stack(1)) and not Stack() and len({Stack(1), Stack(1), Stack(2)}) == 2",
        "assert repr(Stack(1, 2)) == 'Stack(1, 2)' and f'{Stack(1):>}' == '>1'",
        "assert str(found) == f'{found.me()}' == str(make(1)) == '1'",
        "s = Stack(1, 2, 3)\ndel s[0]\nassert list(reversed(s)) == [3, 2] and s.me() == s",
        "assert isinstance(found, Stack) and found == [1] and found.me() == Stack(1)",
        "t = Tall(1)\nassert isinstance(t, (int, Stack)) and isinstance(t, Tall) and issubclass(Tall, Stack)",
        "t = Tall(1)\nassert isinstance(t, Stack) and t == [1]",
        "assert not isinstance(found, Tall) and not isinstance(3, Stack) and not isinstance(found, np.ndarray)",
        "p = Pile([1])\np.append(2)\nassert p.top() == 2 and isinstance(p, Pile) and p == [1, 2] and same(p) == [1, 2]",
    ],
)
def test_a_class_of_the_exercise_answers_for_its_objects(cell, student):
    student.test(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "found == [1]",  # not made here, and nothing asked
        "make(1) == [1]",
        "make(1) < 3",
        "1 - make(1)",
        "abs(make(1))",
        "float(make(1))",
        "bool(make(1))",
        "s = Stack(1)\ns.me() == [1]",  # the same object, but the test did not say that it means one
        "(Stack(1) + Stack(2)) == [1, 2]",
        "(Stack(1) + Stack(2)) + 3",
        "assert isinstance(found, Tall) or found == [1]",
        "t = Tall(1)\nt == [1]",  # a class that the notebook of the course does not know
        "isinstance(found, Tall)\nisinstance(make(1), Stack)\nfound == [1]",
        "np.asarray(Stack(1))",
    ],
)
def test_elsewhere_nothing_is_compared_or_computed(cell, student):
    with pytest.raises(NotPlain, match="must be a plain value"):
        student.test(cell)


def test_the_example_in_the_docs_passes_and_can_fail(student):
    text = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
    _, example = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    student.names["Stack"].pop = lambda stack: stack.entries.pop()
    student.test(example)
    student.names["Stack"].pop = lambda stack: stack
    with pytest.raises(NotPlain, match=r"pop\(\) must be a plain value"):
        student.test(example)


def test_the_next_test_means_anew(student):
    student.test("assert isinstance(found, Stack) and found == [1]")
    with pytest.raises(NotPlain):
        student.test("found == [1]")
    student.bridge.objects = frozenset()
    with pytest.raises(NotPlain):
        student.test("Stack(1) == [1]")


def test_a_type_is_what_the_interpreter_says_and_never_the_object():
    student = Student(
        """
        class Meta(type):
            __instancecheck__ = __subclasscheck__ = __eq__ = lambda *args: True
            __hash__ = type.__hash__
            __mro__ = property(lambda cls: (cls, Stack, object))
        class Stack(metaclass=Meta): pass
        class Other(metaclass=Meta):
            __class__ = property(lambda self: Stack)
        other = Other()
        Fake = 3
        class Array: __class__ = property(lambda self: np.ndarray)
        array = Array()
        """
    )
    student.bridge.objects = frozenset({"Stack"})
    student.test("assert not isinstance(other, Stack) and not issubclass(Other, Stack) and isinstance(Stack(), Stack)")
    student.test("assert not isinstance(array, np.ndarray) and not isinstance(other, (int, list, np.ndarray))")
    with pytest.raises(TypeError):
        student.test("isinstance(other, Fake)")


@pytest.mark.parametrize(
    ("method", "cell", "said"),
    [
        ("__len__ = lambda self: 'x'", "len(Odd())", "raised TypeError"),
        ("__repr__ = lambda self: 3", "repr(Odd())", "raised TypeError"),
        ("__eq__ = lambda self, other: 1 / 0", "Odd() == Odd()", r"Odd\(\) == Odd\(\) raised ZeroDivisionError"),
        ("__eq__ = lambda self, other: self", "assert Odd() == 3", "must be a plain value"),
        ("__eq__ = None", "Odd() == 3", "raised TypeError"),
        ("__hash__ = None", "hash(Odd())", "raised TypeError"),
        ("__abs__ = lambda self: self", "abs(Odd()) == 5", "must be a plain value"),
    ],
)
def test_what_operators_give_is_looked_at_like_any_answer(method, cell, said):
    student = Student(f"class Odd:\n    {method}")
    student.bridge.objects = frozenset({"Odd"})
    with pytest.raises((CheckFailed, StudentError), match=said):
        student.test(cell)


def test_an_agent_that_lies_gives_values_at_most(student):
    """Whatever takes over the student's process, a result is no object that the test has said it means."""
    agent = student.transport.agent
    agent.do_isinstance = lambda *args: np.ones(1)
    with pytest.raises(NotPlain):
        student.test("assert not isinstance(found, Stack)\nfound == [1]")
    agent.do_operate = lambda *args: agent.namespace["found"]
    with pytest.raises(CheckFailed, match=r"^repr\(Stack\(\)\) must give a str, got a Stack\.$"):
        student.test("repr(Stack())")
