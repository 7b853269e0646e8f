"""Grade a notebook with some answers replaced: what the tests of notebooks and of the engine share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbgrader.utils import determine_grade
from traitlets.config.loader import PyFileConfigLoader

from course_utils.grading import cells as kinds
from course_utils.grading.repair import Repaired, repair, skeleton
from course_utils.grading.submissions import lay_in_outputs
from course_utils.grading.worker import NotebookResult, Settings, grade_cells

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "source"


@dataclass(frozen=True)
class Score:
    """What one automatic grade cell earned, and what the student reads."""

    points: float
    max_points: float
    message: str


def config():
    """The settings of nbgrader_config.py."""
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


def answered(source: Path, answers: Mapping[str, str] | None = None, *, blank: bool = False) -> nbformat.NotebookNode:
    """The reference notebook with the solution cells named in `answers` replaced; `blank` clears all others."""
    notebook = skeleton(source, config()) if blank else nbformat.read(source, as_version=4)
    names = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for name, text in (answers or {}).items():
        names[name].source = text
    return notebook


def run(
    submitted: nbformat.NotebookNode, source: Path, settings: Settings | None = None, files: Path | None = None
) -> tuple[dict[str, Score], NotebookResult, Repaired]:
    """Repair and grade a notebook; return the scores of its automatic cells by grade_id."""
    repaired = repair(submitted, skeleton(source, config()))
    imports = repaired.notebook.metadata["course"]["imports"]
    with TemporaryDirectory() as empty:
        result = grade_cells(repaired.notebook.cells, imports, files or Path(empty), settings)
    lay_in_outputs(repaired.notebook, result)
    scores = {}
    for cell in repaired.notebook.cells:
        if kinds.is_test(cell):
            points, most = determine_grade(cell)
            messages = [output.evalue for output in cell.outputs if output.output_type == "error"]
            scores[cell.metadata.nbgrader.grade_id] = Score(points, most, "\n".join(messages))
    return scores, result, repaired


def lost(scores: Mapping[str, Score]) -> set[str]:
    """The cells that earned less than full points."""
    return {name for name, score in scores.items() if score.points < score.max_points}
