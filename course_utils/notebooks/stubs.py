"""What is left of an answer cell for students: whether something that was given went away with the solution."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nbformat
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

from course_utils.notebooks import markers

__all__ = ["cleared", "problems"]

# What a text says that asks something, and is no answer.
_ASKS = re.compile(
    r"\?(?=[\s*_)\"']|$)|^#{1,6}\s|^\W*(?:explain|describe|discuss|compare|justify|name|state|"
    r"erkläre|erklären|beschreibe|beschreiben|begründe|begründen|vergleiche|vergleichen|nenne|nennen)\b",
    re.MULTILINE | re.IGNORECASE,
)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def cleared(notebook: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], config: Config | None = None) -> list[str]:
    """Return the texts of a notebook's cells as nbgrader releases them, solutions replaced by stubs.

    Parameters
    ----------
    notebook : dict
        For its metadata.
    cells : sequence of dict
        As `authoring.plain_cells` gives them.
    config : traitlets.config.Config, optional
    """
    nodes = nbformat.from_dict({"metadata": notebook.get("metadata", {}), "cells": [dict(cell) for cell in cells]})
    nodes, _ = ClearSolutions(config=config or Config()).preprocess(nodes, {"nbgrader": {}})
    return [cell.source for cell in nodes.cells]


def problems(
    notebook: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], config: Config | None = None
) -> Iterator[tuple[int, int, str, bool]]:
    """Say which stubs swallow what was given: index of the cell, line, sentence, whether it is serious.

    Parameters
    ----------
    notebook, cells, config
        As `cleared` takes them.
    """
    marks = markers.marks_of(config)
    used = {name for cell in cells if not _is_solution(cell) for name in _names_in(cell)}
    for index, (cell, stub) in enumerate(zip(cells, cleared(notebook, cells, config), strict=True)):
        if not _is_solution(cell):
            continue
        has_marks = bool(markers.regions(cell["source"], "solution", marks["solution"])[0])
        if cell["cell_type"] == "markdown":
            if not has_marks and _ASKS.search(cell["source"]):
                begin = marks["solution"].begin
                yield index, 0, f"all of it becomes the stub, the question too: no line says '### {begin}'.", False
            continue
        yield from ((index, *rest) for rest in _code_problems(cell["source"], stub, used, has_marks))


def _code_problems(source: str, stub: str, used: set[str], has_marks: bool) -> Iterator[tuple[int, str, bool]]:
    before, after = _definitions(source), _definitions(stub)
    if before is None:
        return
    if after is None:
        yield 0, "what students receive of it is no Python; do the marks cut a statement in two?", False
        return
    why = "the marks of the solution stand above it" if has_marks else "the cell has no marks of a solution"
    for name, node in before.items():
        given = ast.get_docstring(node, clean=False)
        kept = after.get(name)
        if kept is not None and given and ast.get_docstring(kept, clean=False) is None:
            text = f"students do not receive the docstring of {name}. Put it above the mark of the solution."
            yield node.body[0].lineno, text, True
        if kept is None and name in used and not re.search(rf"\b{re.escape(name)}\b", stub):
            what = f"the line of {name}" + (" and its docstring" if given else "")
            yield node.lineno, f"students do not receive {what}: {why}.", bool(given)


def _definitions(source: str) -> dict[str, Definition] | None:
    """Return functions and classes, methods as ``Class.method``; None if it is no Python."""
    plain = re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE)
    try:
        tree = ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: dict[str, Definition] = {}
    for node in tree.body:
        if isinstance(node, Definition):
            found[node.name] = node
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{inner.name}": inner for inner in node.body if isinstance(inner, Definition)}
    return found


def _names_in(cell: Mapping[str, Any]) -> set[str]:
    if cell["cell_type"] != "code":
        return set()
    try:
        tree = ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", cell["source"], flags=re.MULTILINE))
    except (SyntaxError, ValueError, RecursionError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _is_solution(cell: Mapping[str, Any]) -> bool:
    about = cell["metadata"].get("nbgrader")
    return isinstance(about, dict) and bool(about.get("solution"))
