"""How much one submission may use, by the names that `c.GradeNotebook.limits` takes; docs/grading.md lists them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from course_utils.notebooks.limits import GIB, MIB, FileLimits, LimitsOfOneKind

__all__ = ["GradingLimits", "OutputLimits", "RunLimits", "SandboxLimits", "ValueLimits", "limit_names"]


@dataclasses.dataclass(frozen=True)
class SandboxLimits(LimitsOfOneKind):
    """What one sandboxed kernel may use; reaching a limit costs the cell in which it happens, never the run.

    Parameters
    ----------
    memory : int
        Bytes. Caps the data of each process (an allocation beyond it raises `MemoryError`) and the sum over
        all processes and files of the sandbox (beyond it the kernel is killed).
    processes : int
        Processes and threads together; a further fork fails with `BlockingIOError`.
    sessions : int
        Sessions of processes (a terminal is one): each gets a share of the machine's cores where nothing else divides
        them.
    cpu_seconds : int
        CPU seconds, of each process and of all of them together.
    open_files : int
        Open file descriptors of each process.
    areas : int
        Areas of memory (what ``/proc/<pid>/maps`` lists), of all processes together.
    locks : int
        Locks on files, of all processes together.
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
    sessions: int = 16
    cpu_seconds: int = 1800
    open_files: int = 1024
    areas: int = 300_000
    locks: int = 4096
    file_size: int = 512 * MIB
    disk: int = GIB
    files: int = 20_000
    submission_files: int = 5_000
    submission_bytes: int = 512 * MIB


@dataclasses.dataclass(frozen=True)
class OutputLimits(LimitsOfOneKind):
    """What is kept of a cell's output.

    Parameters
    ----------
    text : int, characters
        Of streams and of text representations, per cell.
    images : int, bytes
        Of images as base64, per cell.
    pieces : int
        Output messages per cell.
    received : int, bytes
        What the kernel may send during a cell before it is interrupted.
    message : int, bytes
        One part of one message; larger ones are dropped by the socket.
    """

    text: int = 60_000
    images: int = 6 * MIB
    pieces: int = 200
    received: int = 64 * MIB
    message: int = 300 * MIB


@dataclasses.dataclass(frozen=True)
class ValueLimits(LimitsOfOneKind):
    """How much one value may hold that crosses between a kernel and its tests, see `grading.bridge.tree.Limits`.

    Parameters
    ----------
    size : int, bytes
        All frames of one value together.
    nodes : int
        Entries of all containers together.
    depth : int
        Containers inside containers.
    """

    size: int = 256 * MIB
    nodes: int = 1_000_000
    depth: int = 60


@dataclasses.dataclass(frozen=True)
class RunLimits(LimitsOfOneKind):
    """What the run of one notebook may take.

    Parameters
    ----------
    cell_seconds : int
        CPU seconds of one cell, or of one test with all its calls, where ``metadata.course.timeout_s`` sets no other.
    restarts : int
        How often Python is started again.
    test_memory : int, bytes
        What the test process itself may allocate.
    test_processes : int
        Processes and threads of the sandbox of the tests.
    test_cpu_seconds : int
        CPU seconds of all tests of a notebook.
    """

    cell_seconds: int = 60
    restarts: int = 64
    test_memory: int = 4 * GIB
    test_processes: int = 256  # a network of the course is small; what tests make of it may be large
    test_cpu_seconds: int = 7200


_KINDS = {
    "sandbox": ("", SandboxLimits),
    "output": ("output_", OutputLimits),
    "value": ("value_", ValueLimits),
    "file": ("notebook_", FileLimits),
    "run": ("", RunLimits),
}


def _home_of() -> dict[str, tuple[str, str]]:
    """Return the kind and the field of each limit, by its name in the settings."""
    return {
        prefix + field.name: (kind, field.name)
        for kind, (prefix, limits) in _KINDS.items()
        for field in dataclasses.fields(limits)
    }


def limit_names() -> list[str]:
    """Return the names that `c.GradeNotebook.limits` takes.

    Examples
    --------
    >>> [name for name in limit_names() if name.startswith("notebook")]
    ['notebook_size', 'notebook_cells', 'notebook_cell', 'notebook_picture', 'notebook_pictures']
    """
    return list(_home_of())


@dataclasses.dataclass(frozen=True)
class GradingLimits:
    """All limits of a run.

    Parameters
    ----------
    sandbox : SandboxLimits
    output : OutputLimits
    value : ValueLimits
    file : FileLimits
    run : RunLimits

    Examples
    --------
    >>> GradingLimits.of({"memory": 1 << 30, "output_text": 1000}).output.text
    1000
    """

    sandbox: SandboxLimits = dataclasses.field(default_factory=SandboxLimits)
    output: OutputLimits = dataclasses.field(default_factory=OutputLimits)
    value: ValueLimits = dataclasses.field(default_factory=ValueLimits)
    file: FileLimits = dataclasses.field(default_factory=FileLimits)
    run: RunLimits = dataclasses.field(default_factory=RunLimits)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> GradingLimits:
        """Return the limits of which `settings` holds those that differ from the defaults, by name.

        Raises
        ------
        ValueError
            If a name is unknown, with the name that comes nearest, or a limit is not a positive integer.
        """
        home, chosen = _home_of(), {kind: {} for kind in _KINDS}
        for name, value in settings.items():
            if name not in home:
                raise ValueError(f"There is no limit `{name}`.{_nearest(name, home)}")
            kind, field = home[name]
            chosen[kind][field] = value
        return cls(**{kind: limits(**chosen[kind]) for kind, (_, limits) in _KINDS.items()})


def _nearest(name: str, names: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return f" Did you mean `{near[0]}`?" if near else f" There are: {', '.join(names)}."
