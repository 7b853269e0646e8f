"""Expressions that run code, or take for ever, when somebody builds, compares, prints or hashes them."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack

# SymPy looks at the size of an infinite sum by writing its terms out as Python, names of functions included.
_SERIES = """
def raw(kind, *args):
    return sympy.Basic.__new__(kind, *args)

def series(name):
    k = sympy.Symbol("k", integer=True)
    term = sympy.Function(name)(1) ** k / sympy.factorial(k)
    return raw(sympy.Sum, term, sympy.Tuple(k, 0, sympy.oo))

# Switches off what makes a check fail, for all cells behind this one.
NAME = "setattr(__import__('course_utils.checks').checks,'_fail',print)or abs"
"""
_WRONG_AFTERWARDS = {
    "next_terms": "def next_terms(head):\n    return torch.zeros(3)",
    "train_step": "def train_step(model, optimizer, inputs, targets):\n    return 0.0",
}
_LATER = ("slope", *_WRONG_AFTERWARDS)


def _in_slope(answer: str) -> dict[str, str]:
    return {"slope": f"{_SERIES}\nslope = {answer}", **_WRONG_AFTERWARDS}


ATTACKS = [
    Attack(
        "a function whose name is Python, in a sum that has to be rounded",
        loses=_LATER,
        cells=_in_slope("raw(sympy.floor, series(NAME))"),
    ),
    Attack(
        "the same where it has to be compared with a number",
        loses=_LATER,
        cells=_in_slope("raw(sympy.Gt, series(NAME), sympy.S(1))"),
    ),
    Attack(
        "the same as the larger of two, in a dict in a list",
        loses=_LATER,
        cells=_in_slope("[{'slope': raw(sympy.Max, series(NAME), sympy.S(1))}]"),
    ),
    Attack(
        "the same as a remainder, in a matrix",
        loses=_LATER,
        cells=_in_slope("sympy.ImmutableMatrix([[raw(sympy.Mod, series(NAME), sympy.S(2))]])"),
    ),
    Attack(
        "the same as the end of an interval, from a function of the student",
        loses=("rescale", "layer_order", *_WRONG_AFTERWARDS),
        cells={
            "rescale": f"{_SERIES}\ndef rescale(values):\n    return raw(sympy.Interval, sympy.S(0), series(NAME), sympy.false, sympy.false)",
            "layer_order": "layer_order = ['relu', 'relu', 'relu', 'relu']",
            **_WRONG_AFTERWARDS,
        },
    ),
    Attack(
        "the same at the place of a jump, which ends Python",
        loses=("slope",),
        cells={"slope": f"{_SERIES}\nslope = raw(sympy.Heaviside, series('exit'), sympy.S(1) / 2)"},
    ),
    Attack(
        "an expression as a key, and among keys that all have one hash",
        loses=("layer_order", "batches", "num_weights"),
        cells={
            "layer_order": "layer_order = {x**k: 'relu' for k in range(4)}",
            "batches": "def batches(items, size):\n    return {k * (2**61 - 1): k for k in range(1, 400_000)}",
            "num_weights": "num_weights = {54: {x: {k * (2**61 - 1) for k in range(1, 400_000)}}}",
        },
    ),
    Attack(
        "a tower of powers, a sum without end, a product of matrices as large as the memory",
        loses=("slope", "num_weights", "layer_order"),
        cells={
            "slope": "slope = x\nfor _ in range(12):\n    slope = sympy.Pow(sympy.Integer(9), slope, evaluate=False)\n"
            "slope = sympy.Sum(x + slope, (sympy.Symbol('k'), 1, 10**9))",
            "num_weights": "z = sympy.ZeroMatrix\nnum_weights = sympy.MatMul(z(200_000, 1), z(1, 200_000), evaluate=False)",
            "layer_order": "layer_order = 4 * [sympy.Pow(10, sympy.Pow(10, 10, evaluate=False), evaluate=False)]",
        },
    ),
    Attack(
        "an expression that is everything to everybody: equal, true, a number, a list",
        loses=("num_weights", "layer_order", "slope"),
        cells={
            "num_weights": "num_weights = x",
            "layer_order": "layer_order = sympy.Tuple(*map(sympy.Symbol, ['convolution', 'batch norm', 'relu', 'pooling']))",
            "slope": "slope = sympy.Eq(x, x, evaluate=False)",
        },
    ),
]
