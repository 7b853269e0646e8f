"""What of a student's code was written for another machine: a graphics card, a newer Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

__all__ = ["asks_for_card", "may_ask_for_card", "newer_syntax"]

_CARDS = ("cuda", "mps", "xpu")
# What only a card could answer.
_ASKED = {"get_device_name", "get_device_properties", "get_device_capability", "current_device", "mem_get_info"}

# How deep f-strings are looked into.
_DEEPEST = 20

_STRING = re.compile(r"(?<![\w])([rbuftRBUFT]{0,2})(\"\"\"|\'\'\'|\"|\')")
_TYPE = re.compile(r"^\s*type\s+[^\W\d]\w*\s*(?:\[[^\]]*\]\s*)?=(?!=)")
_PARAMETERS = re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+\w+\s*\[")
_EXCEPT = re.compile(r"^\s*except\s+[\w.]+\s*,\s*[\w.]+(?:\s*,\s*[\w.]+)*\s*:")


def may_ask_for_card(source: str) -> bool:
    """Whether a text names a graphics card at all.

    Examples
    --------
    >>> may_ask_for_card("x.cuda()"), may_ask_for_card("x = 1")
    (True, False)
    """
    return re.search(rf"\b({'|'.join(_CARDS)})\b", source) is not None


def asks_for_card(source: str) -> list[tuple[int, str]]:
    """Return where code asks for a graphics card without a look whether there is one: line and code.

    Parameters
    ----------
    source : str
        A cell or module. What is no Python asks for nothing.

    Examples
    --------
    >>> asks_for_card('x = x.cuda()\\ny = torch.ones(3, device="cuda:0")')
    [(1, 'x.cuda()'), (2, "torch.ones(3, device='cuda:0')")]
    >>> asks_for_card('device = "cuda" if torch.cuda.is_available() else "cpu"')
    []
    """
    if not may_ask_for_card(source) or "is_available" in source:
        return []
    plain = re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE)
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        values = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "device")]
        asks = (method in _CARDS and not node.args) or method in _ASKED or any(map(_is_card_type, [node.func, *values]))
        if asks or any(map(_is_card, values)):
            found.setdefault(node.lineno, ast.unparse(node)[:80])
    return sorted(found.items())


def _is_card_type(node: ast.expr) -> bool:
    """Whether it names a type of tensors on a card: ``torch.cuda.FloatTensor``."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    if isinstance(node, ast.Attribute) and node.attr.endswith("Tensor"):
        text = ast.unparse(node)
    return re.fullmatch(r"(torch\.)?cuda\.\w+Tensor", text) is not None


def _is_card(node: ast.expr) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, str) and value.partition(":")[0] in _CARDS


def newer_syntax(source: str, than: tuple[int, int]) -> list[tuple[int, str, tuple[int, int]]]:
    """Return what only a newer Python reads: line, what it is, and the version from which on it is read.

    Parameters
    ----------
    source : str
        A cell or module.
    than : tuple of (int, int)
        The version that is to read it.

    Examples
    --------
    >>> newer_syntax("print(f'{d['a']}')", (3, 11))
    [(1, 'an f-string with its own quotes inside', (3, 12))]
    >>> newer_syntax("print(f'{d[1]}')\\ntype(x)\\ntype = 3", (3, 11))
    []
    """
    found: dict[int, tuple[str, tuple[int, int]]] = {}
    code = list(source)
    for start, end, what in _strings(source):
        if what:
            since = (3, 14) if what == "a template string" else (3, 12)
            found.setdefault(source.count("\n", 0, start) + 1, (what, since))
        code[start:end] = [character if character == "\n" else " " for character in code[start:end]]
    for number, line in enumerate("".join(code).split("\n"), 1):
        for pattern, what, since in (
            (_TYPE, "a `type` statement", (3, 12)),
            (_PARAMETERS, "type parameters in brackets", (3, 12)),
            (_EXCEPT, "an `except` with several classes and no parentheses", (3, 14)),
        ):
            if pattern.match(line):
                found.setdefault(number, (what, since))
    return [(number, what, since) for number, (what, since) in sorted(found.items()) if since > than]


def _strings(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield where strings and comments begin and end, and what in them is new."""
    place = 0
    while place < len(source):
        if source[place] == "#":
            end = source.find("\n", place)
            end = len(source) if end < 0 else end
            yield place, end, ""
            place = end
        elif found := _STRING.match(source, place):
            end, what = _end_of(source, found, 0)
            yield place, end, "a template string" if "t" in found[1].lower() else what
            place = end
        else:
            place += 1


def _end_of(source: str, found: re.Match[str], depth: int) -> tuple[int, str]:
    """Return where a string ends, and what in it only a newer Python reads."""
    quote, formatted = found[2], "f" in found[1].lower() or "t" in found[1].lower()
    place, what = found.end(), ""
    while place < len(source):
        if source.startswith(quote, place):
            return place + len(quote), what
        if source[place] == "\\":
            place += 2
        elif source[place] == "\n" and len(quote) == 1:
            return place, what  # it does not end: an error of another kind
        elif formatted and source.startswith("{{", place):
            place += 2
        elif formatted and source[place] == "{":
            place, inner = _end_of_field(source, place + 1, quote, depth)
            what = what or inner
        else:
            place += 1
    return place, what


def _end_of_field(source: str, place: int, quote: str, depth: int) -> tuple[int, str]:
    """Return where the field of an f-string ends, and what in it only a newer Python reads."""
    brackets, what = 0, ""
    while place < len(source) and depth < _DEEPEST:
        character = source[place]
        if found := _STRING.match(source, place):
            if found[2].startswith(quote):
                what = what or "an f-string with its own quotes inside"
            place, inner = _end_of(source, found, depth + 1)
            what = what or inner
            continue
        if character == "}" and brackets <= 0:
            return place + 1, what
        if character == ":" and brackets <= 0:
            return _end_of_format(source, place + 1, quote, depth, what)
        if character in "#\\" or (character == "\n" and len(quote) == 1):
            new = {"#": "a comment", "\\": "a backslash", "\n": "a line break"}[character]
            what = what or f"an f-string with {new} between its braces"
        brackets += (character in "([{") - (character in ")]}")
        place += 1
    return place, what


def _end_of_format(source: str, place: int, quote: str, depth: int, what: str) -> tuple[int, str]:
    while place < len(source) and not source.startswith(quote, place):
        if source[place] == "}":
            return place + 1, what
        if source[place] == "{":
            place, inner = _end_of_field(source, place + 1, quote, depth + 1)
            what = what or inner
        else:
            place += 1
    return place, what
