"""Who trained the best network: points, measured accuracy, time and size, under pseudonyms."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

from course_utils import artifacts
from course_utils.classroom.pseudonyms import Pseudonyms
from course_utils.classroom.tables import write_csv
from course_utils.environment import reading_submission
from course_utils.errors import CourseError
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.texts import one_line

__all__ = ["Row", "cells", "measured_accuracy", "notebook_of", "rank", "read", "write"]

_DATA, _DEVICES = ("CIFAR-10", "stand-in"), ("cpu", "cuda", "mps")


@dataclass(frozen=True)
class Row:
    """One network.

    Parameters
    ----------
    place : int
        From 1; the same number where nothing tells two networks apart.
    name : str
        Pseudonym of whoever handed it in.
    points, max_points : float
        Of the notebook, from the gradebook.
    accuracy : float or None
        In per cent, as it was measured at grading.
    data : str
        What it was trained and measured on.
    parameters, epochs : int
    seconds : float
    device : str
        These four are what the student's notebook recorded; nobody has measured them again.
    """

    place: int
    name: str
    points: float
    max_points: float
    accuracy: float | None
    data: str
    parameters: int
    epochs: int
    seconds: float
    device: str


def notebook_of(course: Path, assignment: str, artifact: str) -> str:
    """Return the notebook of an assignment that trains an artifact.

    Raises
    ------
    CourseError
        If there is none.
    """
    for path in notebooks_in(Path(course) / "source" / assignment):
        cells = json.loads(path.read_bytes())["cells"]
        if any(artifact in cell["metadata"].get("course", {}).get("artifacts", []) for cell in cells):
            return path.stem
    raise CourseError(f"No notebook in source/{assignment} trains a network called {artifact!r}.")


def read(course: Path, assignment: str, artifact: str, gradebook: Gradebook, pseudonyms: Pseudonyms) -> list[Row]:
    """Read the records that were handed in, and what the grading found.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    artifact : str
        Name of the network, as ``challenge``.
    gradebook : nbgrader.api.Gradebook
    pseudonyms : Pseudonyms

    Returns
    -------
    list of Row
        Best first. Whoever handed in no such network, or was not graded yet, has no row.

    Raises
    ------
    CourseError
        If no notebook of the assignment trains such a network.
    """
    course, rows = Path(course), []
    notebook = notebook_of(course, assignment, artifact)
    for folder in sorted((course / "submitted").glob(f"*/{assignment}")):
        student = folder.parent.name
        try:
            graded = gradebook.find_submission_notebook(notebook, assignment, student)
            with reading_submission(folder):
                record = artifacts.read_record(artifact)
        except (MissingEntry, artifacts.ArtifactError):
            continue
        rows.append(
            Row(
                0,
                pseudonyms.name(student, student),
                graded.score,
                graded.max_score,
                measured_accuracy(course / "autograded" / student / assignment / f"{notebook}.ipynb"),
                # A record is a file from outside: only what is known is shown.
                record.data if record.data in _DATA else "other",
                max(0, record.parameters),
                max(0, record.epochs),
                max(0.0, record.seconds),
                record.device if record.device in _DEVICES else "other",
            )
        )
    return rank(rows)


def rank(rows: list[Row]) -> list[Row]:
    """Put the best first: more points, higher accuracy, less time, fewer parameters."""

    def key(row: Row) -> tuple[float, ...]:
        return (-row.points, -(row.accuracy or 0.0), row.seconds, row.parameters)

    ordered = sorted(rows, key=key)
    keys = [key(row) for row in ordered]
    return [Row(keys.index(key(row)) + 1, *_values(row)[1:]) for row in ordered]


def measured_accuracy(path: Path) -> float | None:
    """Return the accuracy in per cent that a graded notebook's tests found; None if they found none.

    The number is the grader's own (`facts`): no student's code can write it, and no sentence is read for it.
    """
    if not path.exists():
        return None
    for cell in json.loads(path.read_bytes())["cells"]:
        found = cell["metadata"].get("course", {}).get("facts", {}).get("accuracy_percent")
        if found is not None:
            return float(found)
    return None


def write(rows: list[Row], folder: Path, assignment: str, artifact: str) -> tuple[Path, Path]:
    """Write the leaderboard as CSV and as Markdown; return both paths.

    Parameters
    ----------
    rows : list of Row
    folder : pathlib.Path
        Made if it is not there.
    assignment, artifact : str
    """
    folder.mkdir(parents=True, exist_ok=True)
    table, page = (folder / f"{assignment}-{artifact}-leaderboard{ending}" for ending in (".csv", ".md"))
    write_csv(table, [field.name for field in fields(Row)], map(_values, rows))
    lines = [
        f"# Leaderboard: {assignment}, {artifact}",
        "",
        "Points and accuracy were measured at grading. Parameters, epochs and time are what each notebook recorded, on",
        "machines of different speed.",
        "",
        "| place | name | points | accuracy (%) | data | parameters | epochs | time (s) | device |",
        "| ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(cells(row))} |" for row in rows),
    ]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table, page


def cells(row: Row) -> list[str]:
    """Return a row as texts, as a table shows them."""
    accuracy = "" if row.accuracy is None else f"{row.accuracy:.1f}"
    return [
        str(row.place),
        re.sub(r"[|`<>\[\]\\]+", " ", one_line(row.name)),
        f"{row.points:g} of {row.max_points:g}",
        accuracy,
        row.data,
        f"{row.parameters:,}",
        f"{row.epochs:,}",
        f"{row.seconds:.1f}",
        row.device,
    ]


def _values(row: Row) -> list[Any]:
    return [getattr(row, field.name) for field in fields(Row)]
