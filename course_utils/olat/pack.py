"""`course pack`: from a student's folder to the one zip that OpenOlat gets."""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.olat.manifest import FILE_NAME, Member, manifest
from course_utils.olat.names import fold
from course_utils.olat.notebooks import (
    Catalogue,
    NotebookError,
    Template,
    answers_of,
    catalogue_of,
    grade_ids,
    parse_notebook,
    source,
    stub_marks,
)
from course_utils.olat.pdf import PdfError, TitleBlock, notebooks_to_pdf

__all__ = [
    "Examined",
    "Finding",
    "Packed",
    "Team",
    "examine",
    "examine_folder",
    "find_folder",
    "pack",
    "read_notebooks",
    "read_team",
    "release_record",
    "run_notebooks",
    "write_team",
]

ASSIGNMENT_FILE = "assignment.json"
TEAM_FILE = "team.json"
_PICTURES = {".png", ".jpg", ".jpeg", ".svg", ".gif"}
_LEFT_OUT = {"data", "course_utils", "__pycache__", "node_modules", "venv", "build"}
_LARGE = 50 << 20  # bytes, where the release does not say it


@dataclass(frozen=True)
class Team:
    """Who hands in."""

    group: str
    members: tuple[Member, ...]

    def problems(self) -> list[str]:
        """Return what is not right about it; an empty list if all is well."""
        found = []
        if not self.members:
            found.append("Nobody is named; at least one name with a matriculation number is needed.")
        for member in self.members:
            if len(member.name.split()) < 2:
                found.append(f"{member.name!r} must be a first and a last name.")
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9/.-]{3,}", member.matriculation_number):
                found.append(
                    f"The matriculation number of {member.name} must be digits, with leading zeros; "
                    f"it is {member.matriculation_number!r}."
                )
        numbers = [member.matriculation_number for member in self.members]
        if len(set(numbers)) < len(numbers):
            found.append("Two members have the same matriculation number.")
        return found


@dataclass(frozen=True)
class Finding:
    """One thing to know before handing in. `serious` ones cost points or make grading impossible."""

    notebook: str
    text: str
    serious: bool = True


@dataclass
class Examined:
    """What was found in a student's folder, and what `pack` needs of it.

    Parameters
    ----------
    folder : pathlib.Path
    assignment : str
    notebooks : dict of str to (pathlib.Path, dict)
        By released name, in format 4.
    expected : Catalogue
        What the assignment consists of.
    findings : list of Finding
    record : dict
        What `assignment.json` says; empty without it.
    """

    folder: Path
    assignment: str
    notebooks: dict[str, tuple[Path, dict]]
    expected: Catalogue
    findings: list[Finding]
    record: dict[str, Any] = field(default_factory=dict)


@dataclass
class Packed:
    """What `pack` wrote, and what it found on the way."""

    path: Path
    files: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    pdf_problems: list[str] = field(default_factory=list)


def find_folder(start: Path, assignment: str) -> Path:
    """Return the folder with the notebooks of an assignment.

    Parameters
    ----------
    start : pathlib.Path
        The folder itself, or one that holds it.
    assignment : str

    Returns
    -------
    pathlib.Path

    Raises
    ------
    CourseError
        If there is none.
    """
    start = Path(start)
    for folder in (start / assignment, start / "release" / assignment, start):
        if any(folder.glob("*.ipynb")):
            if folder == start and start.resolve().name != assignment and not (start / ASSIGNMENT_FILE).exists():
                continue
            return folder
    raise CourseError(
        f"There are no notebooks of {assignment!r} here. Change to the folder that holds {assignment}/, or name it "
        "with --folder."
    )


def read_team(folder: Path) -> Team | None:
    """Return who hands in, from ``team.json`` in the folder or the one above; None if there is none.

    Raises
    ------
    CourseError
        If the file cannot be understood.
    """
    for path in (folder / TEAM_FILE, folder.resolve().parent / TEAM_FILE):
        if path.is_file():
            try:
                known = json.loads(path.read_text(encoding="utf-8-sig"))
                members = [Member(str(m["name"]), str(m["matriculation_number"])) for m in known["members"]]
                return Team(str(known.get("group", "")), tuple(members))
            except (ValueError, KeyError, TypeError) as error:
                raise CourseError(
                    f"{path} must look like "
                    '{"group": "7", "members": [{"name": "...", "matriculation_number": "..."}]}; '
                    "mend it or delete it."
                ) from error
    return None


def write_team(folder: Path, team: Team) -> Path:
    """Keep who hands in for the next assignment, in the folder above the notebooks."""
    path = folder.resolve().parent / TEAM_FILE
    known = {"group": team.group, "members": [asdict(member) for member in team.members]}
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def examine_folder(folder: Path, assignment: str, *, run: bool = False) -> Examined:
    """Look at everything that is going to be handed in; each file is read once.

    Parameters
    ----------
    folder : pathlib.Path
        With the notebooks.
    assignment : str
    run : bool
        Whether to run all cells first, and save.

    Returns
    -------
    Examined

    Raises
    ------
    CourseError
        If the record of the release is damaged.
    """
    from course_utils.olat.trained import examine_artifacts

    examined = read_notebooks(folder, assignment)
    if run:
        examined.findings += run_notebooks(examined.notebooks)
    for name, (path, notebook) in examined.notebooks.items():
        examined.findings += examine(name, notebook, examined.expected)
        examined.findings += examine_artifacts(name, notebook, path.parent)
    return examined


def read_notebooks(folder: Path, assignment: str) -> Examined:
    """Return the notebooks of the assignment by their released names, and what is wrong with the others.

    Parameters
    ----------
    folder : pathlib.Path
    assignment : str

    Returns
    -------
    Examined
        Its findings are those on files that are not packed, or under another name.
    """
    folder, record = Path(folder).resolve(), _read_record(Path(folder))
    parsed, findings = {}, []
    for path in sorted(folder.glob("*.ipynb")):
        try:
            parsed[path] = parse_notebook(path.read_bytes())
        except NotebookError as error:
            findings.append(Finding(path.name, f"{error}; it is not packed"))
    catalogue = _expected(assignment, record, {path.stem: notebook for path, (notebook, *_) in parsed.items()})
    notebooks: dict[str, tuple[Path, dict]] = {}
    for path in sorted(parsed, key=lambda path: (path.stem not in catalogue.names, path.name)):
        try:
            name = catalogue.recognise_parsed(*parsed[path]).name
        except NotebookError as error:
            findings.append(Finding(path.name, f"{error}; it is not packed"))
            continue
        if name in notebooks:
            other = notebooks[name][0].name
            findings.append(Finding(path.name, f"is a second copy of {name}; {other} is packed", False))
            continue
        if path.stem != name:
            findings.append(Finding(path.name, f"is packed under its released name {name}.ipynb", False))
        notebooks[name] = (path, parsed[path][0])
    findings += [Finding(f"{name}.ipynb", "is not here") for name in catalogue.names if name not in notebooks]
    ordered = {name: notebooks[name] for name in catalogue.names if name in notebooks}
    return Examined(folder, assignment, ordered, catalogue, findings, record)


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / ASSIGNMENT_FILE
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
        _templates("", record)
        record["size_warning"] = int(record.get("size_warning", _LARGE))
        record["marks"] = tuple(map(str, record.get("marks", ())))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} is damaged; take it from the zip of the assignment again, or delete it.") from error
    return record


def _expected(assignment: str, record: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """Return what an assignment consists of: as released, or, without that record, what is in the folder."""
    if not record:
        return catalogue_of(assignment, found)
    return Catalogue(assignment, _templates(assignment, record), record["marks"] or stub_marks())


def _templates(assignment: str, record: Mapping[str, Any]) -> tuple[Template, ...]:
    templates = []
    for name, about in record["notebooks"].items():
        ids = frozenset(about["grade_ids"]), frozenset(about["cell_ids"])
        templates.append(Template(assignment, name, *ids, dict(about.get("answers", {}))))
    return tuple(templates)


def examine(name: str, notebook: Mapping[str, Any], expected: Catalogue | None = None) -> list[Finding]:
    """Look whether a notebook was run, carries its outputs, and passes its visible checks.

    Nothing is executed; the outputs in the notebook say it.

    Parameters
    ----------
    name : str
    notebook : dict
        In format 4.
    expected : Catalogue, optional
        To tell which cells are not filled in or missing.

    Returns
    -------
    list of Finding
    """
    findings: list[Finding] = []
    code = [c for c in notebook["cells"] if c.get("cell_type") == "code" and source(c).strip()]
    counts = [c.get("execution_count") for c in code]
    if code and not any(counts):
        findings.append(Finding(name, "was never run, or its outputs were cleared: run all cells and save"))
    else:
        ran = [count for count in counts if isinstance(count, int)]
        if len(ran) < len(counts):
            findings.append(Finding(name, f"{len(counts) - len(ran)} cells were not run; run all cells and save"))
        if ran != sorted(ran):
            text = "cells were run in another order; does it still work after 'Restart kernel and run all cells'?"
            findings.append(Finding(name, text, serious=False))
    for cell in notebook["cells"]:
        about = cell.get("metadata", {}).get("nbgrader") or {}
        grade_id = about.get("grade_id", "")
        error = next((o for o in cell.get("outputs") or [] if o.get("output_type") == "error"), None)
        if error and about.get("grade"):
            message = _one_line(str(error.get("evalue", "")) or str(error.get("ename", "")))
            findings.append(Finding(name, f"{grade_id}: the visible checks do not pass. {message}"))
        elif error:
            findings.append(Finding(name, f"a cell ends with {error.get('ename', 'an error')}", serious=False))
    if expected:
        if blank := expected.unfilled(name, notebook):
            findings.append(Finding(name, f"not filled in: {', '.join(blank)}"))
        template = next((t for t in expected.templates if t.name == name), None)
        missing = sorted(template.grade_ids - grade_ids(notebook)) if template else []
        if missing:
            shown = ", ".join(missing[:5]) + (" and others" if len(missing) > 5 else "")
            findings.append(Finding(name, f"cells are missing: {shown}; grading puts them back, but without your work"))
    return findings


def _one_line(text: str, limit: int = 160) -> str:
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def run_notebooks(notebooks: Mapping[str, tuple[Path, dict]], *, timeout: int = 1800) -> list[Finding]:
    """Run all cells of notebooks in fresh kernels and save them with their outputs.

    Parameters
    ----------
    notebooks : mapping of str to (pathlib.Path, dict)
        See `read_notebooks`; the contents are replaced by what was run.
    timeout : int
        Seconds per cell.

    Returns
    -------
    list of Finding
        Notebooks that could not be run to the end.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    findings = []
    for name, (path, notebook) in notebooks.items():
        # On disk, texts are lists of lines; `reads` joins them.
        nodes = nbformat.reads(json.dumps(notebook), as_version=4)
        client = NotebookClient(
            nodes, timeout=timeout, allow_errors=True, resources={"metadata": {"path": str(path.parent)}}
        )
        try:
            client.execute()
        except (CellTimeoutError, DeadKernelError) as error:
            findings.append(Finding(name, f"could not be run to the end: {_one_line(str(error))}"))
            continue
        notebook.clear()
        notebook.update(json.loads(json.dumps(nodes)))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return findings


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
    files = {f"{name}.ipynb": path.read_bytes() for name, (path, _) in notebooks.items()}
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
    packed.findings += _size_of(packed, examined.record.get("size_warning", _LARGE))
    return packed


def _pdf_of(examined: Examined, title: TitleBlock, language: str, packed: Packed) -> dict[str, bytes]:
    """Return the PDF under its name in the zip; nothing where it can't be made."""
    target = packed.path.with_suffix(".pdf")
    sheets = [(name, notebook) for name, (_, notebook) in examined.notebooks.items()]
    try:
        packed.pdf_problems = notebooks_to_pdf(sheets, title, target, examined.folder, language=language).problems
    except PdfError as error:
        packed.findings.append(Finding(packed.path.name, f"has no PDF in it. {error} Then pack again.", serious=False))
        return {}
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
        if parts[0] == "artifacts" or (path.suffix.lower() in {".py", *_PICTURES} and not set(parts[:-1]) & _LEFT_OUT):
            found["/".join(_ascii(part) for part in parts)] = path
    return found


def archive_name(assignment: str, team: Team) -> str:
    """Return the name of the zip without suffix: plain letters, as OpenOlat renames all others.

    Examples
    --------
    >>> archive_name("convolutions", Team("7", (Member("Jörg Müller", "0012345"),)))
    'convolutions_group_7'
    >>> archive_name("convolutions", Team("", (Member("Jörg Müller", "0012345"),)))
    'convolutions_Mueller'
    """
    if team.group:
        group = fold(team.group)
        return (
            f"{assignment}_{group}" if group.lower().startswith(("group", "gruppe")) else f"{assignment}_group_{group}"
        )
    return f"{assignment}_{fold(team.members[0].name.split()[-1])}"


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
    size_warning: int = _LARGE,
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
            }
            for name, notebook in notebooks
        },
    }
