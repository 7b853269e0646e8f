"""Take the files out of a 7z archive, under limits: ``python -m course_utils.handins.seven_zip ARCHIVE FOLDER LIMITS``.

A program of its own, because the headers of a 7z decide how much memory and time reading them takes: here both
end at a fixed bound, and with them only this process. The answer is one line of JSON on stdout.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
from pathlib import Path

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from course_utils.handins.limits import Limits, RefusedError
from course_utils.handins.members import IS_EMPTY, empty_work
from course_utils.handins.paths import is_work, safe_parts

_MEMORY = 4 << 30  # bytes of address space
_CPU_SECONDS = 240


class _Writer(Py7zIO):
    def __init__(self, path: Path, on_size) -> None:
        self.size_, self.digest, self._on_size = 0, hashlib.sha256(), on_size
        self.path = path
        self._file = path.open("xb")

    def write(self, data: bytes | bytearray) -> int:
        self._on_size(self.size_ + len(data), len(data))
        self.size_ += len(data)
        self.digest.update(data)
        return self._file.write(data)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        self._file.flush()

    def size(self) -> int:
        return self.size_

    def close(self) -> None:
        self._file.close()


class _Factory(WriterFactory):
    def __init__(self, folder: Path, limits: Limits, packed: int) -> None:
        self.folder, self.limits, self.packed = folder, limits, packed
        self.total = 0
        self.writers: dict[str, _Writer] = {}

    def create(self, filename: str) -> Py7zIO:
        name = Path(filename).relative_to(self.folder).as_posix()
        writer = _Writer(self.folder / f"{len(self.writers) + 1:06d}", self._check)
        self.writers[name] = writer
        return writer

    def _check(self, size: int, new: int) -> None:
        self.total += new
        if size > self.limits.max_file_bytes or self.total > self.limits.max_bytes:
            raise RefusedError("unpacks to more bytes than a hand-in may have")
        if self.total > (16 << 20) and self.total > self.limits.max_ratio * self.packed:
            raise RefusedError(f"unpacks to more than {self.limits.max_ratio:g} times its size")


def read(archive_path: Path, folder: Path, limits: Limits) -> dict:
    """Copy the files of a 7z archive to numbered files of a folder.

    Parameters
    ----------
    archive_path, folder : pathlib.Path
    limits : Limits

    Returns
    -------
    dict
        ``refused`` (a reason, or empty), ``refusals`` (pairs of name and reason), ``files``.
    """
    files, refusals = [], []
    try:
        with py7zr.SevenZipFile(archive_path) as archive:
            if archive.needs_password():
                raise RefusedError("is encrypted; hand it in again without a password")
            wanted = []
            for info in archive.files:
                if info.is_directory:
                    continue
                try:
                    safe_parts(info.filename, limits)
                    if info.is_symlink or info.is_junction or info.is_socket:
                        raise RefusedError("is a link or a socket, not a plain file")
                except RefusedError as error:
                    refusals.append([info.filename, str(error)])
                else:
                    wanted.append(info.filename)
            names = {
                folder: [i.filename for i in archive.files if i.is_directory is folder] for folder in (True, False)
            }
            refusals += [[name, IS_EMPTY] for name in empty_work(names[True], names[False])]
            wanted.sort(key=lambda name: not is_work(name))
            for name in wanted[limits.max_files :]:
                refusals.append([name, f"more than {limits.max_files} files in one hand-in"])
            wanted = wanted[: limits.max_files]
            factory = _Factory(folder.resolve(), limits, archive_path.stat().st_size)
            if wanted:
                archive.extract(path=folder.resolve(), targets=wanted, factory=factory)
        for name, writer in factory.writers.items():
            files.append(
                {"name": name, "file": writer.path.name, "size": writer.size_, "sha256": writer.digest.hexdigest()}
            )
    except RefusedError as error:
        return {"refused": str(error), "refusals": [], "files": []}
    except py7zr.exceptions.PasswordRequired:
        return {"refused": "is encrypted; hand it in again without a password", "refusals": [], "files": []}
    return {"refused": "", "refusals": refusals, "files": files}


def main() -> None:
    """Run the program; anything that py7zr raises on a damaged archive ends it with exit status 1."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    archive_path, folder, limits = sys.argv[1:]
    json.dump(read(Path(archive_path), Path(folder), Limits(**json.loads(limits))), sys.stdout)


if __name__ == "__main__":
    main()
