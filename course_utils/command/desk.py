"""`course desk`: one question over the whole class, read in a browser."""

from __future__ import annotations

import getpass
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from course_utils.command.course_settings import CourseOption as Course
from course_utils.command.terminal import console
from course_utils.errors import CourseError


def register(app: typer.Typer) -> None:
    """Add the command to the `course` program."""
    app.command("desk")(desk_command)


def desk_command(
    assignment: Annotated[str, typer.Argument(help="Assignment, a folder of source/.")],
    reader: Annotated[str, typer.Option(help="Who reads; stands in the log. [default: your user name]")] = "",
    order: Annotated[
        str, typer.Option(help="alike: like answers follow each other; random: the same at each start.")
    ] = "alike",
    pseudonyms: Annotated[bool, typer.Option(help="Show pseudonyms instead of names.")] = False,
    second: Annotated[
        bool, typer.Option("--second", help="A second, blind reading: its marks are compared, and count nowhere.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine. [default: one that is free]")] = 0,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name of a server by which the desk is reached, JupyterHub's for example."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    course: Course = Path(),
) -> None:
    """Read what the class wrote, question by question, in a local web page."""
    from course_utils.desk.order import ORDERS
    from course_utils.desk.serving import serve

    if order not in ORDERS:
        raise CourseError(f"--order takes {' or '.join(ORDERS)}, not {order!r}.")

    def told(address: str) -> None:
        console.print(f"The desk is at {address}", highlight=False, soft_wrap=True)
        console.print("End it with Ctrl-C; what is saved stays.")
        if browser:
            page.write_text(f'<meta http-equiv="refresh" content="0; url={address}">', encoding="utf-8")
            webbrowser.open(page.as_uri())

    # The address goes to the browser in a file of its own: command lines are seen by everybody on this machine.
    with tempfile.TemporaryDirectory(prefix="course-desk-") as folder:
        page = Path(folder) / "open.html"
        serve(
            course, assignment, reader or getpass.getuser(), told,
            port=port, order=order, hide_names=pseudonyms, second=second, hosts=allow_host or (),
        )  # fmt: skip
