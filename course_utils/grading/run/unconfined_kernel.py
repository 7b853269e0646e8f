"""A student's kernel without the sandbox: for an instructor who says so, where no sandbox can be had."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client import KernelManager

from course_utils import environment

__all__ = ["UnconfinedKernel"]


class UnconfinedKernel:
    """A Python kernel with the rights of whoever grades. It has the face of `sandbox.student_kernel.StudentKernel`.

    Parameters
    ----------
    files : pathlib.Path
        Folder whose files the kernel gets a copy of at each start.
    folder : pathlib.Path
        An empty one for the copy and the sockets. Unix sockets have short names, so it is near the root.
    arguments : sequence of str
        Further ones of ipykernel.
    """

    def __init__(self, files: Path, folder: Path, arguments: Sequence[str] = ()) -> None:
        self.files, self.folder, self.arguments = files, folder, list(arguments)
        self.manager: KernelManager | None = None
        self.starts = 0

    def start(self) -> dict[str, Any]:
        """Start the kernel, in the place of the one before; return what its connection file holds.

        Raises
        ------
        OSError, RuntimeError, ValueError
            If it can't be started.
        """
        self.end()
        manager = KernelManager(connection_file=str(self.folder / "kernel.json"), transport="ipc")
        self.starts += 1
        manager.ip = str(self.folder / f"k{self.starts}")  # sockets of the one before may still be there
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.files, work, symlinks=True)
        env = {**environment.without_secret(), **environment.for_kernels()}
        manager.start_kernel(cwd=str(work), extra_arguments=self.arguments, env=env)
        self.manager = manager
        info = manager.get_connection_info()
        return {**info, "key": info["key"].decode()}

    def interrupt(self) -> None:
        if self.manager is not None:
            self.manager.interrupt_kernel()

    def alive(self) -> bool:
        return self.manager is not None and self.manager.is_alive()

    def usage(self) -> None:
        """Nothing counts what it uses."""

    def peak(self) -> int:
        """Nothing counts the bytes that it holds."""
        return 0

    def take_notice(self) -> list[str]:
        """Nothing holds it to limits."""
        return []

    def sockets(self) -> list[int]:
        """Its clients find its sockets by their names."""
        return []

    def end(self) -> None:
        if self.manager is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self.manager.shutdown_kernel(now=True)
            self.manager = None
