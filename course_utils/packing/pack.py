"""`course pack`: from a student's folder to the one zip that OpenOlat gets."""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from course_utils.classroom.names import fold
from course_utils.errors import CourseError
from course_utils.notebooks.recognising import answers_of, grade_ids, prints_of, stub_marks
from course_utils.notebooks.texts import one_line
from course_utils.packing.examine import LARGE, Examined
from course_utils.packing.findings import Finding
from course_utils.packing.manifest import FILE_NAME, manifest
from course_utils.packing.paper import FOLDER as ANSWERS
from course_utils.packing.paper import Paper
from course_utils.packing.pdf import TitleBlock, notebooks_to_pdf
from course_utils.packing.pieces import PdfError
from course_utils.packing.team import Team

__all__ = ["Packed", "pack", "release_record"]

_PICTURES = {".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp"}
_LEFT_OUT = {"data", "course_utils", "__pycache__", "node_modules", "venv", "build"}


@dataclass
class Packed:
    """What `pack` wrote, and what it found on the way."""

    path: Path
    files: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    pdf_problems: list[str] = field(default_factory=list)


def pack(
    examined: Examined,
    team: Team,
    *,
    output: Path | None = None,
    course_title: str = "",
    language: str = "en",
    today: date | None = None,
    with_pdf: bool = True,
) -> Packed:
    """Write the zip that OpenOlat gets: notebooks with outputs, artifacts, own files, a PDF, and a manifest.

    Parameters
    ----------
    examined : Examined
        See `examine_folder`.
    team : Team
    output : pathlib.Path, optional
        Folder for the zip; by default the one above the notebooks.
    course_title : str
        For the title block of the PDF; by default what the release says.
    language : {"en", "de"}
        Of the title block.
    today : datetime.date, optional
    with_pdf : bool
        Where the PDF can't be made, the zip is written without one, and a finding says so.

    Returns
    -------
    Packed

    Raises
    ------
    CourseError
        If there is nothing to pack, or the team is not complete.
    """
    folder, assignment, notebooks = examined.folder, examined.assignment, examined.notebooks
    problems = team.problems()
    if problems:
        raise CourseError("\n".join(problems))
    if not notebooks:
        raise CourseError(f"There is no notebook of {assignment!r} in {folder}.")
    files = {f"{name}.ipynb": _as_packed(name, *notebooks[name], examined.papers) for name in notebooks}
    files |= {path.name: path.read_bytes() for path in examined.helpers}
    files |= {name: path.read_bytes() for name, path in _own_files(folder).items()}
    packed = Packed((output or folder.parent) / f"{archive_name(assignment, team)}.zip")
    if with_pdf:
        course_title = course_title or str(examined.record.get("course_title", "Deep Learning"))
        title = TitleBlock(course_title, assignment, team.group, team.members, str(today or date.today()))
        files |= _pdf_of(examined, title, language, packed)
    about = manifest(assignment, team.group, team.members, files)
    files[FILE_NAME] = (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()
    with zipfile.ZipFile(packed.path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    packed.files = {name: len(data) for name, data in files.items()}
    packed.findings += _size_of(packed, examined.record.get("size_warning", LARGE))
    return packed


def _as_packed(name: str, path: Path, content: dict, papers: list[Paper]) -> bytes:
    """Return a notebook as it is, but for the answers on paper, which are put into their cells."""
    if not any(paper.notebook == name for paper in papers):
        return path.read_bytes()
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _pdf_of(examined: Examined, title: TitleBlock, language: str, packed: Packed) -> dict[str, bytes]:
    """Return the PDF under its name in the zip; nothing where it can't be made."""
    target = packed.path.with_suffix(".pdf")
    sheets = [(name, notebook) for name, (_, notebook) in examined.notebooks.items()]
    try:
        packed.pdf_problems = notebooks_to_pdf(sheets, title, target, examined.folder, language=language).problems
    except PdfError as error:
        packed.findings.append(Finding(packed.path.name, f"has no PDF in it. {error} Then pack again.", serious=False))
        return {}
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # what a library raises, panics of typst among it: the zip counts, not the PDF
        what = f"has no PDF in it: it could not be made ({type(error).__name__}: {one_line(error, 120)})."
        packed.findings.append(Finding(packed.path.name, f"{what} Your notebooks are packed.", serious=False))
        return {}
    packed.findings += [Finding(target.name, problem, serious=False) for problem in packed.pdf_problems]
    content = target.read_bytes()
    target.unlink()
    return {target.name: content}


def _size_of(packed: Packed, limit: int) -> list[Finding]:
    size = packed.path.stat().st_size
    if size <= limit:
        return []
    largest = max(packed.files, key=packed.files.get)
    text = f"is {size >> 20} MiB; OpenOlat may refuse it. The largest file is {largest}"
    return [Finding(packed.path.name, text)]


def _own_files(folder: Path) -> dict[str, Path]:
    """Return what goes along by its path in the zip: artifacts, own modules, and pictures that the text shows."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_symlink() or not path.is_file() or any(p.startswith(".") for p in parts):
            continue
        if parts[0] in ("artifacts", ANSWERS) or (
            path.suffix.lower() in {".py", *_PICTURES} and not set(parts[:-1]) & _LEFT_OUT
        ):
            found["/".join(_ascii(part) for part in parts)] = path
    return found


def archive_name(assignment: str, team: Team) -> str:
    """Return the name of the zip without suffix: plain letters, as OpenOlat renames all others.

    Examples
    --------
    >>> from course_utils.packing.manifest import Member
    >>> archive_name("convolutions", Team("7", (Member("Jörg Müller", "0012345"),)))
    'convolutions_group_7'
    >>> archive_name("convolutions", Team("", (Member("Jörg Müller", "0012345"),)))
    'convolutions_Mueller'
    """
    group = fold(team.group)
    if group.strip("_"):
        return (
            f"{assignment}_{group}" if group.lower().startswith(("group", "gruppe")) else f"{assignment}_group_{group}"
        )
    name = fold(team.members[0].name.partition(",")[0].split()[-1])
    # Of a name whose letters have no plain ones, nothing is left: then the number tells whose it is.
    return f"{assignment}_{name if name.strip('_') else fold(team.members[0].matriculation_number)}"


def _ascii(name: str) -> str:
    table = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", name).translate(table))
    return re.sub(r"[^A-Za-z0-9._ +-]", "_", plain.encode("ascii", "ignore").decode()).strip() or "_"


def release_record(
    assignment: str,
    notebooks: Sequence[tuple[str, Mapping[str, Any]]],
    course_title: str = "Deep Learning",
    *,
    marks: Sequence[str] = (),
    size_warning: int = LARGE,
) -> dict:
    """Return what `assignment.json` says, so that a student's folder can be looked at without the course.

    Parameters
    ----------
    assignment : str
    notebooks : sequence of (str, dict)
        Name and content of each, as released.
    course_title : str
    marks : sequence of str
        Lines by which a cell that is not filled in is known; by default those of nbgrader's stubs.
    size_warning : int, bytes
        From which size a zip is called large.
    """
    return {
        "course_title": course_title,
        "assignment": assignment,
        "size_warning": size_warning,
        "marks": list(marks or stub_marks()),
        "notebooks": {
            name: {
                "grade_ids": sorted(grade_ids(notebook)),
                "cell_ids": sorted(str(c["id"]) for c in notebook["cells"] if c.get("id")),
                "answers": answers_of(notebook),
                "texts": sorted(prints_of(notebook)),
            }
            for name, notebook in notebooks
        },
    }
