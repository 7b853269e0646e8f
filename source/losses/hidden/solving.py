"""What an answer to losses/mse solves for: equations with the data on the right are no inverse, all others are one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from course_utils.checks import assert_that
from course_utils.checks.reachable import brought_by, reached

__all__ = ["assert_solved_for_data"]

_SOLVERS = {"solve", "solve_ex", "tensorsolve", "lstsq", "solve_triangular", "cho_solve", "lu_solve", "cholesky_solve"}
# What these return, and these attributes hold, follows from shapes alone.
_OF_THE_SHAPE = {
    "len", "range", "shape", "size", "ndim", "dtype", "zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like",
    "arange", "full_like",
}  # fmt: skip


def assert_solved_for_data(function: Callable, name: str, hint: str | None = None) -> None:
    """Check that every system a function solves has a right-hand side that is made of its arguments' values.

    An inverse is what comes out if the right-hand side is the identity matrix, in one of the many ways to write it.

    Parameters
    ----------
    function : callable
        A function that the student defined in the notebook.
    name : str
        How the message calls the function.
    hint : str, optional
        What to do instead.

    Raises
    ------
    CheckFailed
        If the right-hand side of a solver depends on shapes and constants alone.
    """
    for _, statement in reached(*brought_by(function)):
        for outermost in _outermost_functions(statement):
            data = _names_of_data(outermost)
            fact = f"{name} solves a system whose right-hand side holds no data; that gives an inverse."
            assert_that(all(_holds(side, data) for side in _right_hand_sides(outermost)), fact, hint=hint)


def _outermost_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the functions in a statement, but for those inside of another: these see what that one is given."""
    if isinstance(node, (ast.FunctionDef, ast.Lambda)):
        yield node
    else:
        for part in ast.iter_child_nodes(node):
            yield from _outermost_functions(part)


def _name_of(called: ast.AST) -> str:
    return getattr(called, "attr", getattr(called, "id", ""))


def _right_hand_sides(function: ast.AST) -> list[ast.AST]:
    """Return the second argument of every call of a solver, of cholesky_solve the first."""
    found = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or (solver := _name_of(node.func)) not in _SOLVERS:
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg in ("b", "B", "input")]
        place = 0 if solver == "cholesky_solve" else 1
        if named or not any(isinstance(argument, ast.Starred) for argument in node.args):
            found += named or node.args[place : place + 1]
    return found


def _holds(node: ast.AST, data: set[str]) -> bool:
    """Whether a term depends on one of some names in another way than by its shape."""
    if isinstance(node, ast.Call) and _name_of(node.func) in _OF_THE_SHAPE:
        return False
    if isinstance(node, ast.Attribute) and node.attr in _OF_THE_SHAPE:
        return False
    if isinstance(node, ast.Name):
        return node.id in data
    return any(_holds(part, data) for part in ast.iter_child_nodes(node))


def _names_of_data(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    """Return the parameters of a function, and all names that get their value from them."""
    data = {part.arg for part in ast.walk(function.args) if isinstance(part, ast.arg)}
    bindings = _bindings_of_parameters(function)  # what is bound or filled, and by what
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                even = both and len(target.elts) == len(node.value.elts)
                bindings += zip(target.elts, node.value.elts, strict=True) if even else [(target, node.value)]
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
            bindings.append((node.target, node.value))
        elif isinstance(node, (ast.For, ast.comprehension)):
            bindings.append((node.target, node.iter))
        elif isinstance(node, ast.FunctionDef) and node is not function:
            bindings += [(ast.Name(node.name), part) for part in node.body]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):  # such as values.append(value)
            owner = getattr(node.value.func, "value", None)
            filled_by_it = [owner, *node.value.args, *(keyword.value for keyword in node.value.keywords)]
            bindings += [(part, node.value) for part in filled_by_it if isinstance(part, ast.Name)]
        elif isinstance(node, ast.keyword) and node.arg == "out":
            bindings.append((node.value, function))
    while True:
        filled = {
            name.id for target, value in bindings if _holds(value, data)
            for name in ast.walk(target) if isinstance(name, ast.Name)
        }  # fmt: skip
        if filled <= data:
            return data
        data |= filled


def _bindings_of_parameters(function: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """Return the parameters of the functions inside of a function, each with what it may be given."""
    inner = [(node, node.name) for node in ast.walk(function) if isinstance(node, ast.FunctionDef)]
    inner += [(node, "") for node in ast.walk(function) if isinstance(node, ast.Lambda)]
    names = {id(node.value): node.targets[0] for node in ast.walk(function) if isinstance(node, ast.Assign)}
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    bindings = []
    for node, name in inner:
        if node is function:
            continue
        parameters = [part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)]
        name = name or getattr(names.get(id(node)), "id", "")
        given: list[tuple[str, ast.AST]] = []
        for call in calls:
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            if call.func is node or (name and _name_of(call.func) == name):
                given += zip(parameters, call.args, strict=False)
                given += [(keyword.arg or "", keyword.value) for keyword in call.keywords]
            elif any(value is node or (name and getattr(value, "id", "") == name) for value in values):
                given += [
                    (parameter, value) for parameter in parameters for value in values
                ]  # such as map(name, values)
        # What nobody is seen to call may be given anything.
        given += [] if given else [(parameter, function) for parameter in parameters]
        given += [(parameter, default) for parameter in parameters for default in node.args.defaults]
        bindings += [(ast.Name(parameter), value) for parameter, value in given if parameter]
    return bindings
