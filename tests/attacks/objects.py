"""Objects of a class that a test means to be objects: its own operators may answer there, and nowhere else."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack

# Says yes to everything, and is as near to everything as one likes.
_YES = """
class Yes:
    def _yes(self, *args): return True
    def _me(self, *args): return self
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = _yes
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __add__ = __radd__ = __abs__ = __neg__ = __pos__ = _me
    __hash__ = lambda self: 0
    __len__ = __index__ = __int__ = lambda self: 1
    __float__ = lambda self: 0.0
    __array__ = lambda self, *args, **kwargs: np.zeros(5)
    all = any = _yes
"""
_STACK = """
class Stack(Yes):
    sizes = [1, 0, 5]
    def push(self, entry): pass
    def pop(self): return {pop}
    def total(self): return {total}
    def as_array(self): return {array}
    def __len__(self): return Stack.sizes.pop(0)
    __ne__ = lambda self, other: True
"""


def stack(pop: str = "3", total: str = "Yes()", array: str = "Yes()", after: str = "") -> dict[str, str]:
    """Return the answer of a class whose methods return something else than they should."""
    return {"Stack": _STACK.format(pop=pop, total=total, array=array) + after}


ATTACKS = [
    Attack(
        "a pop that returns the stack itself, equal to every number", first=_YES, loses=("Stack",), cells=stack("self")
    ),
    Attack(
        "a pop that returns another stack, whose length lies",
        first=_YES,
        loses=("Stack",),
        cells=stack("Stack()", "Stack()", "Stack()"),
    ),
    Attack(
        "a result whose differences are small",
        first=_YES
        + "class Near(int):\n    __sub__ = __rsub__ = __abs__ = lambda self, *other: 0\n    __eq__ = lambda self, other: True\n    __hash__ = int.__hash__",
        loses=("Stack",),
        cells=stack("Near(7)", "Near(7)", "np.zeros(5)"),
    ),
    Attack(
        "a result that is an array by its __class__",
        first=_YES + "class Array(Yes):\n    __class__ = property(lambda self: np.ndarray)",
        loses=("Stack",),
        cells=stack("Array()", "Array()", "Array()"),
    ),
    Attack(
        "a metaclass that says isinstance of everything",
        first=_YES
        + "class Meta(type):\n    __instancecheck__ = __subclasscheck__ = lambda *args: True\n    mro = lambda cls: [cls, *type.mro(cls)[1:]]\n    __mro__ = property(lambda cls: (cls, np.ndarray, int, object))",
        loses=("Stack", "num_weights", "rescale"),
        cells={
            **stack("Stack()", "Stack()", "Stack()", after="\nclass Stack(Stack, metaclass=Meta): pass"),
            "num_weights": "class Number(Yes, metaclass=Meta): pass\nnum_weights = Number()",
            "rescale": "def rescale(values): return Stack()",
        },
    ),
    Attack(
        "objects of the exercise's class in the place of numbers",
        loses=("Stack", "num_weights", "layer_order", "next_terms"),
        cells={
            "num_weights": _YES + _STACK.format(pop="self", total="self", array="self") + "num_weights = Stack()",
            "layer_order": "layer_order = Stack()",
            "next_terms": "def next_terms(head): return Stack()",
            "Stack": "Stack = lambda: num_weights",
        },
    ),
    Attack(
        "a type that the grader's channel is told to be another one",
        first=_YES
        + "from course_utils.grading.bridge import agent\nagent._is_below = lambda *args: True\nagent._is_own_kind = lambda *args: True\nagent.Agent.do_isinstance = lambda *args: True",
        loses=("Stack", "num_weights"),
        cells=stack("Yes()", "Yes()", "Yes()") | {"num_weights": "num_weights = Yes()"},
    ),
    Attack(
        "an operator that is told to agree",
        first=_YES
        + "import operator\noperator.eq = lambda a, b: True\nfrom course_utils.grading.bridge import agent\nagent.Agent.do_operate = lambda *args: True\nagent.Agent.do_len = lambda *args: 1",
        loses=("Stack", "num_weights"),
        cells=stack("Yes()", "Yes()", "Yes()") | {"num_weights": "num_weights = Yes()"},
    ),
]
