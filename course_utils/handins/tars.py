"""Reading tars from strangers, packed or not: headers of any length, links, devices, sparse files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import IO

from course_utils.handins.budget import CHUNK, Budget, Refusal, StagedFile
from course_utils.handins.limits import RefusedError
from course_utils.handins.members import (
    DISK_FULL,
    ENTRIES_PER_FILE,
    IS_EMPTY,
    READ_ERRORS,
    Refusals,
    empty_work,
    place_inside,
)
from course_utils.handins.paths import is_work
from course_utils.notebooks.files import both_ends, looks_like_notebook

__all__ = ["read_tar"]

# Bytes of a header of a tar that holds a name or other facts about the next file; tarfile reads all it says it has.
_MAX_HEADER = 64 << 10
_MAX_SPARSE = 200  # blocks with the places of the parts of a sparse file


def read_tar(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    """Read a file that was handed in as a tar, compressed or not.

    Parameters
    ----------
    file : StagedFile
    budget : Budget
        What is left of the limits of the hand-in.

    Returns
    -------
    files : list of StagedFile
    refusals : list of Refusal
        The files that were not read.

    Raises
    ------
    RefusedError
        If nothing of it can be read.
    """
    files, refusals = [], Refusals(file)
    plain = budget.target()
    try:
        # tarfile trusts the lengths in its headers, so it only ever gets a file whose size was checked.
        with _decompressed(file.staged) as source, plain.open("xb") as target:
            size = 0
            while chunk := source.read(CHUNK):
                size += len(chunk)
                budget.check_whole(size, file.size)
                target.write(chunk)
        ends = both_ends(plain)
        if ends[0][257:262] != b"ustar" and looks_like_notebook(*ends):
            return [_alone(plain, file, budget)], []
        names: dict[bool, list[str]] = {True: [], False: []}
        for work in (True, False):
            _read_members(plain, file, budget, work, files, refusals, names)
        for name in empty_work(names[True], names[False]):
            refusals.add(name, RefusedError(IS_EMPTY))
    except RefusedError as error:
        if not files:
            raise
        refusals.all.append(Refusal(file.original, str(error), file.staged))
    except (tarfile.TarError, *READ_ERRORS) as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        if not files:
            raise RefusedError(f"is no archive, or is damaged or cut off ({error})") from error
        refusals.all.append(Refusal(file.original, f"is damaged or cut off ({error})", file.staged))
    finally:
        plain.unlink(missing_ok=True)
    if not files and not refusals.all:
        raise RefusedError("is an archive without any file")
    return files, refusals.all


def _alone(plain: Path, file: StagedFile, budget: Budget) -> StagedFile:
    """Return a notebook that was compressed without being put into a tar."""
    name = re.sub(r"(?i)\.(gz|bz2|xz)$", "", file.name)
    with plain.open("rb") as source:
        staged, size, sha256 = budget.copy(source, None, name)
    return replace(file, parts=(*file.parts[:-1], name), staged=staged, size=size, sha256=sha256)


def _read_members(
    plain: Path,
    file: StagedFile,
    budget: Budget,
    work: bool,
    files: list[StagedFile],
    refusals: Refusals,
    names: dict[bool, list[str]],
) -> None:
    """Read the members of a tar that are work, or the others; `names` gets those of folders, and of all else."""
    with tarfile.open(plain, mode="r:", tarinfo=_Header) as archive:
        for number, member in enumerate(archive):
            if number > budget.limits.max_files * ENTRIES_PER_FILE:
                raise RefusedError(f"has more than {budget.limits.max_files * ENTRIES_PER_FILE} files")
            if work:
                names[member.isdir()].append(member.name)
            if member.isdir() or is_work(member.name) is not work:
                continue
            try:
                place = place_inside(file, member.name, budget)
                if not member.isreg() or member.issparse():
                    raise RefusedError(f"is {_tar_type(member)}, not a plain file")
                staged, size, sha256 = budget.copy(archive.extractfile(member), None, member.name)
                if size != member.size:
                    staged.unlink()
                    raise RefusedError("is cut off")
            except RefusedError as error:
                refusals.add(member.name, error)
                continue
            files.append(replace(place, staged=staged, size=size, sha256=sha256))
        if not work:
            archive.fileobj.seek(archive.offset)
            # tarfile takes a header that is none for the end; the end is empty blocks.
            if any(archive.fileobj.read(tarfile.BLOCKSIZE)):
                refusals.all.append(Refusal(file.original, "is damaged: not all of it can be read", file.staged))


class _Header(tarfile.TarInfo):
    """A header of a tar, of which no more is read than an honest one has."""

    def _check(self) -> None:
        if self.size > _MAX_HEADER:
            raise RefusedError(f"has a file whose name or attributes take {self.size:,} bytes")

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check()
        return super()._proc_gnulong(archive)

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check()
        return super()._proc_pax(archive)

    def _proc_sparse(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        file, start = archive.fileobj, archive.fileobj.tell()
        more = self._sparse_structs[1]
        for _ in range(_MAX_SPARSE):
            if not more:
                break
            block = file.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE:
                raise RefusedError("is cut off")
            more = bool(block[504])
        if more:
            raise RefusedError("has a sparse file in too many parts")
        file.seek(start)
        return super()._proc_sparse(archive)


def _decompressed(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(path)
    if head.startswith(b"BZh"):
        return bz2.open(path)
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(path)
    return path.open("rb")


def _tar_type(member: tarfile.TarInfo) -> str:
    if member.issym():
        return "a symbolic link"
    if member.islnk():
        return "a hard link"
    if member.issparse():
        return "a sparse file"
    return "a pipe" if member.isfifo() else "a device" if member.isdev() else "of an unknown type"
