"""Lines of a notebook that work on a student's machine and will not where it is graded."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from course_utils.notebooks.elsewhere import asks_for_card, newer_syntax
from course_utils.notebooks.recognising import source
from course_utils.notebooks.texts import one_line
from course_utils.packing.findings import Finding

__all__ = ["examine_lines"]

# The oldest Python that the course allows: it may be the one that grades.
_OLDEST = (3, 11)

# Not needed by any answer, and often written for figures and progress bars alone.
_STOOD_IN = {"tqdm"}


def examine_lines(name: str, notebook: Mapping[str, Any], folder: Path) -> list[Finding]:
    """Look for what grading has not: modules, a keyboard, a graphics card, a newer Python. Nothing is executed.

    Parameters
    ----------
    name : str
        Of the notebook.
    notebook : dict
        In format 4.
    folder : pathlib.Path
        Where it lies, with own modules beside it.

    Returns
    -------
    list of Finding
    """
    findings: list[Finding] = []
    cells = [source(cell) for cell in notebook["cells"] if cell.get("cell_type") == "code" and not _is_locked(cell)]
    for text in cells:
        for line, what, (_, minor) in newer_syntax(text, _OLDEST):
            said = f"{what}, which Python reads from version 3.{minor} on; grading may use Python 3.{_OLDEST[1]}"
            findings.append(Finding(name, f"{_place(text, line)} has {said}"))
        for line, code in asks_for_card(text):
            said = f"`{one_line(code)}`: there is no graphics card where it is graded, so it runs on the CPU there"
            findings.append(Finding(name, f"{_place(text, line)} has {said}", serious=False))
        tree = _parse(text)
        for node in tree.body if tree else ():
            findings += _of_statement(name, text, node, cells, folder)
    return findings


def _of_statement(name: str, text: str, node: ast.stmt, cells: list[str], folder: Path) -> list[Finding]:
    found = []
    for module, inner, bound in _imports(node):
        if module.partition(".")[0] in _STOOD_IN or _is_there(inner, folder):
            continue
        needed = any(bound in _names_in_functions(cell) for cell in cells)
        rest = f", and functions that use `{bound}` fail" if needed else ""
        missing = module if "." in module or not _is_there(module, folder) else inner
        said = f"`{missing}`, which the course's environment does not have: grading leaves the line out{rest}"
        found.append(Finding(name, f"{_place(text, node.lineno)} imports {said}", serious=needed))
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        calls = [part for part in ast.walk(node) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)]
        if any(call.func.id == "input" for call in calls):
            said = "asks with `input`: nobody answers while it is graded, so the line is left out"
            found.append(Finding(name, f"{_place(text, node.lineno)} {said}", serious=False))
    return found


def _is_locked(cell: Mapping[str, Any]) -> bool:
    marks = cell.get("metadata", {}).get("nbgrader") or {}
    return bool(marks.get("locked")) and not marks.get("solution")


def _place(text: str, number: int) -> str:
    line = text.split("\n")[number - 1] if number <= text.count("\n") + 1 else ""
    return f"line {number} of a cell, `{one_line(line)}`,"


def _parse(text: str) -> ast.Module | None:
    plain = re.sub(r"^(\s*)[%!].*", r"\1pass", text, flags=re.MULTILINE)
    try:
        return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imports(node: ast.stmt) -> list[tuple[str, str, str]]:
    """Return the modules that a statement imports, what it wants of each as a dotted name, and the names it binds."""
    if isinstance(node, ast.Import):
        return [(alias.name, alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        first = node.names[0]
        return [(node.module, f"{node.module}.{first.name}", first.asname or first.name)]
    return []


def _names_in_functions(text: str) -> set[str]:
    tree = _parse(text)
    functions = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))] if tree else []
    return {part.id for node in functions for part in ast.walk(node) if isinstance(part, ast.Name)}


def _is_there(module: str, folder: Path) -> bool:
    """Whether a module is Python's, the student's own, or comes with what the course asks for."""
    top, _, inner = module.partition(".")
    own = (folder / f"{top}.py", folder / top)
    if top in sys.stdlib_module_names or top == "course_utils" or any(path.exists() for path in own):
        return True
    names = _distributions()
    # A folder without the course's package has nothing to compare with.
    if len(names) < 2 or _normal(top) in names:
        return True
    return top in _of_the_course() and _is_in_namespace(top, inner.partition(".")[0])


def _is_in_namespace(top: str, second: str) -> bool:
    """Whether a folder that several distributions share, as `google`, has this part; any other package has it."""
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is not None or not second:
        return True
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    return any((place / second).is_dir() or list(place.glob(f"{second}.*")) for place in places)


@functools.cache
def _distributions() -> frozenset[str]:
    """Return what is installed of the course's package and of all that it requires."""
    wanted, names = {"course-utils"}, set()
    while wanted:
        name = wanted.pop()
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        names.add(name)
        plain = (re.match(r"[\w.-]+", line)[0] for line in required if "extra ==" not in line)
        wanted |= {_normal(one) for one in plain} - names
    return frozenset(names)


@functools.cache
def _of_the_course() -> frozenset[str]:
    """Return the modules of those distributions; it takes seconds to look them up."""
    known = metadata.packages_distributions().items()
    return frozenset(module for module, owners in known if {_normal(owner) for owner in owners} & _distributions())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
