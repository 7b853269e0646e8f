"""Functions and classes of a test that run in the student's process: sent without what they would tell of the test.

What is sent can be taken apart over there. So docstrings, annotations, names of files, functions, classes and local
variables, line numbers, and constants that are never loaded stay here; of the globals, those go that the code reads.
"""

from __future__ import annotations

import dis
import types
from typing import Any

from cloudpickle import cloudpickle

__all__ = ["HIDDEN", "is_sent_by_value", "reduce_class", "reduce_function", "stripped_code"]

# The package of an assignment's hidden modules; the student's process has none of that name.
HIDDEN = "hidden"

_NAME = "given"
# Types without a name in any module, such as that of code; cloudpickle knows where they are found.
_OF_PYTHON = frozenset((*cloudpickle._BUILTIN_TYPE_NAMES, type(None), type(NotImplemented), type(...)))
_DROPPED = frozenset(("__doc__", "__annotations__", "__annotate_func__", "__qualname__", "__firstlineno__",
                      "__static_attributes__", "__module__", "__wrapped__"))  # fmt: skip


def is_sent_by_value(thing: Any) -> bool:
    """Return whether a function or class of the test must be sent itself, since no module over there holds it."""
    if str(getattr(thing, "__module__", "")).partition(".")[0] == HIDDEN:
        return True
    if isinstance(thing, type) and thing in _OF_PYTHON:
        return False
    return not cloudpickle._should_pickle_by_reference(thing)


def reduce_function(function: types.FunctionType, globals_ref: dict[int, dict[str, Any]]) -> tuple[Any, ...]:
    """Return what a pickler writes in the place of a function.

    Parameters
    ----------
    function : function
    globals_ref : dict
        Of the pickler: the globals, over there, of functions that share theirs here.
    """
    code = stripped_code(function.__code__)
    bare = types.FunctionType(code, function.__globals__, _NAME, function.__defaults__, function.__closure__)
    bare.__kwdefaults__, bare.__module__, bare.__qualname__ = function.__kwdefaults__, "__main__", _NAME
    bare.__dict__.update({key: value for key, value in vars(function).items() if key not in _DROPPED})
    # Given beforehand: else the path of the module that it is from would go along.
    base = globals_ref.setdefault(id(function.__globals__), {"__name__": "__main__"})
    closure = function.__closure__ and tuple(types.CellType() for _ in function.__closure__)
    state = cloudpickle._function_getstate(bare)
    return (cloudpickle._make_function, (code, base, None, None, closure), state, None, None,
            cloudpickle._function_setstate)  # fmt: skip


def reduce_class(kind: type) -> tuple[Any, ...]:
    """Return what a pickler writes in the place of a class."""
    make, arguments, (body, slots), *rest = cloudpickle._dynamic_class_reduce(kind)
    body = {key: _bare_member(value) for key, value in body.items() if key not in _DROPPED}
    arguments = list(arguments)
    # Named like the library's class that it is made of; the third is for enumerations the members, else other keywords.
    arguments[1] = next((base.__name__ for base in kind.__mro__[1:] if not is_sent_by_value(base)), _NAME)
    if isinstance(arguments[3], dict) and "__module__" in arguments[3]:
        arguments[3] = {**arguments[3], "__module__": "__main__"}
    return (make, tuple(arguments), (body, slots), *rest)


def stripped_code(code: types.CodeType) -> types.CodeType:
    """Return code that does the same and names nothing that it does not need.

    Parameters
    ----------
    code : code
        Of a function; that of functions inside it is stripped as well.
    """
    loaded = {entry.arg for entry in dis.get_instructions(code) if entry.opcode in dis.hasconst}
    constants = tuple(
        stripped_code(constant) if isinstance(constant, types.CodeType) else constant if number in loaded else None
        for number, constant in enumerate(code.co_consts)
    )
    # Arguments may be given by name, and a variable of inner functions has one name in all of them.
    fixed = code.co_argcount + code.co_kwonlyargcount
    variables = tuple(
        name if number < fixed or name in code.co_cellvars else f"v{number}"
        for number, name in enumerate(code.co_varnames)
    )
    return code.replace(
        co_consts=constants, co_varnames=variables, co_filename="<test>", co_name=_NAME, co_qualname=_NAME,
        co_firstlineno=1, co_linetable=_one_line(len(code.co_code) // 2),
    )  # fmt: skip


def _bare_member(value: Any) -> Any:
    if type(value) is property:
        return property(value.fget, value.fset, value.fdel, doc="")
    return value


def _one_line(units: int) -> bytes:
    """Return a line table (CPython, Objects/locations.md) in which all units of the code belong to its first line."""
    table = bytearray()
    while units > 0:
        part = min(units, 8)
        table += bytes((0x80 | 13 << 3 | part - 1, 0))
        units -= part
    return bytes(table)
