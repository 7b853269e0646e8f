"""Reading zips from strangers: directories that lie, names in any code page, entries that are no files."""

from __future__ import annotations

import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from course_utils.handins.budget import RATIO_FLOOR, Budget, Refusal, StagedFile
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

__all__ = ["ZipReader", "read_zip"]

# A zip's directory takes 46 bytes per file and its name; beyond this it is read to waste memory.
_DIRECTORY_BYTES_PER_FILE = 4096


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
        most = max_files * ENTRIES_PER_FILE
        if _directory_bytes(path, size) > max_files * _DIRECTORY_BYTES_PER_FILE:
            raise RefusedError(f"has more than {most} files")
        try:
            self._zip = _open_zip(path)
        except READ_ERRORS as error:
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
        except READ_ERRORS as error:
            if isinstance(error, OSError) and error.errno in DISK_FULL:
                raise
            raise RefusedError(f"is damaged or cut off, or packed in a way that can't be read ({error})") from error


def read_zip(file: StagedFile, budget: Budget) -> tuple[list[StagedFile], list[Refusal]]:
    """Read a file that was handed in as a zip.

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
    before, notebooks = budget.bytes, budget.notebooks
    with ZipReader(file.staged, budget.limits.max_files) as archive:
        # Limits must not be used up by what nobody grades, so the work comes first.
        for member in sorted(archive.members, key=lambda m: not is_work(m.name)):
            if member.is_folder:
                continue
            try:
                place = place_inside(file, member.name, budget)
                staged, size, sha256 = archive.copy(member, budget)
            except RefusedError as error:
                refusals.add(member.name, error)
                continue
            files.append(replace(place, staged=staged, size=size, sha256=sha256))
            # Files that share the same packed bytes pass the check of each file, not the one of the archive.
            unpacked = budget.bytes - before - (budget.notebooks - notebooks)
            if unpacked > RATIO_FLOOR and unpacked > budget.limits.max_ratio * file.size:
                raise RefusedError(f"unpacks to more than {budget.limits.max_ratio:g} times its size")
        names = {folder: [m.name for m in archive.members if m.is_folder is folder] for folder in (True, False)}
    for name in empty_work(names[True], names[False]):
        refusals.add(name, RefusedError(IS_EMPTY))
    if not files and not refusals.all:
        raise RefusedError("is an archive without any file")
    return files, refusals.all


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


def _file_type(mode: int) -> str:
    names = {
        stat.S_IFLNK: "a symbolic link", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
        stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder",
    }  # fmt: skip
    return names.get(stat.S_IFMT(mode), "of an unknown type")
