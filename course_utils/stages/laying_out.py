"""Bringing ``submitted/`` up to date with what was placed, and what was made from older hand-ins out of the way."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

from course_utils.classroom.roster import Owner
from course_utils.classroom.safety_net import Waiting
from course_utils.grading import scratch
from course_utils.platforms.hand_ins import HandIn, content_hash
from course_utils.stages.course_assignment import CourseAssignment
from course_utils.stages.placing import Placement
from course_utils.stages.quarantine import Quarantine

__all__ = ["add_what_was_begun", "begun_file", "lay_out", "take_back"]


def lay_out(
    placement: Placement, owner: Owner, there: CourseAssignment, record: dict[str, Any], quarantine: Quarantine
) -> str:
    """Bring ``submitted/<id>/<assignment>`` up to date.

    Parameters
    ----------
    placement : Placement
    owner : Owner
        Whose it is.
    there : CourseAssignment
    record : dict
        What earlier collections laid out, by owner; brought up to date.
    quarantine : Quarantine
        Keeps what a person changed by hand and a newer hand-in replaces.

    Returns
    -------
    str
        "new", "updated" or "unchanged".
    """
    target = there.folder_of("submitted", owner.owner_id)
    before = record.get(owner.owner_id, {})
    known = {before.get("content"), *before.get("begun", ())} - {None}
    present = _folder_hash(target) if target.is_dir() else None
    by_hand = present is not None and present not in known
    if present == placement.content or (by_hand and placement.content in known):
        # The second case: changed by hand since, which a download without news does not undo.
        record[owner.owner_id] = {"content": placement.content}
        return "unchanged"
    if by_hand:
        quarantine.keep_folder(target, owner, "changed by hand before a newer hand-in came; replaced by that")
    new = target.with_name(f".{target.name}.new")
    if new.exists():
        scratch.remove(new)
    _write(placement, new)
    begun_file(there).parent.mkdir(parents=True, exist_ok=True)
    with begun_file(there).open("a", encoding="utf-8") as file:
        file.write(f"\n{json.dumps([owner.owner_id, placement.content])}\n")  # whatever was cut off before
    _remove_made(there, owner)  # before, so that no run leaves results beside another hand-in
    if target.is_dir():
        scratch.remove(target)
    new.rename(target)
    record[owner.owner_id] = {"content": placement.content}
    return "new" if present is None else "updated"


def begun_file(there: CourseAssignment) -> Path:
    """Return the file that lists what was laid out in a run whose record is not written yet."""
    return there.course / "reports" / there.name / ".laid-out.jsonl"


def add_what_was_begun(record: dict[str, Any], there: CourseAssignment) -> None:
    """Add to a record what a run that was killed had laid out, or was about to."""
    try:
        lines = begun_file(there).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):  # cut off
            owner_id, content = json.loads(line)
            record.setdefault(owner_id, {}).setdefault("begun", []).append(content)


def take_back(
    owner: Owner, hand_in: HandIn, there: CourseAssignment, record: dict[str, Any], quarantine: Quarantine
) -> str:
    """Take away what was laid out of somebody, as it turned out to be somebody else's.

    Parameters
    ----------
    owner : Owner
        With whom it was.
    hand_in : HandIn
        As it is now, with its true owner.
    there : CourseAssignment
    record : dict
        What earlier collections laid out, by owner; brought up to date.
    quarantine : Quarantine
        Keeps what a person changed in it by hand.

    Returns
    -------
    str
        A note; empty if nothing was laid out, or is no more.
    """
    laid = record.get(owner.owner_id, {})
    target = there.folder_of("submitted", owner.owner_id)
    if laid.get("hand_in") != hand_in.hand_in_id or not target.is_dir():
        return ""
    if _folder_hash(target) != laid.get("content"):
        quarantine.keep_folder(target, owner, f"changed by hand before it was placed with {hand_in.owner.owner_id}")
    if there.folder_of("autograded", owner.owner_id).is_dir():
        why = f"what was graded was handed in by {hand_in.owner.name}; nothing of its own is graded yet"
        Waiting(there.course, there.name).note(owner.owner_id, why)
    scratch.remove(target)
    _remove_made(there, owner)
    del record[owner.owner_id]
    now = hand_in.owner.owner_id
    return f"the hand-in {hand_in.where} was placed with {owner.owner_id} before; now with {now}, and taken from there"


def _remove_made(there: CourseAssignment, owner: Owner) -> None:
    """Remove what was made from an older hand-in: without it, both autograders do this one again."""
    for stage in ("autograded", "feedback"):
        made = there.folder_of(stage, owner.owner_id)
        if made.is_dir():
            scratch.remove(made)


def _write(placement: Placement, folder: Path) -> None:
    for parts, content in placement.files.items():
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content.encode())
        path.chmod(0o644)


def _folder_hash(folder: Path) -> str:
    files = []
    for root, folders, names in os.walk(folder):
        for path in (Path(root, name) for name in [*names, *folders]):
            name = path.relative_to(folder).as_posix()
            try:
                kind = path.lstat().st_mode
                if stat.S_ISREG(kind):
                    with path.open("rb") as file:
                        files.append((name, hashlib.file_digest(file, "sha256").hexdigest()))
                elif not stat.S_ISDIR(kind):
                    files.append((name, f"of the kind {stat.S_IFMT(kind):o}"))  # a person put it there
            except OSError as error:
                files.append((name, f"not read: {error.errno}"))
    return content_hash(files)
