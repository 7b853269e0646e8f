"""A submission as it goes to a worker, and what comes back: bytes and plain values, on this machine or another."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from course_utils.errors import NotGradable
from course_utils.facts import FORM
from course_utils.grading import scratch
from course_utils.grading.hidden import FOLDER, read_hidden
from course_utils.grading.limits import GradingLimits, SandboxLimits
from course_utils.grading.places import without_places
from course_utils.grading.run import trust
from course_utils.grading.run.aside import endings_aside
from course_utils.grading.run.engine import KernelUnavailable, NotebookResult, Settings, grade_cells
from course_utils.notebooks import reading, repair, skeleton
from course_utils.notebooks.files import notebooks_in
from course_utils.notebooks.limits import FileLimits, amount
from course_utils.notebooks.own_files import code_of, run_by
from course_utils.notebooks.pictures import lay_in_files
from course_utils.notebooks.texts import one_line

__all__ = [
    "GradedNotebook",
    "GradedSubmission",
    "Submission",
    "digest_of_source",
    "grade",
    "handed_in_at",
    "handed_out",
    "is_closed",
    "lay_in_outputs",
    "other_files",
    "read_submission",
    "sort_out",
]


# Bytes; what is run is text.
_MOST_NOTEBOOK = FileLimits().size
_MOST_HELPER = 20 * 2**20


@dataclass(frozen=True)
class Submission:
    """One student's work on one assignment, with the course's side of it.

    Parameters
    ----------
    student, assignment : str
    notebooks : dict of str to bytes or str
        What was handed in, by name of the notebook: the file's bytes, or the reason why it can't be read.
    files : bytes
        The other files, as an uncompressed tar.
    sources : dict of str to bytes
        The course's notebooks, by name. Workers have none: they are sent skeletons.
    clearing : dict
        nbgrader's settings of `ClearSolutions`.
    settings : Settings
    left_out : tuple of str
        What of the files was not taken and why, one sentence each.
    hidden : dict of str to bytes
        What only the tests may see of the course's files, by name; see `hidden.read_hidden`.
    course_files : tuple of str
        Which of the files are the course's own.
    skeletons : dict of str to str
        What a worker is sent of the course's notebooks: each as it is graded, in JSON.
    fault : str
        Why there are none, if so: by a mistake of the course.
    """

    student: str
    assignment: str
    notebooks: dict[str, bytes | str]
    files: bytes
    sources: dict[str, bytes]
    clearing: dict[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    left_out: tuple[str, ...] = ()
    hidden: dict[str, bytes] = field(default_factory=dict, repr=False)
    course_files: tuple[str, ...] = ()
    skeletons: dict[str, str] = field(default_factory=dict, repr=False)
    fault: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of everything the marks depend on."""
        total = hashlib.sha256()
        parts: list[Any] = [
            self.student,
            self.assignment,
            repr(self.settings),
            self.settings.secret,
            json.dumps(self.clearing, sort_keys=True),
            *self.course_files,
        ]
        for mapping in (self.notebooks, self.sources, self.hidden):
            parts += [part for name in sorted(mapping) for part in (name, mapping[name])]
        for part in [*parts, self.files]:
            data = part.encode() if isinstance(part, str) else part
            total.update(len(data).to_bytes(8, "big") + data)
        return total.hexdigest()

    def content(self) -> dict[str, Any]:
        """Return the submission as `wire` carries it, with the skeletons of the notebooks that were handed in.

        What was itself sent (to a Dask worker, say) has no sources any more, and is sent on with the skeletons it has.
        """
        skeletons, fault = self.skeletons, self.fault
        if self.sources:
            try:
                skeletons = {name: _skeleton(self.sources[name], self.clearing)[1] for name in self.notebooks}
            except Exception as error:  # what nbgrader says of a notebook that it can't release
                fault = f"{type(error).__name__}: {error}"
        content = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        about = {"settings": asdict(self.settings), "sources": {}, "skeletons": skeletons, "fault": fault}
        return content | about

    def skeleton(self, name: str) -> nbformat.NotebookNode:
        """Return the course's notebook as it is graded, as it was sent or made of the source; nobody changes it."""
        if name in self.skeletons:
            return _sent_skeleton(self.skeletons[name])
        return _skeleton(self.sources[name], self.clearing)[0]

    @classmethod
    def read(cls, content: dict[str, Any]) -> Submission:
        """Return the submission that was sent; the sender is the run's own process, which is believed."""
        settings = dict(content["settings"])
        if settings["preload"] is not None:
            settings["preload"] = tuple(settings["preload"])
        settings["ignore"] = tuple(settings["ignore"])
        lists = {name: tuple(content[name]) for name in ("left_out", "course_files")}
        return cls(**{**content, **lists, "settings": Settings(**settings)})


@dataclass(frozen=True)
class GradedNotebook:
    """A notebook after repair and execution.

    Parameters
    ----------
    content : str
        The notebook as JSON, with outputs, and what is known about the run in ``metadata.course``.
    parsed : nbformat.NotebookNode, optional
        The same, where it has been read already.
    """

    content: str
    parsed: nbformat.NotebookNode | None = field(default=None, compare=False, repr=False)

    @functools.cached_property
    def notebook(self) -> nbformat.NotebookNode:
        """The same, read once for all who look at it; nobody changes it."""
        return nbformat.reads(self.content, as_version=4) if self.parsed is None else self.parsed


@dataclass(frozen=True)
class GradedSubmission:
    """What a worker gives back.

    Parameters
    ----------
    student : str
    notebooks : dict of str to GradedNotebook
        By name of the notebook, for every notebook of the assignment that was handed in.
    error : str
        Why nothing could be graded, if so: the course's or the machine's fault, never the student's.
    """

    student: str
    notebooks: dict[str, GradedNotebook] = field(default_factory=dict)
    error: str = ""

    def content(self) -> dict[str, Any]:
        """Return the result as `wire` carries it; `returned.read_graded` reads it."""
        notebooks = {name: notebook.content for name, notebook in self.notebooks.items()}
        return {"student": self.student, "notebooks": notebooks, "error": self.error}


def read_submission(
    folder: Path, student: str, assignment: str, source: Path, clearing: Mapping[str, Any], settings: Settings
) -> Submission:
    """Read a submission's folder; links are not followed, other notebooks than the course's are left out.

    Parameters
    ----------
    folder : pathlib.Path
        ``submitted/<student>/<assignment>``.
    student, assignment : str
    source : pathlib.Path
        ``source/<assignment>``; its files that are no notebooks are laid over the student's, apart from `hidden/`.
    clearing : mapping
        nbgrader's settings of `ClearSolutions`.
    settings : Settings
    """
    limits = GradingLimits.of(settings.limits)
    sources = {path.stem: path.read_bytes() for path in notebooks_in(source)}
    notebooks: dict[str, bytes | str] = {}
    for name in sources:
        path = folder / f"{name}.ipynb"
        if path.is_symlink() or path.exists():
            try:
                notebooks[name] = reading.bytes_of(path, limits.file)
            except reading.UnreadableNotebook as reason:
                notebooks[name] = str(reason)
    theirs, left_out = sort_out(folder, limits.sandbox)
    theirs |= helper_notebooks(folder, sources)
    ours = handed_out(source, settings.ignore)
    # A file of theirs must not be a folder of ours, nor the other way round.
    theirs = {name: path for name, path in theirs.items() if not any(map(set(ours).__contains__, _folders(name)))}
    taken = {folder for name in ours for folder in _folders(name)}
    files = {**{name: path for name, path in theirs.items() if name not in taken}, **ours}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return Submission(
        student,
        assignment,
        notebooks,
        archive.getvalue(),
        sources,
        dict(clearing),
        settings,
        tuple(left_out),
        read_hidden(source),
        tuple(sorted(ours)),
    )


def digest_of_source(source: Path, ignore: Sequence[str] = ()) -> str:
    """Return the SHA-256 of what a course grades an assignment by: notebooks, files handed out, hidden files.

    Parameters
    ----------
    source : pathlib.Path
        ``source/<assignment>``.
    ignore : sequence of str
        See `handed_out`.
    """
    total = hashlib.sha256()
    notebooks = {f"notebook {path.name}": path.read_bytes() for path in notebooks_in(source)}
    files = {f"file {name}": path.read_bytes() for name, path in handed_out(source, ignore).items()}
    hidden = {f"hidden {name}": data for name, data in read_hidden(source).items()}
    for name, data in sorted((notebooks | files | hidden).items()):
        for part in (name.encode(), data):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def helper_notebooks(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the notebooks that the course's notebooks in a submission run, by file name.

    Parameters
    ----------
    folder : pathlib.Path
        What the student handed in.
    names : iterable of str
        The course's notebooks, without suffix.
    """
    names = set(names)
    plain = {p.stem: p for p in folder.glob("*.ipynb") if not p.is_symlink() and p.is_file()}
    others = {name: path for name, path in plain.items() if name not in names and path.stat().st_size <= _MOST_HELPER}
    found: dict[str, Path] = {}
    waiting = [plain[name] for name in sorted(names & plain.keys()) if plain[name].stat().st_size <= _MOST_NOTEBOOK]
    waiting = waiting if others else []
    while waiting:
        cells = code_of(waiting.pop().read_bytes())
        wanted = {others[Path(name).stem] for name in run_by(cells) if Path(name).stem in others} - {*found.values()}
        found |= {path.name: path for path in wanted}
        waiting += sorted(wanted)
    return found


# What editors, Python and file managers leave behind; no file of an assignment, whatever the settings say.
NEVER = (FOLDER, ".*", "__pycache__", "*.pyc", "~$*", "desktop.ini", "Thumbs.db", "Icon\r")


def handed_out(source: Path, ignore: Sequence[str] = ()) -> dict[str, Path]:
    """Return the files of an assignment beside its notebooks, by relative name: students receive them, tests see them.

    Parameters
    ----------
    source : pathlib.Path
        ``source/<assignment>``.
    ignore : sequence of str
        Patterns of names that are none: `c.CourseDirectory.ignore`.
    """
    never = (*NEVER, *ignore)
    return {
        name: path
        for name, path in other_files(source).items()
        if not any(fnmatch.fnmatch(part, pattern) for part in Path(name).parts for pattern in never)
    }


def _folders(name: str) -> list[str]:
    return [str(parent) for parent in Path(name).parents]


def handed_in_at(folder: Path) -> datetime | None:
    """Return when a submission was handed in, in UTC, as its `timestamp.txt` says; None if it says no time.

    Parameters
    ----------
    folder : pathlib.Path
        ``submitted/<student>/<assignment>``. The file may be the student's own: anything can be in it.
    """
    path = folder / "timestamp.txt"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 200:
        return None
    from nbgrader.utils import parse_utc  # workers, which have no use for it, need not wait for all of nbgrader

    try:
        return parse_utc(path.read_text().strip())
    except (OSError, ValueError, OverflowError):
        return None


def other_files(folder: Path, limits: SandboxLimits | None = None) -> dict[str, Path]:
    """Return the files of a submission that are no notebooks, by relative name; see `sort_out`."""
    return sort_out(folder, limits)[0]


def sort_out(folder: Path, limits: SandboxLimits | None = None) -> tuple[dict[str, Path], list[str]]:
    """Tell the files of a submission that can be taken from what can't.

    Notebooks stay out of the kernel's folder because those of `autograded/` hold the hidden tests.

    Parameters
    ----------
    folder : pathlib.Path
    limits : SandboxLimits, optional
        How many files a submission may have, and how many bytes.

    Returns
    -------
    files : dict of str to pathlib.Path
        Plain files that are no notebooks, by relative name; small files first where there is too much.
    left_out : list of str
        One sentence for each link, pipe, unreadable or too large file.
    """
    limits = limits or SandboxLimits()
    found: list[tuple[int, str, Path]] = []
    left_out: list[str] = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        here = Path(root).relative_to(folder)
        closed = [name for name in folders if name not in links and name[0] != "." and is_closed(here / name)]
        left_out += [f"the folder {one_line(here / name)} {is_closed(here / name)} and was left out" for name in closed]
        folders[:] = [name for name in folders if name not in (*links, *closed) and name[0] != "."]
        for path in (Path(root, name) for name in [*names, *links]):
            name = str(path.relative_to(folder))
            if path.name == "timestamp.txt" or (path.suffix == ".ipynb" and path.parent == folder):
                continue
            if len(os.fsencode(name)) > LONGEST_PATH:
                left_out.append(f"{one_line(name)} {is_closed(Path(name))} and was left out")
            elif path.is_symlink() or not path.is_file():
                left_out.append(f"{one_line(name)} is a link or no plain file and was left out")
            elif not os.access(path, os.R_OK):
                left_out.append(f"{one_line(name)} can't be read and was left out")
            elif path.suffix != ".ipynb":
                found.append((path.stat().st_size, name, path))
    files, total = {}, 0
    for size, name, path in sorted(found):
        total += size
        if total > limits.submission_bytes or len(files) >= limits.submission_files:
            left_out.append(
                f"{one_line(name)} ({amount(size)}) was left out: a submission may have "
                f"{limits.submission_files} files and {amount(limits.submission_bytes)}"
            )
        else:
            files[name] = path
    return files, left_out[:20]


# Bytes. In the course folder and in the sandbox other folders come before it, and the system's limit is 4,096.
LONGEST_PATH = 1_000


def is_closed(folder: Path) -> str:
    """Return why a folder of a submission is not entered; empty if it is.

    Parameters
    ----------
    folder : pathlib.Path
        Relative to the submission.
    """
    if folder.suffix == ".ipynb" and len(folder.parts) == 1:
        return "is called like a notebook"
    return "has too long a path" if len(os.fsencode(folder)) > LONGEST_PATH else ""


def grade(submission: Submission) -> GradedSubmission:
    """Repair and run every notebook of a submission (in a worker, on any machine).

    Raises nothing that has to do with what the student wrote.
    """
    graded: dict[str, GradedNotebook] = {}
    if submission.fault:
        return GradedSubmission(submission.student, error=submission.fault)
    try:
        with scratch.folder("files") as folder:
            with tarfile.open(fileobj=io.BytesIO(submission.files)) as tar:
                tar.extractall(folder, filter="data")
            with endings_aside():
                for name, data in submission.notebooks.items():
                    graded[name] = _grade_notebook(name, data, submission, Path(folder))
    except (KernelUnavailable, NotGradable) as error:
        return GradedSubmission(submission.student, error=str(error))
    except Exception as error:
        return GradedSubmission(submission.student, error=f"{type(error).__name__}: {error}")
    return GradedSubmission(submission.student, graded)


_SKELETONS: dict[bytes, tuple[nbformat.NotebookNode, str]] = {}


def _skeleton(source: bytes, clearing: dict[str, Any]) -> tuple[nbformat.NotebookNode, str]:
    """Return the course's notebook as it is graded, and in JSON; made once for each source and `ClearSolutions`."""
    key = hashlib.sha256(source + json.dumps(clearing, sort_keys=True).encode()).digest()
    if key not in _SKELETONS:
        made = skeleton.skeleton_of(source, Config(ClearSolutions=clearing))
        _SKELETONS[key] = made, json.dumps(made)
    return _SKELETONS[key]


@functools.lru_cache(maxsize=64)
def _sent_skeleton(text: str) -> nbformat.NotebookNode:
    """Return the skeleton that a worker was sent; whoever is given it changes nothing in it."""
    return nbformat.from_dict(json.loads(text))


def _grade_notebook(name: str, data: bytes | str, submission: Submission, files: Path) -> GradedNotebook:
    course = submission.skeleton(name)
    reason = data if isinstance(data, str) else ""
    limits = GradingLimits.of(submission.settings.limits).file
    submitted = None
    if not reason:
        try:
            submitted = reading.notebook_from_bytes(data, limits)
        except reading.UnreadableNotebook as error:
            reason = str(error)
    repaired = repair.repair(submitted, course, reason, limits)
    notebook = repaired.notebook
    lay_in_files(notebook.cells, files, limits)
    imports = notebook.metadata["course"]["imports"]
    result = grade_cells(
        notebook.cells, imports, files, submission.settings, submission.hidden, submission.course_files
    )
    result.events[:0] = [("limit", sentence) for sentence in submission.left_out]
    lay_in_outputs(notebook, result)
    notebook.metadata["course"]["trust"] = trust.report(notebook, result)
    return GradedNotebook(nbformat.writes(notebook))


def lay_in_outputs(nb: nbformat.NotebookNode, result: NotebookResult) -> None:
    """Write a result's outputs into the cells of the notebook."""
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "code":
            outputs = [without_places(output) for output in result.outputs.get(index, [])]
            found = [output["data"][FORM] for output in outputs if FORM in output.get("data", ())]
            cell.outputs = [nbformat.from_dict(output) for output in outputs if FORM not in output.get("data", ())]
            if found:  # no output that pages could show
                cell.metadata.setdefault("course", {})["facts"] = found[-1]
            cell.execution_count = None
        if index in result.faults:
            cell.metadata.setdefault("course", {})["fault"] = result.faults[index]
