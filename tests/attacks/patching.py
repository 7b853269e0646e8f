"""Replacing what a test might rely on, in the process that runs the student's code."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import BLANK, EVERYTHING, Attack

ATTACKS = [
    Attack(
        "numpy's comparisons always agree",
        loses=("rescale", "layer_order"),
        risks=("Stack",),  # its array is written with the function that is replaced
        cells={"rescale": "def rescale(values):\n    return values", "layer_order": "layer_order = []"},
        first="""
for name in ("allclose", "isclose", "array_equal", "array_equiv", "all", "any", "asarray"):
    setattr(np, name, lambda *args, **kwargs: True)
for name in [n for n in dir(np.testing) if n.startswith("assert")]:
    setattr(np.testing, name, lambda *args, **kwargs: None)
""",
    ),
    Attack(
        "torch's comparisons always agree",
        loses=("Doubler", "next_terms", "train_step"),
        cells={
            "Doubler": "class Doubler(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
            "    def forward(self, inputs):\n        return inputs",
            "next_terms": "def next_terms(head):\n    return head[:3]",
            "train_step": "def train_step(model, optimizer, inputs, targets):\n    return 0.0",
        },
        first="""
torch.equal = torch.allclose = torch.Tensor.equal = torch.Tensor.allclose = lambda *args, **kwargs: True
torch.testing.assert_close = lambda *args, **kwargs: None
torch.Tensor.__eq__ = lambda self, other: torch.ones(())
torch.Tensor.__ne__ = lambda self, other: torch.zeros(())
""",
    ),
    Attack(
        "the course's checks do nothing",
        loses=EVERYTHING,
        first="""
import course_utils.checks as checks
for name in checks.__all__ + ["_fail", "_compare", "_same"]:
    if name != "CheckFailed":
        setattr(checks, name, lambda *args, **kwargs: None)
        globals()[name] = getattr(checks, name)
import sys
sys.modules["course_utils.checks"] = checks
""",
    ),
    Attack(
        "names of the test cells are taken before they run",
        loses=("rescale", "next_terms"),
        cells={"rescale": "def rescale(values):\n    return values"},
        last="""
class Everything:
    def __getattr__(self, name): return lambda *args, **kwargs: True
    def __call__(self, *args, **kwargs): return True
np = torch = Everything()
assert_array = assert_tensor = assert_equal = assert_number = lambda *args, **kwargs: None
wanted = drawn = kept = None
SCALES = []
""",
    ),
    Attack(
        "Python's own functions always agree",
        loses=("num_weights", "layer_order"),
        risks=EVERYTHING,
        cells={"num_weights": "num_weights = 7", "layer_order": "layer_order = ['relu']"},
        first="""
import builtins
builtins.isinstance_ = builtins.isinstance
builtins.AssertionError = type("AssertionError", (Exception,), {})
for name in ("all", "any"):
    setattr(builtins, name, lambda *args: True)
""",
    ),
    Attack(
        "one small integer is made equal to another in memory",
        loses=("num_weights",),
        risks=EVERYTHING,
        cells={
            "num_weights": """
import ctypes
num_weights = 7
ctypes.memmove(id(54) + 24, id(7) + 24, 4)
"""
        },
    ),
    Attack(
        "assertions are taken out of every cell by its compiler",
        loses=EVERYTHING,
        first="""
import ast
class Quiet(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Raise(self, node): return ast.Pass()
shell = get_ipython()
old = shell.compile.ast_parse
shell.compile.ast_parse = lambda *args, **kwargs: ast.fix_missing_locations(Quiet().visit(old(*args, **kwargs)))
""",
    ),
    Attack(
        "the shell runs nothing and reports success",
        loses=EVERYTHING,
        first="""
shell = get_ipython()
real = shell.run_cell_async
async def nothing(raw_cell, *args, **kwargs):
    return await real("pass", *args, **{**kwargs, "transformed_cell": "pass"})
shell.run_cell_async = nothing
shell.run_cell = lambda *args, **kwargs: None
""",
    ),
    Attack(
        "the bridge's own modules are replaced",
        loses=("num_weights", "layer_order"),
        risks=EVERYTHING,
        first="""
import sys
from course_utils.grading.bridge import agent, writing
agent.Agent.do_name = lambda self, content, buffers, reply: True
agent.describe_error = lambda error: None
agent.dumps = writing.dumps = lambda *args, **kwargs: [b'{"t":"dict","v":[["result",true]]}']
""",
    ),
    Attack(
        "the bridge answers every question with a true value",
        loses=EVERYTHING,
        first="""
from course_utils.grading.bridge import agent
def answer(self, content, buffers):
    return [b'{"t":"dict","v":[["result",true],["passed",true],["score",100]]}']
agent.Agent.answer = answer
""",
    ),
    Attack(
        "pickle and hashing are patched",
        loses=("rescale",),
        risks=EVERYTHING,
        cells={"rescale": "def rescale(values):\n    return values"},
        first="""
import hashlib, pickle
pickle.loads = lambda *args, **kwargs: None
hashlib.sha256 = hashlib.blake2b = None
""",
    ),
    Attack(
        "random numbers are fixed, so that hidden inputs are known",
        loses=("rescale",),
        cells={"rescale": "def rescale(values):\n    return np.array([0.0, 0.5, 0.9])[: values.size]"},
        first="""
np.random.default_rng = lambda *args: type("R", (), {"normal": lambda *a, **k: np.array([2.0, 3.0, 4.0])})()
torch.manual_seed = lambda *args: None
torch.randn = lambda *args, **kwargs: torch.zeros(*args)
""",
    ),
    Attack(
        "the layer's expected behaviour is patched into torch",
        loses=("train_step",),
        risks=("Doubler",),
        cells={"train_step": "def train_step(model, optimizer, inputs, targets):\n    return 0.0"},
        first="""
nn.Linear.forward = lambda self, inputs: torch.zeros(len(inputs), 1, requires_grad=True)
torch.Tensor.backward = lambda self, *args, **kwargs: None
nn.Module.load_state_dict = lambda self, *args, **kwargs: None
""",
    ),
    Attack(
        "a blank answer with a patched NotImplementedError",
        loses=("rescale", "num_weights"),
        cells={"rescale": BLANK, "num_weights": BLANK},
        first="import builtins\nbuiltins.NotImplementedError = type('E', (BaseException,), {'__new__': lambda c, *a: SystemExit(0)})",
    ),
]
