"""OpenOlat's way back: score lines, a zip of feedback pages, a page that says what to click."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from pathlib import Path

import jinja2

from course_utils.classroom.marks import number
from course_utils.classroom.names import fold
from course_utils.classroom.roster import Roster
from course_utils.classroom.settings import OpenOlat
from course_utils.classroom.tables import write_csv
from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line
from course_utils.platforms.marks_back import Return

__all__ = ["clean_comment", "write_files"]

_MAX_ENTRIES = 32_000  # zip.max.entries of OpenOlat
_MIN_RATIO = 0.02  # twice zip.min.inflate.ratio: smaller than a hundredth of its size is refused


def clean_comment(text: str) -> str:
    """Return a comment on one line, without what would split or end a field.

    Examples
    --------
    >>> clean_comment("well\\tdone,\\n  really")
    'well done, really'
    """
    # Two quotes alone would delete the old comment.
    text = " ".join(one_line(text, 1_000).split())
    return "" if text in ('""', "''") else text


def write_files(folder: Path, result: Return, roster: Roster, settings: OpenOlat, group_task: bool) -> None:
    """Write what OpenOlat takes back, and note in the result where it lies.

    Parameters
    ----------
    folder : pathlib.Path
        Made anew.
    result : Return
    roster : Roster
    settings : OpenOlat
    group_task : bool
        OpenOlat takes no zip of feedback for these.

    Raises
    ------
    CourseError
        If OpenOlat would refuse the zip.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    result.scores = folder / f"{_ascii(result.assignment)}_scores.txt"
    with_passed = settings.passed_share > 0
    text = ""
    for line in result.lines:
        fields = [line.identifier, number(line.score)]
        fields += [("y" if line.passed else "n")] if with_passed else []
        text += "\t".join([*fields, line.comment]) + "\n"
    result.scores.write_text(text, encoding="utf-8", newline="\n")
    if group_task:
        for line in result.lines:
            for page in line.pages:
                target = folder / "groups" / line.owner_id / _page_name(result.assignment, page)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(page, target)
    elif any(line.pages for line in result.lines):
        result.feedback = folder / f"{_ascii(result.assignment)}_feedback.zip"
        _write_zip(result.feedback, result)
    write_csv(folder / "withheld.csv", ["who", "why"], result.withheld)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("course_utils.platforms.olat", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    result.page = folder / "how-to-return.html"
    result.page.write_text(
        environment.get_template("how_to_return.html.j2").render(
            result=result,
            text=text,
            group_task=group_task,
            with_passed=with_passed,
            identifier={"user_name": "the OpenOlat user name", "matriculation_number": "the matriculation number"}[
                settings.identifier
            ],
            task=settings.task_titles.get(result.assignment, result.assignment),
            course_title=settings.course_title,
            number=number,
        ),
        encoding="utf-8",
    )


def _write_zip(path: Path, result: Return) -> None:
    count = sum(len(line.pages) for line in result.lines)
    if count > _MAX_ENTRIES:
        raise CourseError(f"OpenOlat reads {_MAX_ENTRIES} files of a zip, but there are {count} feedback pages.")
    with zipfile.ZipFile(path, "w") as archive:
        for line in result.lines:
            for page in line.pages:
                data = page.read_bytes()
                info = zipfile.ZipInfo(
                    f"{line.identifier}/{_page_name(result.assignment, page)}", (2020, 1, 1, 0, 0, 0)
                )
                # OpenOlat refuses what shrinks too much, so such a page is stored as it is.
                small = len(zlib.compress(data, 6)) < _MIN_RATIO * len(data)
                info.compress_type = zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, data)


def _page_name(assignment: str, page: Path) -> str:
    return f"{_ascii(assignment)}_{_ascii(page.stem)}_feedback.html"


def _ascii(name: str) -> str:
    return "-".join(fold(part) for part in re.split(r"-", name)).lstrip("._") or "x"
