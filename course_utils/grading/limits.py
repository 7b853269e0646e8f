"""How much of the machine one student's kernel may use."""

from __future__ import annotations

import dataclasses

MIB = 1 << 20
GIB = 1 << 30


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one sandboxed kernel may use; reaching a limit costs the cell in which it happens, never the run.

    Parameters
    ----------
    memory : int
        Bytes. Caps the data of each process (an allocation beyond it raises `MemoryError`) and the sum over
        all processes and files of the sandbox (beyond it the kernel is killed).
    processes : int
        Processes and threads together; a further fork fails with `BlockingIOError`.
    cpu_seconds : int
        CPU seconds, of each process and of all of them together.
    open_files : int
        Open file descriptors of each process.
    file_size : int
        Bytes of one file.
    disk : int
        Bytes of all files together: work folder, temporary files and shared memory.
    files : int
        Number of files and folders, likewise.
    submission_files, submission_bytes : int
        How much of a submission's folder is copied in, smallest files first; the rest is left out and reported.

    Raises
    ------
    ValueError
        If a limit is not a positive integer.
    """

    memory: int = 4 * GIB
    processes: int = 128
    cpu_seconds: int = 1800
    open_files: int = 1024
    file_size: int = 512 * MIB
    disk: int = GIB
    files: int = 20_000
    submission_files: int = 5_000
    submission_bytes: int = 512 * MIB

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise ValueError(f"Limit `{field.name}` must be a positive integer, got {value!r}.")


def amount(num_bytes: float) -> str:
    """Return bytes as text for people, such as ``"1.5 GiB"``.

    Examples
    --------
    >>> amount(1.5 * 2**30), amount(512)
    ('1.5 GiB', '512 B')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if num_bytes < 1024 or unit == "GiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.0f} {unit}" if num_bytes >= 100 else f"{num_bytes:.3g} {unit}"
