"""Names and paths of handed-in files, made safe."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from course_utils.handins.limits import Limits, RefusedError

__all__ = ["clean_name", "is_junk", "safe_parts"]

_MAX_PATH = 1_000  # bytes; file systems end at 4096, with the course folder in front
# Characters of a path in an archive; of a longer one nothing more is looked at.
MAX_NAME = 4_096
# Where Jupyter keeps a copy of each notebook.
CHECKPOINTS = ".ipynb_checkpoints"


def is_junk(parts: tuple[str, ...]) -> bool:
    """Return whether a path is what systems and editors leave behind, never a student's work.

    Examples
    --------
    >>> is_junk(("__MACOSX", "a", "._b.ipynb")), is_junk(("a", "b.ipynb"))
    (True, False)
    """
    folders, name = parts[:-1], parts[-1]
    return (
        any(f in {"__MACOSX", "__pycache__", ".git"} for f in folders)
        # The editor's copy of a notebook may be the only one that came.
        or (CHECKPOINTS in folders and not name.lower().endswith(".ipynb"))
        or name in {".DS_Store", "Thumbs.db", "desktop.ini"}
        or name.startswith(("._", "~$"))
    )


def is_work(name: str) -> bool:
    """Return whether a file is looked for in a hand-in: notebooks, archives, artifacts, own modules, documents.

    Examples
    --------
    >>> is_work("a/by-hand.ipynb"), is_work("artifacts/history.json"), is_work("data/train/0001.jpg")
    (True, True, False)
    """
    suffixes = (".ipynb", ".zip", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".rar", ".py", ".pdf", ".txt", ".md")
    return name.lower().endswith(suffixes) or "artifacts/" in name or name.endswith("submission.json")


def safe_parts(name: str, limits: Limits) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the path of a file in an archive harmless.

    Parameters
    ----------
    name : str
        With ``/`` or, as some programs on Windows write it, ``\\``.
    limits : Limits

    Returns
    -------
    parts, notes : tuple of str
        The parts of the path and what was changed about them.

    Raises
    ------
    RefusedError
        If the path leads out of the archive.
    """
    if len(name) > MAX_NAME:
        raise RefusedError(f"its name has {len(name):,} characters")
    name = name.replace("\\", "/")
    if name.startswith("/") or re.match(r"^[A-Za-z]:", name):
        raise RefusedError("its path is absolute")
    raw = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in raw:
        raise RefusedError("its path leads out of the archive (..)")
    if not raw:
        raise RefusedError("it has no name")
    if len(raw) > limits.max_folders:
        raise RefusedError(f"it lies in more than {limits.max_folders} folders")
    parts = tuple(clean_name(part, limits.max_name) for part in raw)
    if len("/".join(parts).encode()) > _MAX_PATH:
        raise RefusedError(f"its path is longer than {_MAX_PATH} bytes")
    composed = tuple(unicodedata.normalize("NFC", part) for part in raw)
    return parts, () if parts == composed else (f"renamed to {'/'.join(parts)}",)


def clean_name(part: str, max_name: int = 100) -> str:
    """Return one part of a path without control, bidirectional and invisible characters, and not too long.

    Examples
    --------
    >>> clean_name("evil\\u202eipynb.exe"), clean_name("Übung 3, Müller.pdf")
    ('evil_ipynb.exe', 'Übung 3, Müller.pdf')
    """
    part = unicodedata.normalize("NFC", part)
    # Cc control, Cf format (bidirectional marks, zero width), Cs lone surrogates, Zl and Zp line separators.
    bad = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    clean = "".join("_" if unicodedata.category(c) in bad or c in '<>:"|?*/\\' else c for c in part)
    clean = clean.strip(" ").rstrip(". ") or "_"
    if len(clean) > max_name or len(clean.encode()) > 2 * max_name:
        stem, dot, suffix = clean.rpartition(".")
        suffix = dot + suffix if stem and len((dot + suffix).encode()) <= 20 else ""
        mark = "~" + hashlib.sha256(part.encode(errors="surrogatepass")).hexdigest()[:8]
        stem = clean.removesuffix(suffix)[: max_name - len(mark) - len(suffix)]
        while len((stem + mark + suffix).encode()) > 2 * max_name:
            stem = stem[:-1]
        clean = stem + mark + suffix
    return clean


def walk_folder(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield path and file of everything in a folder, in order, without following links.

    Parameters
    ----------
    folder : pathlib.Path

    Yields
    ------
    tuple of str, pathlib.Path
    """
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            with contextlib.suppress(OSError):  # a path that is too long
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path.relative_to(folder).as_posix(), path


def unique(names: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return paths that stay apart on every file system, in the same order.

    Paths that are equal but for case or Unicode form get a number before the suffix, and so does a file where
    another path needs a folder.

    Examples
    --------
    >>> unique([("a.py",), ("A.py",), ("a.py", "b")])
    [('a.py',), ('A_2.py',), ('a_3.py', 'b')]
    """
    taken_files: set[tuple[str, ...]] = set()
    taken_folders: set[tuple[str, ...]] = set()
    result = []
    for parts in names:
        parts = tuple(parts)
        for i in range(1, len(parts)):
            stem, tries = parts[i - 1], 1
            while _key(parts[:i]) in taken_files:
                tries += 1
                parts = (*parts[: i - 1], _numbered(stem, tries), *parts[i:])
        name, tries = parts[-1], 1
        while _key(parts) in taken_files or _key(parts) in taken_folders:
            tries += 1
            parts = (*parts[:-1], _numbered(name, tries))
        taken_files.add(_key(parts))
        taken_folders.update(_key(parts[:i]) for i in range(1, len(parts)))
        result.append(parts)
    return result


def _key(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFKC", part).casefold() for part in parts)


def _numbered(name: str, number: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}_{number}.{suffix}" if stem and dot else f"{name}_{number}"
