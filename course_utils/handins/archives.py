"""Reading archives from strangers.

Nothing is unpacked by name: every file of an archive is copied, byte by byte and under limits, to a numbered
file of a staging folder, and its path is kept as data. Only a path that has been made harmless ever becomes
one on disk. Whatever is not read is refused with a reason, and the rest of the archive is read all the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

from course_utils.handins.budget import CHUNK, MAX_SECONDS, Budget, Refusal, StagedFile
from course_utils.handins.limits import RefusedError
from course_utils.handins.members import DISK_FULL, place_inside
from course_utils.handins.paths import MAX_NAME, is_junk, safe_parts
from course_utils.handins.tars import read_tar
from course_utils.handins.zips import read_zip
from course_utils.notebooks.files import both_ends, looks_like_notebook
from course_utils.notebooks.instead import what_instead
from course_utils.notebooks.texts import one_line

__all__ = ["archive_kind", "unpack"]

log = logging.getLogger("course")


def archive_kind(path: Path, name: str) -> str | None:
    """Say which archive a file is, or None if it is to be kept as it is.

    Parameters
    ----------
    path : pathlib.Path
    name : str
        The name the student gave it. A `.docx`, `.npz` or `.pt` is a zip too, but not one to unpack, so the
        first bytes decide only for names that promise an archive, a notebook, or nothing.

    Returns
    -------
    {"zip", "7z", "tar", "rar", "broken", None}
        "broken" for a name that promises an archive and a content that is none.
    """
    lower = name.lower()
    promises = lower.endswith((".zip", ".7z", ".rar", ".tar", ".tgz", ".tbz2", ".txz")) or bool(
        re.search(r"\.(tar|ipynb)\.(gz|bz2|xz|zst)$", lower)
    )
    # Browsers add an end of their own: Blatt.zip (1), Blatt.zip.download.
    maybe = lower.endswith(".ipynb") or re.search(r"\.(zipx?|7z|rar|tar|tgz)(?![a-z0-9])", lower)
    if not promises and "." in lower.lstrip(".") and not maybe:
        return None
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return "zip"
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return "7z"
    if head.startswith(b"Rar!\x1a\x07"):
        return "rar"
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")) or head[257:262] == b"ustar":
        return "tar"
    # A zip may follow other bytes, as in a self-extracting archive.
    if promises and zipfile.is_zipfile(path):
        return "zip"
    return "broken" if promises and not looks_like_notebook(*both_ends(path)) else None


def unpack(path: Path, name: str, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    """Take everything out of a file that a student handed in: itself, if it is no archive.

    Parameters
    ----------
    path : pathlib.Path
    name : str
        Its path in the download.
    budget : Budget
        The limits, shared by all files of the hand-in, and the staging folder.

    Returns
    -------
    files : list of StagedFile
        In the order of the archives. Junk is among them; see `is_junk`.
    refusals : list of Refusal
        What was not read. No exception is raised for anything an archive may contain.
    """
    files: list[StagedFile] = []
    refusals: list[Refusal] = []
    try:
        parts, notes = safe_parts(name, budget.limits)
    except RefusedError as error:
        return [], [Refusal(name, str(error), path)]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    first = StagedFile(parts, path, name, path.stat().st_size, digest.hexdigest(), notes)
    _unpack_into(first, 1, budget, files, refusals)
    return files, refusals


def _unpack_into(
    file: StagedFile, depth: int, budget: Budget, files: list[StagedFile], refusals: list[Refusal]
) -> None:
    kind = None if is_junk(file.parts) else archive_kind(file.staged, file.name)
    if kind is None:
        files.append(file)
        return
    try:
        if depth > budget.limits.max_depth:
            raise RefusedError(f"is an archive inside {budget.limits.max_depth} others")
        found, refused = _READERS[kind](file, budget)
    except RefusedError as error:
        refusals.append(Refusal(file.original, str(error), file.staged))
        return
    except Exception as error:  # of a library, on a damaged archive; the rest of the hand-in is read all the same
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        log.exception("An archive could not be read")
        reason = f"can't be read ({type(error).__name__}: {one_line(error, 120)})"
        refusals.append(Refusal(file.original, reason, file.staged))
        return
    refusals.extend(refused)
    for inner in found:
        _unpack_into(inner, depth + 1, budget, files, refusals)


def _read_7z(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    """Read a 7z in a process of its own: its headers can ask for any amount of memory and time."""
    folder = budget.folder / f"7z-{budget.number}"
    folder.mkdir()
    left = replace(
        budget.limits,
        max_files=max(budget.limits.max_files - max(budget.files, budget.others), 0),
        max_bytes=max(budget.limits.max_bytes - budget.bytes, 0),
    )
    began = time.monotonic()
    try:
        if budget.seconds > MAX_SECONDS:
            raise subprocess.TimeoutExpired("7z", budget.seconds)
        child = subprocess.run(
            [sys.executable, "-m", "course_utils.handins.seven_zip", file.staged, folder, json.dumps(asdict(left))],
            capture_output=True,
            timeout=300,
            check=False,
            # A student's file must not decide what Python imports.
            cwd=folder,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
    except subprocess.TimeoutExpired:
        shutil.rmtree(folder)
        raise RefusedError("takes longer than five minutes to unpack") from None
    finally:
        budget.seconds += time.monotonic() - began
    if child.returncode:
        shutil.rmtree(folder)
        last = child.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no memory left"]
        raise RefusedError(f"is a 7z that can't be read ({last[0][:200]})")
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        shutil.rmtree(folder)
        raise RefusedError("is a 7z that can't be read") from None
    if answer["refused"]:
        shutil.rmtree(folder)
        raise RefusedError(answer["refused"])
    files, refusals = (
        [],
        [Refusal(f"{file.original}!{name[:MAX_NAME]}", reason, file.staged) for name, reason in answer["refusals"]],
    )
    for entry in answer["files"]:
        try:
            budget.count_file(entry["name"])
            place = place_inside(file, entry["name"], budget)
        except RefusedError as error:
            refusals.append(Refusal(f"{file.original}!{entry['name'][:MAX_NAME]}", str(error), file.staged))
            continue
        budget.bytes += entry["size"]
        files.append(replace(place, staged=folder / entry["file"], size=entry["size"], sha256=entry["sha256"]))
    if not files and not refusals:
        raise RefusedError("is an archive without any file")
    return files, refusals


def _refuse_rar(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    raise RefusedError("is a RAR archive, which can't be read here; hand in a zip")


def _refuse_broken(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    if file.size == 0:
        raise RefusedError("the file is empty")
    with file.staged.open("rb") as opened:
        head = opened.read(CHUNK)
        while not head.strip(b"\0") and (more := opened.read(CHUNK)):
            head = more
    raise RefusedError(what_instead(head, "archive") or "is no archive, in spite of its name")


_READERS = {"zip": read_zip, "tar": read_tar, "7z": _read_7z, "rar": _refuse_rar, "broken": _refuse_broken}
