"""Where in `nbgrader_config.py` a setting is made: file and line, from the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SettingsFile", "class_set_in"]

_Names = tuple[str, ...]


class SettingsFile:
    """The file of the settings, and those that it loads.

    Parameters
    ----------
    path : pathlib.Path
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._places: dict[_Names, tuple[str, int]] = {}
        self._read(self.path, set())

    def where(self, *names: str) -> str:
        """Return where a setting was made last, as a sentence may begin: the file, with the line if it is known.

        Parameters
        ----------
        *names : str
            Class, setting and key, of which the last may be left out.
        """
        file, line = self._place(names)
        return f"{file}, line {line}" if line else file

    def line(self, *names: str) -> int:
        """Return the line alone, 0 if it is not known; see `where`."""
        return self._place(names)[1]

    def _place(self, names: _Names) -> tuple[str, int]:
        known = (self._places.get(names[:count]) for count in range(len(names), 0, -1))
        return next(filter(None, known), (self.path.name, 0))

    def _read(self, path: Path, seen: set[Path]) -> None:
        seen.add(path.resolve())
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError):
            return  # whoever runs it says so
        for statement in sorted(_statements(tree), key=lambda node: node.lineno):
            for names, line in _made_in(statement):
                self._places[names] = (path.name, line)
                for count in range(1, len(names)):
                    self._places.setdefault(names[:count], (path.name, line))
            if (other := _loaded_in(statement)) and (path.parent / other).resolve() not in seen:
                self._read(path.parent / other, seen)


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr)))


def _made_in(statement: ast.stmt) -> Iterator[tuple[_Names, int]]:
    """Return class, setting and key of what a statement sets, with the line."""
    if isinstance(statement, ast.Expr):  # c.OpenOlat.group_assignments.append("cifar")
        if isinstance(statement.value, ast.Call) and isinstance(statement.value.func, ast.Attribute):
            names, values = _chain(statement.value.func.value), statement.value.args
        else:
            return
        found = [names]
    else:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        found, values = [_chain(target) for target in targets], [statement.value]
    for names in found:
        if len(names) < 2:
            continue
        yield names, statement.lineno
        for value in values:
            for key in value.keys if isinstance(value, ast.Dict) else []:
                if isinstance(key, ast.Constant):
                    yield (*names, str(key.value)), key.lineno


def _chain(node: ast.AST) -> _Names:
    """Return the names of ``c.Deadlines.due["x"]`` behind the first; empty if it is nothing like it."""
    if isinstance(node, ast.Attribute):
        return (*_chain(node.value), node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return (*_chain(node.value), str(node.slice.value))
    return ()


def class_set_in(path: Path, line: int) -> str:
    """Return the class that a line sets as if it were a setting itself (``c.Deadlines = {}``), else an empty text.

    Parameters
    ----------
    path : pathlib.Path
        Python that can be read.
    line : int
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    here = [node for node in _statements(tree) if isinstance(node, ast.Assign) and node.lineno == line]
    chains = [_chain(target) for node in here for target in node.targets]
    return next((names[0] for names in chains if len(names) == 1 and names[0][:1].isupper()), "")


def _loaded_in(statement: ast.stmt) -> str:
    """Return the file of ``load_subconfig("other.py")``, empty if it is something else."""
    call = statement.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "load_subconfig":
        name = call.args[0] if call.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return name.value
    return ""
