"""Reading archives from strangers.

Nothing is unpacked by name: every file of an archive is copied, byte by byte and under limits, to a numbered
file of a staging folder, and its path is kept as data. Only a path that has been made harmless ever becomes
one on disk. Whatever is not read is refused with a reason, and the rest of the archive is read all the same.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import json
import logging
import lzma
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from course_utils.handins.budget import CHUNK, MAX_SECONDS, RATIO_FLOOR, Budget, Refusal, StagedFile
from course_utils.handins.limits import RefusedError
from course_utils.handins.paths import MAX_NAME, is_junk, is_work, safe_parts
from course_utils.notebooks.texts import one_line

__all__ = ["ZipReader", "archive_kind", "unpack"]

log = logging.getLogger("course")
# What reading a broken or hostile zip raises, beside BadZipFile.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, NotImplementedError,
    ValueError, struct.error, OverflowError,
)  # fmt: skip
# No fault of an archive.
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# Entries of an archive that are looked at, by files that may be read.
_ENTRIES_PER_FILE = 20
# Bytes of a header of a tar that holds a name or other facts about the next file; tarfile reads all it says it has.
_MAX_HEADER = 64 << 10
_MAX_SPARSE = 200  # blocks with the places of the parts of a sparse file
# A zip's directory takes 46 bytes per file and its name; beyond this it is read to waste memory.
_DIRECTORY_BYTES_PER_FILE = 4096


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
        re.search(r"\.tar\.(gz|bz2|xz|zst)$", lower)
    )
    if not promises and "." in lower.lstrip(".") and not lower.endswith(".ipynb"):
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
    return "broken" if promises else None


@dataclass(frozen=True)
class _Member:
    name: str
    info: zipfile.ZipInfo

    @property
    def is_folder(self) -> bool:
        """Whether it is an empty entry that only names a folder."""
        return self.name.endswith(("/", "\\")) and self.info.file_size == 0


class ZipReader:
    """A zip whose directory has been checked; its files are read one at a time.

    Parameters
    ----------
    path : pathlib.Path
    max_files : int

    Raises
    ------
    RefusedError
        If it is no zip, is cut off, or has too many files.
    """

    def __init__(self, path: Path, max_files: int) -> None:
        self.path = path
        size = path.stat().st_size
        if size == 0:
            raise RefusedError("the file is empty")
        most = max_files * _ENTRIES_PER_FILE
        if _directory_bytes(path, size) > max_files * _DIRECTORY_BYTES_PER_FILE:
            raise RefusedError(f"has more than {most} files")
        try:
            self._zip = _open_zip(path)
        except _ZIP_ERRORS as error:
            raise RefusedError(f"is no zip, or is damaged or cut off ({error})") from error
        if len(self._zip.infolist()) > most:
            self._zip.close()
            raise RefusedError(f"has more than {most} files")
        self.members = [_Member(_zip_name(info), info) for info in self._zip.infolist()]

    def __enter__(self) -> ZipReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def copy(self, member: _Member, budget: Budget) -> tuple[Path, int, str]:
        """Copy one file to the staging folder of `budget`.

        Raises
        ------
        RefusedError
            If it is encrypted, no plain file, damaged, or beyond a limit.
        """
        info = member.info
        mode = info.external_attr >> 16
        # Only Unix writes a file type there; 0 means that nothing was written.
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise RefusedError(f"is {_file_type(mode)}, not a plain file")
        if info.flag_bits & 0x1:
            raise RefusedError("is encrypted; hand it in again without a password")
        try:
            with self._zip.open(info) as source:
                return budget.copy(source, info.compress_size, member.name)
        except _ZIP_ERRORS as error:
            if isinstance(error, OSError) and error.errno in _DISK_FULL:
                raise
            raise RefusedError(f"is damaged or cut off, or packed in a way that can't be read ({error})") from error


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
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise
        log.exception("An archive could not be read")
        reason = f"can't be read ({type(error).__name__}: {one_line(error, 120)})"
        refusals.append(Refusal(file.original, reason, file.staged))
        return
    refusals.extend(refused)
    for inner in found:
        _unpack_into(inner, depth + 1, budget, files, refusals)


def _inside(file: StagedFile, name: str, budget: Budget) -> StagedFile:
    """Return the place in the hand-in of a file called `name` in the archive `file`; its bytes come later."""
    parts, notes = safe_parts(name, budget.limits)
    # The archive itself becomes a folder, but the student's own zip is only a wrapper.
    folder = file.parts[:-1] if len(file.parts) == 1 else (*file.parts[:-1], _stem(file.name))
    if len(file.parts) == 1 and "!" in file.original:
        folder = (_stem(file.name),)
    return StagedFile((*folder, *parts), file.staged, f"{file.original}!{name}", 0, "", notes)


def _stem(name: str) -> str:
    return re.sub(r"(\.tar)?\.[A-Za-z0-9]+$", "", name) or name


def _read_zip(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    files, refusals = [], _Refusals(file)
    before, notebooks = budget.bytes, budget.notebooks
    with ZipReader(file.staged, budget.limits.max_files) as archive:
        # Limits must not be used up by what nobody grades, so the work comes first.
        for member in sorted(archive.members, key=lambda m: not is_work(m.name)):
            if member.is_folder:
                continue
            try:
                place = _inside(file, member.name, budget)
                staged, size, sha256 = archive.copy(member, budget)
            except RefusedError as error:
                refusals.add(member.name, error)
                continue
            files.append(replace(place, staged=staged, size=size, sha256=sha256))
            # Files that share the same packed bytes pass the check of each file, not the one of the archive.
            unpacked = budget.bytes - before - (budget.notebooks - notebooks)
            if unpacked > RATIO_FLOOR and unpacked > budget.limits.max_ratio * file.size:
                raise RefusedError(f"unpacks to more than {budget.limits.max_ratio:g} times its size")
    if not files and not refusals.all:
        raise RefusedError("is an archive without any file")
    return files, refusals.all


class _Refusals:
    """The refusals of one archive; those by the thousand, for a limit, are told once."""

    def __init__(self, file: StagedFile) -> None:
        self.file, self.all, self._limits = file, [], {}

    def add(self, name: str, error: RefusedError) -> None:
        reason, original = str(error), f"{self.file.original}!{name[:MAX_NAME]}"
        if error.limit:
            count, place = self._limits.get(reason, (0, len(self.all)))
            self._limits[reason] = count + 1, place
            if count:
                told = f"{reason}: {count + 1} files of this archive were not read, this is the first"
                self.all[place] = replace(self.all[place], reason=told)
                return
        self.all.append(Refusal(original, reason, self.file.staged))


def _read_tar(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    files, refusals = [], _Refusals(file)
    plain = budget.target()
    try:
        # tarfile trusts the lengths in its headers, so it only ever gets a file whose size was checked.
        with _decompressed(file.staged) as source, plain.open("xb") as target:
            size = 0
            while chunk := source.read(CHUNK):
                size += len(chunk)
                budget.check_whole(size, file.size)
                target.write(chunk)
        for work in (True, False):
            _read_members(plain, file, budget, work, files, refusals)
    except RefusedError as error:
        if not files:
            raise
        refusals.all.append(Refusal(file.original, str(error), file.staged))
    except (tarfile.TarError, *_ZIP_ERRORS) as error:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise
        if not files:
            raise RefusedError(f"is no archive, or is damaged or cut off ({error})") from error
        refusals.all.append(Refusal(file.original, f"is damaged or cut off ({error})", file.staged))
    finally:
        plain.unlink(missing_ok=True)
    if not files and not refusals.all:
        raise RefusedError("is an archive without any file")
    return files, refusals.all


def _read_members(
    plain: Path, file: StagedFile, budget: Budget, work: bool, files: list[StagedFile], refusals: _Refusals
) -> None:
    """Read the members of a tar that are work, or those that are not."""
    with tarfile.open(plain, mode="r:", tarinfo=_Header) as archive:
        for number, member in enumerate(archive):
            if number > budget.limits.max_files * _ENTRIES_PER_FILE:
                raise RefusedError(f"has more than {budget.limits.max_files * _ENTRIES_PER_FILE} files")
            if member.isdir() or is_work(member.name) is not work:
                continue
            try:
                place = _inside(file, member.name, budget)
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
            place = _inside(file, entry["name"], budget)
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
        head = opened.read(64).lstrip()
    if head[:9].lower() in (b"<!doctype", b"<html>") or head[:5].lower() == b"<html":
        raise RefusedError("is no archive but a saved web page")
    raise RefusedError("is no archive, in spite of its name")


_READERS = {"zip": _read_zip, "tar": _read_tar, "7z": _read_7z, "rar": _refuse_rar, "broken": _refuse_broken}


def _directory_bytes(path: Path, size: int) -> int:
    """Return how long the directory of a zip says it is; 0 if the end of the zip is not found."""
    with path.open("rb") as file:
        file.seek(max(0, size - 65_557))
        tail = file.read()
        end = tail.rfind(b"PK\x05\x06")
        if end < 0 or len(tail) < end + 22:
            return 0
        length = int.from_bytes(tail[end + 12 : end + 16], "little")
        if length == 0xFFFFFFFF and end >= 20 and tail[end - 20 : end - 16] == b"PK\x06\x07":
            file.seek(min(int.from_bytes(tail[end - 12 : end - 4], "little"), size))
            record = file.read(56)
            length = int.from_bytes(record[40:48], "little") if record[:4] == b"PK\x06\x06" else size
    return min(length, size)


def _open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip, also where the name of a file in it claims to be UTF-8 and is not."""
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError:
        return zipfile.ZipFile(_Claimless(path))


class _Claimless(io.BytesIO):
    """A zip as a file object, in whose directory no name that is no UTF-8 claims to be; the file stays as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("rb")
        end = zipfile._EndRecData(self._file)
        if not end:
            raise zipfile.BadZipFile("no end of the directory")
        size, place = end[zipfile._ECD_SIZE], end[zipfile._ECD_LOCATION]
        if end[zipfile._ECD_SIGNATURE] == zipfile.stringEndArchive64:
            place -= zipfile.sizeEndCentDir64 + zipfile.sizeEndCentDir64Locator
        self._start = max(place - size, 0)
        self._file.seek(self._start)
        self._directory = bytearray(self._file.read(size))
        self._headers = set(self._take_claims_back(self._start - end[zipfile._ECD_OFFSET]))
        self._file.seek(0)

    def _take_claims_back(self, before: int) -> Iterator[int]:
        """Clear the flag in the directory; yield where the headers of these files are, which repeat it."""
        at, directory = 0, self._directory
        while directory[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(directory):
            flags, name, extra, comment = (
                int.from_bytes(directory[at + i : at + i + 2], "little") for i in (8, 28, 30, 32)
            )
            try:
                directory[at + 46 : at + 46 + name].decode("utf-8")
            except UnicodeDecodeError:
                directory[at + 8 : at + 10] = (flags & ~0x800).to_bytes(2, "little")
                yield before + int.from_bytes(directory[at + 42 : at + 46], "little")
            at += 46 + name + extra + comment

    def read(self, size: int | None = -1) -> bytes:
        begin = self._file.tell()
        data = bytearray(self._file.read(size))
        if begin in self._headers and len(data) > 7:
            data[7] &= ~0x08
        first, last = max(begin, self._start), min(begin + len(data), self._start + len(self._directory))
        if first < last:
            data[first - begin : last - begin] = self._directory[first - self._start : last - self._start]
        return bytes(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return the name of a file in a zip, whatever code page its writer used.

    A name is UTF-8 if its flag says so. Without the flag it may be UTF-8 all the same (macOS), a name with a
    Unicode copy in the extra field (Info-ZIP), or in the writer's code page: DOS in zips from Windows.
    """
    if info.flag_bits & 0x800:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437", errors="replace")
    if raw.isascii():
        return info.orig_filename
    copy = _unicode_path(info.extra, raw)
    if copy:
        return copy
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    name = raw.decode("cp850")
    # In the wrong code page, letters come out as box drawings and signs.
    if any(unicodedata.category(c) in ("So", "Sk", "Sc", "No", "Lm", "Lo") for c in name):
        try:
            return raw.decode("cp1252")
        except UnicodeDecodeError:
            pass
    return name


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        data, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == 0x7075 and len(data) > 5 and data[0] == 1 and data[1:5] == struct.pack("<I", zlib.crc32(raw)):
            try:
                return data[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


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


def _file_type(mode: int) -> str:
    names = {
        stat.S_IFLNK: "a symbolic link", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
        stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder",
    }  # fmt: skip
    return names.get(stat.S_IFMT(mode), "of an unknown type")


def _tar_type(member: tarfile.TarInfo) -> str:
    if member.issym():
        return "a symbolic link"
    if member.islnk():
        return "a hard link"
    if member.issparse():
        return "a sparse file"
    return "a pipe" if member.isfifo() else "a device" if member.isdev() else "of an unknown type"
