"""`sheets/NAME.toml`: what a problem sheet consists of, read completely before anything is built."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.classroom.config import load_config
from course_utils.classroom.settings import OpenOlat, parse_moment
from course_utils.errors import CourseError

__all__ = ["FOLDER", "Question", "Sheet", "SheetNotebook", "is_due", "names_of_sheets", "read_sheet"]

FOLDER = "sheets"
# What may stand at each level, with its type and whether it must be there.
_SHEET = {
    "title": (str, True),
    "marks": ((int, float), True),
    "bonus": ((int, float), False),
    "deadline": (str, False),
    "introduction": (str, False),
    "practice": (bool, False),
    "word": (str, False),
    "notebook": (list, True),
}
_NOTEBOOK = {"name": (str, True), "title": (str, False), "introduction": (str, False), "question": (list, True)}
_QUESTION = {
    "number": (str, True),
    "title": (str, False),
    "items": (list, False),
    "cells": (list, False),
    "marks": ((int, float), False),
    "bonus": (bool, False),
    "counts": (str, False),
}
# What of a question has marks: all of it, or only what a person reads, with the checks as practice.
_COUNTS = ("all", "paper")


@dataclass(frozen=True)
class Question:
    """A question of a sheet.

    Parameters
    ----------
    number : str
        As the sheet counts, for example ``2.1 iv``.
    items : tuple of str
        Items that grade cells cover (`metadata.course.covers`).
    cells : tuple of str
        Grade cells by name, ``assignment/notebook:grade_id``, beside those of the items.
    marks : float or None
        None: as many as the cells have points.
    bonus : bool
    on_paper : bool
        Whether only what a person reads has marks (`counts = "paper"`); the checks of its steps are practice then.
    title : str
        What it asks for, in the table at the top; empty: the titles of its exercises.
    """

    number: str
    items: tuple[str, ...]
    cells: tuple[str, ...]
    marks: float | None
    bonus: bool
    on_paper: bool = False
    title: str = ""


@dataclass(frozen=True)
class SheetNotebook:
    """A notebook of a sheet: its file name without suffix, its title, a text of its own, its questions."""

    name: str
    title: str
    introduction: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Sheet:
    """A problem sheet.

    Parameters
    ----------
    name : str
        Of its file, and of the assignment that is built from it.
    title, deadline, introduction : str
    marks, bonus : float
        What all questions add up to.
    practice : bool
        Whether exercises are taken whole, what no question asks for without marks.
    notebooks : tuple of SheetNotebook
    word : str
        What the sheet calls a question.
    """

    name: str
    title: str
    deadline: str
    introduction: str
    marks: float
    bonus: float
    practice: bool
    notebooks: tuple[SheetNotebook, ...]
    word: str = "Question"


def names_of_sheets(course: Path) -> list[str]:
    """Return the names of the sheets of a course, sorted."""
    return sorted(path.stem for path in (Path(course) / FOLDER).glob("*.toml"))


def read_sheet(course: Path, name: str) -> Sheet:
    """Read a sheet.

    Parameters
    ----------
    course : pathlib.Path
    name : str

    Raises
    ------
    CourseError
        If there is no such sheet, or something in it can't be used; the message says what and where.
    """
    path = Path(course) / FOLDER / f"{name}.toml"
    if not path.is_file():
        there = ", ".join(names_of_sheets(course)) or "none"
        raise CourseError(
            f"There is no {FOLDER}/{name}.toml; there are: {there}. docs/sheets.md says how to write one."
        )
    place = f"{FOLDER}/{path.name}"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        brackets = " A notebook begins with [[notebook]], in two brackets." if "notebook" in str(error) else ""
        raise CourseError(f"{place} can't be read: {error}{brackets} Is a comma missing?") from error
    sheet = _checked(content, _SHEET, place)
    if deadline := sheet.get("deadline"):
        try:
            parse_moment(deadline, OpenOlat(config=load_config(Path(course))).timezone)
        except ValueError as reason:
            raise CourseError(f"{place}: deadline = {deadline!r}: {reason}") from None
    for key in ("marks", "bonus"):
        if not 0 <= sheet.get(key, 0) < 10_000:  # nan too
            raise CourseError(f"{place}: {key} = {sheet[key]} can't be.")
    notebooks = tuple(_notebook(entry, f"{place}, notebook {n}") for n, entry in enumerate(sheet["notebook"], 1))
    _each_once([notebook.name for notebook in notebooks], place, "notebook")
    _each_once([question.number for notebook in notebooks for question in notebook.questions], place, "question")
    return Sheet(
        name,
        sheet["title"],
        sheet.get("deadline", ""),
        sheet.get("introduction", "").strip(),
        float(sheet["marks"]),
        float(sheet.get("bonus", 0)),
        sheet.get("practice", False),
        notebooks,
        sheet.get("word", "Question"),
    )


def is_due(course: Path, name: str, deadline: str) -> bool:
    """Whether the configuration of a course says already that an assignment is due at a time."""
    config = load_config(Path(course))
    due, timezone = config.Deadlines.get("due") or {}, OpenOlat(config=config).timezone
    try:
        return parse_moment(str(due[name]), timezone) == parse_moment(deadline, timezone)
    except (KeyError, ValueError):
        return False


def _notebook(entry: Any, place: str) -> SheetNotebook:
    content = _checked(entry, _NOTEBOOK, place)
    name = content["name"].removesuffix(".ipynb")
    if not name or "/" in name or name.startswith("."):
        raise CourseError(f"{place}: name = {content['name']!r} is no name of a file.")
    questions = tuple(_question(each, f"{place} ({name})", n) for n, each in enumerate(content["question"], 1))
    return SheetNotebook(name, content.get("title", name), content.get("introduction", "").strip(), questions)


def _question(entry: Any, place: str, position: int) -> Question:
    number = entry.get("number") if isinstance(entry, dict) else None
    named = f"question {number}" if isinstance(number, str) else f"question in place {position}"
    content = _checked(entry, _QUESTION, f"{place}, {named}")
    place = f"{place}, question {content['number']}"
    names = {}
    for key in ("items", "cells"):
        names[key] = tuple(content.get(key, ()))
        if not all(isinstance(each, str) for each in names[key]):
            raise CourseError(f"{place}: {key} must be a list of texts.")
    if not any(names.values()):
        raise CourseError(f'{place}: it needs items = ["…"] or cells = ["assignment/notebook:grade_id"].')
    marks = content.get("marks")
    if marks is not None and not 0 < marks < 1000:  # nan too
        raise CourseError(
            f"{place}: marks = {marks} can't be; leave the line out for as many as the cells have points."
        )
    if (counts := content.get("counts", "all")) not in _COUNTS:
        raise CourseError(f"{place}: counts = {counts!r} must be 'all' or 'paper'.")
    return Question(
        content["number"],
        names["items"],
        names["cells"],
        None if marks is None else float(marks),
        content.get("bonus", False),
        counts == "paper",
        content.get("title", ""),
    )


def _checked(content: Any, known: dict[str, tuple[Any, bool]], place: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise CourseError(f"{place}: this must be a table, as in docs/sheets.md.")
    for key, value in content.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"Do you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
            raise CourseError(f"{place}: there is no setting '{key}'. {hint}")
        kind = known[key][0]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            names = {str: "a text in quotes", bool: "true or false", list: "a list"}
            raise CourseError(f"{place}: {key} = {value!r} must be {names.get(kind, 'a number')}.")
    if missing := [key for key, (_, needed) in known.items() if needed and key not in content]:
        raise CourseError(f"{place}: '{missing[0]}' is missing.")
    return content


def _each_once(names: list[str], place: str, what: str) -> None:
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise CourseError(f"{place}: {what} '{twice}' is there twice.")
