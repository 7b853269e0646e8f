"""The report of trust: how far a submission's marks rest on an undisturbed run."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from nbformat.notebooknode import NotebookNode

from course_utils.notebooks import cells as kinds
from course_utils.notebooks import versions
from course_utils.notebooks.limits import MIB

__all__ = ["for_student", "report", "suspicious"]


# What honest answers have no need of: how the report names it, and the last part of the dotted names that show it.
_PHRASES = {
    "installs an input transformer": "input_transformers_post input_transformers_cleanup",
    "installs a syntax-tree transformer": "ast_transformers",
    "installs a tracing or audit hook": "settrace setprofile monitoring addaudithook",
    "replaces how errors or results are shown": "excepthook displayhook set_custom_exc showtraceback",
    "changes how modules are found": "meta_path path_hooks create_module sitecustomize usercustomize",
    "registers code for the end of the process": "atexit",
    "ends the process or sends signals": "_exit kill abort",
    "starts processes": "fork forkpty Popen system posix_spawn execv execve multiprocessing",
    "walks the stack": "_getframe _current_frames f_back tb_frame currentframe",
    "searches the memory of the process": "get_objects get_referrers",
    "reaches under Python": "ctypes ptrace",
    "reads the environment": "environ getenv",
    "walks the class tree": "__subclasses__",
    "talks to the grader's channel": "comm_manager register_target comm dispatch_shell",
    "forges messages": "iopub_socket iopub_thread shell_stream",
    "reaches into the kernel's names": "user_ns",
    "opens sockets": "socket",
    "uses pickle": "pickle __reduce__ __reduce_ex__",
    "changes limits": "setrlimit",
    "decides what isinstance makes of it": "__instancecheck__ __subclasscheck__",
    "decides what NumPy makes of it": "__array_ufunc__ __array_function__",
}
_SUSPICIOUS = {name: phrase for phrase, names in _PHRASES.items() for name in names.split()}
# Words that programs use for things of their own (a `system` of equations, a player's `kill`): they tell something as
# attributes of these, or where they are imported.
_EVERYDAY = frozenset(["system", "kill", "abort", "fork", "monitoring", "comm", "socket", "environ"])
_THEIRS = frozenset(["os", "posix", "sys", "signal", "kernel"])
_COMPARISONS = frozenset(["__eq__", "__ne__", "__bool__"])
_SHELL = re.compile(r"^\s*(!|%%?(bash|sh|script|sx|system)\b)", re.MULTILINE)
_PLACES = (
    "gradebook.db", "/proc/", "/etc/", "source/", "../", "nbgrader", "autograded", "submitted/",
)  # fmt: skip


def suspicious(source: str) -> list[str]:
    """Return what in a cell an instructor may want to look at, as short phrases; empty for honest work.

    Parameters
    ----------
    source : str
        A code cell of the student.

    Examples
    --------
    >>> suspicious("import os\\nos._exit(0)")
    ['ends the process or sends signals']
    """
    found: dict[str, None] = {}
    tree = _parse(source)
    if tree is None:
        # Magics and shell lines are IPython's; without them the rest is Python.
        tree = _parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE))
        if _SHELL.search(source):
            found["runs a shell line"] = None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Constant) and _names_a_place(node.value):
            found["names a place outside its folder"] = None
        elif _is_always_true(node):
            found["has a comparison that is always true"] = None
        for name in _names_in(node):
            if name in _SUSPICIOUS:
                found[_SUSPICIOUS[name]] = None
    return list(found)


def _names_in(node: ast.AST) -> list[str]:
    """Return the names that a part of a program uses or defines, without everyday words for things of its own."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [part for alias in node.names for part in alias.name.split(".")]
        return names + (getattr(node, "module", None) or "").split(".")
    if isinstance(node, ast.Attribute):
        base = node.value
        of = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        return [node.attr] if node.attr not in _EVERYDAY or of in _THEIRS else []
    if isinstance(node, ast.Name):
        return [node.id] if node.id not in _EVERYDAY else []
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name] if node.name not in _EVERYDAY else []
    return []


def _is_always_true(node: ast.AST) -> bool:
    """Whether a part of a program is a comparison that returns nothing but what is true."""
    if isinstance(node, ast.FunctionDef) and node.name in _COMPARISONS:
        returned = [part.value for part in ast.walk(node) if isinstance(part, ast.Return)]
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        names = {getattr(target, "id", getattr(target, "attr", "")) for target in node.targets}
        returned = [node.value.body] if names & _COMPARISONS else []
    else:
        return False
    return bool(returned) and all(isinstance(value, ast.Constant) and value.value for value in returned)


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names_a_place(text: Any) -> bool:
    return isinstance(text, str) and len(text) < 1000 and "\n" not in text and any(p in text for p in _PLACES)


def report(nb: NotebookNode, result: Any) -> dict[str, Any]:
    """Return the report of trust of one notebook.

    Parameters
    ----------
    nb : NotebookNode
        Repaired and run.
    result : engine.NotebookResult

    Returns
    -------
    dict
        ``sandboxed`` (bool), ``seconds``, ``events`` (list of [kind, sentence]), ``suspicious`` (list of sentences),
        ``in_kernel_points`` (float), ``points`` (float, automatic points of the notebook), ``cells`` (seconds of
        those that took a tenth of one, by their names) and ``memory`` (MiB that the student's processes had held at
        once by the end of a cell, for those at which that rose).
    """
    seen = []
    tests = [cell for cell in nb.cells if kinds.is_test(cell)]
    for index, cell in enumerate(nb.cells):
        if kinds.is_students(cell):
            seen += [f"{kinds.name(cell, index)} {phrase}" for phrase in suspicious(cell.source)]
    events = [list(event) for event in result.events]
    python = nb.metadata.get("course", {}).get("python", "")
    if python:
        sentence = versions.about_syntax(python, _not_parsed(nb, result))
    else:
        sentence = versions.about_f_strings(_not_parsed(nb, result, "f-string"))
    if sentence:
        events.append(["note", sentence])
    return {
        "sandboxed": result.sandboxed,
        "seconds": round(result.seconds, 2),
        "events": events,
        "suspicious": seen,
        "in_kernel_points": sum(kinds.points(cell) for cell in tests if kinds.is_in_kernel(cell)),
        "points": sum(kinds.points(cell) for cell in tests),
        "cells": {
            kinds.name(nb.cells[index], index): round(seconds, 1)
            for index, seconds in sorted(result.cell_seconds.items())
            if seconds >= 0.1
        },
        "memory": {
            kinds.name(nb.cells[index], index): round(most / MIB) for index, most in sorted(result.cell_memory.items())
        },
    }


def _not_parsed(nb: NotebookNode, result: Any, begins: str = "") -> list[str]:
    """Return the student's cells that ended with a syntax error whose message begins so."""
    students = [(index, cell) for index, cell in enumerate(nb.cells) if kinds.is_students(cell)]
    return [
        kinds.name(cell, index)
        for index, cell in students
        if any(
            output.get("ename") == "SyntaxError" and str(output.get("evalue")).startswith(begins)
            for output in result.outputs.get(index, ())
        )
    ]


def for_student(course: Mapping[str, Any]) -> list[str]:
    """Return the sentences of a feedback page: repairs, and what was stopped or started again."""
    events = course.get("trust", {}).get("events", [])
    return [*course.get("repairs", []), *(f"While it ran: {sentence}." for _, sentence in events)]
