"""A made-up class that was graded: rows of the gradebook and notebooks, written directly, with planted copies."""

from __future__ import annotations

import ast
import copy
import json
import random
import re
import shutil
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader.api import Grade, Notebook, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import insert

from course_utils.classroom.config import load_config
from course_utils.classroom.folder import open_gradebook
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.skeleton import skeleton

__all__ = ["Planted", "make_class"]

ROOT = Path(__file__).parent.parent
_FIRST = "Pixel Tensor Kernel Epoch Stride Padding Logit Softmax Gradient Dropout Pooling Momentum Batch Neuron Bias"
_LAST = "Tulip Teapot Lantern Pebble Biscuit Thimble Walnut Umbrella Harbour Violin Compass Meadow Marble Ladder"
_NAMES = "a b c out res tmp val acc cur item total part row col idx pos num left right top step cell part2 buf arr"
_WORDS = (
    "because the kernel moves over an image and each weight is used again at every place so that fewer "
    "numbers are learned while a shift of the input shifts the output by as much which a dense layer does "
    "not know"
)
_SENTENCES = (
    "{name}(image, kernel) is wrong in {a} of 6 entries; the first is at (0, 0): got {b}, expected {c}. If every entry "
    "has the other sign, the kernel is flipped.",
    "{name} has the shape ({a}, {b}), expected ({a}, {c}).",
    "{name} changed its argument; work on a copy.",
    "{name} is not filled in yet.",
    "{name} gave {b}, expected {c}.",
)
_HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> =cmd|'/c calc'!A1"


@dataclass
class Planted:
    """What was planted.

    Parameters
    ----------
    course : pathlib.Path
    whole, single : set of frozenset of str
        Pairs of whom one copied all code, or one answer alone.
    """

    course: Path
    whole: set[frozenset[str]] = field(default_factory=set)
    single: set[frozenset[str]] = field(default_factory=set)


def make_class(
    folder: Path, assignment: str, students: int, *, copies: int = 0, single: int = 0, seed: int = 0
) -> Planted:
    """Make a course with a graded class.

    Answers are the reference's, each rewritten anew at random: other names, other steps, some of it wrong.

    Parameters
    ----------
    folder : pathlib.Path
        Made anew.
    assignment : str
        Of this repository.
    students : int
    copies, single : int
        How many copied a neighbour's code (names, order of lines and comments changed), or the longest answer.
    seed : int
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "source" / assignment, folder / "source" / assignment)
    settings = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    due = f'c.Deadlines.due = {{"{assignment}": "2026-11-20 18:00"}}\nc.Deadlines.policy = "percent per started day"\n'
    (folder / "nbgrader_config.py").write_text(settings + due, encoding="utf-8")
    chance = random.Random(seed)
    sheet = {path.stem: _Sheet(path) for path in sorted((folder / "source" / assignment).glob("*.ipynb"))}
    planted, people = Planted(folder), [f"m{number:04d}" for number in range(students)]
    lines = ["student_id,user_name,last_name,first_name,email,matriculation_number,group"]
    for number, who in enumerate(people):
        first, last = chance.choice(_FIRST.split()), f"{chance.choice(_LAST.split())}-{number:04d}"
        lines.append(f"{who},{who},{last},{first},{who}@students.example,{number:07d},")
    lines.append(f'm9998,m9998,"<b>Nobody</b>",Quoted,m9998@students.example,{9998:07d},')
    lines.append(f"m9999,m9999,Absentee,Handed-In,m9999@students.example,{9999:07d},")
    (folder / "roster.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    answers = {who: {name: one.answers(chance) for name, one in sheet.items()} for who in people}
    for number in range(copies):
        one, other = people[2 * number], people[2 * number + 1]
        for name, mine in answers[one].items():  # their prose is their own
            answers[other][name] |= {key: _copied(mine[key], chance) for key in sheet[name].solutions}
        planted.whole.add(frozenset((one, other)))
    size = {(name, key): len(text) for name, one in sheet.items() for key, text in one.solutions.items()}
    longest = max(size, key=size.get)
    for number in range(copies, copies + single):
        one, other = people[2 * number], people[2 * number + 1]
        answers[other][longest[0]][longest[1]] = _copied(answers[one][longest[0]][longest[1]], chance)
        planted.single.add(frozenset((one, other)))
    rows = [_write(folder, assignment, who, sheet, answers[who], chance) for who in people]
    _enter(folder, assignment, rows, chance)
    return planted


class _Sheet:
    """A notebook of the course: as it is handed out, and its solutions."""

    def __init__(self, path: Path) -> None:
        self.blank = json.loads(json.dumps(skeleton(path, load_config(path.parents[2]))))
        self.solutions: dict[str, str] = {}
        self.prose: list[str] = []
        for cell in json.loads(path.read_bytes())["cells"]:
            marks, text = cell["metadata"].get("nbgrader", {}), "".join(cell["source"])
            if marks.get("solution") and cell["cell_type"] == "code":
                kept = [line for line in text.split("\n") if "### BEGIN" not in line and "### END" not in line]
                self.solutions[marks["grade_id"]] = "\n".join(kept)
            elif marks.get("solution"):
                self.prose.append(marks["grade_id"])
        self.tests = [cell for cell in self.blank["cells"] if kinds.points(cell) or kinds.is_task(cell)]

    def answers(self, chance: random.Random) -> dict[str, str]:
        """Return answers of one student."""
        found = {key: _rewritten(text, chance) for key, text in self.solutions.items()}
        for key in self.prose:
            if chance.random() < 0.9:
                found[key] = " ".join(chance.choices(_WORDS.split(), k=chance.randint(10, 60)))
        return found


class _Rewriter(ast.NodeTransformer):
    """Writes a program in other steps."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.style, self.count = chance, chance.random() * 0.6, 0

    def often(self, share: float) -> bool:
        return self.chance.random() < share * (0.5 + self.style)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.Mult)) and self.often(0.4):
            node.left, node.right = node.right, node.left
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "range" and len(node.args) == 1 and self.often(0.4):
            node.args = [ast.Constant(0), *node.args]
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and self.often(0.6):
            return ast.Assign([node.target], ast.BinOp(ast.Name(node.target.id), node.op, node.value), lineno=0)
        return node

    def _steps(self, value: ast.expr, share: float) -> tuple[list[ast.stmt], ast.expr]:
        """Take parts of an expression out into lines of their own."""
        before: list[ast.stmt] = []
        for parent in list(ast.walk(value)):
            if isinstance(parent, (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
                return [], value
        for parent in list(ast.walk(value)):
            for place in ("left", "right", "value"):
                part = getattr(parent, place, None)
                if isinstance(part, (ast.BinOp, ast.Call, ast.Subscript)) and self.often(share):
                    self.count += 1
                    name = f"{self.chance.choice(_NAMES.split())}_{self.count}"
                    before.insert(0, ast.Assign([ast.Name(name)], part, lineno=0))
                    setattr(parent, place, ast.Name(name))
        return before, value

    def visit_Return(self, node: ast.Return) -> Any:
        self.generic_visit(node)
        if node.value is None:
            return node
        before, node.value = self._steps(node.value, 0.35)
        if self.often(0.5) and not isinstance(node.value, ast.Name):
            name = self.chance.choice(_NAMES.split())
            before += [ast.Assign([ast.Name(name)], node.value, lineno=0)]
            node.value = ast.Name(name)
        return [*before, *self._aside(), node]

    def visit_Assign(self, node: ast.Assign) -> Any:
        self.generic_visit(node)
        before, node.value = self._steps(node.value, 0.35)
        return [*before, node, *self._aside()]

    def _aside(self) -> list[ast.stmt]:
        """Lines that do nothing for the answer, as people leave them."""
        if not self.often(0.25):
            return []
        one, other = self.chance.choice(_NAMES.split()), self.chance.choice(_NAMES.split())
        made = self.chance.choice(
            [
                f"print({one!r}, {self.chance.randint(0, 99)})",
                f"{one} = {self.chance.randint(0, 99)} + len({other!r})",
                f"assert {self.chance.randint(0, 9)} <= {self.chance.randint(10, 99)}, {one!r}",
                f"{one}, {other} = {self.chance.randint(0, 9)}, {self.chance.random():.2f}",
            ]
        )
        return ast.parse(made).body


def _rewritten(text: str, chance: random.Random) -> str:
    try:
        tree = ast.fix_missing_locations(_Rewriter(chance).visit(ast.parse(text)))
        lines = ast.unparse(tree).splitlines()
    except (SyntaxError, ValueError):
        return text
    return _renamed("\n".join(_commented(lines, chance)), chance)


def _commented(lines: list[str], chance: random.Random) -> list[str]:
    def told() -> str:
        return " ".join(chance.choices(_WORDS.split(), k=3))

    return [f"{line}  # {told()}" if chance.random() < 0.2 and '"""' not in line else line for line in lines]


def _renamed(text: str, chance: random.Random) -> str:
    """Give the names that a program binds inside functions other ones."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store) or re.fullmatch(r"\w+_\d+", node.id)}
    new = {name: f"{chance.choice(_NAMES.split())}{chance.randint(3, 999)}" for name in sorted(bound)}
    return re.sub(r"(?<![.\w'\"])[A-Za-z_]\w*(?!\w)", lambda found: new.get(found[0], found[0]), text)


def _copied(text: str, chance: random.Random) -> str:
    """Return a copy with other names, neighbouring lines in another order, and other comments."""
    lines = [re.sub(r"\s+# .*", "", line) for line in text.splitlines()]
    for i in range(len(lines) - 1):
        one, other = lines[i], lines[i + 1]
        same = len(one) - len(one.lstrip()) == len(other) - len(other.lstrip())
        plain = all(re.match(r"\s*\w+ = ", line) for line in (one, other))
        if same and plain and chance.random() < 0.5 and one.split("=")[0].strip() not in other:
            lines[i], lines[i + 1] = other, one
    return _renamed("\n".join(_commented(lines, chance)), chance)


def _write(
    folder: Path, assignment: str, who: str, sheet: dict[str, _Sheet], answers: dict[str, dict[str, str]],
    chance: random.Random,
) -> tuple[str, datetime, dict[str, dict[str, float | None]]]:  # fmt: skip
    """Write the notebooks of one student; return when they came, and what each cell earned."""
    target, submitted = (folder / stage / who / assignment for stage in ("autograded", "submitted"))
    target.mkdir(parents=True)
    submitted.mkdir(parents=True)
    skill, earned = chance.gauss(0, 1), {}
    late = max(0.0, chance.gauss(-30, 20))
    when = datetime(2026, 11, 20, 15, 0) + timedelta(hours=late - chance.random())
    for name, one in sheet.items():
        notebook = copy.deepcopy(one.blank)
        earned[name] = {}
        began = datetime(2026, 11, 18, 9, 0) + timedelta(minutes=chance.randint(0, 600))
        for cell in notebook["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if grade_id in answers[name]:
                cell["source"] = answers[name][grade_id]
            began += timedelta(minutes=chance.random() * 4)
            if cell["cell_type"] == "code":
                cell["metadata"]["execution"] = {"iopub.execute_input": began.isoformat() + "Z"}
        (submitted / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        for index, cell in enumerate(notebook["cells"]):
            cell["metadata"].pop("execution", None)
            points = kinds.points(cell)
            if not points:
                continue
            key = cell["metadata"]["nbgrader"]["grade_id"]
            if cell["metadata"]["nbgrader"].get("solution"):
                marked = chance.random() < 0.8
                earned[name][key] = round(points * min(1.0, max(0.0, 0.6 + 0.2 * skill)) * 4) / 4 if marked else None
                continue
            right = skill + 1.0 - (index % 7) / 3 + chance.gauss(0, 0.7) > 0
            earned[name][key] = points if right else 0.0
            if not right:
                a, b, c = (chance.randint(1, 9) for _ in range(3))
                kind = _SENTENCES[min(len(_SENTENCES) - 1, int(chance.expovariate(1.2)))]
                told = kind.format(name=key.removeprefix("test_"), a=a, b=b, c=c)
                told = _HOSTILE if chance.random() < 0.004 else told
                output = {"output_type": "error", "ename": "CheckFailed", "evalue": told, "traceback": [told]}
                cell["outputs"] = [output]
        trust = {"sandboxed": True, "seconds": round(chance.gammavariate(4, 0.3), 2), "events": [], "suspicious": []}
        if chance.random() < 0.02:
            trust["events"].append(["limit", f"{_HOSTILE if chance.random() < 0.1 else 'A cell'} was stopped"])
        mended = ["The test cell 'setup' had been changed; the course's own was used."]
        trust["cells"] = {key: 0.1 + index % 9 / 10 for index, key in enumerate(earned[name])}
        trust["memory"] = {key: 60 + 16 * index for index, key in enumerate(earned[name])}
        notebook["metadata"]["course"] = {
            **notebook["metadata"].get("course", {}), "repairs": mended * (chance.random() < 0.05), "unreadable": "",
            "trust": {**trust, "in_kernel_points": 0.0, "points": 1.0},
        }  # fmt: skip
        (target / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (target / ".graded.json").write_text('{"digest": "", "changed": []}')
    (submitted / "timestamp.txt").write_text(f"{when:%Y-%m-%d %H:%M:%S} UTC")
    return who, when, earned


def _enter(folder: Path, assignment: str, rows: list[tuple], chance: random.Random) -> None:
    """Enter everybody's points into the gradebook."""
    people, hand_ins, notebooks, grades = [], [], [], []
    with open_gradebook(folder) as gradebook:
        # As `course release` would do it, which runs the reference first.
        entry = gradebook.add_assignment(assignment, duedate=datetime(2026, 11, 20, 17, 0))
        for path in sorted((folder / "source" / assignment).glob("*.ipynb")):
            gradebook.add_notebook(path.stem, assignment)
            for cell in json.loads(path.read_bytes())["cells"]:
                marks = cell["metadata"].get("nbgrader", {})
                about = {"max_score": marks.get("points"), "cell_type": cell["cell_type"]}
                if marks.get("task"):
                    gradebook.add_task_cell(marks["grade_id"], path.stem, assignment, **about)
                elif marks.get("grade"):
                    gradebook.add_grade_cell(marks["grade_id"], path.stem, assignment, **about)
        gradebook.db.commit()
        known = {
            book.name: (book.id, {cell.name: cell.id for cell in [*book.grade_cells, *book.task_cells]})
            for book in gradebook.db.query(Notebook).filter(Notebook.assignment_id == entry.id)
        }
        for who, when, earned in rows:
            people.append({"id": who, "first_name": "", "last_name": "", "email": ""})
            hand_ins.append({"id": f"a-{who}", "assignment_id": entry.id, "student_id": who, "timestamp": when})
            for name, cells in earned.items():
                number = f"n-{who}-{name}"
                notebooks.append({"id": number, "assignment_id": f"a-{who}", "notebook_id": known[name][0]})
                for key, points in cells.items():
                    hand = known[name][1][key]
                    by_hand = key in _by_hand(folder, assignment, name)
                    grades.append(
                        {
                            "id": f"g-{number}-{key}", "notebook_id": number, "cell_id": hand,
                            "auto_score": None if by_hand else points, "manual_score": points if by_hand else None,
                            "needs_manual_grade": by_hand and points is None,
                        }
                    )  # fmt: skip
        for table, values in (
            (Student, people), (SubmittedAssignment, hand_ins), (SubmittedNotebook, notebooks), (Grade, grades),
        ):  # fmt: skip
            gradebook.db.execute(insert(table.__table__), values)
        gradebook.db.commit()


_hand: dict[tuple[str, str, str], frozenset[str]] = {}


def _by_hand(folder: Path, assignment: str, name: str) -> frozenset[str]:
    key = (str(folder), assignment, name)
    if key not in _hand:
        cells = json.loads((folder / "source" / assignment / f"{name}.ipynb").read_bytes())["cells"]
        marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        _hand[key] = frozenset(m["grade_id"] for m in marks if m.get("grade") and m.get("solution"))
    return _hand[key]
