"""What a function of a notebook is written in: its own statements, and those of all that it uses."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import linecache
import posixpath
import re
import symtable
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Scope", "SourceNotFound", "brought_by", "names_looked_up", "of_a_library", "reached", "written_last"]


class SourceNotFound(LookupError):
    """The function was not written in a cell of the notebook, or its cell can't be read as Python."""


def brought_by(function: Any) -> tuple[str, list[str], Mapping[str, str]]:
    """Return where a function and what it uses is written.

    Parameters
    ----------
    function : callable
        A function from a notebook cell. At grading time it is a stand-in which brings the student's cells
        with it (attribute `__course_source__`); those are looked at instead of the kernel's word.

    Returns
    -------
    name : str
    cells : list of str
    files : mapping of str to str
        Own modules and notebooks by path.

    Raises
    ------
    SourceNotFound
        If there is no source to look at.
    """
    brought = getattr(type(function), "__course_source__", None)
    if brought is not None:
        name, cells, *files = brought(function)
        return name, cells, files[0] if files else {}
    function = inspect.unwrap(function)
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        function = type(function)
    sources, files = _live_sources(function)
    name = function.__name__
    if name == "<lambda>":
        # It is known by the name that the statement around it binds.
        tree = _parse(sources[0])
        name = next((bound for statement in tree.body for bound in _names_bound_by(statement)), name) if tree else name
    return name, sources, files


def of_a_library(function: Any) -> str:
    """Return the dotted name of a function that a notebook has from a library, as by ``mine = F.conv2d``; else empty.

    At grading time the statement that binds the name is looked at instead.
    """
    if getattr(type(function), "__course_source__", None) is not None or not inspect.isroutine(function):
        return ""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None or module.__name__ == "__main__" or _own_text(module):
        return ""
    return f"{module.__name__}.{function.__name__}"


def reached(name: str, cells: Iterable[str], files: Mapping[str, str] | None) -> Iterator[tuple[Scope, ast.stmt]]:
    """Yield the statements that define a name, those that define what it uses, and so on, each once.

    Parameters
    ----------
    name : str
        The function or class that is looked at.
    cells : iterable of str
        Source of the student's cells in the order in which they ran: a later definition of a function or class takes
        the place of earlier ones. A cell that is no valid Python is skipped: it never ran.
    files : mapping of str to str, optional
        Sources of the student's own modules and notebooks, by path from the notebook's folder; looked at are those
        that cells import or run. Of a notebook, its code cells, separated by NUL.

    Yields
    ------
    Scope, ast.stmt

    Raises
    ------
    SourceNotFound
        If no cell defines `name`.
    """
    sources = _sources_of(tuple(cells), tuple((files or {}).items()))
    if name not in sources.notebook.definitions:
        raise SourceNotFound(f"no cell of the notebook defines `{name}`.")
    seen: set[int] = set()
    waiting = list(sources.notebook.definitions[name])
    while waiting:
        scope, statement = waiting.pop()
        if id(statement) in seen:
            continue
        seen.add(id(statement))
        yield scope, statement
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                # A method of the student's own class is reached by its name.
                waiting += sources.members.get(node.attr, [])
        for loaded in names_looked_up(statement):
            waiting += scope.definitions.get(loaded, [])


def written_last(name: str, cells: Iterable[str]) -> list[str]:
    """Return the cells that bind a name and what it is made of, of each name the last one only.

    In a notebook every version of a cell that was ever run is remembered; what counts is what stands there now.

    Parameters
    ----------
    name : str
    cells : iterable of str
        In the order in which they ran.

    Returns
    -------
    list of str
        In the same order.
    """
    trees = [_parse(cell) for cell in cells]
    bound = [set().union(*map(_names_bound_by, tree.body)) if tree else set() for tree in trees]
    found: set[int] = set()
    waiting, seen = [name], set()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        last = next((number for number in reversed(range(len(trees))) if wanted in bound[number]), None)
        if last is None or last in found:
            continue
        found.add(last)
        waiting += names_looked_up(trees[last])
    return [ast.unparse(trees[number]) for number in sorted(found)]


@dataclass
class Scope:
    """The names of the notebook, or of one module: what defines them, and where they were imported from.

    A function that is written under the name of an import takes its place, for what is written after it.
    """

    folder: str = ""
    definitions: dict[str, list[tuple[Scope, ast.stmt]]] = field(default_factory=dict, repr=False)
    aliases: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)  # imports in whose place there is a function at the end
    seen: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)  # by statement: what was imported then
    is_open: bool = False  # names may be bound, or gone, without being written
    own: set[int] = field(default_factory=set, repr=False)  # attributes that are no use of a library

    def origin(self, name: str, statement: ast.stmt) -> str | None:
        """Return where a name in a statement was imported from; None if it may be nothing but an own one."""
        before = self.replaced if self.is_open else self.seen.get(id(statement), self.replaced)
        return self.aliases.get(name) or before.get(name)

    def write(self, name: str) -> None:
        """Note that a function takes the place of an import of its name, if there is one."""
        if name in self.aliases:
            self.replaced[name] = self.aliases[name]
            self.aliases = {other: origin for other, origin in self.aliases.items() if other != name}


class _Sources:
    """The student's cells, and the own modules and notebooks that they use."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.notebook = Scope()
        self.modules: dict[str, Scope] = {}
        self.running: set[str] = set()
        self.members: dict[str, list[tuple[Scope, ast.stmt]]] = {}
        self.trees: list[ast.Module] = []  # nodes are known by their ids, which are theirs as long as they live

    def take(self, source: str, scope: Scope) -> None:
        """Read one cell, or a whole module, into a scope."""
        if written := _WRITTEN.match(source):
            path, body = written[2], source[written.end() :]
            self.files[path] = self.files.get(path, "") + body if written[1] else body
            self.modules.pop(path, None)
            self.module(path)
            return
        tree = _parse(source)
        for statement in tree.body if tree else []:
            is_definition = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            before = scope.aliases
            for written in _functions_of(statement):
                scope.write(written)
            self.note_imports(statement, scope)
            # What is not the inside of a function is worked out before the function has its name.
            scope.seen[id(statement)] = scope.aliases if _is_plain_function(statement) else before | scope.aliases
            if is_definition:
                scope.definitions[statement.name] = [(scope, statement)]
                continue
            for bound in _names_bound_by(statement):
                scope.definitions.setdefault(bound, []).append((scope, statement))
            if path := _path_run_by(statement):
                self.run(path, scope)
            for node in ast.walk(statement):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    self.link(node, scope, replace=node is statement)
        if tree:
            self.trees.append(tree)
            scope.own |= _own_attributes(tree)
        for member, statement in _members(tree) if tree else []:
            self.members.setdefault(member, []).append((scope, statement))

    def note_imports(self, statement: ast.stmt, scope: Scope) -> None:
        """Take note of what names in a statement are imported from."""
        for node in ast.walk(statement):
            scope.is_open |= _opens_names(node)
            for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                if (
                    bound := alias.asname or alias.name
                ) in scope.replaced:  # from an own module, it may be the library's
                    scope.aliases[bound] = scope.replaced[bound]
            if isinstance(node, ast.ImportFrom) and not self.path_of(node, scope):
                scope.aliases.update({a.asname or a.name: f"{node.module or '.'}.{a.name}" for a in node.names})
            elif isinstance(node, ast.Import):
                scope.aliases.update({a.asname: a.name for a in node.names if a.asname})

    def link(self, node: ast.Import | ast.ImportFrom, scope: Scope, *, replace: bool) -> None:
        """Let the names that an import of an own module binds stand for what the module defines."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                if path := self.path(alias.name, ""):
                    self.module(path)
            return
        if not (path := self.path_of(node, scope)):
            return
        module = self.module(path)
        for alias in node.names:
            names = [alias.name] if alias.name != "*" else [n for n in module.definitions if not n.startswith("_")]
            for name in names:
                bound = alias.asname or name
                found = module.definitions.get(name, [])
                scope.definitions[bound] = [*([] if replace else scope.definitions.get(bound, [])), *found]

    def run(self, path: str, scope: Scope) -> None:
        """Read what `%run` runs: a notebook as cells, a module with its names taken over."""
        path = posixpath.normpath(path)
        if path not in self.files or path in self.running:
            return
        self.running.add(path)
        if path.endswith(".ipynb"):
            for cell in self.files[path].split("\0"):
                self.take(cell, scope)
        else:
            scope.definitions |= {name: list(found) for name, found in self.module(path).definitions.items()}
        self.running.discard(path)

    def module(self, path: str) -> Scope:
        """Return the names of an own module."""
        if path not in self.modules:
            scope = self.modules[path] = Scope(posixpath.dirname(path))
            self.take(self.files.get(path, ""), scope)
            for name, found in scope.definitions.items():
                self.members.setdefault(name, []).extend(found)
        return self.modules[path]

    def path_of(self, node: ast.ImportFrom, scope: Scope) -> str:
        folder = scope.folder
        for _ in range(node.level - 1):
            folder = posixpath.dirname(folder)
        return self.path(node.module or "", folder if node.level else "")

    def path(self, module: str, folder: str) -> str:
        """Return the path of an own module; empty if it is none of them."""
        if not folder and _is_installed(module.partition(".")[0]):
            return ""  # what is installed comes first
        base = posixpath.join(folder, *module.split("."))
        for path in (f"{base}.py", f"{base}/__init__.py"):
            if path in self.files:
                return path
        # Students put folders on the path.
        ends = [path for path in self.files if path.endswith(f"/{base}.py")]
        return ends[0] if len(ends) == 1 else ""


@functools.lru_cache(maxsize=8)
def _sources_of(cells: tuple[str, ...], files: tuple[tuple[str, str], ...]) -> _Sources:
    """Read cells and files once for all rules that look at them; nobody changes what is found."""
    sources = _Sources(dict(files))
    for cell in cells:
        sources.take(cell, sources.notebook)
    return sources


def _is_installed(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return module in sys.modules
    if spec is None:
        return False
    return _comes_with_the_environment(Path(spec.origin or "/"))


def _comes_with_the_environment(file: Path) -> bool:
    """Tell whether a module's file is none of the student's: not beside the notebook, or installed there all the same.

    The environment may lie in the folder of the notebook, and so may this package, if it is installed in place.
    """
    installed = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])
    return Path.cwd() not in file.parents or any(folder in file.parents for folder in installed)


_WRITTEN = re.compile(r"\s*%%(?:writefile|file)[ \t]+(-a[ \t]+)?(\S+\.py)[ \t]*(?:\n|$)")
_RUN = re.compile(r"%run\s+(?:-\w+\s+)*(?:\"([^\"]+)\"|'([^']+)'|(\S+))")


def _functions_of(statement: ast.stmt) -> list[str]:
    """Return the names under which a statement writes a function or class."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _opens_names(node: ast.AST) -> bool:
    """Whether names of the notebook may come or go by this, whatever is written there."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return any(alias.name == "*" for alias in node.names)
    name = getattr(node, "id", getattr(node, "attr", ""))
    return isinstance(node, ast.Delete) or name in {"globals", "vars", "locals", "exec", "eval", "setattr", "__dict__"}


def _is_plain_function(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but write a function: no decorator and no default is worked out for it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not (statement.decorator_list or statement.args.defaults or any(statement.args.kw_defaults))
    lambda_ = getattr(statement, "value", None)
    return isinstance(lambda_, ast.Lambda) and not (lambda_.args.defaults or any(lambda_.args.kw_defaults))


def _path_run_by(statement: ast.stmt) -> str:
    """Return the file that a `%run` line runs, as `_parse` leaves it; empty for other statements."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
    found = _RUN.match(text)
    return next(filter(None, found.groups())) if found else ""


def _members(tree: ast.Module) -> Iterable[tuple[str, ast.stmt]]:
    """Yield what is bound inside of classes, or as an attribute of something, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                for bound in _names_bound_by(statement):
                    yield bound, statement
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    yield target.attr, node


def _own_attributes(tree: ast.Module) -> set[int]:
    """Return the ids of attributes that are set, and of those that a class has set of itself and reckons with.

    Only operands are left out, as in ``1 - self.dropout``: what is called, or handed on, may be another object's.
    """
    own = {id(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    for kind in ast.walk(tree):
        for method in kind.body if isinstance(kind, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef) and method.args.args:
                itself, nodes = method.args.args[0].arg, list(ast.walk(method))
                if any(isinstance(n, ast.Name) and n.id == itself and isinstance(n.ctx, ast.Store) for n in nodes):
                    continue
                operands = [
                    part for node in nodes if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare))
                    for part in ast.iter_child_nodes(node)
                    if isinstance(part, ast.Attribute) and getattr(part.value, "id", "") == itself
                ]  # fmt: skip
                own |= {id(part) for part in operands if part.attr in _set_by(kind)}
    return own


def _set_by(kind: ast.ClassDef) -> set[str]:
    """Return the attributes that the methods of a class set."""
    return {node.attr for node in ast.walk(kind) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def _live_sources(function: Any) -> tuple[list[str], dict[str, str]]:
    """The source of a function and of what it uses from its own notebook, with its own modules by path.

    Other names are import lines.

    So a rule says the same in a student's notebook as at grading time, where all cells are looked at.
    """
    sources, files, waiting, seen = [], {}, [function], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        try:
            source = _source_of(current)
        except (OSError, TypeError) as error:
            if current is function:
                raise SourceNotFound("write it as a function in a notebook cell.") from error
            continue
        sources.append(source)
        tree, namespace = _parse(source), _namespace_of(current)
        for name in names_looked_up(tree) if tree else ():
            value = namespace.get(name)
            own_name = getattr(value, "__name__", name)
            module = value if inspect.ismodule(value) else sys.modules.get(getattr(value, "__module__", None) or "")
            if module is not None and module.__name__ != function.__module__ and (text := _own_text(module)):
                path = module.__name__.replace(".", "/") + ".py"
                files[path] = text
                of = f"from {module.__name__} import {own_name} as {name}"
                sources.append(f"import {module.__name__} as {name}" if module is value else of)
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                value = inspect.unwrap(value)
                if value.__module__ == function.__module__:
                    waiting.append(value)
                    sources += [f"{name} = {own_name}"] if own_name != name else []
                    continue
            if inspect.ismodule(value):
                sources.append(f"import {value.__name__} as {name}")
            elif type(value) in (int, float):
                sources.append(f"{name} = {value!r}")
            elif own_name.isidentifier():
                origin = getattr(value, "__module__", None) or "builtins"
                from_elsewhere = hasattr(value, "__name__") and origin not in ("builtins", function.__module__)
                if from_elsewhere or own_name != name:
                    sources.append(f"from {origin} import {own_name} as {name}")
    return sources, files


def _own_text(module: Any) -> str:
    """Return the source of a module that lies beside the notebook; empty for every other one."""
    file = getattr(module, "__file__", None) or ""
    if not file.endswith(".py") or _comes_with_the_environment(Path(file)):
        return ""
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _source_of(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        # Python does not find classes of a notebook, but it finds the cells of their methods.
        for method in _methods_of(function):
            cell = "".join(linecache.getlines(method.__code__.co_filename))
            tree = _parse(cell)
            for statement in tree.body if tree else []:
                if isinstance(statement, ast.ClassDef) and statement.name == function.__name__:
                    return ast.unparse(statement)
        raise


def _namespace_of(function: Any) -> dict[str, Any]:
    if inspect.isclass(function):
        return next((method.__globals__ for method in _methods_of(function)), {})
    return function.__globals__


def _methods_of(function: Any) -> list[Any]:
    return (
        [member for member in vars(function).values() if inspect.isfunction(member)]
        if inspect.isclass(function)
        else []
    )


@functools.lru_cache(maxsize=1024)
def names_looked_up(statement: ast.AST) -> frozenset[str]:
    """Names that are read from outside of the functions in a statement, or imported inside of them.

    A variable or parameter of a function may be called `grad`; that is no use of `torch.autograd.grad`.
    """
    names: set[str] = set()
    # A scope, and what the functions around it import: one that stands inside may be the only one to use it.
    waiting = [(symtable.symtable(ast.unparse(statement), "cell", "exec"), frozenset[str]())]
    while waiting:
        scope, around = waiting.pop()
        symbols = scope.get_symbols()
        own = {symbol.get_name() for symbol in symbols if symbol.is_local()}
        lent = around - own | {symbol.get_name() for symbol in symbols if symbol.is_imported()}
        waiting += ((child, lent) for child in scope.get_children())
        for symbol in symbols:
            outside = symbol.is_global() or symbol.get_name() in lent or scope.get_type() == "module"
            if symbol.is_referenced() and outside:
                names.add(symbol.get_name())
    return frozenset(names)


@functools.lru_cache(maxsize=256)  # the same cells for each rule of a notebook; nobody changes the trees
def _parse(cell: str) -> ast.Module | None:
    # Magics and shell lines are IPython's; without them the rest is Python. Indented, they may be a remainder as well.
    for magic in (_MAGIC, _INDENTED_MAGIC):
        try:
            return ast.parse("\n".join(_plain(line, magic) for line in _LINE_END.split(cell)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


# Those of Python: `str.splitlines` knows more of them, which may stand in a text or a comment.
_LINE_END = re.compile(r"\r\n|\r|\n")
_MAGIC, _INDENTED_MAGIC = re.compile(r"(?! )(\s*)([%!].*)"), re.compile(r"(\s*)([%!].*)")


def _plain(line: str, magic: re.Pattern[str]) -> str:
    if not (found := magic.match(line)):
        return line
    return found[1] + (repr(found[2]) if _RUN.match(found[2]) else "pass")


def _names_bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in statement.names}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}
