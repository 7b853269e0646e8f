"""Answers that a released notebook can check without holding them.

In a source, a check says what is right and which mistakes are usual. `seal` turns both into a text from which neither
can be read: what is right, and each mistake's sentence, is encrypted with a key that follows from the value itself, by
a hash that takes long on purpose (scrypt [1]_). Who has a value can see whether it is right, or hear which mistake it
is; who has none must try values one by one, which takes minutes for a number of three digits: it is a hurdle, not a
wall. `assert_sealed` stands in the released notebook; grading uses the source.

A value counts as right within a tolerance, and a hash knows no tolerance. What is hashed is a cell of a grid:

- one number: cells are four tolerances wide, and an answer near the border of its cell is tried in both;
- an array of whole numbers: the answer is rounded to whole numbers;
- any other array: one grid for all entries, as fine as it can be laid with no entry near a border.

Whatever opens a seal is then compared as the check of the source compares. All boxes of a cell have one length, and
their order follows from what is encrypted.

References
----------
.. [1] C. Percival, S. Josefsson, "The scrypt Password-Based Key Derivation Function", RFC 7914, 2016.
"""

from __future__ import annotations

import ast
import base64
import functools
import hashlib
import hmac
import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.checks import basic, forms
from course_utils.checks.wording import fail, is_array, number_text, shorten, to_numpy
from course_utils.errors import CheckFailed, CourseError

__all__ = ["CHECKS", "assert_sealed", "pack", "seal"]

# The checks whose expected value can be sealed.
CHECKS: dict[str, Callable[..., None]] = {
    check.__name__: check
    for check in (basic.assert_number, basic.assert_equal, basic.assert_array, basic.assert_tensor)
}
# What scrypt costs for each value that is tried: 16 MiB and some 50 ms; a sixteenth of it where points depend on other
# tests, and the visible cases are many.
_COST, _LESS = 2**14, 2**10
# Bits of a value below which trying all values takes no time.
_FEWEST_BITS = 7
# Relative tolerances for which a grid can be laid.
_RTOL = (1e-12, 0.5)
_MOST_ENTRIES = 4096
# In tolerances: the width of a cell for one number, and the widths and offsets that are tried for an array.
_WIDTH, _WIDTHS, _OFFSETS = 4, (8, 16, 32, 64, 128, 256, 512), 16


def assert_sealed(actual: Any, name: str, sealed: str) -> None:
    """Check an answer whose right value is sealed.

    Parameters
    ----------
    actual : object
        The student's value: what the check in the source takes.
    name : str
        How messages call `actual`.
    sealed : str
        What `course release` wrote: for each name what it must be, readable only for who has the value.

    Raises
    ------
    CheckFailed
        If it is not the right one; where it is a usual mistake, with its sentence.
    """
    content = _content(sealed)
    entry = content["answers"].get(name)
    if entry is None:
        raise CheckFailed(f"This cell was changed: nothing is sealed under {name!r}. Download the notebook anew.")
    hint, unit = entry.get("hint"), entry["settings"].get("unit", "")
    try:
        value = _FORMS[entry["check"]](actual, entry, name)
    except CheckFailed as failed:
        fact, value = str(failed), _as_array(actual, entry["check"])
        if value is None:
            fail(fact, hint)
    else:
        fact = _fact(value, name, unit)
    mistakes = []
    for opened in _opened_by(value, entry, name):
        reference = _decoded(opened["value"])
        if opened["rank"] == 0:
            if _is_right(actual, reference, entry, name):
                return
        elif _is_mistake(value, reference, entry):
            mistakes.append((opened["rank"], opened["sentence"]))
    if mistakes:
        number, key = min(mistakes)[1]
        hint = _opened(base64.b85decode(content["sentences"][number]), bytes.fromhex(key))
    fail(fact, hint)


def seal(
    check: str,
    expected: Any,
    name: str,
    *,
    mistakes: Mapping[str, Any] | None = None,
    hint: str | None = None,
    guessable: bool = False,
    **settings: Any,
) -> dict[str, Any]:
    """Seal what one call of a check expects.

    Parameters
    ----------
    check : str
        A name of `CHECKS`.
    expected : object
    name : str
        How messages call the answer.
    mistakes : mapping of str to object, optional
    hint : str, optional
        It stays readable.
    guessable : bool
        Whether it does no harm that a value is found by trying all, since points depend on other tests.
    **settings
        What else the check was given: ``unit``, ``rtol``, ``atol``, ``check_dtype``.

    Returns
    -------
    dict
        For `pack`: it still holds the sentences in plain text.

    Raises
    ------
    CourseError
        If the value can't be sealed, or is found at once by trying all.
    """
    settings = {key: setting for key, setting in settings.items() if setting is not None}
    values = [_plain_value(check, value, name) for value in (expected, *(mistakes or {}).values())]
    form = _form(check, values, settings, name)
    if not guessable and (bits := _bits(values[0], form["tolerance"])) < _FEWEST_BITS:
        tries = f"{max(1, round(2**bits))} tries find this one"
        raise CourseError(f"{name}: {tries}. Hide the test instead of sealing it, or seal several answers as one.")
    cost = _LESS if guessable else _COST
    seals: list[dict[str, Any]] = []
    for rank, (sentence, value) in enumerate(zip([None, *(mistakes or {})], values, strict=True)):
        grid = _grid(value, form, name)
        key = _key(_texts(value, form, grid)[0], name, cost)
        seals.append({"grid": grid, "key": key, "value": _encoded(value), "sentence": sentence, "rank": rank})
    about = {"check": check, "name": name, "form": form, "settings": settings, "hint": hint}
    return {**about, "cost": cost, "seals": seals}


def pack(answers: Sequence[Mapping[str, Any]]) -> str:
    """Write sealed answers as the text that `assert_sealed` reads; the same answers give the same text.

    Parameters
    ----------
    answers : sequence of dict
        From `seal`, with different names.

    Raises
    ------
    CourseError
        If two have the same name and are not alike.
    """
    sentences: dict[str, tuple[int, bytes]] = {}
    contents: dict[str, list[tuple[Any, bytes, dict[str, Any]]]] = {}
    packed: dict[str, Any] = {}
    for answer in answers:
        # Who has not the right value can't tell whether a sentence is the one that is sealed.
        secret = answer["seals"][0]["key"]
        boxes = []
        for one in answer["seals"]:
            number, key = 0, secret
            if (sentence := one["sentence"]) is not None:
                mine = hmac.digest(secret, sentence.encode(), "sha256")
                number, key = sentences.setdefault(sentence, (len(sentences), mine))
            inner = {"value": one["value"], "rank": one["rank"], "sentence": [number, key.hex()]}
            boxes.append((one["grid"], one["key"], inner))
        entry = {key: answer[key] for key in ("check", "form", "settings", "cost")}
        if answer["hint"]:
            entry["hint"] = answer["hint"]
        if packed.setdefault(answer["name"], entry) is not entry:
            if packed[answer["name"]] != entry or contents[answer["name"]] != boxes:
                text = f"Two sealed answers of one check are called {answer['name']!r}; give each its own name."
                raise CourseError(text)
            continue
        contents[answer["name"]] = boxes
    # Of one length: nothing else may tell them apart.
    length = max(len(json.dumps(inner)) for boxes in contents.values() for _, _, inner in boxes)
    for name, boxes in contents.items():
        packed[name]["seals"] = sorted(
            ([grid, _box(inner, key, length)] for grid, key, inner in boxes), key=lambda pair: pair[1]
        )
    longest = max((len(json.dumps(text)) for text in sentences), default=0)
    content = {"answers": packed, "sentences": [_box(text, key, longest) for text, (_, key) in sentences.items()]}
    data = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    return base64.b64encode(zlib.compress(data, 9)).decode()


@functools.lru_cache(maxsize=64)
def _content(sealed: str) -> dict[str, Any]:
    try:
        return json.loads(zlib.decompress(base64.b64decode(sealed, validate=True)))
    except (ValueError, zlib.error):
        text = "This cell was changed: what is sealed in it is damaged. Download the notebook anew."
        raise CheckFailed(text) from None


def _key(written: str, name: str, cost: int) -> bytes:
    salt = hashlib.sha256(b"sealed answer" + name.encode()).digest()[:16]
    return hashlib.scrypt(written.encode(), salt=salt, dklen=32, n=cost, r=8, p=1)


def _box(content: Any, key: bytes, length: int) -> str:
    from Cryptodome.Cipher import AES

    text, tag = AES.new(key, AES.MODE_SIV).encrypt_and_digest(json.dumps(content).ljust(length).encode())
    return base64.b85encode(tag + text).decode()


def _opened(box: bytes, key: bytes) -> Any | None:
    from Cryptodome.Cipher import AES

    try:
        return json.loads(AES.new(key, AES.MODE_SIV).decrypt_and_verify(box[16:], box[:16]))
    except ValueError:
        return None


def _opened_by(value: Any, entry: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return what of an entry a value opens."""
    keys: dict[str, bytes] = {}
    found = []
    for grid, box in entry["seals"]:
        for written in _texts(value, entry["form"], grid):
            if written not in keys:
                keys[written] = _key(written, name, entry["cost"])
            opened = _opened(base64.b85decode(box), keys[written])
            if opened is not None:
                found.append(opened)
                break
    return found


def _is_right(actual: Any, expected: Any, entry: Mapping[str, Any], name: str) -> bool:
    """Whether the check of the source takes an answer for the right one."""
    try:
        CHECKS[entry["check"]](actual, expected, name, **entry["settings"])
    except CheckFailed:
        return False
    return True


def _is_mistake(value: Any, mistake: Any, entry: Mapping[str, Any]) -> bool:
    """Whether the check of the source recognises a mistake."""
    tolerance = entry["form"]["tolerance"]
    if entry["check"] == "assert_equal":
        return basic.same(value, mistake)
    if entry["check"] == "assert_number":
        return (
            value == mistake
            if tolerance is None
            else math.isclose(value, mistake, rel_tol=tolerance[0], abs_tol=tolerance[1])
        )
    mistake = to_numpy(mistake)
    return value.shape == mistake.shape and np.allclose(value, mistake, rtol=tolerance[0], atol=tolerance[1])


# What the text of a check may say of the right answer: its kind and its shape.


def _plain_value(check: str, value: Any, name: str) -> Any:
    """Return an expected value, or a mistake, in the form in which it is sealed."""
    if check in ("assert_array", "assert_tensor"):
        array = to_numpy(value)
        if array.dtype.kind not in "biuf" or array.size > _MOST_ENTRIES or not np.isfinite(array).all():
            what = f"{array.dtype} of shape {array.shape}"
            raise CourseError(f"{name}: up to {_MOST_ENTRIES} real, finite numbers can be sealed, not {what}.")
        return value if hasattr(value, "detach") else array
    return _as_literal(value, name)


def _form(check: str, values: Sequence[Any], settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    expected = values[0]
    if check in ("assert_array", "assert_tensor"):
        dtype = str(expected.dtype).removeprefix("torch.")
        rtol, atol = forms.TOLERANCES.get(dtype, forms.TOLERANCES["float64"])
        tolerance = [settings.get("rtol", rtol), settings.get("atol", atol)]
        form: dict[str, Any] = {"shape": list(expected.shape), "tolerance": tolerance}
        if check == "assert_tensor" or settings.get("check_dtype"):
            form["dtype"] = dtype
        whole = all(np.array_equal(array, np.rint(array)) for array in map(to_numpy, values))
        largest = max((float(np.abs(array).max()) for array in map(to_numpy, values) if array.size), default=0.0)
        form["whole"] = whole and tolerance[1] + tolerance[0] * largest < 0.5 and largest < 2**53
    elif check == "assert_number":
        exact = isinstance(expected, int)
        tolerance = [settings.get("rtol", forms.NUMBER_RTOL), settings.get("atol", forms.NUMBER_ATOL)]
        form = {"tolerance": None if exact else tolerance}
    else:
        length = len(expected) if isinstance(expected, (list, tuple)) else None
        form = {"kind": type(expected).__name__, "length": length, "tolerance": None}
    rtol, atol = form["tolerance"] or (_RTOL[0], 0)
    if not (rtol == 0 or _RTOL[0] <= rtol <= _RTOL[1]) or (rtol == 0 and atol == 0):
        raise CourseError(f"{name}: no grid can be laid for rtol = {rtol:g} and atol = {atol:g}.")
    return form


def _number(actual: Any, entry: Mapping[str, Any], name: str) -> Any:
    return forms.as_number(actual, name, None)


def _array(actual: Any, entry: Mapping[str, Any], name: str) -> np.ndarray:
    array, form = forms.as_array(actual, name, None), entry["form"]
    dtypes = (str(array.dtype), form["dtype"]) if "dtype" in form else None
    forms.check_form(array, tuple(form["shape"]), name, functools.partial(fail, hint=None), dtypes)
    return array


def _tensor(actual: Any, entry: Mapping[str, Any], name: str) -> np.ndarray:
    tensor, form = forms.as_tensor(actual, name, None), entry["form"]
    dtypes = str(tensor.dtype).removeprefix("torch."), form["dtype"]
    forms.check_form(to_numpy(tensor), tuple(form["shape"]), name, functools.partial(fail, hint=None), dtypes)
    return to_numpy(tensor)


def _as_array(actual: Any, check: str) -> np.ndarray | None:
    """Return an array of another shape or dtype than it should have: it may still be a usual mistake."""
    if check not in ("assert_array", "assert_tensor") or not is_array(actual) or isinstance(actual, np.generic):
        return None
    array = to_numpy(actual)
    return array if array.dtype.kind in "biuf" and array.size <= _MOST_ENTRIES else None


def _plain(actual: Any, entry: Mapping[str, Any], name: str) -> Any:
    kind, length = entry["form"]["kind"], entry["form"]["length"]
    model = {"bool": False, "int": 0, "float": 0.0, "str": "", "dict": {}, "set": set()}.get(kind)
    if length is not None:
        model = [None] * length if kind == "list" else (None,) * length
    return forms.as_plain(actual, model, name, None)


_FORMS = {"assert_number": _number, "assert_array": _array, "assert_tensor": _tensor, "assert_equal": _plain}


# The cell of the grid in which a value lies.


def _grid(value: Any, form: Mapping[str, Any], name: str) -> list[int] | None:
    """Return width and offset of the grid for an array of fractions; None for all else."""
    if form["tolerance"] is None or "shape" not in form or form["whole"]:
        return None
    places = _places(value, form["tolerance"])
    for width in _WIDTHS:
        for offset in range(0, width, max(1, width // _OFFSETS)):
            within = (places - offset) % width
            if ((within > 1.5) & (within < width - 1.5)).all():
                return [width, offset]
    raise CourseError(f"{name}: no grid fits {places.size} numbers at this tolerance. Hide the test instead.")


def _texts(value: Any, form: Mapping[str, Any], grid: Sequence[int] | None) -> list[str]:
    """Return what is hashed: for one number near the border of its cell, the texts of both cells."""
    if form["tolerance"] is None:
        return [_exactly(value)]
    shape = f"{tuple(np.shape(to_numpy(value)))}" if "shape" in form else ""
    if form.get("whole"):
        with np.errstate(all="ignore"):
            rounded = np.rint(_real(value)) + 0.0  # no -0
        return [shape + ",".join(f"{number:.0f}" for number in rounded)]
    places = _places(value, form["tolerance"])
    if grid is not None:
        return [shape + ",".join(f"{cell:.0f}" for cell in np.floor((places - grid[1]) / grid[0]) + 0.0)]
    within = float(places[0] % _WIDTH) if math.isfinite(places[0]) else _WIDTH / 2
    cells = [np.floor(places[0] / _WIDTH)]
    cells += [cells[0] - 1] if within <= 1.5 else [cells[0] + 1] if within >= _WIDTH - 1.5 else []
    return [f"{cell + 0.0:.0f}" for cell in cells]


def _places(value: Any, tolerance: Sequence[float]) -> np.ndarray:
    """Map numbers to an axis on which the tolerance is about 1 everywhere, so that a grid of one width fits all."""
    (rtol, atol), numbers = tolerance, _real(value)
    if rtol == 0:
        return numbers / atol
    with np.errstate(over="ignore", invalid="ignore"):
        # Without an absolute tolerance the axis begins far below any number that is asked for.
        return np.sign(numbers) * np.log1p(np.abs(numbers) * (rtol / (atol or 1e-30))) / rtol


def _real(value: Any) -> np.ndarray:
    """Return numbers as float64 in one row; what is no real number is nan."""
    array = np.atleast_1d(to_numpy(value)).ravel()
    if array.dtype.kind == "c":
        array = np.where(array.imag == 0, array.real, np.nan)
    try:
        return array.astype(np.float64)
    except (OverflowError, TypeError, ValueError):  # an integer that no float is as large as
        return np.full(array.size, np.nan)


def _exactly(value: Any) -> str:
    """Write a plain value so that what Python's ``==`` takes for equal is written alike."""
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_exactly(key)}:{_exactly(entry)}" for key, entry in value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_exactly, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(map(_exactly, value))) + "}"
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, bytes) or value is None:
        return repr(value)
    if isinstance(value, (complex, np.complexfloating)) and value.imag == 0:
        value = value.real
    try:
        whole = int(value)
        return f"{whole:x}" if whole == value else float(value).hex()
    except (TypeError, ValueError, OverflowError):
        return repr(value)


def _as_literal(value: Any, name: str) -> Any:
    """Return a plain value as Python's own types, as `ast.literal_eval` reads them."""
    if isinstance(value, Mapping):
        return {_as_literal(key, name): _as_literal(entry, name) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        kind = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
        entries = [_as_literal(entry, name) for entry in value]
        return set(entries) if kind is frozenset else kind(entries)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise CourseError(f"{name}: {value} can't be sealed.")
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    can = "numbers, texts, and lists, tuples, dicts and sets of them can be sealed"
    raise CourseError(f"{name}: {can}, not {shorten(value)}.")


def _encoded(value: Any) -> Any:
    if hasattr(value, "detach"):
        return {"tensor": str(value.dtype).removeprefix("torch."), **_encoded(to_numpy(value))}
    if isinstance(value, np.ndarray):
        return {"array": str(value.dtype), "shape": list(value.shape), "values": value.ravel().tolist()}
    return {"literal": repr(value)}


def _decoded(content: Mapping[str, Any]) -> Any:
    if "literal" in content:
        return ast.literal_eval(content["literal"])
    array = np.array(content["values"], dtype=content["array"]).reshape(content["shape"])
    if "tensor" not in content:
        return array
    import torch

    return torch.from_numpy(array).to(getattr(torch, content["tensor"]))


def _bits(value: Any, tolerance: Sequence[float] | None) -> float:
    """Return about how many bits it takes to guess a value whose kind and shape are known."""
    if isinstance(value, Mapping):  # the keys are given
        return sum(_bits(entry, tolerance) for entry in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return sum(_bits(entry, tolerance) for entry in value)
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        return sum(_bits(entry, tolerance) for entry in to_numpy(value).ravel().tolist())
    if value is None or isinstance(value, (bool, str, bytes)):
        return 1
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):
        return math.log2(abs(value) + 1)
    if tolerance is None:
        return math.log2(abs(value) * 100 + 1)
    cells = np.ptp(_places(np.array([1e-2, 1e4]), tolerance)) / _WIDTH
    return math.log2(cells + 1)


def _fact(value: Any, name: str, unit: str) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{name} has the right shape {value.shape}, and values that are not all right."
    if isinstance(value, (list, tuple, dict, set, frozenset, str, bytes)):
        return f"{name} is {shorten(value)}, which is not right."
    value = value[()] if isinstance(value, np.ndarray) else value
    return f"{name} is {number_text(value)}{f' {unit}' if unit else ''}, which is not right."
