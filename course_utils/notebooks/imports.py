"""Setup cells of several notebooks made one: imports together, sorted, and what can't be shared kept apart."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from course_utils.notebooks.names import bound, needed, without_magics

__all__ = ["Setup", "merge"]

_LONGEST = 110  # characters of a line


@dataclass(frozen=True)
class _Import:
    module: str
    name: str  # empty for `import module`
    alias: str

    @property
    def binds(self) -> str:
        return self.alias or self.name or self.module.partition(".")[0]


@dataclass(frozen=True)
class _Statement:
    text: str
    tree: str
    names: frozenset[str]
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Setup:
    """A setup cell for several notebooks.

    Parameters
    ----------
    shared : str
        What all of them can begin with.
    own : mapping of str to str
        By notebook what only its own cells may see, as another notebook has the same name for something else;
        empty if there is nothing of the kind.
    """

    shared: str
    own: Mapping[str, str]


def merge(setups: Mapping[str, str], used: Mapping[str, Iterable[str]]) -> Setup:
    """Make one setup cell of several.

    Parameters
    ----------
    setups : mapping of str to str
        Source of the setup cell by notebook.
    used : mapping of str to iterable of str
        By notebook, the names that its other cells bind: no import of another notebook may rely on them.

    Returns
    -------
    Setup
    """
    parts = {notebook: list(_parts(source)) for notebook, source in setups.items()}
    meanings: dict[str, set[object]] = {}
    for entries in parts.values():
        for entry in entries:
            for name in _names(entry):
                meanings.setdefault(name, set()).add(entry if isinstance(entry, _Import) else entry.tree)
    clashing = {name for name, found in meanings.items() if len(found) > 1}
    for notebook, names in used.items():
        others = {name for other, entries in parts.items() if other != notebook for e in entries for name in _names(e)}
        clashing |= others & set(names)
    while True:  # what reads such a name goes with it
        more = {
            name
            for entries in parts.values()
            for entry in entries
            if isinstance(entry, _Statement) and clashing & entry.reads
            for name in entry.names
        }
        if more <= clashing:
            break
        clashing |= more

    def is_own(entry: _Import | _Statement) -> bool:
        reads = entry.reads if isinstance(entry, _Statement) else frozenset()
        return bool(clashing & (_names(entry) | reads))

    shared = [entry for entries in parts.values() for entry in entries if not is_own(entry)]
    own = {name: _text([entry for entry in entries if is_own(entry)]) for name, entries in parts.items()}
    return Setup(_text(shared), own)


def _names(entry: _Import | _Statement) -> frozenset[str]:
    return frozenset({entry.binds}) if isinstance(entry, _Import) else entry.names


def _parts(source: str) -> Iterator[_Import | _Statement]:
    lines = source.split("\n")
    for line in lines:
        if line.startswith(("%", "!")):
            yield _Statement(line, line, frozenset())
    try:
        body = ast.parse(without_magics(source)).body
    except SyntaxError:
        yield _Statement(source, source, bound(source))
        return
    for node in body:
        if isinstance(node, ast.Pass):
            continue
        if isinstance(node, ast.Import):
            yield from map(_plain_import, node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (_Import(node.module or "", alias.name, alias.asname or "") for alias in node.names)
        else:
            text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            yield _Statement(text, ast.dump(node), bound(text), needed(text))


def _plain_import(alias: ast.alias) -> _Import:
    """Return an import; ``import a.b as c`` is ``from a import b as c``."""
    module, _, name = alias.name.rpartition(".")
    if module and alias.asname:
        return _Import(module, name, "" if alias.asname == name else alias.asname)
    return _Import(alias.name, "", alias.asname or "")


def _text(entries: Iterable[_Import | _Statement]) -> str:
    entries = list(dict.fromkeys(entries))
    found = [entry for entry in entries if isinstance(entry, _Import)]
    blocks = []
    for floor in range(3):
        lines = _import_lines([entry for entry in found if _floor(entry.module) == floor])
        blocks += ["\n".join(lines)] if lines else []
    trees: set[str] = set()
    statements = []
    for entry in entries:
        if isinstance(entry, _Statement) and entry.tree not in trees:
            trees.add(entry.tree)
            statements.append(entry.text)
    if statements:
        # The value of a last expression would be shown below the cell.
        tail = statements[-1]
        if not bound(tail) and "#" not in tail and not tail.rstrip().endswith(";"):
            statements[-1] = f"{tail};"
        blocks.append("\n".join(statements))
    return "\n\n".join(blocks)


def _floor(module: str) -> int:
    top = module.partition(".")[0]
    return 0 if top in sys.stdlib_module_names else 2 if top in ("course_utils", "hidden") else 1


def _import_lines(entries: list[_Import]) -> list[str]:
    lines = [
        (entry.module, f"import {entry.module}" + (f" as {entry.alias}" if entry.alias else ""))
        for entry in entries
        if not entry.name
    ]
    plain = [line for _, line in sorted(set(lines), key=lambda pair: pair[0].lower())]
    modules: dict[str, list[str]] = {}
    for entry in entries:
        if entry.name:
            shown = entry.name + (f" as {entry.alias}" if entry.alias else "")
            modules.setdefault(entry.module, []).append(shown)
    for module in sorted(modules, key=str.lower):
        names = sorted(set(modules[module]), key=_constants_first)
        line = f"from {module} import {', '.join(names)}"
        if len(line) > _LONGEST:
            line = "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])
        plain.append(line)
    return plain


def _constants_first(name: str) -> tuple[int, str]:
    first = name.partition(" ")[0]
    return (0 if first.isupper() else 1 if first[0].isupper() else 2, name)
