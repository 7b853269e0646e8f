"""ipykernel's application without what costs time at the start of each kernel and is of no use in a sandbox."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ipykernel import ipkernel
from ipykernel.kernelapp import IPKernelApp
from IPython.core import shellapp
from traitlets.config.loader import Config, DeferredConfigList

__all__ = ["QuietApplication"]


class _Unlisted:
    """Stands for `sys` where ipykernel and IPython make lists of all modules, for debuggers and resets nobody asks for.

    A kernel shares its memory with the process that it was forked from until it writes. Taking note of a name counts as
    writing, and thousands of names lie on thousands of pages, each of which would be copied.
    """

    def __init__(self) -> None:
        self.modules: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


@contextlib.contextmanager
def _unlisted(module: Any) -> Iterator[None]:
    """Let a module that names `sys` see no other modules meanwhile."""
    module.sys = _Unlisted()
    try:
        yield
    finally:
        module.sys = sys


class _NoThread:
    """Stands for the thread that there is not; who runs a cell with `await` asks it where cells run."""

    def __init__(self) -> None:
        self.parent_thread = threading.current_thread()

    def __bool__(self) -> bool:
        return False


class _PlainKernel(ipkernel.IPythonKernel):
    """Without subshells."""

    _supports_kernel_subshells = False


class QuietApplication(IPKernelApp):
    """Without subshells, for which each message would go through another thread, and without a log.

    The arguments are ``-f``, the connection file, and settings such as ``--Application.log_level=CRITICAL``.
    """

    def init_control(self, context: Any) -> None:
        super().init_control(context)
        self.kernel_class, self.shell_channel_thread = _PlainKernel, _NoThread()

    def init_heartbeat(self) -> None:
        """Whether it lives is seen from outside: no thread for it."""

    def init_kernel(self) -> None:
        with _unlisted(ipkernel):
            super().init_kernel()

    def init_code(self) -> None:
        with _unlisted(shellapp):
            super().init_code()
        del self.shell._sys_modules_keys  # so that `%reset` says that it has no list, and deletes nothing

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Take the settings as they are: building a parser for all that there could be takes longer than the rest."""
        arguments, settings = list(argv or ()), Config()
        file = arguments.index("-f")
        settings.IPKernelApp.connection_file = arguments[file + 1]
        for argument in arguments[:file] + arguments[file + 2 :]:
            name, _, value = argument.removeprefix("--").partition("=")
            section, _, trait = name.partition(".")
            settings[section][trait] = DeferredConfigList([value])
        self.update_config(settings)

    def _configure_logging(self) -> None:
        self.log.level = logging.CRITICAL
