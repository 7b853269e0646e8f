"""A small course to attack: one assignment with one notebook, and secrets planted where a student must not read."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.notebooks.skeleton import skeleton_of

ASSIGNMENT = "attacked"
NOTEBOOK = "target"
ROOT = Path(__file__).parents[2]

# What attacks look for. The digits differ in every run, so that no attack can know them.
SECRET = re.compile(r"PLANTED-[a-z]+-[0-9a-f]{16}")
# What attacks on a browser try to run, and what attacks on the next student leave behind.
SCRIPT = "run-by-the-attacker"
LITTER = "left-by-the-attacker"

# Seconds. Attacks use all of it; honest cells take milliseconds, but on a busy machine.
CELL_S = 2

BLANK = "raise NotImplementedError()"

# The reference answers, one per exercise.
HONEST = {
    "rescale": """def rescale(values):
    low, high = values.min(), values.max()
    return (values - low) / (high - low)""",
    "Doubler": """class Doubler(nn.Module):
    def __init__(self, num_features):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, inputs):
        return 2 * inputs + self.bias""",
    "num_weights": "num_weights = 3 * 3 * 6",
    "layer_order": 'layer_order = ["convolution", "batch norm", "relu", "pooling"]',
    "batches": """def batches(items, size):
    for start in range(0, len(items), size):
        yield items[start : start + size]""",
    "slope": "slope = 3 * x**2",
    "next_terms": """def next_terms(head):
    step = head[1] - head[0]
    return head[-1] + step * torch.arange(1, 4)""",
    "train_step": """def train_step(model, optimizer, inputs, targets):
    optimizer.zero_grad()
    loss = ((model(inputs) - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.item()""",
    "fit_line": """def fit_line(line, points):
    x, y = points["inputs"], points["targets"]
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    with torch.no_grad():
        line.weight.fill_(slope)
        line.bias.fill_(y.mean() - slope * x.mean())""",
    "Stack": """class Stack:
    def __init__(self):
        self.entries = []

    def push(self, entry):
        self.entries.append(entry)

    def pop(self):
        return self.entries.pop()

    def total(self):
        return sum(self.entries)

    def as_array(self):
        return np.array(self.entries)

    def __len__(self):
        return len(self.entries)

    def __eq__(self, other):
        return self.entries == other.entries""",
}

# The test cells, in the order of the notebook: (exercise, "visible" or "hidden", points, source).
_TESTS = [
    ("rescale", "visible", 1, """\"\"\"Visible checks (1 point): the ends become 0 and 1.\"\"\"
assert_array(rescale(np.array([2.0, 3.0, 4.0])), np.array([0.0, 0.5, 1.0]), "rescale([2, 3, 4])")"""),
    ("rescale", "hidden", 2, """\"\"\"Hidden tests (2 points): random values, left unchanged.\"\"\"
### BEGIN HIDDEN TESTS
# {secret}
drawn = np.random.default_rng(int("{digits}", 16)).normal(size=(3, 5))
kept = drawn.copy()
wanted = (kept - kept.min()) / (kept.max() - kept.min())
assert_array(rescale(drawn), wanted, "rescale(random values)")
assert_unchanged(drawn, kept, "rescale's argument values")
### END HIDDEN TESTS"""),
    ("Doubler", "visible", 1, """\"\"\"Visible checks (1 point): twice the input.\"\"\"
assert_tensor(Doubler(2)(torch.tensor([[1.0, 2.0]])), torch.tensor([[2.0, 4.0]]), "Doubler(2)([[1, 2]])")"""),
    ("Doubler", "hidden", 1, """\"\"\"Hidden tests (1 point): one parameter per feature, which is used.\"\"\"
### BEGIN HIDDEN TESTS
torch.manual_seed(5)
rows = torch.randn(4, 3)
wanted = 2 * rows + 1
layer = Doubler(3)
assert_equal([tuple(p.shape) for p in layer.parameters()], [(3,)], "shapes of the parameters of Doubler(3)")
layer.load_state_dict(dict.fromkeys(layer.state_dict(), torch.ones(3)))
assert_tensor(layer(rows), wanted, "Doubler(3) with all parameters 1")
### END HIDDEN TESTS"""),
    ("num_weights", "visible", 1, """\"\"\"Visible checks (1 point): the number.\"\"\"
assert_number(num_weights, 54, "num_weights")"""),
    ("num_weights", "hidden", 1, """\"\"\"Hidden tests (1 point): the number, by hand.\"\"\"
### BEGIN HIDDEN TESTS
from hidden import key

assert num_weights == key.WEIGHTS, "num_weights is not right."
### END HIDDEN TESTS"""),
    ("layer_order", "visible", 1, """\"\"\"Visible checks (1 point): the list.\"\"\"
assert_equal(layer_order, ["convolution", "batch norm", "relu", "pooling"], "layer_order")"""),
    ("layer_order", "hidden", 1, """\"\"\"Hidden tests (1 point): the list, by hand.\"\"\"
### BEGIN HIDDEN TESTS
assert len(layer_order) == 4 and layer_order[0] == "convolution" and "relu" in layer_order, "layer_order is not right."
assert list(layer_order) == ["convolution", "batch norm", "relu", "pooling"], "layer_order is not right."
### END HIDDEN TESTS"""),
    ("batches", "visible", 1, """\"\"\"Visible checks (1 point): the last batch may be smaller.\"\"\"
assert_equal(list(batches([1, 2, 3], 2)), [[1, 2], [3]], "list(batches([1, 2, 3], 2))")"""),
    ("batches", "hidden", 1, """\"\"\"Hidden tests (1 point): another size, step by step.\"\"\"
### BEGIN HIDDEN TESTS
for got, wanted in zip(batches(list(range(7)), 3), [[0, 1, 2], [3, 4, 5], [6]], strict=True):
    assert_equal(got, wanted, "a batch of batches(range(7), 3)")
lengths = [len(list(part)) for part in map(batches, [[1, 2, 3, 4], [1]], [1, 1])]
assert lengths == [4, 1], "batches gives the wrong number of batches."
### END HIDDEN TESTS"""),
    ("slope", "visible", 1, """\"\"\"Visible checks (1 point): a SymPy expression in x, at x = 1.\"\"\"
assert_symbols(slope, {{x}}, "slope")
assert_expression(slope, lambda at: 3.0, "slope", points=[{{"x": 1.0}}])"""),
    ("slope", "hidden", 1, """\"\"\"Hidden tests (1 point): its values.\"\"\"
### BEGIN HIDDEN TESTS
assert_expression(slope, lambda at: 3 * at["x"] ** 2, "slope", points=[{{"x": scale}} for scale in SCALES])
### END HIDDEN TESTS"""),
    ("next_terms", "visible", 1, """\"\"\"Visible checks (1 point): 1, 3, 5 goes on with 7, 9, 11.\"\"\"
assert_tensor(next_terms(torch.tensor([1.0, 3.0, 5.0])), torch.tensor([7.0, 9.0, 11.0]), "next_terms([1, 3, 5])")"""),
    ("next_terms", "hidden", 1, """\"\"\"Hidden tests (1 point): a progression whose end is kept back.\"\"\"
### BEGIN HIDDEN TESTS
progression = 0.25 * torch.arange(1.0, 10.0)
assert_tensor(next_terms(progression[:6]), progression[6:].clone(), "next_terms(0.25, 0.5, ...)")
### END HIDDEN TESTS"""),
    ("train_step", "hidden", 2, """\"\"\"Hidden tests (2 points): the parameters after one step.\"\"\"
### BEGIN HIDDEN TESTS
torch.manual_seed(8)
inputs_, targets_ = torch.randn(6, 3), torch.randn(6, 1)
model = nn.Linear(3, 1)
twin = nn.Linear(3, 1)
twin.load_state_dict(model.state_dict())
loss = ((twin(inputs_) - targets_) ** 2).mean()
loss.backward()
wanted_loss, wanted = loss.item(), [p.detach() - 0.1 * p.grad for p in twin.parameters()]
optimizer_ = torch.optim.SGD(model.parameters(), lr=0.1)
got = train_step(shared(model), shared(optimizer_), inputs_, targets_)
assert_number(got, wanted_loss, "the loss that train_step returns", rtol=1e-4)
for parameter, value in zip(model.parameters(), wanted, strict=True):
    assert_tensor(parameter.detach(), value, "a parameter after train_step", rtol=1e-4)
### END HIDDEN TESTS"""),
    ("fit_line", "hidden", 2, """\"\"\"Hidden tests (2 points): the given line itself goes through the points.\"\"\"
### BEGIN HIDDEN TESTS
class Line(nn.Module):
    \"\"\"{secret}\"\"\"

    def __init__(self) -> "{secret}":
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    @property
    def slope(self):
        \"\"\"{secret}\"\"\"
        return self.weight

    def forward(self, inputs: "{secret}"):
        \"\"\"{secret}\"\"\"
        return self.slope * inputs + self.bias


points = {{"inputs": torch.linspace(-1, 1, 9)}}
points["targets"] = 3 * points["inputs"] - 2
line = Line()
fit_line(shared(line), points)
# The points are the test's own ones still, whatever became of the copies.
left = ((line(points["inputs"]) - points["targets"]) ** 2).mean().item()
assert left < 1e-6, "The line does not go through the points."
### END HIDDEN TESTS"""),
    ("Stack", "visible", 1, """\"\"\"Visible checks (1 point): two stacks of one entry.\"\"\"
one, two, none = Stack(), Stack(), Stack()
one.push(3)
two.push(3)
assert isinstance(one, Stack) and not isinstance(3, Stack), "Stack() must be a Stack."
assert one == two and one != none, "Stacks with the same entries must be equal, and no others."
assert len(one) == 1 and one.pop() == 3 and len(one) == 0, "pop must give what was pushed last." """),
    ("Stack", "hidden", 2, """\"\"\"Hidden tests (2 points): entries that are drawn.\"\"\"
### BEGIN HIDDEN TESTS
entries = [int(n) for n in np.random.default_rng(int("{digits}", 16)).integers(2, 10**6, size=5)]
pile = Stack()
for entry in entries:
    pile.push(entry)
array = pile.as_array()
assert isinstance(array, np.ndarray) and array.shape == (5,) and (array == entries).all(), "as_array is not right."
assert abs(pile.total() - sum(entries)) < 1, "total is not right."
assert len(pile) == len(entries) and pile.pop() == entries[-1], "pop is not right."
### END HIDDEN TESTS"""),
]  # fmt: skip

# What each exercise is worth.
POINTS = {name: sum(points for exercise, _, points, _ in _TESTS if exercise == name) for name in HONEST}
TEST_CELLS = {name: [f"test_{e}_{kind}" for e, kind, _, _ in _TESTS if e == name] for name in HONEST}
CELL_POINTS = {f"test_{exercise}_{kind}": points for exercise, kind, points, _ in _TESTS}


@dataclass
class Course:
    """The course on disk.

    Parameters
    ----------
    root : pathlib.Path
        Folder with `nbgrader_config.py` and `source/`.
    secrets : dict of str to str
        What is planted, by place.
    """

    root: Path
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def notebook(self) -> nbformat.NotebookNode:
        """The notebook as students receive it, with the reference answers filled in."""
        notebook = skeleton_of((self.root / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_bytes())
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            if marks.get("grade_id") in HONEST:
                cell.source = HONEST[marks["grade_id"]]
            elif marks.get("grade") and not marks.get("solution"):
                cell.source = re.sub(r"\n### BEGIN HIDDEN.*### END HIDDEN TESTS", "", cell.source, flags=re.S)
        return notebook


def make_course(root: Path, config: str) -> Course:
    """Write the course into a new folder, `config` as its `nbgrader_config.py`, and plant the secrets."""
    places = ("test", "solution", "model", "gradebook", "neighbour", "notes", "hidden", "other", "course")
    course = Course(root, {place: f"PLANTED-{place}-{secrets.token_hex(8)}" for place in places})
    folder = root / "source" / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    (root / "nbgrader_config.py").write_text(config)
    (root / "private-notes.txt").write_text(course.secrets["notes"])
    (root / ".course-secret").write_text(course.secrets["course"])
    for owner, place in ((ASSIGNMENT, "hidden"), ("another", "other")):
        hidden = root / "source" / owner / "hidden"
        hidden.mkdir(parents=True)
        kept = f'MARK = "{course.secrets[place]}"\nWEIGHTS = 54\nEXPECTED = [0.0, 0.5, 1.0]\n'
        (hidden / "key.py").write_text(kept)
    nbformat.write(_source_notebook(course.secrets), folder / f"{NOTEBOOK}.ipynb")
    return course


def plant_in_gradebook(course: Course, path: Path) -> None:
    """Write the gradebook's secret into an existing SQLite gradebook, as a student's name."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "insert or replace into student (id, last_name) values (?, ?)", ("planted", course.secrets["gradebook"])
        )
    connection.close()


def _source_notebook(planted: dict[str, str]) -> nbformat.NotebookNode:
    def marks(name: str, **more: object) -> dict:
        plain = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        return {"nbgrader": {"grade_id": name, **plain, **more}, "course": {"timeout_s": CELL_S}}

    def cell(source: str, name: str, make: Callable = new_code_cell, **more: object) -> nbformat.NotebookNode:
        return make(source, metadata=marks(name, **more), id=name.replace("_", "-"))

    given = cell('SCALES = [0.5, 2.0]\nx = sympy.Symbol("x")', "given", locked=True)
    given.metadata.course["trusted"] = True
    cells = [
        cell("# An assignment to be attacked", "text_title", new_markdown_cell, locked=True),
        cell(
            "import numpy as np\nimport sympy\nimport torch\nfrom torch import nn\n\n"
            "from course_utils.checks import assert_array, assert_equal, assert_number, assert_tensor\n"
            "from course_utils.checks import assert_unchanged, shared\n"
            "from course_utils.checks.formulas import assert_expression, assert_symbols\n\n"
            "torch.manual_seed(0);",
            "setup",
            locked=True,
        ),
        given,
    ]
    for name, answer in HONEST.items():
        cells.append(cell(f"## Exercise: {name}", f"text_{name}", new_markdown_cell, locked=True))
        body = f"### BEGIN SOLUTION\n# {planted['solution']}\n{answer}\n### END SOLUTION"
        cells.append(cell(body, name, solution=True))
        for exercise, kind, points, source in _TESTS:
            if exercise == name:
                text = source.format(secret=planted["test"], digits=planted["test"][-16:]).rstrip()
                cells.append(cell(text, f"test_{name}_{kind}", grade=True, locked=True, points=points))
    prose = f"**Explain.**\n\n### BEGIN SOLUTION\n{planted['model']}\n### END SOLUTION"
    cells.append(cell(prose, "explain", new_markdown_cell, grade=True, solution=True, points=2))
    metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=metadata)
