"""What the course's own code may not do: a test runs outside of Jupyter, in a process that sees the course's files."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from course_utils.notebooks import cells as kinds
from course_utils.notebooks.texts import one_line

__all__ = ["Files", "problems", "syntax_problem"]

Problem = tuple[int, str, bool]
_MAGIC = re.compile(r"^\s*(?:[\w.,\[\]\s]+=\s*)?([%!].*)$|^\s*(\?{1,2}[\w.]+|[\w.]+\?{1,2})\s*$")
_READERS = {
    "open", "loadtxt", "genfromtxt", "fromfile", "load", "loadmat", "read_csv", "read_table", "read_excel", "read_json",
    "read_text", "read_bytes", "imread", "Path", "load_file",
}  # fmt: skip


@dataclass(frozen=True)
class Files:
    """What lies beside a source notebook.

    Parameters
    ----------
    names : frozenset of str
        Of the files that are handed out, by relative name.
    hidden : frozenset of str
        Of those in `hidden/`, relative to it.
    """

    names: frozenset[str] = field(default_factory=frozenset)
    hidden: frozenset[str] = field(default_factory=frozenset)

    def has_module(self, module: str) -> bool:
        """Whether a module can be imported here, or lies beside the notebook."""
        top, _, rest = module.partition(".")
        if top == "hidden":
            wanted = rest.replace(".", "/")
            return not rest or f"{wanted}.py" in self.hidden or any(n.startswith(f"{wanted}/") for n in self.hidden)
        if f"{top}.py" in self.names or any(name.startswith(f"{top}/") and name.endswith(".py") for name in self.names):
            return True
        return _is_installed(top)


@functools.cache
def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def problems(cell: Mapping[str, Any], files: Files | None = None) -> Iterator[Problem]:
    """Say what of a code cell can't work at grading: line, sentence, whether it is serious.

    Parameters
    ----------
    cell : dict
        Of the course's source.
    files : Files, optional
        Without it, files and modules are not looked at.
    """
    if cell["cell_type"] != "code":
        return
    about = cell["metadata"].get("nbgrader")
    about = about if isinstance(about, dict) else {}
    test = bool(about.get("grade")) and not about.get("solution")
    alone = (test and not kinds.is_in_kernel(cell)) or kinds.is_trusted(cell)
    what = "a test" if test else "a trusted cell"
    if alone and (problem := syntax_problem(cell["source"])):
        yield problem[0], _as_sentence(what, *problem), True
        return
    if not alone and (problem := _in_jupyter(cell["source"])):
        skipped = kinds.is_shown_only(cell) or "raises-exception" in cell["metadata"].get("tags", [])
        given = test or not (about.get("solution") or skipped)
        yield problem[0], f"it is no Python: {problem[1]}.", given
        return
    if test and (found := re.search(r"^\s*#+\s*(HASHED\s+)?AUTOTEST\b", cell["source"], re.MULTILINE)):
        line = cell["source"][: found.start()].count("\n") + 1
        yield line, "nbgrader's AUTOTEST is not made into tests here, so everybody would pass. Write the checks.", True
    if files is not None and not about.get("solution") and not kinds.is_shown_only(cell):
        yield from _file_problems(cell["source"], files, test=alone)


@functools.lru_cache(maxsize=1000)  # of a class, everybody has the same cells of the course
def syntax_problem(source: str) -> tuple[int, str] | None:
    """Return line and reason why a text is no plain Python, as a test must be; None if it is.

    Examples
    --------
    >>> syntax_problem("x = 1\\n!ls")
    (2, "'!ls' is a magic or shell line")
    >>> syntax_problem("await f()")
    (1, "'await' outside function")
    """
    tree, error = _compiled(source)
    if tree is not None:
        return None
    lines = source.split("\n")
    magic = [number for number, line in enumerate(lines, 1) if _MAGIC.match(line)]
    if magic:
        plain = [re.sub(r"\S.*", "pass", line) if number in magic else line for number, line in enumerate(lines, 1)]
        again, other = _compiled("\n".join(plain))
        if again is not None or (other and other[0] > magic[0]):
            return magic[0], f"'{one_line(lines[magic[0] - 1].strip(), 40)}' is a magic or shell line"
    return error


def _compiled(source: str, flags: int = 0) -> tuple[ast.Module | None, tuple[int, str] | None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            compile(tree, "<cell>", "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        return None, (error.lineno or 1, error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        return None, (1, one_line(error, 100))
    return tree, None


def _in_jupyter(source: str) -> tuple[int, str] | None:
    """Return why a cell does not run in Jupyter, where magics and `await` are fine."""
    from IPython.core.inputtransformer2 import TransformerManager  # not for the processes of tests

    try:
        plain = TransformerManager().transform_cell(source)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    if source.lstrip().startswith("%%"):
        return None  # what a cell magic makes of its text is its own matter
    _, error = _compiled(plain, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return error


def _as_sentence(what: str, line: int, reason: str) -> str:
    if "magic or shell line" in reason:
        return f"{reason}, but {what} runs without Jupyter. Write it in Python, or move it into a cell above."
    if "outside" in reason and "async" not in reason and "await" not in reason:
        return f"{reason}."
    if "await" in reason or "async" in reason or "asynchronous" in reason:
        return f"{reason}: {what} runs without Jupyter's event loop. Write asyncio.run(...) in a function of its own."
    return f"it is no Python: {reason}."


def _file_problems(source: str, files: Files, *, test: bool) -> Iterator[Problem]:
    tree, _ = _compiled(source)
    if tree is None:
        return
    what = "Tests" if test else "Students and the grader"
    guarded = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in guarded:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            names += [f"hidden.{a.name}" for a in node.names] if names == ["hidden"] else []
            for name in names:
                if name and not getattr(node, "level", 0) and not files.has_module(name):
                    text = f"there is no module '{one_line(name)}', neither installed nor beside the notebook."
                    yield node.lineno, text, True
        elif test and isinstance(node, ast.Name) and node.id == "get_ipython":
            yield node.lineno, "get_ipython() is not there: tests run without Jupyter.", True
        elif isinstance(node, ast.Call) and (path := _path_read(node)):
            if path.startswith(("/", "~", "\\")) or ".." in path.replace("\\", "/").split("/") or path[1:3] == ":\\":
                yield (
                    node.lineno,
                    f"'{one_line(path)}' is a file of this computer alone. Lay it beside the notebook.",
                    True,
                )
            elif re.match(r"[a-z]+://", path):
                yield node.lineno, f"{what} have no network: '{one_line(path)}' can't be read while it is graded.", test
            elif path.startswith("hidden/") and test:
                yield node.lineno, "Tests import what is in hidden/: read the file in a module there.", True
            elif path.removeprefix("./") not in files.names and not path.startswith("artifacts/"):
                text = f"there is no file '{one_line(path)}' beside the notebook"
                yield node.lineno, f"{text}. {'Tests see no files that cells wrote.' if test else ''}".rstrip(), test


def _path_read(call: ast.Call) -> str:
    """Return the file that a call reads, where it is written in it; empty for all else."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    first = call.args[0] if call.args else None
    if name not in _READERS or not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return ""
    mode = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
    if name == "open" and isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+"):
        return ""
    return first.value if re.search(r"\.\w{1,6}$", first.value) and "\n" not in first.value else ""
