"""Where the files of one hand-in go."""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from course_utils.classroom.names import fold
from course_utils.classroom.roster import Owner, Roster, give_zeros_back
from course_utils.classroom.safety_net import attempt
from course_utils.handins.archives import unpack
from course_utils.handins.budget import Budget, StagedFile
from course_utils.handins.paths import CHECKPOINTS, is_junk, unique
from course_utils.notebooks.files import both_ends, looks_like_notebook
from course_utils.notebooks.limits import amount
from course_utils.notebooks.own_files import code_of, run_by
from course_utils.notebooks.recognising import Catalogue, NotebookError, OtherNotebook, Recognised, same_work
from course_utils.notebooks.texts import one_line
from course_utils.platforms.hand_ins import HandIn, content_hash
from course_utils.stages.course_assignment import CourseAssignment

__all__ = ["MAX_NOTES", "Placement", "place_hand_in"]

_MAX_MANIFEST = 5 << 20  # bytes
MAX_NOTES = 15  # of one hand-in
_MAX_MEMBERS = 20  # of a group


@dataclass
class Placement:
    """What goes into the folder of one hand-in: staged files or text by path, and what does not.

    `untouched` says that all its notebooks are as they were released; `unread` are missing ones that may be among the
    refused files.
    """

    files: dict[tuple[str, ...], Path | str] = field(default_factory=dict)
    hashes: dict[tuple[str, ...], str] = field(default_factory=dict)
    notebooks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[tuple[str, str, Path | None]] = field(default_factory=list)
    fates: list[tuple[str, str]] = field(default_factory=list)
    untouched: bool = False

    def add(self, parts: tuple[str, ...], content: Path | str, sha256: str) -> None:
        self.files[parts] = content
        self.hashes[parts] = sha256

    @property
    def content(self) -> str:
        return content_hash(("/".join(parts), sha256) for parts, sha256 in self.hashes.items())


def place_hand_in(hand_in: HandIn, staging: Path, there: CourseAssignment) -> Placement:
    """Decide which file of a hand-in goes where.

    Parameters
    ----------
    hand_in : HandIn
    staging : pathlib.Path
        An empty folder for what its archives hold.
    there : CourseAssignment

    Returns
    -------
    Placement
    """
    catalogue = there.catalogue
    placement = Placement()
    budget = Budget(there.settings.limits, staging)
    files: list[StagedFile] = []
    for raw in hand_in.files:
        found, refusals = unpack(raw.staged, raw.path, budget)
        files += found
        placement.refused += [(r.original, r.reason, r.kept) for r in refusals]
        placement.fates += [(r.original, f"in quarantine: {r.reason}") for r in refusals]
    junk: list[StagedFile] = []
    for file in list(files):
        if is_junk(file.parts):
            files.remove(file)
            junk.append(file)
            what = "a checkpoint of the editor" if ".ipynb_checkpoints" in file.parts else "left by a system"
            placement.fates.append((file.original, what))
    doubtful = [name for r in placement.refused if _may_hold_work(name := r[0].rpartition("!")[2].strip("/"))]
    notebooks = _recognise(files, catalogue, placement, hand_in.copies, doubtful)
    if not notebooks:
        _tell_of_halves(junk, placement)
    placement.untouched = bool(notebooks) and all(catalogue.is_blank(r) for _, r in notebooks.values())
    for name, (file, recognised) in notebooks.items():
        content: Path | str = file.staged if recognised.converted is None else recognised.converted
        data = content.encode() if isinstance(content, str) else None
        sha256 = hashlib.sha256(data).hexdigest() if data is not None else file.sha256
        placement.add((f"{name}.ipynb",), content, sha256)
        placement.fates.append((file.original, f"notebook {name}"))
        placement.notes += [f"{name}: {note}" for note in recognised.notes]
        if file.name != f"{name}.ipynb":
            placement.notes.append(f"{name}: handed in as {file.name}")
    placement.notebooks = [name for name in catalogue.names if name in notebooks]
    placement.missing = [name for name in catalogue.names if name not in notebooks]
    _look_into_folders(files, placement, doubtful)
    placement.unread = _may_be_there(placement.missing, catalogue.names, doubtful)
    if placement.missing and placement.notebooks:
        placement.notes.append(f"without {', '.join(placement.missing)}")
    if placement.unread and placement.notebooks:
        told = f"{', '.join(placement.unread)} may be among what is in quarantine, so the marks wait for a person"
        placement.notes.append(told)
    base = next(iter(notebooks.values()))[0].parts[:-1] if notebooks else ()
    helpers = _kept_helpers(files, notebooks, catalogue, placement)
    others = [f for f in files if not f.name.lower().endswith(".ipynb") or f in helpers]
    wanted = [_destination(f.parts, base) for f in others]
    # The notebooks' names are taken; what nbgrader reads itself is not the student's to write.
    taken = [*placement.files, *((f"{name}.ipynb",) for name in placement.missing), ("timestamp.txt",)]
    for file, parts in zip(others, unique([*taken, *wanted])[len(taken) :], strict=True):
        placement.add(parts, file.staged, file.sha256)
        placement.fates.append((file.original, f"kept as {'/'.join(parts)}"))
        placement.notes += [f"{file.original}: {note}" for note in file.notes]
    _check_manifest(others, hand_in, there, files, placement)
    return placement


def holds_work(there: CourseAssignment, staging: Path, hand_in: HandIn) -> bool | None:
    """Return whether something in a hand-in can be graded; None if that is not sure.

    A hand-in without a notebook of the assignment holds none, and so does an untouched copy or a draft that does not
    count. Where a file of it could not be read, nobody knows.

    Parameters
    ----------
    there : CourseAssignment
    staging : pathlib.Path
        An existing folder; one is made in it.
    hand_in : HandIn
    """
    if hand_in.draft and not there.settings.accept_drafts:
        return False
    folder = Path(tempfile.mkdtemp(prefix="weighed-", dir=staging))
    placed, _ = attempt(
        there.course, hand_in.owner.owner_id, "compared", functools.partial(place_hand_in, hand_in, folder, there)
    )
    if placed is None:
        return None
    return True if placed.notebooks and not placed.untouched else None if placed.refused else False


# What may hold a notebook, if it can't be read.
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz")


def _may_hold_work(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return ".ipynb" in name or name.endswith(_ARCHIVES)


def _tell_of_halves(junk: list[StagedFile], placement: Placement) -> None:
    """Tell of what macOS keeps beside notebooks, where it came without them."""
    for file in junk:
        if file.name.startswith("._") and ".ipynb" in file.name.lower():
            reason = "is only what macOS keeps beside a notebook; hand in the notebook itself (.ipynb)"
            placement.refused.append((file.original, reason, file.staged))


def _look_into_folders(files: list[StagedFile], placement: Placement, doubtful: list[str]) -> None:
    """Tell of folders that are called like a missing notebook and hold other things."""
    for name in placement.missing:
        inside = [file for file in files if f"{name}.ipynb" in file.parts[:-1]]
        if inside:
            doubtful.append(f"{name}.ipynb")
            parts = inside[0].parts
            folder = "/".join(parts[: parts.index(f"{name}.ipynb") + 1])
            placement.refused.append((folder, "is a folder, and no notebook of the course is in it", None))


def _may_be_there(missing: list[str], names: tuple[str, ...], doubtful: list[str]) -> list[str]:
    """Return which of the missing notebooks may be among files that could not be read: by their name, else any."""
    called = [path.rpartition("/")[2].lower() for path in doubtful]
    if any(not any(file.startswith(name.lower()) for name in names) for file in called):
        return missing
    return [name for name in missing if any(file.startswith(name.lower()) for file in called)]


def _recognise(
    files: list[StagedFile],
    catalogue: Catalogue,
    placement: Placement,
    copies: tuple[str, ...],
    doubtful: list[str],
) -> dict[str, tuple[StagedFile, Recognised]]:
    """Return the notebook of each name; several for one name are settled by rules or refused.

    What is a notebook by its content, under whatever name, is taken out of `files`. To `doubtful` go the names of what
    can't be read, and of copies of which nothing says which one counts.
    """
    found: dict[str, list[tuple[StagedFile, Recognised]]] = {}
    checkpoints: list[tuple[StagedFile, Recognised | str]] = []
    for file in list(files):
        if not _may_be_notebook(file):
            continue
        try:
            recognised = _read(file, catalogue)
        except NotebookError as error:
            if CHECKPOINTS in file.parts:
                checkpoints.append((file, str(error)))
            elif ".ipynb" in file.name.lower():
                _refuse(file, str(error), files, placement)
                if not isinstance(error, OtherNotebook) or file.name.lower().startswith(
                    tuple(map(str.lower, catalogue.names))
                ):
                    doubtful.append(file.name)
            continue  # of another name, it stays what it is
        if CHECKPOINTS in file.parts:
            checkpoints.append((file, recognised))
        else:
            found.setdefault(recognised.name, []).append((file, recognised))
    _take_checkpoints(checkpoints, found, files, placement)
    result = {}
    for name, candidates in found.items():
        best = _one_of(name, candidates, catalogue, copies)
        for file, recognised in candidates:
            if best and file is best[0]:
                continue
            if best and same_work(recognised, best[1]):
                reason = f"another copy of {name}, with the same text"
                placement.fates.append((file.original, reason))
                continue
            reason = (
                f"is a second {name}; {best[0].original} was taken"
                if best
                else f"is one of {len(candidates)} different copies of {name}, and nothing says which one counts"
            )
            _refuse(file, reason, files, placement)
        if best:
            result[name] = _under_its_name(name, *best)
        else:
            doubtful.append(f"{name}.ipynb")
        _only_notebooks([file for file, _ in candidates], files)
        if best and not best[0].name.lower().endswith(".ipynb"):
            files.append(result[name][0])
    return result


def _read(file: StagedFile, catalogue: Catalogue) -> Recognised:
    if file.size > catalogue.limits.size:  # before it is in memory
        raise NotebookError(f"is larger than {amount(catalogue.limits.size)}; clear its outputs and hand it in again")
    return catalogue.recognise(file.staged.read_bytes())


def _refuse(file: StagedFile, reason: str, files: list[StagedFile], placement: Placement) -> None:
    """Leave a file to the quarantine."""
    _only_notebooks([file], files)
    placement.refused.append((file.original, reason, file.staged))
    placement.fates.append((file.original, f"in quarantine: {reason}"))


def _only_notebooks(notebooks: list[StagedFile], files: list[StagedFile]) -> None:
    """Take out of `files` those that are notebooks under another name, which are not kept beside them once more."""
    odd = {id(file) for file in notebooks if not file.name.lower().endswith(".ipynb")}
    files[:] = [file for file in files if id(file) not in odd]


def _may_be_notebook(file: StagedFile) -> bool:
    """Return whether a file is called like a notebook, or looks like one: browsers add `.txt` and `.json` to names."""
    if ".ipynb" in file.name.lower():
        return True
    if "artifacts" in file.parts[:-1] or file.size < 20:
        return False
    return looks_like_notebook(*both_ends(file.staged))


def _take_checkpoints(
    checkpoints: list[tuple[StagedFile, Recognised | str]],
    found: dict[str, list[tuple[StagedFile, Recognised]]],
    files: list[StagedFile],
    placement: Placement,
) -> None:
    """Take the editor's copies of notebooks of which no other copy came; the others are none of the student's files."""
    known = set(found)
    for file, recognised in checkpoints:
        if isinstance(recognised, Recognised) and recognised.name not in known:
            note = "no other copy came; taken from the checkpoint that the editor keeps, which may be older"
            recognised = replace(recognised, notes=(*recognised.notes, note))
            found.setdefault(recognised.name, []).append((file, recognised))
        elif isinstance(recognised, str) and not found:
            _refuse(file, recognised, files, placement)
        else:
            placement.fates.append((file.original, "a checkpoint of the editor"))


def _under_its_name(name: str, file: StagedFile, recognised: Recognised) -> tuple[StagedFile, Recognised]:
    """Return a notebook as if it lay where notebooks lie and had a name of one, with a note on the name it had."""
    folders = tuple(part for part in file.parts[:-1] if part != CHECKPOINTS)
    if file.name.lower().endswith(".ipynb") and folders == file.parts[:-1]:
        return file, recognised
    if folders == file.parts[:-1]:
        note = f"handed in as {file.name}, which is no name of a notebook"
        recognised = replace(recognised, notes=(*recognised.notes, note))
    return replace(file, parts=(*folders, f"{name}.ipynb")), recognised


def _kept_helpers(
    files: list[StagedFile],
    notebooks: dict[str, tuple[StagedFile, Recognised]],
    catalogue: Catalogue,
    placement: Placement,
) -> list[StagedFile]:
    """Return the student's own notebooks that one of the course's runs; they are no longer refused."""
    wanted = run_by(text for _, recognised in notebooks.values() for _, text in recognised.cells)
    refused = {original for original, _, _ in placement.refused}
    taken = {f"{name}.ipynb" for name in (*notebooks, *placement.missing)}
    kept: list[StagedFile] = []
    waiting = [f for f in files if f.original in refused and f.name not in taken and f.size <= catalogue.limits.size]
    while found := [file for file in waiting if file.name in wanted and file not in kept]:
        kept += found
        wanted |= run_by(text for file in found for text in code_of(file.staged.read_bytes()))
    names = {file.original for file in kept}
    placement.refused = [refusal for refusal in placement.refused if refusal[0] not in names]
    placement.fates = [fate for fate in placement.fates if fate[0] not in names]
    return kept


def _one_of(
    name: str, candidates: list[tuple[StagedFile, Recognised]], catalogue: Catalogue, copies: tuple[str, ...] = ()
) -> tuple[StagedFile, Recognised] | None:
    """Return the copy of a notebook that counts.

    Copies with the same text are one; an untouched copy never counts beside another; among the others the one
    with the released name does, if there is just one. What a person chose by its hash comes before all that.
    """

    def one(some: list[tuple[StagedFile, Recognised]]) -> bool:
        return bool(some) and all(same_work(some[0][1], other) for _, other in some)

    for start in reversed(copies):
        if by_hand := [c for c in candidates if c[0].sha256.startswith(start)]:
            return by_hand[0]
    worked = [c for c in candidates if not catalogue.is_blank(c[1])]
    named = [c for c in worked if c[0].name == f"{name}.ipynb"]
    for some in (candidates, worked, named):
        if one(some):
            return min(some, key=lambda c: (c[0].name != f"{name}.ipynb", len(c[0].parts), c[0].parts))
    return None


def _destination(parts: tuple[str, ...], base: tuple[str, ...]) -> tuple[str, ...]:
    """Return where a file lies as seen from the notebooks, with artifacts always in `artifacts`."""
    if "artifacts" in parts[:-1]:
        return parts[parts.index("artifacts") :]
    return parts[len(base) :] if parts[: len(base)] == base else parts


def _check_manifest(
    others: list[StagedFile],
    hand_in: HandIn,
    there: CourseAssignment,
    files: list[StagedFile],
    placement: Placement,
) -> None:
    """Compare the student's `submission.json`, if there is one, with what came and with the roster."""
    assignment, roster = there.name, there.roster
    manifests = [f for f in others if f.name == "submission.json"]
    if not manifests:
        return
    try:
        if manifests[0].size > _MAX_MANIFEST:
            raise ValueError("it is too large")
        manifest = json.loads(manifests[0].staged.read_bytes())
        if not isinstance(manifest, dict):
            raise ValueError("it is no object")
        members = [m for m in manifest.get("members") or [] if isinstance(m, dict)]
        hashes = {str(k): v for k, v in (manifest.get("sha256") or {}).items() if isinstance(v, str)}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        placement.notes.append(f"its submission.json can't be read ({one_line(error, 200)})")
        return
    if manifest.get("assignment") not in (None, assignment):
        placement.notes.append(f"its submission.json is of {_quoted(manifest['assignment'])}")
    if len(members) > _MAX_MEMBERS:
        placement.notes.append(f"its submission.json names {len(members)} members; only the first were looked at")
        members = members[:_MAX_MEMBERS]
    have = {f.sha256 for f in files}
    changed = [path for path in sorted(hashes) if hashes[path] not in have]
    placement.notes += [f"{one_line(path, 200)} is not the file that was packed" for path in changed[:MAX_NOTES]]
    placement.notes += _notes_on_members(members, hand_in.owner, roster)
    group = manifest.get("group")
    group = str(group) if isinstance(group, (str, int)) else ""
    if group and hand_in.owner.is_group and not _same_group(group, hand_in.owner):
        placement.notes.append(f"says group {_quoted(group)}, the roster says {hand_in.owner.name!r}")


def _notes_on_members(members: list[dict[str, Any]], owner: Owner, roster: Roster) -> list[str]:
    """Return where a student's list of members differs from the roster, which decides who gets marks."""
    notes, named = [], set()
    for member in members:
        number, name = _number_of(member), _said(member.get("name") or "")
        namesakes = roster.called(name)
        student = roster.find(matriculation_number=number)
        if student is None and len(namesakes) == 1:
            student = namesakes[0]
            ours = student.matriculation_number or "none"
            notes.append(f"names {student.name} with the number {one_line(number) or 'none'}; the roster has {ours}")
        elif student is None:
            notes.append(f"names {name} ({one_line(number)}), who is not in the roster: gets no marks from here")
            continue
        elif student.matriculation_number.casefold() != number.strip().casefold():
            shorter = len(student.matriculation_number) < len(number.strip())
            mend = give_zeros_back(roster.file) if shorter else "the roster has them, so nothing is to be done"
            notes.append(
                f"names {student.name} with the number {one_line(number)}; the roster has "
                f"{student.matriculation_number}: the same but for leading zeros, which a spreadsheet drops; {mend}"
            )
        elif namesakes and student not in namesakes:
            notes.append(f"names {name} with the number of {student.name}; whom it means only they know")
        named.add(student.student_id)
        if student in owner.members:
            continue
        if owner.is_group:
            their = ", ".join(student.groups) or "no group"
            notes.append(f"names {student.name}, whom the roster has in {their}: gets no marks from here")
        else:
            notes.append(f"names {student.name} too, but the hand-in is of {owner.name} alone: gets no marks from here")
    left_out = [s.name for s in owner.members if s.student_id not in named]
    if members and left_out:
        whom = "whom the roster has in the group" if owner.is_group else "whose hand-in it is"
        notes.append(f"does not name {', '.join(left_out)}, {whom}")
    return notes


def _same_group(written: str, owner: Owner) -> bool:
    """Return whether a student's group number or name means a group of the roster."""
    mine, theirs = fold(written[:200]).casefold(), owner.owner_id.casefold()
    if mine == theirs or theirs.endswith(("_" + mine, "_" + mine.zfill(2))):
        return True
    # Compared as texts: digits there are in many scripts, and numbers of thousands of them.
    digits = theirs[len(theirs.rstrip("0123456789")) :]
    return bool(digits) and mine.isascii() and mine.isdecimal() and mine.lstrip("0") == digits.lstrip("0")


def _quoted(value: Any) -> str:
    """Return what a student's JSON says, as a note may quote it."""
    return repr(_said(value)) if isinstance(value, str) else _said(value)


def _said(value: Any) -> str:
    return one_line(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"


def _number_of(member: dict[str, Any]) -> str:
    """Return the matriculation number in a member of a student's JSON, empty if there is none."""
    number = member.get("matriculation_number")
    return str(number)[:100] if isinstance(number, (str, int)) else ""
