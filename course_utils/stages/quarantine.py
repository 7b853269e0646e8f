"""What can't be placed is kept, with the reason in a table."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path

from course_utils.classroom.roster import Owner
from course_utils.classroom.tables import as_cell, write_csv
from course_utils.errors import CourseError
from course_utils.handins.archives import archive_kind
from course_utils.handins.paths import clean_name
from course_utils.notebooks.files import both_ends, looks_like_notebook
from course_utils.platforms.hand_ins import Problem

__all__ = ["BY_HAND", "Quarantine", "true_name"]

# In the column `folder`: what the instructor had changed, not what a student handed in.
BY_HAND = "(by hand)"
_ARCHIVES = {"zip": (".zip",), "7z": (".7z",), "rar": (".rar",), "tar": (".tar", ".tgz", ".gz", ".bz2", ".xz", ".txz")}
_SAVED_ANEW = "Save it as CSV in UTF-8 with its columns, or move the folder away and collect all downloads again."
_HASH = 8  # characters of it that the name of a kept file begins with


class Quarantine:
    """The folder with what could not be placed, and the table with the reasons."""

    columns = ("download", "folder", "student_id", "file", "reason", "kept_as", "submitted")

    def __init__(self, course: Path, assignment: str) -> None:
        self.folder = course / "quarantine" / assignment
        self.table = self.folder / "reasons.csv"
        self.rows: list[dict[str, str]] = []
        if self.table.is_file():
            self.rows = _saved_rows(self.table, self.columns)
        self._new: dict[tuple[str, ...], dict[str, str]] = {}  # by what they say: a class may have tens of thousands
        self._again: set[str] = set()
        self._owners: set[str] = set()

    def forget(self, folders: Iterable[str], owners: Iterable[str] = ()) -> None:
        """Drop what an earlier collection said about the owner folders, and of the owners, that are read again now.

        Nothing goes before `write`.
        """
        self._again |= set(map(as_cell, folders))  # as the table has them
        self._owners |= set(owners)

    def _is_forgotten(self, row: Mapping[str, str], is_kept: Callable[[str], bool], kept_anew: Set[str]) -> bool:
        is_read = (row["folder"] or row["student_id"] or row["download"]) in self._again
        if not (is_read or row["student_id"] in self._owners) or row["folder"] == BY_HAND:
            return False
        # Of whom the roster does not know, a file may be nowhere else: another of the same folder does not replace it.
        if row["student_id"] or not row["kept_as"] or not (sha256 := self._hash_of(row)):
            return True
        return is_kept(sha256) or row["kept_as"] in kept_anew

    def _remove(self, kept_as: str) -> None:
        path = (self.folder / kept_as.removeprefix("'")).resolve()
        if kept_as and self.folder.resolve() in path.parents and path.is_file():
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()

    def add(self, problem: Problem) -> None:
        """Note a problem and keep a copy of its file."""
        row = {
            "download": problem.download,
            "folder": problem.folder,
            "student_id": problem.owner.owner_id if problem.owner else "",
            "file": problem.file,
            "reason": problem.reason,
            "kept_as": "",
            "submitted": problem.submitted.isoformat() if problem.submitted else "",
        }
        # A whole download stays where the instructor has it.
        if problem.kept and problem.kept.is_file() and problem.kept.name != problem.download:
            with problem.kept.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            name = clean_name(true_name(problem.kept, problem.file))
            kept = Path(clean_name(problem.folder or problem.download), f"{sha256[:_HASH]}-{name}")
            (self.folder / kept).parent.mkdir(parents=True, exist_ok=True)
            _copy(problem.kept, self.folder / kept)
            row["kept_as"] = kept.as_posix()
        self._note(row)

    def _note(self, row: dict[str, str]) -> None:
        self._new.setdefault(_key(row), row)

    def keep_folder(self, folder: Path, owner: Owner, reason: str) -> None:
        """Keep a copy of a folder that is about to be replaced."""
        number = 1
        while (self.folder / "replaced" / f"{owner.owner_id}-{number}").exists():
            number += 1
        kept = self.folder / "replaced" / f"{owner.owner_id}-{number}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_name(f".{kept.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)  # of a run that was killed
        shutil.copytree(folder, fresh, symlinks=True, ignore=_not_plain)
        fresh.rename(kept)
        self._note(
            {
                "download": "",
                "folder": BY_HAND,
                "student_id": owner.owner_id,
                "file": folder.name,
                "reason": reason,
                "kept_as": kept.relative_to(self.folder).as_posix(),
                "submitted": "",
            }
        )

    def rows_of_file(self, sha256: str) -> list[dict[str, str]]:
        """Return the rows of a file that was kept, by the hash of its content or the beginning of that."""
        rows = [r for r in self.rows if r["folder"] != BY_HAND and _begins_with(r["kept_as"], sha256)]
        return [r for r in rows if len(sha256) < 64 or self._hash_of(r) == sha256]

    def _hash_of(self, row: dict[str, str]) -> str:
        path = self.folder / row["kept_as"].removeprefix("'")
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def write(self, is_kept: Callable[[str], bool] = lambda sha256: False) -> list[dict[str, str]]:
        """Write the table, and only then remove the files of what it no longer has.

        Parameters
        ----------
        is_kept : callable
            Returns whether a file is elsewhere, by its hash.

        Returns
        -------
        list of dict
            The rows.
        """
        kept_anew = {as_cell(row["kept_as"]) for row in self._new.values()}
        gone = {_key(row): row for row in self.rows if self._is_forgotten(row, is_kept, kept_anew)}
        staying = {_key(row): row for row in self.rows if _key(row) not in gone}
        rows = list((staying | {key: row for key, row in self._new.items() if key not in staying}).values())
        if rows or self.table.is_file():
            fresh = self.table.with_name(f".{self.table.name}.new")
            fresh.unlink(missing_ok=True)
            write_csv(fresh, self.columns, ([row[c] for c in self.columns] for row in rows))
            fresh.replace(self.table)
        still = {as_cell(row["kept_as"]) for row in rows}
        for row in gone.values():
            if as_cell(row["kept_as"]) not in still:
                self._remove(row["kept_as"])
        self.rows, self._new = rows, {}
        return rows


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[column] for column in Quarantine.columns)


def _saved_rows(table: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of the table of an earlier collection, which a spreadsheet may have saved anew."""
    try:
        text = table.read_bytes().decode("utf-8-sig")
        first = text.partition("\n")[0]
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count)))
        missing = {"folder", "reason", "kept_as"} - set(rows[0] if rows else ("folder", "reason", "kept_as"))
    except (OSError, ValueError, csv.Error) as error:
        raise CourseError(f"{table} can't be read ({type(error).__name__}: {error}). {_SAVED_ANEW}") from error
    if missing:
        raise CourseError(f"{table} has no column {', '.join(sorted(missing))}. {_SAVED_ANEW}")
    return [{column: row.get(column) or "" for column in columns} for row in rows]


def _copy(source: Path, target: Path) -> None:
    """Keep a copy of a file: under its name it is whole, whenever the run ends."""
    if target.is_file() and target.stat().st_size == source.stat().st_size:
        return
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    fresh.replace(target)


def _not_plain(folder: str, names: list[str]) -> list[str]:
    """Return what of a folder is no plain file, folder or link, so that nothing waits for a pipe."""
    kinds = {name: Path(folder, name).lstat().st_mode for name in names}
    return [
        name for name, kind in kinds.items() if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind))
    ]


def _begins_with(kept_as: str, sha256: str) -> bool:
    """Return whether the name of a kept file begins with that of a hash; either may be shorter."""
    name = kept_as.removeprefix("'").rpartition("/")[2]
    return len(name) > _HASH and name[_HASH] == "-" and name.startswith(sha256[:_HASH])


def true_name(path: Path, name: str) -> str:
    """Return a name for a kept file whose ending says what it is.

    Parameters
    ----------
    path : pathlib.Path
        The file: what the name says, or the archive in which that is.
    name : str
        As handed in; `!` stands behind the name of an archive.

    Returns
    -------
    str
        Without folders.
    """
    archive, inside, inner = name.rpartition("!")
    kind = archive_kind(path, "")  # by its first bytes
    if inside:
        # Of an entry that was not read, the archive is what is kept.
        name = archive.rpartition("!")[2] if kind else inner
    name = name.rpartition("/")[2] or "file"
    endings = _ARCHIVES.get(kind or "", ())
    promised = name.lower().endswith((*(e for some in _ARCHIVES.values() for e in some), ".ipynb"))
    if not promised or name.lower().endswith(endings or ()) or not path.stat().st_size:
        return name
    if not endings and name.lower().endswith(".ipynb"):
        return name  # a notebook that can't be read is still called one
    return f"{name.rpartition('.')[0] or name}{endings[0] if endings else _ending(path)}"


def _ending(path: Path) -> str:
    """Return the ending for a file that is no archive, by its content."""
    start, end = both_ends(path)
    if looks_like_notebook(start, end):
        return ".ipynb"
    if start.startswith(b"%PDF"):
        return ".pdf"
    if start.lstrip()[:9].lower() == b"<!doctype" or start.lstrip()[:5].lower() == b"<html":
        return ".html"
    return ".bin" if b"\0" in start else ".txt"
