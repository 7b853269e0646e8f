"""How checks speak: a fact and a hint, values said in a few words, whatever they are."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from course_utils.errors import CheckFailed

__all__ = [
    "LONGEST",
    "counted",
    "cut",
    "describe",
    "fail",
    "is_array",
    "is_expression",
    "listed",
    "number_text",
    "shorten",
    "text_of",
    "to_numpy",
    "with_article",
]

# Characters of a value that a message quotes.
LONGEST = 200


def fail(fact: str, hint: str | None) -> NoReturn:
    """Raise `CheckFailed` with a fact, and a hint on a line of its own."""
    raise CheckFailed(f"{fact}\n{hint}" if hint else fact)


def describe(value: Any) -> str:
    """Say what kind of thing a value is: "an ndarray of shape (2, 3)"."""
    if value is None:
        return "None (is a `return` missing?)"
    if value is ...:
        return "`...` (not filled in yet)"
    if is_expression(value):
        return f"the expression {shorten(value)}"
    kind = type(value).__name__
    shape = f" of shape {tuple(value.shape)}" if is_array(value) and not isinstance(value, np.generic) else ""
    return f"{with_article(kind)}{shape}"


def with_article(noun: str) -> str:
    """Return a noun with its article."""
    # As one says them: an "en-d-array", an "es-vee-cee", a "you-int".
    vowel = noun[:1].lower() in "aeiou" and not noun.startswith(("uint", "ufunc"))
    spelt = noun.startswith("nd") or (noun[:2].isupper() and noun[0] in "FHLMNRSX")
    return f"{'an' if vowel or spelt else 'a'} {noun}"


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun, in the singular or the plural."""
    return f"{number} {one if number == 1 else many}"


def number_text(value: Any) -> str:
    """Return a number as messages write it: six digits, or all of an integer."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (numbers.Integral, np.integer)):
        return cut(_digits(int(value)))
    if isinstance(value, (numbers.Real, np.floating)):
        try:
            return f"{float(value):.6g}"
        except OverflowError:
            return "a number larger than any float"
    return cut(str(value))


def shorten(value: Any) -> str:
    """Return `repr`, cut to what a message quotes."""
    return cut(text_of(value, LONGEST))


def cut(text: str, limit: int = LONGEST) -> str:
    """Return a text, or its beginning and " ..." if it is too long."""
    return text if len(text) <= limit else text[: limit - 4] + " ..."


def _digits(value: int) -> str:
    # Python itself refuses to write more than some thousand digits.
    return str(value) if value.bit_length() < 10_000 else f"an integer of {value.bit_length():,} bits"


def text_of(value: Any, room: int) -> str:
    """Return `repr`, or a start of it that is longer than `room`, without working out the rest."""
    kind = type(value)
    if isinstance(value, (str, bytes)) and len(value) > room:
        return repr(value[: room + 1])
    if kind is int:
        return _digits(value)
    if kind in (list, tuple, set, frozenset) and value:
        left, right = {list: "[]", tuple: "()", set: "{}", frozenset: ("frozenset({", "})")}[kind]
        right = ",)" if kind is tuple and len(value) == 1 else right
        return left + listed((text_of(entry, room) for entry in value), room) + right
    if kind is dict:
        entries = (f"{text_of(key, room)}: {text_of(entry, room)}" for key, entry in value.items())
        return "{" + listed(entries, room) + "}"
    if is_array(value) and not isinstance(value, np.generic):
        return describe(value)
    return repr(value)


def listed(texts: Iterable[str], room: int) -> str:
    """Join texts by commas, until there is no room for more."""
    kept: list[str] = []
    for text in texts:
        kept.append(text)
        room -= len(text) + 2
        if room < 0:
            break
    return ", ".join(kept)


def is_array(value: Any) -> bool:
    """Return whether a value is an array of NumPy, one of its scalars, or a tensor."""
    if isinstance(value, (np.ndarray, np.generic)):
        return True
    # Without importing torch, which most notebooks of the course do not need for NumPy work.
    return any(f"{kind.__module__}.{kind.__qualname__}" == "torch.Tensor" for kind in type(value).__mro__)


def to_numpy(value: Any) -> np.ndarray:
    """Return a tensor or anything like an array as an array of NumPy."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # NumPy has no bfloat16; float32 holds each of its values.
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return value.numpy()
    return np.asarray(value)


def is_expression(value: Any) -> bool:
    """Return whether a value is an expression of SymPy, as the grader sees it."""
    # Without importing what most notebooks do not need.
    kind = type(value)
    return kind.__name__ == "Expression" and kind.__module__ == "course_utils.checks.expressions"
