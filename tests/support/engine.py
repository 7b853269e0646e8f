"""Grade a notebook with some answers replaced: what the tests of notebooks and of the engine share."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import shutil
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import safetensors.torch
from nbgrader.utils import determine_grade
from traitlets.config.loader import PyFileConfigLoader

from course_utils.grading.hidden import read_hidden
from course_utils.grading.preload import modules_for
from course_utils.grading.run.engine import NotebookResult, Settings, grade_cells
from course_utils.grading.submissions import lay_in_outputs
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.repair import Repaired, repair
from course_utils.notebooks.skeleton import skeleton_of

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "source"
# Any will do: what is drawn from it must not decide whether a reference passes.
SECRET = "the secret of the tests"


@dataclass(frozen=True)
class Score:
    """What one automatic grade cell earned, and what the student reads."""

    points: float
    max_points: float
    message: str


def config():
    """The settings of nbgrader_config.py."""
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


def course_skeleton(source: Path) -> nbformat.NotebookNode:
    """Return the course's notebook as it is graded; it is shared, and must be left as it is."""
    return _skeleton(source.read_bytes())


@functools.lru_cache(maxsize=30)
def _skeleton(content: bytes) -> nbformat.NotebookNode:
    return skeleton_of(content, config())


def answered(source: Path, answers: Mapping[str, str] | None = None, *, blank: bool = False) -> nbformat.NotebookNode:
    """The reference notebook with the solution cells named in `answers` replaced; `blank` clears all others."""
    notebook = copy.deepcopy(course_skeleton(source)) if blank else nbformat.read(source, as_version=4)
    names = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for name, text in (answers or {}).items():
        names[name].source = text
    return notebook


def run(
    submitted: nbformat.NotebookNode,
    source: Path,
    settings: Settings | None = None,
    files: Path | None = None,
    artifacts: Mapping[str, Any] | None = None,
    changed: Mapping[str, Any] | None = None,
    tests: Container[str] | None = None,
) -> tuple[dict[str, Score], NotebookResult, Repaired]:
    """Repair and grade a notebook; return the scores of its automatic cells by grade_id.

    Without `files` the submission holds the networks that the reference trained, altered as `Answer.artifacts` says,
    and what else it made, altered as `Answer.files` says, which is `changed` here. With `tests`, only those are run.
    """
    settings = settings or settings_of_tests()
    repaired = repair(submitted, course_skeleton(source))
    if tests is not None:
        kept = [c for c in repaired.notebook.cells if not kinds.is_test(c) or c.metadata.nbgrader.grade_id in tests]
        repaired.notebook.cells = kept
    with TemporaryDirectory() as folder:
        if files is None:
            lay_out_artifacts(source.parent.name, Path(folder), artifacts or {})
            change_files(Path(folder), changed or {})
        result = grade(repaired.notebook, source, settings, files or Path(folder))
    tests = filter(kinds.is_test, repaired.notebook.cells)
    return {cell.metadata.nbgrader.grade_id: score_of(cell) for cell in tests}, result, repaired


def grade(notebook: nbformat.NotebookNode, source: Path, settings: Settings, files: Path) -> NotebookResult:
    """Grade a repaired notebook, and lay the outputs into its cells."""
    imports = notebook.metadata["course"]["imports"]
    result = grade_cells(notebook.cells, imports, files, settings, read_hidden(source.parent))
    lay_in_outputs(notebook, result)
    return result


def score_of(cell: nbformat.NotebookNode) -> Score:
    """Return what a graded test cell gives."""
    points, most = determine_grade(cell)
    messages = [output.evalue for output in cell.outputs if output.output_type == "error"]
    return Score(points, most, "\n".join(messages))


def settings_of_tests() -> Settings:
    """Return how the tests of notebooks grade: one process that kernels are forked from serves them all."""
    return Settings(preload=course_modules(), secret=SECRET)


@functools.cache
def course_modules() -> tuple[str, ...]:
    """What the notebooks of all assignments import: one process that has it serves them all."""
    return modules_for(path.read_bytes() for path in SOURCE.glob("*/*.ipynb"))


def lay_out_artifacts(assignment: str, folder: Path, changes: Mapping[str, Any]) -> None:
    """Copy the reference's trained networks of an assignment to ``folder/artifacts``, some of them changed."""
    kept = ROOT / "tests" / "artifacts" / assignment
    if not kept.exists():
        return
    target = folder / "artifacts"
    shutil.copytree(kept, target)
    for name, change in changes.items():
        record, weights = target / f"{name}.json", target / f"{name}.safetensors"
        values, tensors = json.loads(record.read_bytes()), None
        if weights.exists():
            tensors = safetensors.torch.load(weights.read_bytes())
        for path in (record, weights):
            path.unlink(missing_ok=True)
        if change is None:
            continue
        values, tensors = change(values, tensors)
        if tensors is not None:
            content = safetensors.torch.save(tensors)
            weights.write_bytes(content)
            values["sha256"] = hashlib.sha256(content).hexdigest()
        record.write_text(json.dumps(values))


def change_files(folder: Path, changes: Mapping[str, Any]) -> None:
    """Replace files of a submission, or leave them out."""
    for name, change in changes.items():
        path = folder / name
        content = change(path.read_bytes()) if callable(change) else change
        path.unlink(missing_ok=True)
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def lost(scores: Mapping[str, Score]) -> set[str]:
    """The cells that earned less than full points."""
    return {name for name, score in scores.items() if score.points < score.max_points}
