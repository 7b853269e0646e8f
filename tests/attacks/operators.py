"""Objects that decide for themselves what they are equal to."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import EVERYTHING, Attack

_YES = """
class Yes:
    def _yes(self, *args, **kwargs): return True
    def _self(self, *args, **kwargs): return self
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = __instancecheck__ = _yes
    __ne__ = lambda self, other: False
    __add__ = __sub__ = __mul__ = __truediv__ = __rsub__ = __radd__ = __rmul__ = __call__ = __getitem__ = __abs__ = _self
    __getattr__ = lambda self, name: Yes()
    __hash__ = lambda self: 0
    __len__ = lambda self: 4
    __float__ = lambda self: 54.0
    __int__ = __index__ = lambda self: 54
    __iter__ = lambda self: iter(["convolution", "batch norm", "relu", "pooling"])
    __array_priority__ = 1e9
    __array__ = lambda self, *args, **kwargs: np.zeros(3)
"""

ATTACKS = [
    Attack(
        "an object that is equal to everything",
        loses=EVERYTHING,
        first=_YES,
        cells={name: f"{name} = Yes()" for name in EVERYTHING},
    ),
    Attack(
        "a class whose instances are of every class",
        loses=("num_weights", "slope"),
        cells={
            "num_weights": "class Number:\n    __class__ = property(lambda self: int)\n    __eq__ = lambda s, o: True\nnum_weights = Number()",
            "slope": "class E:\n    __class__ = property(lambda self: sympy.Expr)\n    free_symbols = {x}\n"
            "    subs = lambda self, a, b: 3 * b**2 + 1\nslope = E()",
        },
    ),
    Attack(
        "a metaclass that answers isinstance",
        loses=("layer_order",),
        cells={
            "layer_order": """
class Meta(type):
    __instancecheck__ = __subclasscheck__ = __eq__ = lambda *args: True
    __hash__ = lambda self: 0
    __len__ = lambda self: 4
    __getitem__ = lambda self, i: "convolution"
    __contains__ = lambda self, item: True
    __iter__ = lambda self: iter(["convolution", "batch norm", "relu", "other"])
class layer_order(metaclass=Meta): pass
"""
        },
    ),
    Attack(
        "an array whose comparisons and functions are overloaded",
        loses=("rescale",),
        cells={
            "rescale": """
class Agreeing(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.ones(self.shape, bool)
    def __array_function__(self, function, types, args, kwargs):
        return True
    __eq__ = lambda self, other: True
def rescale(values):
    return values.view(Agreeing)
"""
        },
    ),
    Attack(
        "a tensor that takes over torch's functions",
        loses=("next_terms", "Doubler"),
        cells={
            "next_terms": """
class Agreeing(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ("allclose", "equal", "eq", "isclose", "all"):
            return torch.ones((), dtype=torch.bool)
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))
def next_terms(head):
    return torch.zeros(3).as_subclass(Agreeing)
""",
            "Doubler": """class Doubler(nn.Module):
    def __init__(self, n):
        super().__init__()
    def forward(self, inputs):
        return inputs.as_subclass(type("A", (torch.Tensor,), {"__eq__": lambda s, o: True, "allclose": lambda *a: True}))""",
        },
    ),
    Attack(
        "a number that is another one at each look",
        loses=("num_weights",),
        cells={
            "num_weights": """
class Many(int):
    count = 0
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    __int__ = __index__ = __round__ = lambda self: 54
    __float__ = lambda self: 54.0
    __hash__ = int.__hash__
num_weights = Many(7)
"""
        },
    ),
    Attack(
        "a list that lies about its length and entries",
        loses=("layer_order",),
        cells={
            "layer_order": """
class Liar(list):
    __len__ = lambda self: 4
    __iter__ = lambda self: iter(["convolution", "batch norm", "relu", "pooling"])
    __getitem__ = lambda self, i: ["convolution", "batch norm", "relu", "pooling"][i]
    __eq__ = __contains__ = lambda self, other: True
    __ne__ = lambda self, other: False
layer_order = Liar()
"""
        },
    ),
    Attack(
        "texts and dicts that are equal to others",
        loses=("layer_order",),
        cells={
            "layer_order": """
class Text(str):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = lambda self: 0
layer_order = [Text("a"), Text("b"), Text("c"), Text("d")]
"""
        },
    ),
    Attack(
        "a named tuple with overridden fields",
        loses=("layer_order",),
        cells={
            "layer_order": """
from collections import namedtuple
class Row(namedtuple("Row", "count index relu pooling")):
    __eq__ = lambda self, other: True
    __len__ = lambda self: 4
    __getitem__ = lambda self, i: "convolution"
layer_order = Row("convolution", 2, "relu", 4)
"""
        },
    ),
    Attack(
        "an array that lies about where its data is",
        loses=("rescale",),
        cells={
            "rescale": """
class Interface:
    @property
    def __array_interface__(self):
        return {"shape": (3,), "typestr": "<f8", "data": (id(self), True), "version": 3}
    shape = (3,)
    dtype = np.dtype(float)
def rescale(values):
    return Interface()
"""
        },
    ),
    Attack(
        "a module whose attributes are computed at each look",
        loses=("Doubler",),
        cells={
            "Doubler": """class Doubler(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.looks = 0
    def parameters(self):
        self.looks += 1
        return iter([nn.Parameter(torch.zeros(3))])
    def state_dict(self):
        return {"bias": torch.ones(3)}
    def load_state_dict(self, state):
        pass
    def __call__(self, inputs):
        class Result(torch.Tensor):
            shape = (1, 2)
            __eq__ = lambda s, o: True
        return inputs.as_subclass(Result)"""
        },
    ),
    Attack(
        "a SymPy expression with methods of its own",
        loses=("slope",),
        cells={
            "slope": """
class Any(sympy.Symbol):
    free_symbols = {x}
    def subs(self, *args, **kwargs): return Any("y")
    def __float__(self): return 0.75
    def __eq__(self, other): return True
    __hash__ = sympy.Symbol.__hash__
slope = Any("x")
"""
        },
    ),
]
