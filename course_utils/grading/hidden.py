"""What decides points and stays with the instructor: files in `source/<assignment>/hidden/`, and the course's secret.

Test cells import such files as modules of a package `hidden`. They are laid out for the process of the tests alone, and
no student's kernel, hand-out or page ever holds them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from traitlets.config import Config

from course_utils.grading.settings import SHORTEST_SECRET, Course, too_short

__all__ = ["FOLDER", "SECRET_FILE", "beside", "course_secret", "laid_out", "read_hidden"]

FOLDER = "hidden"
SECRET_FILE = ".course-secret"


def course_secret(course: Path, config: Config | None = None) -> str:
    """Return the course's secret; without a setting it is made at first use.

    Parameters
    ----------
    course : pathlib.Path
        The folder that holds `nbgrader_config.py`.
    config : traitlets.config.Config, optional
        ``c.Course.secret`` wins over the file.

    Returns
    -------
    str

    Raises
    ------
    TraitError, RuntimeError
        If the setting, or the file, holds less than 16 characters.
    """
    secret, where = Course(config=config).secret, "c.Course.secret"
    if not secret:
        path = Path(course) / SECRET_FILE
        _make_secret(path)
        secret, where = path.read_text(encoding="utf-8").strip(), str(path)
    if len(secret) < SHORTEST_SECRET:
        raise RuntimeError(too_short(where, len(secret)))
    return secret


def _make_secret(path: Path) -> None:
    """Write a new secret, unless there is one or another process is the first to write it."""
    if path.exists():
        return
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32) + "\n")
        # Appears under its name with its whole content; fails if the name is taken by then.
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def read_hidden(source: Path) -> dict[str, bytes]:
    """Return the files of `hidden/`, by relative name.

    Parameters
    ----------
    source : pathlib.Path
        ``source/<assignment>``.
    """
    folder = Path(source) / FOLDER
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    names = {path.relative_to(folder): path for path in paths}
    return {str(name): path.read_bytes() for name, path in names.items() if not any(p[0] == "." for p in name.parts)}


@contextlib.contextmanager
def laid_out(files: Mapping[str, bytes], where: str | None = None) -> Iterator[Path]:
    """Lay the files out as the package `hidden` in a private folder, from which they can be imported meanwhile.

    Parameters
    ----------
    files : mapping of str to bytes
        By name, as `read_hidden` gives them.
    where : str, optional
        Folder for the private folder, by default that of temporary files.

    Yields
    ------
    pathlib.Path
        The folder of the package.
    """
    place = tempfile.mkdtemp(prefix="course-hidden-", dir=where)  # of mode 0700
    try:
        package = Path(place, FOLDER)
        for name, content in {"__init__.py": b"", **files}.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        sys.path.insert(0, place)
        yield package
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(place)
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def beside(files: str, names: Sequence[str], where: str | None = None) -> Iterator[Path]:
    """Work in a private folder that holds the course's files as they lie beside the notebook, and no student's.

    Tests open them by their names there, and import modules among them.

    Parameters
    ----------
    files : str
        Folder with the files of a submission, over which the course's were laid.
    names : sequence of str
        Which of them are the course's.
    where : str, optional
        Folder for the private folder, by default that of temporary files.
    """
    place = Path(tempfile.mkdtemp(prefix="course-files-", dir=where))
    before = Path.cwd()
    try:
        for name in names:
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(files, name), path)
        sys.path.insert(0, str(place))
        os.chdir(place)
        yield place
    finally:
        os.chdir(before)
        with contextlib.suppress(ValueError):
            sys.path.remove(str(place))
        shutil.rmtree(place, ignore_errors=True)
