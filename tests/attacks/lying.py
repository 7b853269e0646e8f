"""Values and handles that are not what they seem, and exceptions that bite."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack

ATTACKS = [
    Attack(
        "handles that claim to be modules, tensors and numbers",
        loses=("Doubler", "num_weights", "slope"),
        cells={
            "Doubler": """
class Tensor: pass
Tensor.__module__ = "torch"
Tensor.__qualname__ = "Tensor"
def Doubler(n):
    return lambda inputs: Tensor()
""",
            "num_weights": "class int: pass\nint.__module__ = 'builtins'\nnum_weights = int()\ndel int",
            "slope": "class Expr: pass\nExpr.__module__ = 'sympy.core.expr'\nExpr.free_symbols = {x}\nExpr.subs = lambda s, a, b: Expr()\nslope = Expr()",
        },
    ),
    Attack(
        "a mapping that answers differently to each question",
        loses=("layer_order",),
        cells={
            "layer_order": """
import itertools
class Changing:
    answers = itertools.cycle(["convolution", "batch norm", "relu", "pooling"])
    def __len__(self): return 4
    def __getitem__(self, i): return next(self.answers)
    def __contains__(self, item): return True
layer_order = Changing()
"""
            + "# its entries are right, one by one: only an honest list may earn the points\nlayer_order.__class__.answers = itertools.cycle(['relu'])"
        },
    ),
    Attack(
        "containers that contain themselves",
        loses=("layer_order", "batches"),
        cells={
            "layer_order": "layer_order = []\nlayer_order.append(layer_order)\nd = {}\nd['d'] = d\nlayer_order.append(d)",
            "batches": "def batches(items, size):\n    a = []\n    b = [a]\n    a.append(b)\n    return a",
        },
    ),
    Attack(
        "nesting without an end",
        loses=("layer_order", "batches"),
        cells={
            "layer_order": "layer_order = []\nfor _ in range(100_000):\n    layer_order = [layer_order]",
            "batches": "class Nest:\n    def __iter__(self): return Nest()\n    def __next__(self): return Nest()\n    def __len__(self): return -1\n"
            "def batches(items, size):\n    return Nest()",
        },
    ),
    Attack(
        "numbers too long to write",
        loses=("num_weights", "train_step"),
        cells={
            "num_weights": "num_weights = 54 + 10 ** 2_000_000",
            "train_step": "import fractions\ndef train_step(*args):\n    return fractions.Fraction(10**4000, 10**3999 + 1)",
        },
    ),
    Attack(
        "not a number, infinite and signed zeros",
        loses=("rescale", "num_weights", "next_terms", "train_step"),
        cells={
            "rescale": "def rescale(values):\n    return np.full(values.shape, np.nan)",
            "num_weights": "num_weights = float('nan')",
            "next_terms": "def next_terms(head):\n    return torch.full((3,), torch.nan)",
            "train_step": "def train_step(model, optimizer, inputs, targets):\n    with torch.no_grad():\n        for p in model.parameters():\n            p.fill_(torch.nan)\n    return float('nan')",
        },
    ),
    Attack(
        "arrays of other kinds of numbers",
        loses=("rescale", "Doubler"),
        cells={
            "rescale": "def rescale(values):\n    return values.astype('M8[s]')",
            "Doubler": """class Doubler(nn.Module):
    def __init__(self, n):
        super().__init__()
    def forward(self, inputs):
        return (2 * inputs).to(torch.bool)""",
        },
    ),
    Attack(
        "arrays of texts, objects, records and of no size",
        loses=("rescale", "next_terms"),
        cells={
            "rescale": "def rescale(values):\n    return [values.astype(str), values.astype(object), np.zeros(3, 'f8,f8'), np.empty((0, 10**9))][values.size % 4]",
            "next_terms": "def next_terms(head):\n    return torch.empty(0, 10**12)",
        },
    ),
    Attack(
        "tensors without values: meta, sparse, quantised",
        loses=("next_terms", "Doubler"),
        cells={
            "next_terms": "def next_terms(head):\n    return torch.zeros(3, device='meta') if head[0] == 1 else torch.zeros(3).to_sparse()",
            "Doubler": "class Doubler(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n    def forward(self, inputs):\n"
            "        return torch.quantize_per_tensor(inputs, 0.1, 0, torch.qint8)",
        },
    ),
    Attack(
        "views that would take all memory when written out",
        loses=("next_terms",),
        cells={"next_terms": "def next_terms(head):\n    return torch.zeros(1).expand(10**12)"},
    ),
    Attack(
        "changes to arguments, of other shapes and kinds",
        loses=("rescale", "train_step"),
        cells={
            "rescale": "def rescale(values):\n    values.resize((1,), refcheck=False)\n    return values",
            "train_step": """def train_step(model, optimizer, inputs, targets):
    model.weight = nn.Parameter(torch.zeros(7, 7))
    model.extra = nn.Linear(2, 2)
    optimizer.param_groups.clear()
    optimizer.state[0] = {"step": lambda: 0}
    return 0.0""",
        },
    ),
    Attack(
        "the test's own arrays are made to fit the answer",
        loses=("rescale", "next_terms"),
        cells={
            "rescale": "def rescale(values):\n    values[...] = 0\n    return values",
            "next_terms": "def next_terms(head):\n    head.zero_()\n    head.untyped_storage().resize_(36)\n    return torch.zeros(3)",
        },
    ),
    Attack(
        "an expression that takes for ever to build",
        loses=("slope",),
        cells={
            "slope": "slope = sympy.Max(*[sympy.sin(n * sympy.Symbol('y')) - sympy.cos(n) ** 2 for n in range(1, 100)], evaluate=False)"
        },
    ),
    Attack(
        "an expression with huge powers and factorials",
        loses=("slope",),
        cells={
            "slope": "slope = sympy.Mul(*[sympy.Pow(9, 9**9, evaluate=False), sympy.factorial(10**9, evaluate=False), x], evaluate=False)"
        },
    ),
    Attack(
        "an expression that is not a number anywhere",
        loses=("slope",),
        cells={"slope": "slope = x * sympy.nan + sympy.Symbol('x', positive=True)"},
    ),
    Attack(
        "an exception that raises when it is shown",
        loses=("rescale", "next_terms"),
        cells={
            "rescale": """
class Bad(Exception):
    def __str__(self): raise Bad("again")
    __repr__ = __str__
def rescale(values):
    raise Bad()
""",
            "next_terms": "class Endless(Exception):\n    def __str__(self):\n        while True: pass\ndef next_terms(head):\n    if head[0] == 1:\n        raise Endless",
        },
    ),
    Attack(
        "an exception with an endless text and a name of many lines",
        loses=("rescale",),
        cells={
            "rescale": """
Odd = type("E\\n<script>run-by-the-attacker</script>" * 1000, (Exception,), {"__str__": lambda self: "z" * 10**8})
Odd.__module__ = "builtins"
def rescale(values):
    raise Odd
"""
        },
    ),
    Attack(
        "exceptions that look like success",
        loses=("rescale", "batches", "next_terms", "train_step"),
        cells={
            "rescale": "def rescale(values):\n    raise StopIteration",
            "batches": "def batches(items, size):\n    raise StopIteration",
            "next_terms": "class SystemExit(BaseException): pass\ndef next_terms(head):\n    raise SystemExit",
            "train_step": "class StudentError(StopIteration, AttributeError): pass\ndef train_step(*args):\n    raise StudentError",
        },
    ),
    Attack(
        "the course's own exceptions raised by the student",
        loses=("rescale", "next_terms"),
        cells={
            "rescale": "from course_utils.checks import CheckFailed\ndef rescale(values):\n    raise CheckFailed('full points')",
            "next_terms": "from course_utils.grading.run.kernel_client import KernelLost, CellStopped\ndef next_terms(head):\n    raise KernelLost('died')",
        },
    ),
    Attack(
        "attributes that raise",
        loses=("Doubler", "batches"),
        cells={
            "Doubler": "class Doubler:\n    def __init__(self, n): pass\n    def __getattribute__(self, name): raise BaseException(name)",
            "batches": "class B:\n    __len__ = __iter__ = __next__ = lambda self: 1 / 0\ndef batches(items, size):\n    return B()",
        },
    ),
    Attack(
        "the trusted constants are defined by the student",
        loses=("slope",),
        first="import builtins",
        cells={"slope": "SCALES = []\nx = sympy.Symbol('y')\nslope = x"},
        last="SCALES = []",
    ),
    Attack(
        "the course's own cell is made to fail, so that its names are the student's",
        loses=("slope",),
        edit=lambda nb: nb["cells"].insert(
            2,
            {
                "cell_type": "code",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "id": "early",
                "source": "import os\nclass Lost(type(sympy)):\n    def __getattr__(self, name):\n        if name == 'Symbol':\n            os._exit(0)\n        raise AttributeError\n"
                "import sympy as real\nsympy = Lost('sympy')\nSCALES = []",
            },
        ),
        cells={"slope": "import sympy\nx = sympy.Symbol('x')\nSCALES = []\nslope = 2 + 0 * x"},
    ),
]
