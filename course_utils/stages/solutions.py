"""What an instructor prints: an assignment's model solutions once its deadline is over, and its questions alone."""

from __future__ import annotations

import ast
import copy
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.notebooknode import NotebookNode

from course_utils.classroom.config import load_config
from course_utils.classroom.settings import OpenOlat
from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks import markers
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.question_texts import marks_text, masked, number_text, unmasked
from course_utils.notebooks.texts import one_line
from course_utils.packing.pdf import TitleBlock, notebooks_to_pdf
from course_utils.stages.check_source import origins
from course_utils.stages.checking import make_sure_it_exists
from course_utils.stages.release_zip import in_order
from course_utils.stages.sheet_file import names_of_sheets, read_sheet

__all__ = ["FOLDER", "Printed", "write_questions", "write_solutions"]

FOLDER = "printed"
_CELL_S = 3600
# A caption speaks of a figure that is not printed with the questions.
_CAPTION = re.compile(r"^\*(?!\*)\S")
# What there is on a screen only: figures to move, checks that print, tests that run. A task is never left out.
_ON_SCREEN = re.compile(
    r"\bsliders?\b|\bprints?\s+(?:that|`)|\bpassed`\s+is\s+printed\b|\bchecks?\s+(?:below|prints?|passe[sd]|pass)\b"
    r"|\bcells?\s+(?:below )?says?\s+so\b|\b[Hh]idden\s+tests?\b|^Run (?:the|it)\b|\bfigures?\s+shows?\b"
)
_TASK = re.compile(r"\*\*(?=\w)(?!It is right when|They are right when|Run\b)")
_PLAY = re.compile(r"\*\*(?:Try it|Something to play with|Look at your maps)")
_NEXT_CELL = re.compile(r"\b([Tt])he (?:next|first)\s+(?:(?:two|three|four)\s+)?cell(s?)\b(?: but \w+)?")
_SENTENCES = re.compile(r"(?<=[.!?:])\s+(?=[A-Z*`(\"“$])")


@dataclass(frozen=True)
class Printed:
    """Files that were written.

    Parameters
    ----------
    pdf : pathlib.Path
    notebooks : tuple of pathlib.Path
    problems : tuple of str
        What could not be set as it stands in the notebooks.
    """

    pdf: Path
    notebooks: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()


def write_solutions(
    course: Path, assignment: str, *, run: bool = True, told: Callable[[str], None] | None = None
) -> Printed:
    """Write the notebooks with their model answers, and a PDF of them: marks per step, figures drawn, no hidden tests.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    run : bool
        Whether the notebooks are run, so that figures are there. Networks that the reference trained are taken from
        ``tests/artifacts/`` of the course; what is not there is trained.
    told : callable, optional
        Called with the name of each notebook before it runs.

    Returns
    -------
    Printed

    Raises
    ------
    CourseError
        If there is no such assignment, its reference stops, or the PDF can't be made.
    """
    course = Path(course).resolve()
    make_sure_it_exists(course, assignment)
    marks = markers.marks_of(load_config(course))
    folder = course / FOLDER / assignment
    solved: list[tuple[str, NotebookNode]] = []
    for path in _notebooks(course, assignment):
        if told is not None:
            told(path.stem)
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = list(_solved(notebook.cells, marks))
        for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
            cell.outputs = []
        if run:
            _run(notebook, path, course)
        solved.append((path.stem, notebook))
    title = _title(course, assignment, ": solutions")
    folder.mkdir(parents=True, exist_ok=True)
    for name, notebook in solved:
        nbformat.write(notebook, folder / f"{name}.ipynb")
    pdf = folder.parent / f"{assignment}-solutions.pdf"
    pages = [(name, _on_paper(notebook)) for name, notebook in solved]
    result = notebooks_to_pdf(pages, title, pdf, course / "source" / assignment)
    return Printed(pdf, tuple(folder / f"{name}.ipynb" for name, _ in solved), tuple(result.problems))


def write_questions(course: Path, assignment: str) -> Printed:
    """Write the questions of an assignment as a PDF to print: texts and marks, no code to write and no answers.

    Raises
    ------
    CourseError
        If there is no such assignment, or the PDF can't be made.
    """
    course = Path(course).resolve()
    make_sure_it_exists(course, assignment)
    marks = markers.marks_of(load_config(course))
    sheets = []
    for path in _notebooks(course, assignment):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = list(_questions(notebook.cells, marks))
        sheets.append((path.stem, notebook))
    pdf = course / FOLDER / f"{assignment}-sheet.pdf"
    pdf.parent.mkdir(exist_ok=True)
    result = notebooks_to_pdf(sheets, _title(course, assignment), pdf, course / "source" / assignment)
    return Printed(pdf, (), tuple(result.problems))


def _notebooks(course: Path, assignment: str) -> list[Path]:
    found = {path.stem: path for path in notebooks_in(course / "source" / assignment)}
    return [found[name] for name in in_order(course, assignment, list(found))]


def _title(course: Path, assignment: str, suffix: str = "") -> TitleBlock:
    name, deadline = assignment, ""
    if assignment in names_of_sheets(course):
        sheet = read_sheet(course, assignment)
        name, deadline = (
            sheet.title,
            f"{number_text(sheet.marks)} marks" + (f" · due {sheet.deadline}" if sheet.deadline else ""),
        )
    return TitleBlock(OpenOlat(config=load_config(course)).course_title, name + suffix, "", (), deadline)


def _solved(cells: list[NotebookNode], marks: dict[str, markers.Mark]) -> Iterator[NotebookNode]:
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        cell.source, _ = _divided(cell.source, marks["hidden tests"])
        worth = float(about.get("points", 0)) if about.get("grade") or about.get("task") else 0.0
        if about.get("solution") and cell.cell_type == "markdown":
            question, answer = _question_and_answer(cell.source, marks["solution"])
            head = f"#### Model answer [{marks_text(worth)}]" if about.get("grade") else "#### Model answer"
            cell.source = "\n\n".join(part for part in (question, head, answer) if part)
        elif about.get("solution"):
            cell.source = _without_marks(cell.source, marks["solution"])
        elif about.get("task"):
            question, scheme = _divided(cell.source, marks["mark scheme"])
            cell.source = "\n\n".join(part for part in (question, f"#### Marks [{marks_text(worth)}]", scheme) if part)
        # What kind of cell it is decides how it is printed; tags, whether it may fail.
        cell.metadata = nbformat.NotebookNode(course={"printed": _kind(cell)}, tags=cell.metadata.get("tags", []))
        yield cell


def _question_and_answer(source: str, mark: markers.Mark) -> tuple[str, str]:
    """Return both parts of a written answer; one without marks is an answer as a whole, as at release."""
    question, answer = _divided(source, mark)
    return (question, answer) if markers.regions(source, "", mark)[0] else ("", source)


def _kind(cell: NotebookNode) -> str:
    about = cell.metadata.get("nbgrader", {})
    if kinds.is_test(cell):
        return "checks"
    return "answer" if about.get("solution") else "given" if about.get("locked") else "shown"


def _on_paper(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook as it is printed: of checks their first line, of figures what they show, no imports."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        kind = cell.metadata.course.printed
        if cell.cell_type != "code" or kind == "answer" or _is_data(cell.source):
            continue
        if kind == "checks":
            first = cell.source.strip().partition("\n")[0].strip('"# ')
            cell.cell_type, cell.source, cell.outputs = "markdown", f"*{first}*" if first else "", []
        else:
            cell.source = ""
    return notebook


def _is_data(source: str) -> bool:
    """Whether a cell only gives names to numbers and the like, such as an image of 5x5 pixels."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return bool(body) and all(isinstance(node, ast.Assign) for node in body) and len(source) < 1000


def _questions(cells: list[NotebookNode], marks: dict[str, markers.Mark]) -> Iterator[NotebookNode]:
    reading = False
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "markdown":
            if _kind(cell) == "given" and _is_data(cell.source):
                yield _bare(cell)
            continue
        text = cell.source
        reading = reading or bool(re.match(r"##? (Reading|Summary)\b[^\n(]*$", text, re.MULTILINE))
        if reading or (not about and _CAPTION.match(text.strip())):
            continue
        if about.get("solution"):
            text, _ = _question_and_answer(text, marks["solution"])
        elif about.get("task"):
            text, _ = _divided(text, marks["mark scheme"])
        # What folds in a notebook is always open on paper.
        text, listings = masked(re.sub(r"<details\b.*?</details>", "", text, flags=re.DOTALL))
        cell.source = unmasked(_off_screen(text), listings).strip()
        if cell.source:
            yield _bare(cell)


def _off_screen(text: str) -> str:
    """Return a text without the sentences that speak of what there is on a screen only."""
    kept: list[str] = []
    for block in _blocks(text):
        if block.lstrip().startswith(("|", "#", "$$")) or not block.strip():
            kept.append(block)
            continue
        mark, entry = re.match(r"(\s*(?:[-*] +|\d+\. +)?)(.*)", block, re.DOTALL).groups()
        sentences = [] if _PLAY.match(block) else _SENTENCES.split(entry)
        on_paper = []
        for before, sentence in zip(["", *sentences], sentences, strict=False):
            of_sliders = "slider" in before and sentence.startswith(("They ", "It "))
            if not of_sliders and (_TASK.search(sentence) or not _ON_SCREEN.search(sentence)):
                on_paper.append(sentence)
        if len(on_paper) == len(sentences) > 0:
            kept.append(block)
        elif on_paper:
            kept.append(mark + " ".join(on_paper))
    return _NEXT_CELL.sub(_in_notebook, re.sub(r"\n{3,}", "\n\n", "\n".join(kept)))


def _in_notebook(found: re.Match[str]) -> str:
    """Return how paper speaks of the cell that comes next in the notebook."""
    if found[2]:
        return f"{'C' if found[1] == 'T' else 'c'}ells of the notebook"
    return f"{'A' if found[1] == 'T' else 'a'} cell of the notebook"


def _blocks(text: str) -> Iterator[str]:
    """Yield paragraphs, entries of lists, and lines of any other kind, blank ones among them."""
    block: list[str] = []
    for line in text.split("\n"):
        begins = re.match(r"\s*(?:[-*] |\d+\. |\||#{1,6} |$)", line) is not None
        if block and (begins or not block[-1].strip()):
            yield "\n".join(block)
            block = []
        block.append(line)
    yield "\n".join(block)


def _bare(cell: NotebookNode) -> NotebookNode:
    cell.metadata = nbformat.NotebookNode()
    if cell.cell_type == "code":
        cell.outputs = []
    return cell


def _divided(source: str, mark: markers.Mark) -> tuple[str, str]:
    """Return what stands outside and what stands inside of the marks."""
    found, _ = markers.regions(source, "", mark)
    inside = {number for region in found for number in range(region.first, region.last + 1)}
    lines = list(enumerate(source.split("\n"), 1))
    hidden = [line for number, line in lines if number in inside and mark.begin not in line and mark.end not in line]
    return "\n".join(line for n, line in lines if n not in inside).strip(), "\n".join(hidden).strip()


def _without_marks(source: str, mark: markers.Mark) -> str:
    return "\n".join(line for line in source.split("\n") if mark.begin not in line and mark.end not in line)


def _run(notebook: NotebookNode, path: Path, course: Path) -> None:
    """Run the reference where its files and trained networks are, so that outputs are there."""
    with tempfile.TemporaryDirectory(prefix="solutions-") as place:
        own = Path(place) / path.parent.name
        shutil.copytree(path.parent, own, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for name in origins(path.parent.name, [path]):
            trained = course / "tests" / "artifacts" / name
            if trained.is_dir():
                shutil.copytree(trained, own / "artifacts", dirs_exist_ok=True)
        resources: dict[str, Any] = {"metadata": {"path": str(own)}}
        client = NotebookClient(
            notebook, timeout=_CELL_S, kernel_name="python3", resources=resources,
            extra_arguments=["--IPKernelApp.log_level=40"],
        )  # fmt: skip
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            said = one_line(getattr(error, "evalue", "") or str(error).strip().rpartition("\n")[2], 300)
            raise CourseError(f"{path.stem}: its reference stops: {said}") from error
