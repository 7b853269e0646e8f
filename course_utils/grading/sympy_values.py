"""SymPy expressions as trees of allowed nodes.

A node is rebuilt by calling its class with the rebuilt arguments; only the classes listed here can be called.
No text is ever parsed into an expression.
"""

from __future__ import annotations

from typing import Any

import sympy

__all__ = ["read", "write"]

_CONSTANTS = {
    "pi": sympy.pi, "E": sympy.E, "I": sympy.I, "oo": sympy.oo, "-oo": -sympy.oo, "zoo": sympy.zoo,
    "nan": sympy.nan, "true": sympy.true, "false": sympy.false, "EmptySet": sympy.S.EmptySet,
    "Reals": sympy.S.Reals, "EulerGamma": sympy.EulerGamma,
}  # fmt: skip
_CONSTANT_NAMES = {value: name for name, value in _CONSTANTS.items()}

# Classes that are rebuilt as cls(*args).
_NODES = {
    cls.__name__: cls
    for cls in (
        sympy.Add, sympy.Mul, sympy.Pow, sympy.Mod, sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.floor,
        sympy.ceiling, sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.asin, sympy.acos,
        sympy.atan, sympy.atan2, sympy.sinh, sympy.cosh, sympy.tanh, sympy.re, sympy.im,
        sympy.conjugate, sympy.Heaviside,
        sympy.DiracDelta, sympy.KroneckerDelta, sympy.factorial, sympy.binomial, sympy.gamma, sympy.erf,
        sympy.Sum, sympy.Product, sympy.Derivative, sympy.Integral, sympy.Tuple, sympy.Piecewise,
        sympy.Eq, sympy.Ne, sympy.Lt, sympy.Le, sympy.Gt, sympy.Ge, sympy.And, sympy.Or, sympy.Not,
        sympy.Indexed, sympy.IndexedBase, sympy.Idx, sympy.Interval, sympy.FiniteSet, sympy.Range,
        sympy.Lambda, sympy.MatAdd, sympy.MatMul, sympy.MatPow, sympy.HadamardProduct, sympy.Transpose, sympy.Inverse,
        sympy.Trace, sympy.Determinant, sympy.Identity, sympy.ZeroMatrix, sympy.OneMatrix, sympy.MatrixSymbol,
        sympy.DiagMatrix, sympy.DiagonalMatrix, sympy.UnevaluatedExpr,
    )
}  # fmt: skip
_NODES["ExprCondPair"] = sympy.functions.elementary.piecewise.ExprCondPair
_NODES["MatrixElement"] = sympy.matrices.expressions.matexpr.MatrixElement
_MATRICES = {
    "ImmutableDenseMatrix": sympy.ImmutableDenseMatrix,
    "MutableDenseMatrix": sympy.Matrix,
}
# Evaluating these on large integers would take for ever.
_GROWING = {"factorial", "binomial", "gamma"}
_LARGEST = 10_000
_BITS = 100_000


def write(value: Any, writer: Any, depth: int = 0) -> dict[str, Any] | None:
    """Return the tree of a SymPy object, or None if it holds a node that is not allowed.

    Parameters
    ----------
    value : sympy.Basic or matrix
    writer : the writer of `values`, which counts nodes and depth
    depth : int
    """
    from course_utils.grading.values import ValueRefused

    writer.nodes += 1
    if writer.nodes > writer.limits.nodes or depth > writer.limits.depth:
        raise ValueRefused("the expression is too large")
    kind = type(value)
    name = kind.__name__
    if isinstance(value, sympy.Basic) and value in _CONSTANT_NAMES:
        return {"t": "sympy", "f": "constant", "n": _CONSTANT_NAMES[value]}
    if isinstance(value, sympy.Basic) and value.is_Atom:
        if isinstance(value, (sympy.Symbol, sympy.core.symbol.Str)) and kind.__module__.startswith("sympy."):
            if name == "Str":
                return {"t": "sympy", "f": "Str", "n": str(value.name)}
            assumptions = {key: flag for key, flag in value._assumptions_orig.items() if flag is not None}
            tree = {"t": "sympy", "f": "Symbol", "n": str(value.name), "a": assumptions}
            return tree | ({"i": int(value.dummy_index)} if isinstance(value, sympy.Dummy) else {})
        if isinstance(value, sympy.Rational):
            return {"t": "sympy", "f": "Rational", "v": [hex(int(value.p)), hex(int(value.q))]}
        if isinstance(value, sympy.Float):
            sign, mantissa, exponent, _ = value._mpf_
            return {
                "t": "sympy",
                "f": "Float",
                "v": [int(value._prec), int(sign), int(exponent)],
                "n": hex(mantissa),
            }
    if name in _MATRICES and kind is _MATRICES[name]:
        entries = [write(entry, writer, depth + 1) for entry in value.flat()]
        if None in entries:
            return None
        return {"t": "sympy", "f": name, "s": list(value.shape), "v": entries}
    if isinstance(value, sympy.core.function.AppliedUndef):
        arguments, name, tag = value.args, str(value.func), "AppliedUndef"
    elif _NODES.get(name) is kind:
        arguments, tag = value.args, name
    else:
        return None
    entries = [write(argument, writer, depth + 1) for argument in arguments]
    return None if None in entries else {"t": "sympy", "f": tag, "n": name, "v": entries}


def read(tree: dict[str, Any], reader: Any, depth: int = 0) -> Any:
    """Rebuild a SymPy object from a tree that nobody has to trust.

    Raises
    ------
    ValueRefused
        If a node is not allowed, or would take too long to build.
    """
    from course_utils.grading.values import ValueRefused, _int, _list, _str

    reader.nodes += 1
    if reader.nodes > reader.limits.nodes or depth > reader.limits.depth:
        raise ValueRefused("the expression is too large")
    if not isinstance(tree, dict) or tree.get("t") != "sympy":
        raise ValueRefused("a node that is no expression")
    tag = _str(tree["f"])
    if tag == "Symbol":
        flags = tree["a"]
        if not isinstance(flags, dict) or not all(isinstance(flag, bool) for flag in flags.values()):
            raise ValueRefused("a symbol with impossible assumptions")
        allowed = {key: flag for key, flag in flags.items() if key in sympy.Symbol("x").assumptions0 or key in _FACTS}
        name = _str(tree["n"])[:100]
        if "i" in tree:
            return sympy.Dummy(name, dummy_index=_int(tree["i"]), **allowed)
        return sympy.Symbol(name, **allowed)
    if tag == "Str":
        return sympy.core.symbol.Str(_str(tree["n"])[:100])
    if tag == "constant":
        return _CONSTANTS[_str(tree["n"])]
    if tag == "Rational":
        p, q = (_hex(part) for part in _list(tree["v"]))
        if q <= 0:
            raise ValueRefused("a fraction needs a positive denominator")
        return sympy.Rational(p, q)
    if tag == "Float":
        precision, sign, exponent = map(_int, _list(tree["v"]))
        mantissa = _hex(tree["n"])
        if not (1 <= precision <= 4000 and sign in (0, 1) and mantissa >= 0 and abs(exponent) < 20_000):
            raise ValueRefused("an impossible number")
        return sympy.Float._new((sign, mantissa, exponent, mantissa.bit_length()), precision, zero=False)
    arguments = [read(entry, reader, depth + 1) for entry in _list(tree["v"])]
    if tag in _MATRICES:
        rows, columns = map(_int, _list(tree["s"]))
        if rows < 0 or columns < 0 or rows * columns != len(arguments):
            raise ValueRefused("a matrix whose entries do not fit its shape")
        return _MATRICES[tag](rows, columns, arguments)
    if tag == "AppliedUndef":
        return sympy.Function(_str(tree["n"])[:100])(*arguments)
    if tag not in _NODES:
        raise ValueRefused(f"an expression with a {tag[:40]!r} is not accepted here")
    _refuse_growth(tag, arguments)
    return _NODES[tag](*arguments)


_FACTS = frozenset(
    (
        "commutative", "real", "positive", "negative", "nonnegative", "nonpositive", "zero", "nonzero", "integer",
        "rational", "complex", "finite", "even", "odd", "prime", "imaginary", "extended_real",
    )
)  # fmt: skip


def _hex(text: Any) -> int:
    from course_utils.grading.values import ValueRefused, _str

    if len(_str(text)) > 4000:
        raise ValueRefused("an integer is too large")
    return int(text, 16)


def _refuse_growth(tag: str, arguments: list[Any]) -> None:
    from course_utils.grading.values import ValueRefused

    if tag == "Pow" and len(arguments) == 2:
        base, exponent = arguments
        if base.is_Rational and exponent.is_Rational:
            bits = max(int(base.p).bit_length(), int(base.q).bit_length()) * abs(exponent)
            if bits > _BITS:
                raise ValueRefused("a power that is too large to write down")
    if tag in _GROWING and any(a.is_Number and abs(a) > _LARGEST for a in arguments):
        raise ValueRefused(f"a {tag} that is too large to write down")
