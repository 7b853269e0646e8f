"""Answers that a released notebook can check without holding them.

In a source, a check says what is right and which mistakes are usual. `seal` turns both into a text from which neither
can be read: what is right, and each mistake's sentence, is encrypted with a key that follows from the value itself, by
a hash that takes long on purpose (scrypt [1]_). Who has a value can see whether it is right, or hear which mistake it
is; who has none must try values one by one. `assert_sealed` stands in the released notebook; grading uses the source.

A value counts as right within a tolerance, and a hash knows no tolerance: what is hashed is the cell of a grid. Cells
are four tolerances wide and laid so that the expected value is near the middle of its own; two bits for each number
say how the grid lies. Whatever opens a seal is then compared as the check of the source compares.

References
----------
.. [1] C. Percival, S. Josefsson, "The scrypt Password-Based Key Derivation Function", RFC 7914, 2016.
"""

from __future__ import annotations

import ast
import base64
import functools
import hashlib
import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from course_utils.checks import basic, forms
from course_utils.checks.wording import fail, number_text, shorten, to_numpy
from course_utils.errors import CheckFailed, CourseError

__all__ = ["CHECKS", "assert_sealed", "pack", "seal"]

# The checks whose expected value can be sealed.
CHECKS: dict[str, Callable[..., None]] = {
    check.__name__: check
    for check in (basic.assert_number, basic.assert_equal, basic.assert_array, basic.assert_tensor)
}
# What scrypt costs: 16 MiB and some 50 ms for each value that is tried.
_COST = {"n": 2**14, "r": 8, "p": 1}
# Width of a cell of the grid, in tolerances.
_WIDTH = 4
_MOST_ENTRIES = 4096
# Bits of a value below which trying all values takes no time.
_FEWEST_BITS = 4


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
    form, hint = entry["form"], entry.get("hint")
    value = _FORMS[entry["check"]](actual, form, name, hint)
    keys: dict[str, bytes] = {}
    for grid, box in entry["seals"]:
        written = _written(value, form, grid)
        if written not in keys:
            keys[written] = _key(written, name)
        opened = _opened(base64.b85decode(box), keys[written])
        if opened is None:
            continue
        if not _is_near(entry, actual, _decoded(opened["value"]), name):
            continue
        if "sentence" not in opened:
            return
        number, key = opened["sentence"]
        hint = _opened(base64.b85decode(content["sentences"][number]), bytes.fromhex(key))
        break
    fail(_fact(value, name, entry["settings"].get("unit", "")), hint)


def _is_near(entry: Mapping[str, Any], actual: Any, reference: Any, name: str) -> bool:
    """Whether the check of the source takes a value for the one that shares its cell of the grid."""
    if entry["form"]["tolerance"] is None:
        return True
    reference = float(reference) if entry["check"] == "assert_number" else reference
    try:
        CHECKS[entry["check"]](actual, reference, name, **entry["settings"])
    except CheckFailed:
        return False
    return True


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
    form = _form(check, expected, settings, name)
    if not guessable and _bits(expected) < _FEWEST_BITS:
        raise CourseError(f"{name}: who tries a few values finds this one. Hide the test instead of sealing it.")
    seals, seen = [], set()
    for sentence, value in [(None, expected), *(mistakes or {}).items()]:
        if sentence is not None and _form(check, value, settings, name)["shape"] != form["shape"]:
            continue  # what has another shape is told before anything is compared
        grid = _grid(value, form)
        written = _written(value, form, grid)
        if (written, str(grid)) in seen:
            continue  # the first of two mistakes with one value is the one that is told
        seen.add((written, str(grid)))
        seals.append({"grid": grid, "key": _key(written, name), "value": _encoded(value), "sentence": sentence})
    return {"check": check, "name": name, "form": form, "settings": settings, "hint": hint, "seals": seals}


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
    packed: dict[str, Any] = {}
    for answer in answers:
        boxes = []
        for one in answer["seals"]:
            inner: dict[str, Any] = {"value": one["value"]}
            if (sentence := one["sentence"]) is not None:
                key = hashlib.sha256(b"sentence" + sentence.encode()).digest()
                number, _ = sentences.setdefault(sentence, (len(sentences), key))
                inner["sentence"] = [number, key.hex()]
            boxes.append([one["grid"], _box(inner, one["key"])])
        # In an order that does not say which is the right one.
        boxes.sort(key=lambda box: box[1])
        entry = {"check": answer["check"], "form": answer["form"], "settings": answer["settings"], "seals": boxes}
        if answer["hint"]:
            entry["hint"] = answer["hint"]
        if packed.setdefault(answer["name"], entry) != entry:
            raise CourseError(f"Two sealed answers of one check are called {answer['name']!r}; give each its own name.")
    content = {"answers": packed, "sentences": [_box(text, key) for text, (_, key) in sentences.items()]}
    data = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    return base64.b64encode(zlib.compress(data, 9)).decode()


@functools.lru_cache(maxsize=64)
def _content(sealed: str) -> dict[str, Any]:
    try:
        return json.loads(zlib.decompress(base64.b64decode(sealed, validate=True)))
    except (ValueError, zlib.error):
        raise CheckFailed(
            "This cell was changed: what is sealed in it is damaged. Download the notebook anew."
        ) from None


def _key(written: str, name: str) -> bytes:
    salt = hashlib.sha256(b"sealed answer" + name.encode()).digest()[:16]
    return hashlib.scrypt(written.encode(), salt=salt, dklen=32, **_COST)


def _box(content: Any, key: bytes) -> str:
    from Cryptodome.Cipher import AES

    text, tag = AES.new(key, AES.MODE_SIV).encrypt_and_digest(json.dumps(content).encode())
    return base64.b85encode(tag + text).decode()


def _opened(box: bytes, key: bytes) -> Any | None:
    from Cryptodome.Cipher import AES

    try:
        return json.loads(AES.new(key, AES.MODE_SIV).decrypt_and_verify(box[16:], box[:16]))
    except ValueError:
        return None


# What the text of a check may say of the right answer: its kind and its shape.


def _form(check: str, value: Any, settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    if check in ("assert_array", "assert_tensor"):
        array = to_numpy(value)
        if array.dtype.kind not in "biuf" or array.size > _MOST_ENTRIES:
            raise CourseError(
                f"{name}: up to {_MOST_ENTRIES} real numbers can be sealed, not {array.dtype}, {array.shape}."
            )
        kind = str(getattr(value, "dtype", array.dtype)).removeprefix("torch.")
        rtol, atol = forms.TOLERANCES.get(kind, forms.TOLERANCES["float64"])
        tolerance = [settings.get("rtol", rtol), settings.get("atol", atol)]
        return {"dtype": kind, "shape": list(array.shape), "tolerance": tolerance}
    if check == "assert_number":
        exact = isinstance(value, (int, np.integer))
        tolerance = [settings.get("rtol", forms.NUMBER_RTOL), settings.get("atol", forms.NUMBER_ATOL)]
        return {"shape": [], "tolerance": None if exact else tolerance}
    plain = _as_literal(value, name)
    length = len(plain) if isinstance(plain, (list, tuple)) else None
    return {"kind": type(plain).__name__, "shape": [length], "tolerance": None}


def _number(actual: Any, form: Mapping[str, Any], name: str, hint: str | None) -> Any:
    return forms.as_number(actual, name, hint)


def _array(actual: Any, form: Mapping[str, Any], name: str, hint: str | None) -> np.ndarray:
    array = forms.as_array(actual, name, hint)
    forms.check_form(array, tuple(form["shape"]), name, functools.partial(fail, hint=hint))
    return array


def _tensor(actual: Any, form: Mapping[str, Any], name: str, hint: str | None) -> np.ndarray:
    tensor = forms.as_tensor(actual, name, hint)
    dtypes = str(tensor.dtype).removeprefix("torch."), form["dtype"]
    forms.check_form(to_numpy(tensor), tuple(form["shape"]), name, functools.partial(fail, hint=hint), dtypes)
    return to_numpy(tensor)


def _plain(actual: Any, form: Mapping[str, Any], name: str, hint: str | None) -> Any:
    model = {"bool": False, "int": 0, "float": 0.0, "str": "", "dict": {}, "set": set()}.get(form["kind"])
    if form["kind"] in ("list", "tuple"):
        model = [None] * form["shape"][0]
        model = model if form["kind"] == "list" else tuple(model)
    return forms.as_plain(actual, model, name, hint)


_FORMS = {"assert_number": _number, "assert_array": _array, "assert_tensor": _tensor, "assert_equal": _plain}


# The cell of the grid in which a value lies.


def _grid(value: Any, form: Mapping[str, Any]) -> str:
    """Return how the grid lies for a value: two bits for each number, in hexadecimal digits; empty if exact."""
    if form["tolerance"] is None:
        return ""
    places = _places(value, form["tolerance"])
    offsets = np.where(np.isfinite(places), np.round(np.nan_to_num(places) - _WIDTH / 2) % _WIDTH, 0).astype(int)
    return "".join(f"{a + 4 * b:x}" for a, b in zip(offsets[::2], [*offsets[1::2], 0], strict=False))


def _written(value: Any, form: Mapping[str, Any], grid: str) -> str:
    """Return the text that is hashed: the same for all values that may be equal."""
    if form["tolerance"] is None:
        return _exactly(value)
    places = _places(value, form["tolerance"])
    offsets = [bits for digit in grid for bits in (int(digit, 16) % 4, int(digit, 16) // 4)][: places.size]
    cells = np.floor((places - np.array(offsets, dtype=float)) / _WIDTH) + 0.0  # no -0
    return ",".join(f"{cell:.0f}" for cell in cells)


def _places(value: Any, tolerance: Sequence[float]) -> np.ndarray:
    """Map numbers to an axis on which the tolerance is about 1 everywhere, so that a grid of one width fits all."""
    rtol, atol = tolerance
    try:
        numbers = np.atleast_1d(np.asarray(to_numpy(value), dtype=np.float64)).ravel()
    except (OverflowError, TypeError, ValueError):  # an integer that no float is as large as
        return np.array([math.inf])
    if rtol == 0:
        return numbers / (atol or 1e-300)
    # Without an absolute tolerance the axis begins far below any number that is asked for.
    return np.sign(numbers) * np.log1p(np.abs(numbers) * (rtol / (atol or 1e-30))) / rtol


def _exactly(value: Any) -> str:
    """Write a plain value so that what Python's ``==`` takes for equal is written alike."""
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_exactly(key)}:{_exactly(entry)}" for key, entry in value.items())) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_exactly, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(map(_exactly, value))) + "}"
    if isinstance(value, (str, bytes)) or value is None:
        return repr(value)
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
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise CourseError(
        f"{name}: numbers, texts, and lists, tuples, dicts and sets of them can be sealed, not {value!r}."
    )


def _encoded(value: Any) -> Any:
    if hasattr(value, "detach"):
        return {"tensor": str(value.dtype).removeprefix("torch."), **_encoded(to_numpy(value))}
    if isinstance(value, np.ndarray):
        return {"array": str(value.dtype), "shape": list(value.shape), "values": value.ravel().tolist()}
    return {"literal": repr(_as_literal(value, "value"))}


def _decoded(content: Mapping[str, Any]) -> Any:
    if "literal" in content:
        return ast.literal_eval(content["literal"])
    array = np.array(content["values"], dtype=content["array"]).reshape(content["shape"])
    if "tensor" not in content:
        return array
    import torch

    return torch.from_numpy(array).to(getattr(torch, content["tensor"]))


def _bits(value: Any) -> float:
    """Return about how many bits it takes to guess a value."""
    if isinstance(value, Mapping):
        return sum(map(_bits, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return sum(map(_bits, value))
    if value is None or isinstance(value, (bool, np.bool_)):
        return 1
    if isinstance(value, (str, bytes)):
        return 2
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        return sum(map(_bits, to_numpy(value).ravel().tolist()))
    whole = float(value).is_integer()
    return math.log2(abs(value) + 1) + 1 if whole else 20


def _fact(value: Any, name: str, unit: str) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{name} has the right shape {value.shape}, and values that are not all right."
    if isinstance(value, (list, tuple, dict, set, frozenset, str, bytes)):
        return f"{name} is {shorten(value)}, which is not right."
    value = value[()] if isinstance(value, np.ndarray) else value
    return f"{name} is {number_text(value)}{f' {unit}' if unit else ''}, which is not right."
