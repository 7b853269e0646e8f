"""What can't be placed is kept, with the reason in a table."""

from __future__ import annotations

import csv
import hashlib
import shutil
import stat
from pathlib import Path
from typing import Any

from course_utils.classroom.roster import Owner
from course_utils.classroom.tables import as_cell, write_csv
from course_utils.handins.paths import clean_name
from course_utils.platforms.hand_ins import Problem


class Quarantine:
    """The folder with what could not be placed, and the table with the reasons."""

    columns = ("download", "folder", "student_id", "file", "reason", "kept_as")

    def __init__(self, course: Path, assignment: str) -> None:
        self.folder = course / "quarantine" / assignment
        self.table = self.folder / "reasons.csv"
        self.rows: list[dict[str, str]] = []
        if self.table.is_file():
            with self.table.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))
        self._new: list[dict[str, str]] = []

    def forget(self, folders: Any) -> None:
        """Drop what an earlier collection said about the owner folders that are read again now."""
        again = set(map(as_cell, folders))  # as the table has them
        stay = []
        for row in self.rows:
            if (row["folder"] or row["student_id"] or row["download"]) in again and row["folder"] != "(by hand)":
                self._remove(row["kept_as"])
            else:
                stay.append(row)
        self.rows = stay

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
        }
        # A whole download stays where the instructor has it.
        if problem.kept and problem.kept.is_file() and problem.kept.name != problem.download:
            with problem.kept.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            # Of an entry that was not read, the archive is what can be kept.
            name = clean_name(problem.file.split("!")[0 if "!" in problem.file else -1].rpartition("/")[2] or "file")
            kept = Path(clean_name(problem.folder or problem.download), f"{sha256[:8]}-{name}")
            (self.folder / kept).parent.mkdir(parents=True, exist_ok=True)
            if not (self.folder / kept).exists():
                shutil.copyfile(problem.kept, self.folder / kept)
            row["kept_as"] = kept.as_posix()
        if row not in self._new:
            self._new.append(row)

    def keep_folder(self, folder: Path, owner: Owner, reason: str) -> None:
        """Keep a copy of a folder that is about to be replaced."""
        number = 1
        while (self.folder / "replaced" / f"{owner.owner_id}-{number}").exists():
            number += 1
        kept = self.folder / "replaced" / f"{owner.owner_id}-{number}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, kept, symlinks=True, ignore=_not_plain)
        self._new.append(
            {
                "download": "",
                "folder": "(by hand)",
                "student_id": owner.owner_id,
                "file": folder.name,
                "reason": reason,
                "kept_as": kept.relative_to(self.folder).as_posix(),
            }
        )

    def write(self) -> list[dict[str, str]]:
        """Write the table; return its rows."""
        rows = self.rows + [row for row in self._new if row not in self.rows]
        if rows or self.table.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_csv(self.table, self.columns, ([row[c] for c in self.columns] for row in rows))
        return rows


def _not_plain(folder: str, names: list[str]) -> list[str]:
    """Return what of a folder is no plain file, folder or link, so that nothing waits for a pipe."""
    kinds = {name: Path(folder, name).lstat().st_mode for name in names}
    return [
        name for name, kind in kinds.items() if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind))
    ]
