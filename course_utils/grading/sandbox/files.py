"""The files of a submission as they go into a sandbox: a look that sums up, and a second one that opens."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

from course_utils.grading.limits import SandboxLimits
from course_utils.notebooks.limits import amount

_PAGE = os.sysconf("SC_PAGESIZE")  # files in memory take whole pages


def collect_files(folder: str | Path, limits: SandboxLimits) -> tuple[list[tuple[str, int, Path]], list[str]]:
    """List the regular files of a submission, without following any link.

    Parameters
    ----------
    folder : path
        Folder of one student's submission.
    limits : SandboxLimits
        `submission_files` and `submission_bytes` bound what is taken, smallest files first.

    Returns
    -------
    files : list of (name inside the folder, size, path)
    events : list of str
        What was left out and why.
    """
    found, odd, folders = [], [], 0
    for root, names_of_folders, names in os.walk(folder, followlinks=False):
        folders += 1
        for name in names + [name for name in names_of_folders if Path(root, name).is_symlink()]:
            path = Path(root, name)
            info = path.lstat()
            if stat.S_ISREG(info.st_mode) and os.access(path, os.R_OK, follow_symlinks=False):
                found.append((str(path.relative_to(folder)), info.st_size, path))
            else:
                odd.append(os.fsencode(path.relative_to(folder)).decode(errors="replace"))
    events = [f"files: {name} is a link or no readable file and was left out" for name in sorted(odd)[:20]]
    max_files = min(limits.submission_files, limits.files - folders - 100)
    max_bytes = min(limits.submission_bytes, limits.disk * 3 // 4)  # room for the student's code to write something
    taken, total = [], 0
    for name, size, path in sorted(found, key=lambda item: (item[1], item[0])):
        on_disk = -(-size // _PAGE) * _PAGE
        if len(taken) >= max_files or total + on_disk > max_bytes:
            break
        taken.append((name, size, path))
        total += on_disk
    if left_out := len(found) - len(taken):
        events.append(
            f"files: {left_out} of {len(found)} files were left out, the largest ones; a submission may have "
            f"{max_files} files and {amount(max_bytes)}"
        )
    return taken, events


def pack_files(files: list[tuple[str, int, Path]]) -> io.BufferedIOBase:
    """Return a tar archive, in memory, of the files of `collect_files`."""
    archive = os.fdopen(os.memfd_create("submission"), "w+b")
    try:
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, size, path in files:
                # A file swapped for a link or a pipe since it was listed is neither followed nor waited for.
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with os.fdopen(fd, "rb") as file:
                    entry = tarfile.TarInfo(name)
                    entry.size = min(size, os.fstat(fd).st_size)
                    entry.mtime = os.fstat(fd).st_mtime
                    entry.mode = 0o644
                    tar.addfile(entry, file)
        archive.flush()
        archive.seek(0)
    except BaseException:
        archive.close()
        raise
    return archive


def memory_file(content: bytes) -> int:
    fd = os.memfd_create("sandbox")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
