"""Statements of a student's cell that grading can do without, and the cell that is left when one of them has failed.

An import of something that is not here, a magic, a shell line, a question to whoever sits at the keyboard: nothing of
an answer is in it, and where it fails it costs itself only. What the kernel says of an error is not believed; it only
points at a statement, and whether that one is left out is decided on the student's text, which is never run here.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from course_utils.grading.run.kernel_client import CellRun
from course_utils.notebooks.elsewhere import asks_for_card, newer_syntax
from course_utils.notebooks.texts import one_line

__all__ = ["Fault", "Left", "Remains", "for_another_machine", "run_in_pieces", "without_installing"]

# Characters; what is longer runs in one go, as ever.
_LONGEST = 20_000

# How often what is left of a cell is sent again.
_MOST = 25

_ABSENT = {"ModuleNotFoundError", "ImportError", "StdinNotImplementedError", "UsageError"}

_TQDM = "course_utils.grading.bridge.progress"

# Magics that run the student's own code: an error in it is a real one.
_RUNS_CODE = {"debug", "lprun", "memit", "mprun", "prun", "run", "time", "timeit"}

# Cell magics that only look on while their body runs as the cell would.
_LOOKS_ON = {"capture", "time"}

# Calls that set up a machine which is not the one that grades.
_MACHINE = {"chdir", "makedirs", "mkdir", "mount", "set_device", "set_matplotlib_formats", "switch_backend", "use"}

# A place of one machine, by how its path begins; and what asks for such a place, or for the machine itself.
_ABSOLUTE = re.compile(r"/\w|~|[A-Za-z]:[\\/]|\\\\")
# Places that each machine has: what fails there has another reason.
_EVERYWHERE = ("/dev/", "/proc/", "/tmp/")
_ASKS = {"device_count", "exists", "is_available", "is_dir", "is_file", "isdir", "isfile", "platform", "system"}

_INSTALLS = re.compile(
    r"^(\s*)[!%]\s*(?:sudo\s+)?(?:\S*python3?\s+-m\s+|uv\s+)?(?:pip3?|conda|mamba|apt|apt-get)\s.*\binstall\b.*$"
)


@dataclass(frozen=True)
class Fault:
    """What the kernel says of the error that ended a cell.

    Parameters
    ----------
    kinds : frozenset of str
        Names of the error's class and of the classes it is built on.
    name : str
        The name or module that is missing, if the error has one.
    line : int
        Line of the cell, as IPython compiled it; 0 if none is known.
    inner : int
        Line of the body of a cell magic; 0 if none is known.
    """

    kinds: frozenset[str] = frozenset()
    name: str = ""
    line: int = 0
    inner: int = 0

    @classmethod
    def read(cls, told: Any) -> Fault:
        """Return what an answer of the student's process says, whatever it is."""
        told = told if isinstance(told, dict) else {}
        names = told.get("kinds")
        kinds = frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
        name = told.get("name")
        lines = [told.get(key) if type(told.get(key)) is int else 0 for key in ("line", "inner")]
        return cls(kinds, name[:200] if isinstance(name, str) else "", *lines)


@dataclass(frozen=True)
class Left:
    """A statement that is left out.

    Parameters
    ----------
    sentence : str
        Which line, and why.
    names : frozenset of str
        What the statement would have bound.
    """

    sentence: str
    names: frozenset[str] = frozenset()


@dataclass
class _Statement:
    """A statement that is still to be run, in the lines of the text that it is from."""

    node: ast.stmt
    alone: bool = True  # whether it can be sent as the lines it stands on


@dataclass
class Remains:
    """What is still to be run of a cell.

    Parameters
    ----------
    source : str
        As the student wrote it.
    handed_in : callable
        Whether the submission has a file of this name.
    """

    source: str
    handed_in: Callable[[str], bool] = lambda name: True
    text: str = ""
    body: list[_Statement] | None = field(default=None, repr=False)
    lines: list[int] = field(default_factory=list, repr=False)
    magic: str = ""

    def without(self, fault: Fault, absent: Mapping[str, str]) -> Left | None:
        """Take out the statement that has failed, and what ran before it; None if it must stay.

        Parameters
        ----------
        fault : Fault
        absent : mapping of str to str
            Names that statements would have bound which were left out before, and what binds them.

        Returns
        -------
        Left or None
        """
        if self.body is None and not self._read():
            return None
        if self.magic and "UsageError" in fault.kinds and self.magic not in _LOOKS_ON:
            left = Left(f"line 1, `%%{one_line(self.magic)}`, was left out: there is no such magic here")
            self.magic = ""
            return left
        if self.magic and self.magic not in _LOOKS_ON:
            return None
        line = fault.inner or fault.line if self.magic else fault.line
        place = self._place(self.body, line, fault.name)
        if place is None:
            return None
        failed, rest = place
        why = self._why(failed.node, fault, absent)
        if not why:
            return None
        apart: list[_Statement] = []
        if isinstance(failed.node, (ast.Import, ast.ImportFrom)):
            failed, apart = _split(failed, fault)
        self.body, self.magic = [*apart, *rest], ""
        stand_in = _stand_in(failed.node) if failed is not None else None
        if stand_in is not None and fault.name == "tqdm":
            self.body.insert(0, _Statement(stand_in, alone=False))
            return Left(f"line {self._original_line(failed.node)}: tqdm is not here, so no progress bar was shown")
        if failed is None:  # which of them it was, they say one by one
            return Left("")
        names = {node.id for node in ast.walk(failed.node) if isinstance(node, ast.Name) and _is_bound(node)}
        if isinstance(failed.node, (ast.Import, ast.ImportFrom)):
            names = {alias.asname or alias.name.partition(".")[0] for alias in failed.node.names}
        shown = one_line(self._shown(failed.node), 80)
        return Left(f"line {self._original_line(failed.node)}, `{shown}`, was left out: {why}", frozenset(names))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to run."""
        return not self.body

    def rest(self) -> str:
        """Return the source that is still to be run; where it can be, its lines have the numbers of the cell."""
        body = self.body or []
        owners = [(_first_line(s.node), s.node.end_lineno or 0) for s in body]
        apart = all(later[0] > earlier[1] for earlier, later in pairwise(owners))
        if apart and all(s.alone for s in body):
            wanted = {line for first, last in owners for line in range(first, last + 1)}
            lines = self.text.split("\n")[: max(wanted)]
            return "\n".join(line if n in wanted else f"# {line}" for n, line in enumerate(lines, 1))
        texts = [ast.unparse(s.node) for s in body]
        starts = [self._original_line(s.node) for s in body]
        self.text = "\n".join(texts) + "\n"
        self.lines = [start + n for start, text in zip(starts, texts, strict=True) for n in range(text.count("\n") + 1)]
        self.body = _statements(ast.parse(self.text))
        return self.text

    def _read(self) -> bool:
        if len(self.source) > _LONGEST:
            return False
        text = self.source
        for _ in range(3):  # a magic in a magic
            try:
                text = TransformerManager().transform_cell(text)
                tree = ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
                return False
            magic = _magic_of(tree.body[0]) if len(tree.body) == 1 else None
            if magic is None or magic[0] != "run_cell_magic" or len(magic[1]) != 3:
                break
            try:
                body = TransformerManager().transform_cell(magic[1][2])
                ast.parse(body)
            except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
                return False  # what it holds is not Python
            self.magic, text = self.magic or magic[1][0], body
        self.text, self.lines = text, _original_lines(self.source, text)
        self.body = _statements(tree)
        return True

    def _place(self, body: Iterable[_Statement], line: int, name: str) -> tuple[_Statement, list[_Statement]] | None:
        """Return the statement on this line and what comes after it; an `if` is left for the branch that was taken."""
        body = list(body)
        here = [n for n, s in enumerate(body) if _first_line(s.node) <= line <= (s.node.end_lineno or 0)]
        # Of several on one line it is the one that has to do with what is missing.
        here.sort(key=lambda number: not _names(body[number].node, name.partition(".")[0]))
        for number in here[:1]:
            statement, node = body[number], body[number].node
            rest = body[number + 1 :]
            for branch in (node.body, node.orelse) if isinstance(node, ast.If) else ():
                inner = self._place([_Statement(part, alone=False) for part in branch], line, name)
                if inner is not None:
                    return inner[0], [*inner[1], *rest]
            return statement, rest
        return None

    def _why(self, node: ast.stmt, fault: Fault, absent: Mapping[str, str]) -> str:
        """Return why a statement that has failed may be left out; empty if it may not."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module, part = _module_of(node), fault.name
            module = module if not part or f"{module}.".startswith(f"{part}.") else part
            missing = "ModuleNotFoundError" in fault.kinds
            return f"there is no module `{one_line(module)}` here" if missing else "it can't be imported here"
        magic = _magic_of(node)
        if magic is not None:
            name = magic[1][0].partition(" ")[0] if magic[0] == "run_line_magic" and magic[1] else "!"
            if name == "run" and not self.handed_in((magic[1][1:] or ("",))[0]):
                return "this file was not handed in"
            if name not in _RUNS_CODE:
                return "this magic does not work here" if name != "!" else "this shell line does not work here"
        if "StdinNotImplementedError" in fault.kinds:
            return "nobody answers `input` here"
        if "NameError" in fault.kinds and fault.name in absent:
            return f"it uses `{one_line(fault.name)}`, which was left out ({absent[fault.name]})"
        if fault.kinds & _ABSENT:
            named = f" (`{one_line(fault.name)}`)" if fault.name else ""
            return f"it needs something that is not here{named}"
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _MACHINE:
            return "it sets up another machine than this one"
        return _elsewhere(node, fault)

    def _shown(self, node: ast.stmt) -> str:
        """Return the first line of a statement, as the student wrote it."""
        lines = self.source.split("\n")
        number = self._original_line(node)
        if 0 < number <= len(lines) and (isinstance(node, ast.stmt) and _magic_of(node) is not None):
            return lines[number - 1].strip()
        return ast.unparse(node).partition("\n")[0]

    def _original_line(self, node: ast.stmt) -> int:
        """Return where a statement stands in the student's cell."""
        return self.lines[_first_line(node) - 1]


def run_in_pieces(
    remains: Remains, execute: Callable[[str], CellRun], fault: Callable[[], Fault | None], absent: dict[str, str]
) -> tuple[CellRun, list[str], list[str]]:
    """Run a student's cell; where a needless statement fails, go on behind it.

    Parameters
    ----------
    remains : Remains
        The whole cell.
    execute : callable
        Runs a source in the kernel.
    fault : callable
        Asks the kernel for its last error; None if it does not say.
    absent : dict of str to str
        Names that were left out, and the lines that would have bound them; more are added.

    Returns
    -------
    run : CellRun
    sent : list of str
        What was run, for a kernel in which it must run again.
    told : list of str
        A sentence for each statement that was left out.
    """
    source, told = without_installing(remains.source)
    remains.source, quiet = source, source.startswith("%%capture")
    sent = [source]
    run = execute(source)
    run.outputs[:0] = map(_note, told)
    while run.error and not run.stopped and len(sent) < _MOST:
        said = fault()
        left = remains.without(said, absent) if said is not None else None
        if left is None:
            break
        absent |= {name: left.sentence.partition(",")[0] for name in left.names if name not in absent}
        error = next((n for n in reversed(range(len(run.outputs))) if run.outputs[n]["output_type"] == "error"), None)
        if error is not None:
            del run.outputs[error]
        if left.sentence:
            told.append(left.sentence)
            run.outputs.append(_note(left.sentence))
        if remains.is_empty:
            run.error = None
            break
        sent.append(remains.rest())
        before, run = run, execute(sent[-1])
        if quiet:
            run.outputs = [output for output in run.outputs if output["output_type"] == "error"]
        run.outputs, run.cut = [*before.outputs, *run.outputs], before.cut or run.cut
    return run, sent, told


def for_another_machine(source: str, run: CellRun, *, on_cpu: bool) -> list[str]:
    """Tell what of a cell was written for another machine than this one, in its outputs and as sentences.

    Parameters
    ----------
    source : str
        As the student wrote it.
    run : CellRun
        What became of it.
    on_cpu : bool
        Whether graphics cards mean the CPU here.
    """
    told = [
        f"line {line}, `{one_line(code)}`: there is no graphics card here, so it ran on the CPU"
        for line, code in (asks_for_card(source)[:3] if on_cpu else ())
    ]
    here = f"this is graded with Python {sys.version_info[0]}.{sys.version_info[1]}"
    # That it is a mistake of the syntax is the kernel's word; without one, nothing is said of it.
    newer = newer_syntax(source, sys.version_info[:2])[:3] if run.error == "SyntaxError" else []
    told += [
        f"line {line} has {what}: Python 3.{minor} and newer read that, {here}" for line, what, (_, minor) in newer
    ]
    run.outputs += map(_note, told)
    return told


def _note(sentence: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": f"[{sentence[0].upper()}{sentence[1:]}.]\n"}


def without_installing(source: str) -> tuple[str, list[str]]:
    """Return a cell without the lines that install packages, and those lines: there is nothing to install from.

    Examples
    --------
    >>> without_installing("!pip install tqdm\\nx = 1")
    ('pass\\nx = 1', ['line 1, `!pip install tqdm`, was left out: nothing is installed here'])
    """
    if "install" not in source or len(source) > _LONGEST:
        return source, []
    lines, told = source.split("\n"), []
    for number, line in enumerate(lines):
        if (found := _INSTALLS.match(line)) and not line.rstrip().endswith("\\"):
            lines[number] = f"{found[1]}pass"
            told.append(f"line {number + 1}, `{one_line(line, 80)}`, was left out: nothing is installed here")
    # What stands in a text is no line of its own.
    return ("\n".join(lines), told) if told and len(told) == sum(map(_is_installing, _nodes(source))) else (source, [])


def _original_lines(source: str, text: str) -> list[int]:
    """Return the line of the student's cell for each of the transformed text, which lacks empty and continued lines."""
    place, original, found = 0, source.split("\n"), []
    for line in text.split("\n"):
        key = line.strip()
        for number in range(place, min(place + 200, len(original))) if key else ():
            other = original[number].strip()
            if other == key or ("get_ipython()." in key and _looks_like_magic(other)):
                place = number + 1
                break
        found.append(max(place, 1))
    return found


def _statements(tree: ast.Module) -> list[_Statement]:
    lines = Counter(number for node in tree.body for number in {_first_line(node), node.end_lineno})
    return [_Statement(node, alone=not _shares_a_line(node, lines)) for node in tree.body]


def _nodes(source: str) -> Iterator[ast.AST]:
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        tree = ast.parse(TransformerManager().transform_cell(source))
        for node in ast.walk(tree):
            yield node
            magic = _magic_of(node) if isinstance(node, ast.stmt) else None
            if magic is not None and magic[0] == "run_cell_magic" and len(magic[1]) == 3:
                yield from _nodes(magic[1][2])


def _is_installing(node: ast.AST) -> bool:
    magic = _magic_of(node) if isinstance(node, ast.Expr) else None
    if magic is None or magic[0] not in ("system", "run_line_magic"):
        return False
    return _INSTALLS.match("!" + " ".join(magic[1])) is not None


def _magic_of(node: ast.AST) -> tuple[str, list[str]] | None:
    """Return the method of `get_ipython()` and the texts that a statement consists of, as IPython writes magics."""
    call = getattr(node, "value", None) if isinstance(node, (ast.Expr, ast.Assign)) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return None
    owner = call.func.value
    if not (isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "get_ipython"):
        return None
    texts = [part.value for part in call.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return (call.func.attr, texts) if len(texts) == len(call.args) else None


def _looks_like_magic(line: str) -> bool:
    return line.startswith(("%", "!", "?")) or line.endswith("?") or re.search(r"=\s*[%!]", line) is not None


def _split(failed: _Statement, fault: Fault) -> tuple[_Statement | None, list[_Statement]]:
    """Return the one import of several that is missing, if it can be told, and the others, which may run again."""
    node = failed.node
    if len(node.names) < 2 or (isinstance(node, ast.ImportFrom) and "ModuleNotFoundError" in fault.kinds):
        return failed, []

    def one(alias: ast.alias) -> _Statement:
        parts = {"module": node.module, "level": node.level} if isinstance(node, ast.ImportFrom) else {}
        return _Statement(ast.copy_location(type(node)(names=[alias], **parts), node), alone=False)

    top = fault.name.partition(".")[0]
    missing = [alias for alias in node.names if isinstance(node, ast.Import) and alias.name.partition(".")[0] == top]
    first = one(missing[0]) if missing else None
    return first, [one(alias) for alias in node.names if not missing or alias is not missing[0]]


def _stand_in(node: ast.stmt) -> ast.stmt | None:
    """Return the import of what stands for tqdm; None if this is no import of it."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "tqdm":
        made = ast.ImportFrom(_TQDM, node.names, 0)
    elif isinstance(node, ast.Import) and node.names[0].name == "tqdm":
        made = ast.Import([ast.alias(_TQDM, node.names[0].asname or "tqdm")])
    else:
        return None
    return ast.copy_location(made, node)


def _elsewhere(node: ast.stmt, fault: Fault) -> str:
    """Return why a statement that has failed can't be right on this machine; empty if it can."""
    parts = list(ast.walk(node))
    if "KeyError" in fault.kinds and any(_called(part) == "environ" for part in parts):
        return "it needs a variable of the environment of another machine"
    asks = isinstance(node, ast.Assert) and "AssertionError" in fault.kinds
    if not (asks or "OSError" in fault.kinds):
        return ""
    texts = (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    asked = any(_called(part) in _ASKS for part in parts)
    found = (text for text in texts if _ABSOLUTE.match(text) and not text.startswith(_EVERYWHERE))
    place = next(found, "") if asked or not asks else ""
    if place:
        return f"it needs `{one_line(place, 80)}`, a place on another machine"
    return "it asks what this machine has" if asks and asked else ""


def _called(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _module_of(node: ast.Import | ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def _names(node: ast.stmt, name: str) -> bool:
    """Whether a statement imports this module, or uses this name."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] == name
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] == name for alias in node.names)
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def _is_bound(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", ()))])


def _shares_a_line(node: ast.stmt, lines: Counter[int]) -> bool:
    return any(lines[number] > 1 for number in {_first_line(node), node.end_lineno})
