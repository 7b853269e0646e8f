"""What a hand-in may hold beside, or instead of, a notebook: one list, laid at every stage of the cycle.

Each thing is laid into a folder of ``submitted/`` that holds an honest notebook already.
"""
# ruff: noqa: E501, PTH (attackers write long lines, and paths that pathlib has not)

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

from tests.support.tiny_course import NOTEBOOK

__all__ = ["KEEP", "ODD_THINGS", "REPLACE", "is_laid", "remove", "replaced_by"]

_ESCAPES = "\x1b[2J\x1b]0;owned\x07"


def _in_its_place(make: Callable[[Path], None]) -> Callable[[Path], None]:
    """Put something else where the notebook was."""

    def lay(folder: Path, name: str = NOTEBOOK) -> None:
        path = folder / f"{name}.ipynb"
        path.unlink()
        make(path)

    return lay


def replaced_by(lay: Callable[..., None], name: str) -> Callable[[Path], None]:
    """Return a thing of `REPLACE` for a notebook of another name."""
    return lambda folder: lay(folder, name)


def _text(name: str | bytes, content: bytes = b"x") -> Callable[[Path], None]:
    def lay(folder: Path) -> None:
        place = os.path.join(os.fsencode(folder), name if isinstance(name, bytes) else os.fsencode(name))  # noqa: PTH118
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        with open(place, "wb") as file:  # noqa: PTH123
            file.write(content)

    return lay


def _metadata(**values: object) -> Callable[[Path], None]:
    """Change the metadata of the notebook, and of each cell, as JSON text."""

    def lay(folder: Path) -> None:
        path = folder / f"{NOTEBOOK}.ipynb"
        content = json.loads(path.read_bytes())
        content["metadata"] |= values
        for cell in content["cells"]:
            cell["metadata"] |= values
        path.write_text(json.dumps(content).replace('"HUGE"', "1" + "0" * 400).replace('"FLOAT"', "1e400"))

    return lay


def _folder_notebook(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("x")
    (path / "inside.ipynb").write_text("{}")


def _nested(folder: Path) -> None:
    """Folders in folders, deeper than a path may be long."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(400):
        os.mkdir("d" * 20, dir_fd=here)
        deeper = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("deep.txt", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def _long_path(folder: Path) -> None:
    """A path that just fits where it was laid, and in no longer folder."""
    place = folder
    while len(os.fsencode(place)) < 3850:
        place = place / ("e" * 200)
    place.mkdir(parents=True)
    (place / "leaf.txt").write_text("x")


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's own path is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _record(text: str) -> Callable[[Path], None]:
    return _text("artifacts/challenge.json", text.encode())


_RECORD = {
    "name": "challenge", "data": "stand-in", "device": "cpu", "sha256": "0" * 64, "finished": True, "epochs": 1,
    "parameters": 1, "seconds": 1.0, "history": {}, "settings": {}, "code": {}, "versions": {},
}  # fmt: skip

# The honest notebook is still there and must count.
KEEP: dict[str, Callable[[Path], None]] = {
    "a file whose name is no UTF-8": _text(b"\xff\xfe\xe9.txt"),
    "a folder whose name is no UTF-8": _text(b"\xff\xfe/inside.txt"),
    "a name with a line break": _text("two\nlines.txt"),
    "a name that a terminal obeys": _text(f"red{_ESCAPES}.txt"),
    "a name that runs from right to left": _text("\u202egnp.exe.txt"),
    "a name of rich's markup": _text("[red]x[link=file:etc]y[-]bold[-].txt"),
    "a name that is a formula": _text("=HYPERLINK(1);=1+1;@SUM(1).txt"),
    "a name of 255 bytes": _text("n" * 255),
    "a name of 255 bytes in other letters": _text("ü" * 127),
    "names of devices on Windows": _text("con.txt"),
    "a notebook called like a device": _text("con.ipynb", b"{}"),
    "folders nested 400 deep": _nested,
    "a path that is nearly too long": _long_path,
    "a folder called like another notebook": lambda folder: _folder_notebook(folder / "other.ipynb"),
    "a notebook whose name is no UTF-8": _text(b"\xff.ipynb", b"{}"),
    "a time stamp in the year 10000": _text("timestamp.txt", b"10000-01-01 00:00:00 UTC"),
    "a time stamp with a zone that is none": _text("timestamp.txt", b"2026-01-01 00:00:00 \xff\xfe+99:99"),
    "a time stamp before all time": _text("timestamp.txt", b"0001-01-01 00:00:00 +14:00"),
    "a time stamp that is a folder": lambda folder: (folder / "timestamp.txt").mkdir(),
    "a time stamp that is a loop": lambda folder: _loop(folder / "timestamp.txt"),
    "a loop of links": lambda folder: _loop(folder / "again"),
    "a pipe": lambda folder: os.mkfifo(folder / "pipe"),
    "a socket": lambda folder: _socket(folder / "socket"),
    "a folder that can't be entered": lambda folder: ((folder / "shut").mkdir(), (folder / "shut").chmod(0)),
    "artifacts that are a file": _text("artifacts"),
    "a record of 10**400 seconds": _record(json.dumps(_RECORD | {"seconds": "S"}).replace('"S"', "1" + "0" * 400)),
    "a record of NaN": _record(json.dumps(_RECORD | {"seconds": float("nan")})),
    "a record of infinite seconds": _record(json.dumps(_RECORD | {"seconds": float("inf"), "parameters": 10**300})),
    "a record of 10**400 epochs": _record(json.dumps(_RECORD | {"epochs": "E"}).replace('"E"', "1" + "0" * 400)),
    "a curve of 10**400": _record(json.dumps(_RECORD | {"history": {"loss": ["L"]}}).replace('"L"', "1" + "0" * 400)),
    "an honest record": _record(json.dumps(_RECORD)),
    "a record nested without end": _record("[" * 200_000),
    "a record of a million digits": _record('{"seconds": ' + "9" * 10**6 + "}"),
    "a submission.json nested without end": _text("submission.json", b'{"a":' * 100_000),
    "a submission.json of huge numbers": _text("submission.json", b'{"group": 1e999, "members": [' + b"9" * 5000 + b"]}"),
    "metadata of huge numbers": _metadata(course="HUGE", kernel="FLOAT"),
    "metadata that are no numbers": _metadata(course=float("nan"), x=float("inf")),
    "the graded marker": _text(".graded.json", b'{"digest": ' + b"[" * 50_000),
}  # fmt: skip
# Nothing that could be graded is left; the row says why.
REPLACE: dict[str, Callable[[Path], None]] = {
    "a folder": _in_its_place(_folder_notebook),
    "an empty folder": _in_its_place(Path.mkdir),
    "a pipe": _in_its_place(os.mkfifo),
    "a socket": _in_its_place(_socket),
    "a link to itself": _in_its_place(_loop),
    "a link to a device": _in_its_place(lambda path: path.symlink_to("/dev/zero")),
    "JSON nested without end": _in_its_place(lambda path: path.write_bytes(b'{"nbformat": 4, "cells": ' + b"[" * 10**6)),
    "nbformat of 400 digits": _in_its_place(lambda path: path.write_bytes(b'{"cells": 1, "nbformat": 1' + b"0" * 400 + b"}")),
    "nbformat of a million digits": _in_its_place(lambda path: path.write_bytes(b'{"nbformat": ' + b"9" * 10**6 + b"}")),
    "text of half characters": _in_its_place(lambda path: path.write_bytes(b'"\\ud800"')),
    "UTF-16": _in_its_place(lambda path: path.write_bytes("{}".encode("utf-16"))),
}  # fmt: skip
ODD_THINGS = {
    **{f"beside: {name}": lay for name, lay in KEEP.items()},
    **{f"instead: {n}": y for n, y in REPLACE.items()},
}


def is_laid(lay: Callable[[Path], None], folder: Path) -> bool:
    """Lay a thing into a folder; False where this machine's file system knows no such thing."""
    try:
        lay(folder)
    except OSError:
        return False
    return True


def remove(folder: Path) -> None:
    """Remove a folder with whatever was laid into it."""
    shutil.rmtree(folder, ignore_errors=True)
