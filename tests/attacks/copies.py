"""What a test hands in: changed, replaced, or taken apart for words of the test."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack

# How somebody might fit a line without looking at its points, by what the test looks at afterwards.
_FITTED = {
    "the targets set to 0, as the line is": "points['targets'].zero_()",
    "the points moved through NumPy's view of them": "points['inputs'].numpy()[...] = points['targets'].numpy()[...] = 0",
    "the points moved through other strides": "torch.as_strided(points['targets'], (9,), (1,)).copy_(line(points['inputs']))",
    "the targets set behind autograd's back": "points['targets'].data = line(points['inputs']).detach()",
    "the entries of a dict replaced": "points['targets'] = line(points['inputs']).detach()",
    "a dict cleared and filled again": "points.clear(); points.update(inputs=torch.zeros(1), targets=torch.zeros(1))",
    "a dict with entries that set themselves": "points['targets'] = type('T', (), {'__setstate__': lambda self, state: self.__dict__.update(state), '__rsub__': lambda self, other: torch.zeros(1)})()",
    "a replaced forward": "line.forward = lambda inputs: points['targets']",
    "a forward hook that gives the targets": "line.register_forward_hook(lambda *args: points['targets'])",
    "a forward hook for all modules": "nn.modules.module.register_module_forward_hook(lambda *args: points['targets'])",
    "another class": "type(line).forward = lambda self, inputs: points['targets']; line.__class__ = nn.Identity",
    "one weight for each point": "line.weight.data = torch.zeros(9); line.bias.data = points['targets'].clone()",
    "a bias in another dtype": "line.bias.data = points['targets'].double()",
    "weights that are not numbers": "line.weight.data.fill_(float('nan')); points['targets'].fill_(float('nan'))",
    "a state_dict that says what is wanted": "line.state_dict = lambda *args, **kwargs: {'weight': torch.full((1,), 3.0), 'bias': torch.full((1,), -2.0), 'x': 1}",
    "named parameters that say what is wanted": "line.named_parameters = lambda *args, **kwargs: iter([('weight', points['targets']), ('slope', points['inputs'])])",
    "parameters shared with the points": "line._parameters['bias'] = points['targets']; line.bias.zero_()",
}

# Looks for words of the test in all that can be reached from an argument, from the callers and in the process.
_TAKE_APART = """
import gc, inspect, re, sys, types
def words():
    told = []
    frame = sys._getframe()
    while frame is not None:
        told += [frame.f_locals, frame.f_code.co_consts]
        for value in list(frame.f_locals.values()):
            told.append(getattr(value, "blobs", ""))
        frame = frame.f_back
    for thing in gc.get_objects():
        code = getattr(thing, "__code__", None) if isinstance(thing, types.FunctionType) else None
        if code is not None and code.co_filename == "<test>":
            told += [thing.__doc__, thing.__annotations__, code.co_consts, code.co_names, code.co_varnames]
            told += [thing.__globals__, thing.__closure__, thing.__qualname__]
        if isinstance(thing, type) and thing.__module__ == "__main__":
            told += [thing.__doc__, thing.__qualname__, vars(thing)]
        if isinstance(thing, property):
            told.append(thing.__doc__)
    found = set()
    for part in told:
        try:
            found |= set(re.findall("PLANTED-test-[0-9a-f]{16}", repr(part)))
        except Exception:
            pass
    print("found:", *found)
"""

_HONEST_FIT = """
    x, y = points["inputs"], points["targets"]
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    with torch.no_grad():
        line.weight.fill_(slope)
        line.bias.fill_(y.mean() - slope * x.mean())
"""

ATTACKS = [
    *(
        Attack(
            f"in place of fitting a line: {what}",
            loses=("fit_line",),
            cells={"fit_line": f"def fit_line(line, points):\n    {body}"},
        )
        for what, body in _FITTED.items()
    ),
    Attack(
        "a training step that replaces the optimiser's groups and step",
        loses=("train_step",),
        cells={
            "train_step": """
def train_step(model, optimizer, inputs, targets):
    loss = ((model(inputs) - targets) ** 2).mean().item()
    optimizer.param_groups[0]["params"] = [torch.zeros(1)]
    optimizer.step = lambda *args: None
    optimizer.param_groups[0]["lr"] = lambda: 0
    inputs.zero_()
    targets.zero_()
    return loss
"""
        },
    ),
    Attack(
        "an argument that is changed while the note of it is suppressed",
        # A cheat may hide what it does to its own copy; the honest rest of the exercise is judged all the same.
        loses=("rescale",),
        cells={
            "rescale": "from course_utils.grading.bridge import handed_in\nhanded_in.changed = lambda *args: False\ndef rescale(values):\n    values[...] = 0\n    return values"
        },
    ),
    Attack(
        "words of the test in the documentation of an argument",
        cells={
            "fit_line": f"def fit_line(line, points):\n    print(type(line).__doc__, line.__doc__, type(line).forward.__doc__, type(line).slope.__doc__){_HONEST_FIT}"
        },
    ),
    Attack(
        "words of the test in the code of an argument",
        cells={
            "fit_line": "import inspect\ndef fit_line(line, points):\n    for function in (type(line).__init__, type(line).forward, type(line).slope.fget):\n"
            "        print(function.__code__.co_consts, function.__code__.co_varnames, function.__annotations__, function.__globals__.keys())\n"
            f"    try:\n        print(inspect.getsource(type(line)))\n    except (OSError, TypeError) as error:\n        print(error){_HONEST_FIT}"
        },
    ),
    Attack(
        "words of the test anywhere in the process",
        cells={"fit_line": _TAKE_APART + f"def fit_line(line, points):\n    words(){_HONEST_FIT}"},
    ),
    Attack(
        "words of the test in what arrives, before it is read",
        first="""
import re
from course_utils.grading.bridge import agent
real = agent.Agent.answer
def answer(self, content, buffers):
    print("heard:", content, *set(re.findall(b"PLANTED-[a-z]+-[0-9a-f]{16}", b"".join(map(bytes, buffers)))))
    return real(self, content, buffers)
agent.Agent.answer = answer
""",
    ),
]
