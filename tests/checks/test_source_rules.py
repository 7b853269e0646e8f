"""Rules about forbidden names look at what a function reads from outside, not at how it calls its variables."""

import linecache

import pytest

from course_utils.checks.source_rules import forbidden_in, forbidden_names, loops_in, modules_in, numbers_in

FORBIDDEN = ["torch.autograd", "autograd.grad", "jacobian", "F.conv2d"]


@pytest.mark.parametrize(
    "cell",
    [
        "def mine(x):\n    grad = x * 2\n    return grad",
        "def mine(grad, jacobian):\n    return grad @ jacobian",
        "def mine(x):\n    conv2d = [grad for grad in x]\n    return conv2d",
        "def mine(x):\n    def inner(jacobian):\n        return jacobian + 1\n    return inner(x)",
        "mine = lambda grad: grad + 1",
        "def mine(x):\n    grad = x * 2\n    def inner():\n        return grad\n    return inner()",
        "def mine(x):\n grad = 2\n def inner():\n  return grad\n def other():\n  from a import grad\n return inner()",
    ],
)
def test_variables_may_have_any_name(cell):
    assert forbidden_in("mine", [cell], FORBIDDEN) == set()


OWN = "def conv2d(x, w): return x * w\n"


@pytest.mark.parametrize(
    "cell",
    [
        f"{OWN}def mine(x): return conv2d(x, x)",
        f"def conv2d(x, w): return conv2d(x, w) if w else x\n{OWN}def mine(x): return conv2d(x, x)",
        "conv2d = lambda x, w: x * w\ndef mine(x): return conv2d(x, x)",
        "class conv2d:\n    pass\ndef mine(x): return conv2d()",
        "class mine:\n def __init__(self): self.conv2d = 2\n def go(self, x): return x * self.conv2d > -self.conv2d",
    ],
)  # fmt: skip
def test_what_is_written_in_the_place_of_an_import_is_the_students_own(cell):
    assert forbidden_in("mine", ["from torch.nn.functional import conv2d", cell], FORBIDDEN) == set()


@pytest.mark.parametrize(
    "cell",
    [
        f"keep = conv2d\n{OWN}def mine(x): return keep(x, x)",
        f"{OWN}from torch.nn.functional import conv2d\ndef mine(x): return conv2d(x, x)",
        "def conv2d(x, c=conv2d): return c(x)\ndef mine(x): return conv2d(x)",
        "conv2d = lambda x, c=conv2d: c(x)\ndef mine(x): return conv2d(x)",
        "@partial(partial, conv2d)\ndef conv2d(x): pass\ndef mine(x): return conv2d(x)",
        "class conv2d:\n    real = conv2d\ndef mine(x): return conv2d.real(x)",
        f"class A:\n    real = conv2d\n{OWN}def mine(x): return A.real(x)",
        f"{OWN}del conv2d\nfrom torch.nn.functional import *\ndef mine(x): return conv2d(x, x)",
        f"{OWN}globals().update(vars(F))\ndef mine(x): return conv2d(x, x)",
        "class A:\n def set(self): self.conv2d = 1\n def go(m, x): return m.conv2d(x)\ndef mine(x): return A.go(F, x)",
        "class A:\n from torch.nn.functional import conv2d\n def go(self, x): return self.conv2d(x)\nmine = A().go",
        "class mine:\n def set(self): self.conv2d = 1\n def go(self, x):\n  self = F\n  return x * self.conv2d",
        f"{OWN}from helper import conv2d\ndef mine(x): return conv2d(x, x)",
        "class T(torch.Tensor):\n grad = 1\n def get(self): return self.grad\ndef mine(x): return T(x).get()",
        "class mine:\n def __init__(self): self.conv2d = F.conv2d\n def __call__(self, x): return self.conv2d(x)",
        "class mine:\n def __call__(self, x): return self.conv2d(x)",
        "class mine:\n grad = 1\n def __call__(self, x): return x.grad(x)",
    ],
)
def test_an_import_that_is_used_all_the_same_is_seen(cell):
    assert forbidden_in("mine", ["from torch.nn.functional import conv2d", cell], FORBIDDEN)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("def mine(x):\n    return torch.autograd.grad(x, x)", "torch.autograd.grad"),
        ("def mine(x):\n    from torch.autograd import grad\n    return grad(x, x)", "torch.autograd.grad (as grad)"),
        ("from torch.autograd import grad\ndef mine(x):\n    return grad(x, x)", "torch.autograd.grad (as grad)"),
        ("def mine(x):\n    def inner():\n        grad = 1\n    return grad(x)", "grad"),
        ("def mine(x):\n    def inner():\n        return conv2d(x)\n    return inner()", "conv2d"),
        ("def helper(x):\n    return conv2d(x)\ndef mine(x):\n    return helper(x)", "conv2d"),
        (
            "def mine(x):\n from torch.autograd import grad as g\n def inner():\n  return g(x)\n return inner()",
            "torch.autograd.grad (as g)",
        ),
        ("mine = conv2d", "conv2d"),
        ("def mine(x):\n    global conv2d\n    return conv2d(x)", "conv2d"),
        ("def mine(x, how=conv2d):\n    return how(x)", "conv2d"),
        ("class mine:\n    forward = conv2d", "conv2d"),
        ("def mine(x, w):\n    return x @ w", "@"),
        ("def mine(x, w):\n    x @= w\n    return x", "@"),
    ],
)
def test_names_from_outside_are_seen(cell, message):
    assert message in forbidden_in("mine", [cell], [*FORBIDDEN, "@"])


@pytest.mark.parametrize(
    "other",
    [
        "shape = conv2d(picture).shape",
        "sum = 0\nfor kernel in kernels:\n    sum += conv2d(picture, kernel).sum()",
        "def mine(x):\n    return conv2d(x)",
        "def unrelated(x):\n    return conv2d(x)",
    ],
)
def test_other_cells_do_not_count_for_a_function_that_does_not_use_them(other):
    cell = "def mine(x):\n    return x.shape, x.sum()"
    assert forbidden_in("mine", [other, cell], FORBIDDEN) == set()


@pytest.mark.parametrize(
    "other",
    [
        "class Helper:\n    def apply(self, x):\n        return conv2d(x)",
        "class Helper:\n    apply = conv2d",
        "class Helper:\n    pass\nHelper.apply = conv2d",
    ],
)
def test_what_is_reached_through_an_object_counts(other):
    cell = "def mine(x):\n    return Helper().apply(x)"
    assert forbidden_in("mine", [other, cell], FORBIDDEN) == {"conv2d"}


def test_a_later_definition_takes_the_place_of_an_earlier_one_but_an_assignment_builds_on_it():
    legal, not_legal = "def mine(x):\n    return x", "def mine(x):\n    return conv2d(x)"
    assert forbidden_in("mine", [legal, not_legal], FORBIDDEN) == {"conv2d"}
    assert forbidden_in("mine", [not_legal, legal], FORBIDDEN) == set()
    assert forbidden_in("mine", [not_legal, "mine = decorated(mine)"], FORBIDDEN) == {"conv2d"}


CLEAN, DIRTY = (
    "def mine(x):\n    return helper(x)\ndef helper(x):\n    return x\n",
    "def mine(x):\n    return conv2d(x)\n",
)


@pytest.mark.parametrize(
    ("cell", "files"),
    [
        ("from conv import *", {"conv.py": CLEAN}),
        ("from conv import mine", {"conv.py": CLEAN}),
        ("from conv import helper as mine", {"conv.py": CLEAN}),
        ("%run conv.py", {"conv.py": CLEAN}),
        ("%run ./conv.py\nx = 1", {"conv.py": CLEAN}),
        ("%run -i 'my conv.ipynb'", {"my conv.ipynb": "x = 1\0" + CLEAN}),
        ("from lib.conv import mine", {"lib/conv.py": CLEAN}),
        ("from lib import mine", {"lib/__init__.py": "from .conv import mine", "lib/conv.py": CLEAN}),
        ("from conv import mine", {"src/conv.py": CLEAN}),
        ("import conv\nmine = conv.mine", {"conv.py": CLEAN}),
        ("%%writefile conv.py\n" + CLEAN + "\0from conv import mine", {}),
        # What it does not use may hold anything, and its own functions may have any name.
        ("from conv import mine", {"conv.py": CLEAN + "def other(x):\n    return conv2d(x)"}),
        ("from conv import conv2d\ndef mine(x):\n    return conv2d(x)", {"conv.py": "def conv2d(x):\n    return x"}),
        # Another function of the same name in the notebook is not the module's.
        ("def helper(x):\n    return conv2d(x)\nfrom conv import mine", {"conv.py": CLEAN}),
        ("from a import mine", {"a.py": "from b import mine", "b.py": "import a\n" + CLEAN}),
    ],
)
def test_own_modules_are_looked_into(cell, files):
    assert forbidden_in("mine", cell.split("\0"), FORBIDDEN, files) == set()


@pytest.mark.parametrize(
    ("cell", "files"),
    [
        ("from conv import *", {"conv.py": DIRTY}),
        ("def mine(x):\n    return x\nfrom conv import *", {"conv.py": DIRTY}),
        ("from conv import mine", {"conv.py": DIRTY}),
        ("def mine(x):\n    return x\n%run conv.py", {"conv.py": DIRTY}),
        ("%run helpers.ipynb", {"helpers.ipynb": DIRTY}),
        ("%run helpers.ipynb", {"helpers.ipynb": "from conv import *", "conv.py": DIRTY}),
        ("import conv\ndef mine(x):\n    return conv.mine(x)", {"conv.py": DIRTY}),
        ("import conv as c\nmine = c.mine", {"conv.py": DIRTY}),
        ("from lib import mine", {"lib/__init__.py": "from .conv import mine", "lib/conv.py": DIRTY}),
        ("if True:\n    from conv import mine\ndef other(): pass", {"conv.py": DIRTY}),
        ("%%writefile conv.py\n" + DIRTY + "\0from conv import mine", {"conv.py": CLEAN}),
        # A module called like an installed one is not what is imported.
        ("from torch.nn.functional import conv2d\ndef mine(x):\n    return conv2d(x)",
         {"torch/nn/functional.py": "def conv2d(x):\n    return x"}),
        # A helper of the same name in the notebook is not the module's.
        ("def helper(x):\n    return x\nfrom conv import mine",
         {"conv.py": "def mine(x):\n    return helper(x)\ndef helper(x):\n    return conv2d(x)"}),
        # Indented magics do not hide a cell.
        ("if True:\n    %time\n    pass\ndef mine(x):\n    return conv2d(x)", {}),
    ],
)  # fmt: skip
def test_rules_hold_in_own_modules(cell, files):
    assert forbidden_in("mine", cell.split("\0"), FORBIDDEN, files)


def test_own_modules_are_looked_into_in_a_live_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_rules_conv.py").write_text(DIRTY + "def clean(x):\n    return x\n")
    names = {"__name__": "__main__"}
    for text in (
        "from own_rules_conv import mine, clean\nimport own_rules_conv as c",
        "def by_name(x):\n    return mine(x)",
        "def by_module(x):\n    return c.mine(x)",
        "def good(x):\n    return clean(x)",
    ):
        file = f"<cell {len(linecache.cache)}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), names)
    found = {name: bool(forbidden_names(names[name], FORBIDDEN)) for name in ("mine", "by_name", "by_module", "good")}
    assert found == {"mine": True, "by_name": True, "by_module": True, "good": False}


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["import numpy as np\nimport torch\ndef mine(x):\n    return np.tanh(x)"], {"numpy"}),
        (["import numpy as np, sklearn.svm\ndef mine(x):\n    return sklearn.svm.SVC()"], {"numpy", "sklearn"}),
        (["from sklearn.svm import SVC", "def mine(x):\n    return SVC()"], {"sklearn"}),
        (["from sklearn import svm as s", "def helper():\n    return s.SVC()\nmine = lambda: helper()"], {"sklearn"}),
        (["def mine(x):\n    import math, torch.nn as nn\n    return nn.Linear(1, 1)"], {"torch"}),
        (["def mine(x):\n    return __import__('tor' + 'ch')"], {"__import__"}),
        (["import own\ndef mine(x):\n    return own.helper(x)"], {"scipy"}),
    ],
)
def test_packages_are_seen_that_a_function_needs(cells, found):
    files = {"own.py": "from scipy import special\ndef helper(x):\n    return special.expit(x)"}
    assert modules_in("mine", cells, files) == found


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["def mine(x):\n    for _ in x:\n        pass"], {"a for loop"}),
        (["def mine(x):\n    return {a: 1 for a in x}"], {"a comprehension"}),
        (["helper = lambda x: [a for a in x]", "mine = lambda x: helper(x)"], {"a comprehension"}),
        (["def mine(x):\n    return own.helper(x)", "import own"], {"a while loop"}),
        (["for i in range(3):\n    print(i)", "def mine(x):\n    return 'for'"], set()),
    ],
)
def test_loops_are_seen(cells, found):
    files = {"own.py": "def helper(x):\n    while x:\n        x = x[1:]\n    return x"}
    assert loops_in("mine", cells, files) == found


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["def mine(x, size=10):\n    return x[:-784]"], {10, 784}),
        (["side = 28", "def mine(x):\n    return helper(x)\ndef helper(x):\n    return x * side"], {28}),
        (["def mine(x):\n    return x + 28 * 28 - 1e2"], {784, 100}),
        (["def mine(x):\n    return x + 10**-6 + 2 * 10 + 1000 / 100.0 + (10 - 9)"], {10}),
        (["def mine(x):\n    return x[10 % 0], 10 ** 10 ** 10, True, '10', 1 - 11"], {10}),
        (["unused = 784\ndef mine(x):\n    'of 784 inputs'\n    return x  # 10"], set()),
    ],
)
def test_numbers_are_seen_by_their_value(cells, found):
    assert numbers_in("mine", cells, [10, 28, 100, 784]) == found
