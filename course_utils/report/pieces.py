"""What of an answer is compared: pieces of lines, in which names do not matter; of prose, runs of words."""

from __future__ import annotations

import builtins
import io
import keyword
import re
import token
import tokenize
import warnings
from collections.abc import Collection
from functools import lru_cache

__all__ = ["names_in", "pieces", "prose_pieces"]

# Tokens in a piece of code, words in a piece of prose.
_TOKENS, _WORDS = 5, 4
_LINES, _LONGEST_LINE = 2_000, 400
_KEPT = frozenset([*keyword.kwlist, *dir(builtins), "self"])
_NAME = re.compile(r"[^\W\d]\w*")
_SKIPPED = frozenset([token.COMMENT, token.NL, token.INDENT, token.DEDENT, token.ENCODING, token.ENDMARKER])
_WORD = re.compile(r"\w+")


def names_in(source: str) -> frozenset[str]:
    """Return every name in a text, Python or not."""
    return frozenset(_NAME.findall(source))


def pieces(source: str, kept: frozenset[str] = frozenset()) -> list[tuple[int, int]]:
    """Return the pieces of code with the line that each begins in; comments, docstrings and texts are left out.

    A piece is five tokens that follow each other in a line, or a shorter line. A name that the student chose is the
    first, second, … name of its line: renaming changes nothing, and the order of lines does not matter.

    Parameters
    ----------
    source : str
    kept : frozenset of str
        Names that stay as they are: those of the course.

    Examples
    --------
    >>> one, other = "total = a + b  # sum\\nreturn total", "# done\\nreturn s\\ns = x + y"
    >>> {piece for _, piece in pieces(one)} == {piece for _, piece in pieces(other)[::-1]}
    True
    """
    return list(_pieces(source, kept))


@lru_cache(maxsize=50_000)
def _pieces(source: str, kept: frozenset[str]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for number, line in _lines(source):
        seen: dict[str, str] = {}
        plain = []
        for i, (kind, text) in enumerate(line):
            if kind == token.NAME and text not in _KEPT and text not in kept and not (i and line[i - 1][1] == "."):
                text = seen.setdefault(text, f"name {len(seen)}")
            plain.append("text" if kind == token.STRING else text)
        if len(plain) < 2:  # a docstring, `pass`, `return`
            continue
        if len(plain) <= _TOKENS:
            found.append((number, hash(tuple(plain))))
        for i in range(len(plain) - _TOKENS + 1 if len(plain) > _TOKENS else 0):
            # Numbered anew within the piece, so that what stands before it in the line does not matter.
            found.append((number, hash(_renumbered(plain[i : i + _TOKENS]))))
    return tuple(found)


def _renumbered(piece: list[str]) -> tuple[str, ...]:
    seen: dict[str, str] = {}
    return tuple(seen.setdefault(text, f"name {len(seen)}") if text[:5] == "name " else text for text in piece)


def _lines(source: str) -> list[tuple[int, list[tuple[int, str]]]]:
    """Return the logical lines of a cell, each with the number of its first line and its tokens."""
    source = re.sub(r"^[ \t]*[%!].*$", "", source, flags=re.MULTILINE)
    lines: list[tuple[int, list[tuple[int, str]]]] = []
    line: list[tuple[int, str]] = []
    first = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for found in tokenize.generate_tokens(io.StringIO(source).readline):
                if found.type == token.NEWLINE or len(line) >= _LONGEST_LINE:
                    lines.append((first, line))
                    line = []
                    if len(lines) >= _LINES:
                        break
                if found.type in _SKIPPED or found.type == token.NEWLINE:
                    continue
                first = first if line else found.start[0]
                line.append((found.type, found.string))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        pass  # what came before the fault is compared
    return [*lines, (first, line)] if line else lines


def prose_pieces(source: str, kept: Collection[str] = ()) -> list[tuple[int, int]]:
    """Return the runs of four words of a text, with the line that each begins in; case does not matter."""
    del kept
    words = [
        (number, word.casefold())
        for number, line in enumerate(source.splitlines()[:_LINES], start=1)
        for word in _WORD.findall(line)[:_LONGEST_LINE]
    ]
    return [
        (words[i][0], hash(tuple(word for _, word in words[i : i + _WORDS]))) for i in range(len(words) - _WORDS + 1)
    ]
