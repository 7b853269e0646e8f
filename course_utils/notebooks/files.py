"""What is in a file that should be a notebook: its JSON, without outputs that nobody needs, or what it is instead."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.notebooks.instead import inner_notebook, is_script, what_instead, what_json_instead
from course_utils.notebooks.limits import MIB, FileLimits
from course_utils.notebooks.texts import one_line, plain_lines

__all__ = [
    "NotebookError",
    "both_ends",
    "foreign_language",
    "load_notebook",
    "looks_like_notebook",
    "no_files_in",
    "notebooks_in",
]

# Each part takes up to thirty times its bytes once it is read.
MOST_PARTS = 5_000_000
# Strings and brackets that are looked at one by one: a second for a million.
_MOST_MARKS = 3_000_000
_LOOKED_AT = 1 << 16  # bytes


class NotebookError(CourseError, ValueError):
    """A file is no notebook that can be graded; the text says why."""


def load_notebook(
    content: bytes, limits: FileLimits | None = None, *, outputs: bool = False, is_inner: bool = False
) -> tuple[dict[str, Any], list[str], bytes | None]:
    """Return what a file holds that should be a notebook, in whatever format it has.

    Parameters
    ----------
    content : bytes
    limits : FileLimits, optional
    outputs : bool
        Whether outputs are read as well. Without them a notebook with all its figures takes little memory.
    is_inner : bool
        Whether it was found in another file, so that nothing is looked for in it.

    Returns
    -------
    notebook : dict
        Its cells are a list of dicts, or it has worksheets.
    notes : list of str
    converted : bytes or None
        The whole file as UTF-8, if it is in another encoding.

    Raises
    ------
    NotebookError
        If it is no notebook, or too large; the text says what it seems to be.
    """
    limits, original = limits or FileLimits(), content
    if len(content) > limits.size:
        raise NotebookError(
            f"is larger than {limits.size // MIB} MiB; clear outputs that are not needed and hand it in again"
        )
    if reason := what_instead(content):
        raise NotebookError(reason)
    content = _without_mark(content)
    if content.endswith(b"\0") and b"\0" not in content[:100]:  # a disk filled the last block up
        content = content.rstrip(b"\0")
    notes = []
    if outputs and _parts(content) > MOST_PARTS:
        outputs = False
        notes.append("its outputs are too many to be read")
    text = content if outputs else without_outputs(content)
    try:
        text.decode()
    except UnicodeDecodeError:
        if b"\0" in content[:4096]:
            raise NotebookError("is no notebook: it is not text") from None
        content, text = (part.decode("cp1252", errors="replace").encode() for part in (content, text))
    odd = content is not original
    if odd:
        notes.append("its text was not plain UTF-8 and has been converted")
    if _parts(text) > MOST_PARTS:
        raise NotebookError(f"has more than {MOST_PARTS:,} parts; clear its outputs and hand it in again")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        notebook, rest = _before_the_rest(text, error)
        notes.append(f"behind its end stand {len(rest):,} more characters, as of an older and longer file; left out")
        content, odd = json.dumps(notebook).encode(), True
    if not _has_cells(notebook):
        if (inner := inner_notebook(notebook)) is None or is_inner:
            raise NotebookError(what_json_instead(notebook))
        notebook, more, _ = load_notebook(inner[0], limits, outputs=outputs, is_inner=True)
        return notebook, [*notes, inner[1], *more], inner[0]
    return notebook, notes, content if odd else None


def notebooks_in(folder: Path, pattern: str = "*.ipynb") -> list[Path]:
    """Return the notebooks of the course in a folder, in order: no folders, nor what macOS and editors keep there.

    Parameters
    ----------
    folder : pathlib.Path
    pattern : str
        As `pathlib.Path.glob` takes it.
    """
    return sorted(path for path in Path(folder).glob(pattern) if path.name[0] != "." and path.is_file())


def no_files_in(folder: Path) -> list[Path]:
    """Return what is called like a notebook and is no file: a folder, a link to nothing."""
    return sorted(path for path in Path(folder).glob("*.ipynb") if path.name[0] != "." and not path.is_file())


def _has_cells(notebook: Any) -> bool:
    return isinstance(notebook, dict) and bool({"cells", "worksheets"} & notebook.keys())


def _before_the_rest(text: bytes, error: Exception) -> tuple[dict[str, Any], str]:
    """Return a notebook behind which something else stands, and what that is; raise `NotebookError` if it is none.

    A file that was written over by a shorter one without being cut has the end of the older one left.
    """
    if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
        notebook, rest = json.loads(error.doc[: error.pos]), error.doc[error.pos :].strip()
        if _has_cells(notebook) and '"cells"' not in rest:
            return notebook, rest
    raise NotebookError(_why_no_json(text, error)) from None


def both_ends(path: Path) -> tuple[bytes, bytes]:
    """Return the first and the last bytes of a file, in which it would say that it is a notebook."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
        file.seek(max(0, path.stat().st_size - _LOOKED_AT))
        return start, file.read()


def looks_like_notebook(start: bytes, end: bytes) -> bool:
    """Return whether a file of any name may be a notebook, by its first and last bytes.

    Examples
    --------
    >>> looks_like_notebook(b'{"cells": [], "nbformat": 4}', b""), looks_like_notebook(b'{"loss": 1}', b"")
    (True, False)
    """
    start, end = start.replace(b"\0", b""), end.replace(b"\0", b"")  # UTF-16
    return start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"{") and b'"nbformat"' in start + end


def foreign_language(notebook: Mapping[str, Any], sources: Iterable[str]) -> str:
    """Return the language of a notebook if its kernel has another one than Python, and its code reads like that.

    Parameters
    ----------
    notebook : mapping
        Any format.
    sources : iterable of str
        Code that the student may write. Kernels that run Python go by many names.

    Returns
    -------
    str
        Empty for Python.
    """
    named = kernel_language(notebook)
    if not named:
        return ""
    read = [_is_python(source) for source in sources if source.strip()]
    return "" if read and sum(read) * 2 >= len(read) else named


def kernel_language(notebook: Mapping[str, Any]) -> str:
    """Return what a notebook says of its language, if that is not Python; else an empty text."""
    metadata = notebook.get("metadata")
    for block, key in (("kernelspec", "language"), ("language_info", "name")):
        about = metadata.get(block) if isinstance(metadata, dict) else None
        language = about.get(key) if isinstance(about, dict) else None
        if isinstance(language, str) and language.lower() not in ("python", "python3", "ipython", ""):
            return one_line(language)
    return ""


def _is_python(source: str) -> bool:
    plain = "\n".join("" if line.lstrip()[:1] in ("%", "!") else line for line in plain_lines(source).split("\n"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _why_no_json(text: bytes, error: Exception) -> str:
    if re.search(rb"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
        return (
            "is no valid JSON: it holds the marks of a merge conflict (<<<<<<<); choose one of both versions "
            "and save it again"
        )
    if text.lstrip()[:1] not in (b"{", b"[") and is_script(text):
        return "is no notebook but a script that was made of one; hand in the notebook itself (.ipynb)"
    where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
    extra = "Extra data" in str(error)
    cut = not extra and isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip()) - 1
    cut |= "Unterminated string" in str(error)
    if cut and text.lstrip()[:1] == b"{":
        return f"is no notebook: its text is no valid JSON{where}; it ends in the middle, as if it were not whole"
    return f"is no notebook: its text is no valid JSON{where}"


_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def _without_mark(content: bytes) -> bytes:
    """Return a text that begins with a byte-order mark as UTF-8 without one."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding).encode()
            except UnicodeError as error:
                raise NotebookError("is no notebook: it is not text") from error
    return content


def _parts(text: bytes) -> int:
    return sum(map(text.count, (b"[", b"{", b'",')))


_MARK = re.compile(rb'["\[\]{}]')
_LIST = re.compile(rb"\s*+:\s*+\[")
# Of a cell: in `cells`, or in `cells` of `worksheets` before format 4.
_DEPTHS = (3, 5)


def without_outputs(text: bytes) -> bytes:
    """Return the JSON of a notebook with empty lists in the place of the outputs of its cells.

    Nothing is parsed, so that what is left out takes no memory. A text that is no JSON stays as it is, and so does
    one with too many parts to look at.

    Examples
    --------
    >>> without_outputs(b'{"cells": [{"outputs": [{"text": ["]"]}], "source": "x"}]}')
    b'{"cells": [{"outputs": [], "source": "x"}]}'
    """
    kept, start, depth = [], 0, 0
    marks = _Marks(text)
    for at, end in marks:
        if text[at] != 0x22:
            depth += 1 if text[at] in b"[{" else -1
        elif end - at == 9 and depth in _DEPTHS and text.startswith(b'"outputs"', at):
            begin = _LIST.match(text, end)
            if begin and marks.leave_list(begin.end()):
                kept.append(text[start : begin.end()])
                start = marks.at - 1
    return text if marks.broken else b"".join([*kept, text[start:]])


class _Marks:
    """Strings and brackets of a JSON text, as pairs of first and last place, without parsing what is in between."""

    def __init__(self, text: bytes) -> None:
        self.text, self.at, self.left, self.broken = text, 0, _MOST_MARKS, False

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while found := _MARK.search(self.text, self.at):
            begin = found.start()
            self.at = self._end_of_string(begin) if self.text[begin] == 0x22 else begin + 1
            self.left -= 1
            self.broken |= self.left < 0
            if self.broken:
                return
            yield begin, self.at

    def _end_of_string(self, at: int) -> int:
        text = self.text
        while (at := text.find(b'"', at + 1)) > 0:
            before = at - 1
            while text[before] == 0x5C:  # a backslash
                before -= 1
            self.left -= (at - before) // 2
            if (at - before) % 2 or self.left < 0:
                return at + 1
        self.broken = True
        return len(text)

    def leave_list(self, at: int) -> bool:
        """Go behind the end of the list that begins before `at`; return whether it has one."""
        self.at, depth = at, 1
        for begin, _ in self:
            if self.text[begin] != 0x22:
                depth += 1 if self.text[begin] in b"[{" else -1
            if depth == 0:
                return True
        return False
