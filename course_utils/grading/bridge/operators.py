"""Operators on what stands for a student's objects: which of them the student's own class may answer.

An object whose operators agree with everything would pass every test that takes it for a number. So a `Handle` is
neither compared nor computed with, unless the test has said that it means an object: it made it by calling a class of
the exercise, or has asked ``isinstance`` of such a class. That is said of the one reference that the test holds, never
of the object, which the student's process may return again wherever a number is expected; and never of a result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils import checks
from course_utils.checks.wording import describe, with_article

__all__ = ["CLASS", "OBJECT", "NotPlain", "Operators"]

# What a reference is meant as: a class of the exercise, or an object of one.
CLASS, OBJECT = "class", "object"

_BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
_COMPARED = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
# What Python asks for with `int(x)` and the like, and what the answer must be.
_ASKED = {"bool": bool, "int": int, "float": float, "complex": complex, "index": int}


class NotPlain(checks.CheckFailed):
    """A test compared or computed with an object of the student where it expects a plain value."""


class Operators:
    """The operators of a handle; `_course_meant` says what the reference is meant as."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotPlain(
            f"{self._course_path} must be a plain value (a number, text, list, array or tensor), "
            f"got an object of type {type(self).__name__}."
        )

    def _answer(self, name: str, operands: tuple[Any, ...], shown: str) -> Any:
        """Let the student's class answer, if one of the operands is meant as an object of it."""
        if not any(is_meant(operand) for operand in operands):
            return self._refuse()
        return self._course_bridge.operate(name, operands, shown)

    def _of_kind(self, name: str, kind: type, *more: Any, always: bool = False) -> Any:
        """Return what a function of Python gives for the object, of the type that Python wants of it."""
        shown, operands = f"{name}({self._course_path})", (self, *more)
        ask = self._course_bridge.operate if always else self._answer
        answer = ask(name, operands, shown)
        if type(answer) is not kind:
            what = with_article(kind.__name__)
            raise checks.CheckFailed(f"{shown} must give {what}, got {describe(answer)}.")
        return answer

    def __eq__(self, other: object) -> bool:
        if other is None or other is ...:
            return False
        if isinstance(other, Operators) and not (is_meant(self) or is_meant(other)):
            return self._course_id == other._course_id and self._course_bridge is other._course_bridge
        return self._answer("eq", (self, other), f"{path_of(self)} == {path_of(other)}")

    def __ne__(self, other: object) -> bool:
        if is_meant(self) or (isinstance(other, Operators) and is_meant(other)):
            return self._answer("ne", (self, other), f"{path_of(self)} != {path_of(other)}")
        return not self == other

    def __hash__(self) -> int:
        if is_meant(self):
            return self._of_kind("hash", int)
        return hash((id(self._course_bridge), self._course_id))

    def __repr__(self) -> str:
        return self._of_kind("repr", str) if is_meant(self) else f"<{type(self).__name__} of the notebook>"

    def __str__(self) -> str:
        if self._course_kind not in ("object", "iterator", "callable", "module"):
            return repr(self)
        return self._of_kind("str", str, always=True)

    def __format__(self, spec: str) -> str:
        return self._of_kind("format", str, spec) if spec else str(self)

    def __round__(self, *digits: int) -> Any:
        return self._answer("round", (self, *digits), f"round({self._course_path})")

    __array__ = __reduce_ex__ = __copy__ = __deepcopy__ = _refuse


def is_meant(thing: Any) -> bool:
    """Whether the test has said that this reference is one to an object of a class of the exercise."""
    return isinstance(thing, Operators) and thing._course_meant == OBJECT


def path_of(operand: Any) -> str:
    """Return how a message calls an operand."""
    return operand._course_path if isinstance(operand, Operators) else "…"


def _binary(name: str, sign: str) -> dict[str, Callable[..., Any]]:
    def forward(self: Operators, other: Any) -> Any:
        return self._answer(name, (self, other), f"{path_of(self)} {sign} {path_of(other)}")

    def backward(self: Operators, other: Any) -> Any:
        return self._answer(name, (other, self), f"{path_of(other)} {sign} {path_of(self)}")

    def in_place(self: Operators, other: Any) -> Any:
        answer = self._answer(f"i{name}", (self, other), f"{path_of(self)} {sign}= {path_of(other)}")
        # The test holds on to the object that it meant, which has only changed.
        return self if isinstance(answer, Operators) and answer._course_id == self._course_id else answer

    return {f"__{name}__": forward, f"__r{name}__": backward, f"__i{name}__": in_place}


def _compared(name: str, sign: str) -> Callable[..., Any]:
    return lambda self, other: self._answer(name, (self, other), f"{path_of(self)} {sign} {path_of(other)}")


def _asked(name: str, kind: type) -> Callable[..., Any]:
    return lambda self: self._of_kind(name, kind)


def _unary(name: str) -> Callable[..., Any]:
    return lambda self: self._answer(name, (self,), f"{name}({self._course_path})")


for _name, _sign in _BINARY.items():
    for _method, _function in _binary(_name, _sign).items():
        setattr(Operators, _method, _function)
for _name, _sign in _COMPARED.items():
    setattr(Operators, f"__{_name}__", _compared(_name, _sign))
for _name, _kind in _ASKED.items():
    setattr(Operators, f"__{_name}__", _asked(_name, _kind))
for _name in ("neg", "pos", "invert", "abs"):
    setattr(Operators, f"__{_name}__", _unary(_name))
