"""Texts of students made fit for files, pages and terminals."""

from __future__ import annotations

import html
import re
from typing import Any

__all__ = [
    "BASE64",
    "one_line",
    "plain_lines",
    "plain_markdown",
    "plain_math",
    "printable",
    "released_text",
    "writable",
]

BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
# Commands of MathJax 2.7 that make links, attributes, styles and boxes that answer to the mouse, load more commands, or
# give other commands a new meaning, on the whole page.
_COMMANDS = (
    "href url class cssId style data mmlToken bbox includegraphics require unicode toggle mathtip texttip "
    "def edef gdef xdef let global begingroup endgroup newcommand renewcommand providecommand newenvironment "
    "renewenvironment DeclareMathOperator Newextarrow definecolor"
)
_MATH = re.compile(rf"\\({_COMMANDS.replace(' ', '|')})(?![A-Za-z])")


def writable(text: str) -> str:
    """Return a text that UTF-8 can hold: half characters and NUL are replaced.

    Examples
    --------
    >>> writable("a\\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def plain_lines(text: str) -> str:
    """Return a text whose lines end as everywhere here, whatever ends them on the student's machine.

    Examples
    --------
    >>> plain_lines("a\\r\\nb\\rc")
    'a\\nb\\nc'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def released_text(source: str) -> str:
    """Return the text of a cell as students receive it: without hidden tests, and without the mark scheme of a task.

    Examples
    --------
    >>> released_text("a\\n### BEGIN HIDDEN TESTS\\nb\\n### END HIDDEN TESTS\\nc")
    'a\\nc'
    """
    lines, hidden = [], False
    for line in source.split("\n"):
        if "BEGIN HIDDEN TESTS" in line or "BEGIN MARK SCHEME" in line:
            hidden = True
        elif "END HIDDEN TESTS" in line or "END MARK SCHEME" in line:
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def printable(text: Any, limit: int) -> str:
    """Return the start of a text without anything that a terminal would obey; lines and tabs stay.

    Examples
    --------
    >>> printable("red: \\x1b[31m", 100)
    'red: �[31m'
    """
    text = str(text)[:limit]
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


def one_line(text: Any, limit: int = 60) -> str:
    """Return a text as a sentence, a table or a terminal may show it: short, one line, nothing that a terminal obeys.

    Names of files, folders, groups and persons may hold control sequences, marks that turn the direction of writing,
    and halves of characters. What is cut ends with an ellipsis.

    Examples
    --------
    >>> one_line("a\\x1b[2Jb\\u202ec\\nd"), one_line("abcdef", 4)
    ('a�[2Jb�c d', 'abc…')
    """
    text = str(text)
    text, whole = text[: limit + 1], len(text)
    text = "".join(" " if character.isspace() else character for character in text).strip()
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if whole <= limit else text[: limit - 1] + "…"


def plain_markdown(text: str) -> str:
    """Return Markdown that shows a text as it is, so that nothing in it becomes a tag, a link or a formula.

    Examples
    --------
    >>> plain_markdown("<b> [x](y) $a$")
    '&lt;b&gt; \\\\[x\\\\](y) \\\\$a\\\\$'
    """
    return re.sub(r"([\\`*_\[\]{}#|$~])", r"\\\1", html.escape(text, quote=False))


def plain_math(text: str) -> str:
    """Return a text whose formulas have no command that would make a link or an attribute of them.

    Examples
    --------
    >>> plain_math(r"$\\\\href{javascript:x}{a} + \\\\frac{1}{2}$")
    '$\\\\\\\\text{href}{javascript:x}{a} + \\\\\\\\frac{1}{2}$'
    """
    return _MATH.sub(r"\\text{\1}", text)
