"""How the `course` command speaks: one console, one bar, one place that shows what somebody has to mend."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status
from traitlets import TraitError
from typer.core import TyperGroup

from course_utils.errors import CourseError
from course_utils.notebooks.texts import one_line

__all__ = ["Commands", "console", "progress", "progress_bar", "reading"]

console = Console()
# Modules that come with Python on Linux (and partly on macOS), and what grading is made of.
_OF_LINUX = frozenset(["fcntl", "grp", "pwd", "resource", "termios"])
_EVERYWHERE = "Students' commands (doctor, check, pack) and the notebooks work everywhere."


class Commands(TyperGroup):
    """A group of commands, each of which may raise `CourseError`: its text is shown, and the exit code is 1."""

    def invoke(self, context: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(context)
        except (CourseError, TraitError) as error:  # the latter: a setting has a value that it can't have
            Console(stderr=True).print(f"[bold red]{escape(str(error))}[/]", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error
        except ModuleNotFoundError as error:
            if error.name not in _OF_LINUX:
                raise
            told = f"This command needs Linux: Python has no module '{error.name}' here. {_EVERYWHERE}"
            Console(stderr=True).print(f"[bold red]{escape(told)}[/]", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            console.print("Stopped. What was finished is kept; the same command goes on from here.")
            raise typer.Exit(130) from None


def reading() -> Status:
    """Return a line that stands on a terminal while the course is read, and goes away."""
    return console.status("reading the course")


def progress(*, transient: bool = True) -> Progress:
    """Return a bar for things of known number: what is done, how many of them, and the time left.

    Parameters
    ----------
    transient : bool
        Whether it goes away at the end. One that stays then shows the time it took.
    """
    time = TimeRemainingColumn(elapsed_when_finished=True)
    columns = (BarColumn(), MofNCompleteColumn(), time, TextColumn("{task.description}"))
    return Progress(*columns, console=console, transient=transient)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar; gives the function to call with (done, total, name)."""
    with progress() as bar:
        task = bar.add_task(title, total=None)

        def update(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {escape(one_line(name))}")

        yield update
