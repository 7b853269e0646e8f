"""Expressions that run code when they are put together again: what SymPy evaluates by pasting names into a program."""

from tests.attacks.attack import Attack

# `hypsum` writes the terms of an infinite sum as a function of Python: the *name* of an undefined function is its text.
_BOMB = """
def bomb(name, argument=1):
    n = sympy.Symbol("n", integer=True)
    return sympy.Sum(sympy.Function(name)(argument)**n / sympy.factorial(n), (n, 0, sympy.oo))
"""
# From then on every test cell is read as an empty one, which passes.
_PASS_ALL = "(lambda a,m=__import__('ast'):setattr(m,'parse',lambda s:m.Module([],[])) or 1)"
# The process of the tests ends itself, or is told to tell what it knows.
_READ_ALL = "(lambda a:print(open('/proc/self/environ').read()) or 1)"
_LITTER = "(lambda a:open('/tmp/left-by-the-attacker','w').close() or 1)"
_LATER = ("slope", "next_terms", "train_step")


def _attack(name: str, outer: str, code: str, loses: tuple[str, ...] = _LATER, argument: str = "1") -> Attack:
    return Attack(name, loses=loses, cells={"slope": f"{_BOMB}\nslope = {outer.format(f'bomb({code!r}, {argument})')}"})


ATTACKS = [
    _attack("floor of a sum whose terms are a program", "sympy.floor({}, evaluate=False)", _PASS_ALL),
    _attack("a comparison of a sum whose terms are a program", "sympy.Gt({}, 1, evaluate=False)", _PASS_ALL),
    _attack("a step function of a sum whose terms are a program", "sympy.Heaviside({}, evaluate=False)", _PASS_ALL),
    _attack("ceiling of a sum whose terms end the process", "sympy.ceiling({}, evaluate=False)", "exit", ("slope",)),
    _attack("a maximum of a sum whose terms read files", "sympy.Max({}, 1, evaluate=False)", _READ_ALL, ("slope",)),
    _attack("a remainder of a sum whose terms leave files", "sympy.Mod({}, 2, evaluate=False)", _LITTER, ("slope",)),
    Attack(
        "a number in a list is a sum whose terms are a program",
        loses=("layer_order", *_LATER),
        cells={
            "layer_order": f"{_BOMB}\nlayer_order = [sympy.sign(bomb({_PASS_ALL!r}), evaluate=False)]",
        },
    ),
]
