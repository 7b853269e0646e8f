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

from course_utils.olat.manifest import FILE_NAME, Member, manifest
from course_utils.olat.names import fold
from course_utils.olat.notebooks import (
    Catalogue,
    NotebookError,
    Template,
    grade_ids,
    parse_notebook,
    read_release,
    source,
)
from course_utils.olat.pdf import TitleBlock, notebooks_to_pdf

__all__ = [
    "Finding",
    "Packed",
    "Team",
    "examine",
    "expected_notebooks",
    "find_folder",
    "pack",
    "read_team",
    "run_notebooks",
    "write_team",
]

ASSIGNMENT_FILE = "assignment.json"
TEAM_FILE = "team.json"
_STUBS = ("YOUR CODE HERE", "YOUR ANSWER HERE")
_PICTURES = {".png", ".jpg", ".jpeg", ".svg", ".gif"}
_LEFT_OUT = {"data", "course_utils", "__pycache__", "node_modules", "venv", "build"}
_LARGE = 50 << 20


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
class Packed:
    """What `pack` wrote."""

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
    ValueError
        If there is none.
    """
    start = Path(start)
    for folder in (start / assignment, start / "release" / assignment, start):
        if any(folder.glob("*.ipynb")):
            if folder == start and start.resolve().name != assignment and not (start / ASSIGNMENT_FILE).exists():
                continue
            return folder
    raise ValueError(
        f"There are no notebooks of {assignment!r} here. Change to the folder that holds {assignment}/, or name it "
        "with --folder."
    )


def read_team(folder: Path) -> Team | None:
    """Return who hands in, from ``team.json`` in the folder or the one above; None if there is none.

    Raises
    ------
    ValueError
        If the file cannot be understood.
    """
    for path in (folder / TEAM_FILE, folder.resolve().parent / TEAM_FILE):
        if path.is_file():
            try:
                known = json.loads(path.read_text(encoding="utf-8-sig"))
                members = [Member(str(m["name"]), str(m["matriculation_number"])) for m in known["members"]]
                return Team(str(known.get("group", "")), tuple(members))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
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


def read_notebooks(folder: Path, assignment: str) -> tuple[dict[str, tuple[Path, dict]], list[Finding]]:
    """Return the notebooks of the assignment by their released names, and what is wrong with the others.

    Parameters
    ----------
    folder : pathlib.Path
    assignment : str

    Returns
    -------
    notebooks : dict of str to (pathlib.Path, dict)
    findings : list of Finding
    """
    catalogue = expected_notebooks(folder, assignment)
    notebooks: dict[str, tuple[Path, dict]] = {}
    findings = []
    for path in sorted(folder.glob("*.ipynb"), key=lambda p: (p.stem not in catalogue.names, p.name)):
        try:
            content = path.read_bytes()
            recognised = catalogue.recognise(content)
        except NotebookError as error:
            findings.append(Finding(path.name, f"{error}; it is not packed"))
            continue
        if recognised.name in notebooks:
            other = notebooks[recognised.name][0].name
            findings.append(Finding(path.name, f"is a second copy of {recognised.name}; {other} is packed", False))
            continue
        if path.stem != recognised.name:
            findings.append(Finding(path.name, f"is packed under its released name {recognised.name}.ipynb", False))
        notebooks[recognised.name] = (path, parse_notebook(content)[0])
    findings += [Finding(f"{name}.ipynb", "is not here") for name in catalogue.names if name not in notebooks]
    return {name: notebooks[name] for name in catalogue.names if name in notebooks}, findings


def expected_notebooks(folder: Path, assignment: str) -> Catalogue:
    """Return what an assignment consists of: as released, or, without that record, what is in the folder.

    Parameters
    ----------
    folder : pathlib.Path
    assignment : str

    Returns
    -------
    Catalogue
    """
    path = folder / ASSIGNMENT_FILE
    if not path.is_file():
        return read_release(folder, assignment)
    known = json.loads(path.read_text(encoding="utf-8"))
    templates = [
        Template(assignment, name, frozenset(about["grade_ids"]), frozenset(about["cell_ids"]))
        for name, about in known["notebooks"].items()
    ]
    return Catalogue(assignment, tuple(templates))


def examine(name: str, notebook: Mapping[str, Any], expected: Catalogue | None = None) -> list[Finding]:
    """Look whether a notebook was run, carries its outputs, and passes its visible checks.

    Nothing is executed; the outputs in the notebook say it.

    Parameters
    ----------
    name : str
    notebook : dict
        In format 4.
    expected : Catalogue, optional
        To tell which graded cells are missing.

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
    blank: list[str] = []
    for cell in notebook["cells"]:
        about = cell.get("metadata", {}).get("nbgrader") or {}
        grade_id = about.get("grade_id", "")
        if about.get("solution") and any(stub in source(cell) for stub in _STUBS):
            blank.append(grade_id)
        error = next((o for o in cell.get("outputs") or [] if o.get("output_type") == "error"), None)
        if error and about.get("grade"):
            message = _one_line(str(error.get("evalue", "")) or str(error.get("ename", "")))
            findings.append(Finding(name, f"{grade_id}: the visible checks do not pass. {message}"))
        elif error:
            findings.append(Finding(name, f"a cell ends with {error.get('ename', 'an error')}", serious=False))
    if blank:
        findings.append(Finding(name, f"not filled in: {', '.join(blank)}"))
    if expected:
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
    folder: Path,
    assignment: str,
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
    folder : pathlib.Path
        With the notebooks.
    assignment : str
    team : Team
    output : pathlib.Path, optional
        Folder for the zip; by default the one above `folder`.
    course_title : str
        For the title block of the PDF; by default what the release says.
    language : {"en", "de"}
        Of the title block.
    today : datetime.date, optional
    with_pdf : bool

    Returns
    -------
    Packed

    Raises
    ------
    ValueError
        If there is nothing to pack, or the team is not complete.
    """
    folder = Path(folder).resolve()
    problems = team.problems()
    if problems:
        raise ValueError("\n".join(problems))
    notebooks, findings = read_notebooks(folder, assignment)
    if not notebooks:
        raise ValueError(f"There is no notebook of {assignment!r} in {folder}.")
    expected = expected_notebooks(folder, assignment)
    for name, (_, notebook) in notebooks.items():
        findings += examine(name, notebook, expected)
    files = {f"{name}.ipynb": path.read_bytes() for name, (path, _) in notebooks.items()}
    files |= {name: path.read_bytes() for name, path in _own_files(folder).items()}
    packed = Packed((output or folder.parent) / f"{archive_name(assignment, team)}.zip", findings=findings)
    if with_pdf:
        title = TitleBlock(
            course_title or _released_title(folder), assignment, team.group, team.members, str(today or date.today())
        )
        target = packed.path.with_suffix(".pdf")
        made = notebooks_to_pdf([(n, nb) for n, (_, nb) in notebooks.items()], title, target, folder, language=language)
        packed.pdf_problems = made.problems
        files[target.name] = target.read_bytes()
        target.unlink()
    about = manifest(assignment, team.group, team.members, files)
    files[FILE_NAME] = (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()
    with zipfile.ZipFile(packed.path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    packed.files = {name: len(data) for name, data in files.items()}
    size = packed.path.stat().st_size
    if size > _LARGE:
        largest = max(packed.files, key=packed.files.get)
        text = f"is {size >> 20} MiB; OpenOlat may refuse it. The largest file is {largest}"
        packed.findings.append(Finding(packed.path.name, text))
    return packed


def _released_title(folder: Path) -> str:
    path = folder / ASSIGNMENT_FILE
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str(known.get("course_title", "Deep Learning"))


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
    assignment: str, notebooks: Sequence[tuple[str, Mapping[str, Any]]], course_title: str = "Deep Learning"
) -> dict:
    """Return what `assignment.json` says: the notebooks of a release and the ids of their cells."""
    return {
        "course_title": course_title,
        "assignment": assignment,
        "notebooks": {
            name: {
                "grade_ids": sorted(grade_ids(notebook)),
                "cell_ids": sorted(str(c["id"]) for c in notebook["cells"] if c.get("id")),
            }
            for name, notebook in notebooks
        },
    }
