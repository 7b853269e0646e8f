"""A tiny course and made-up hand-ins, for the tests of what comes from OpenOlat."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROSTER = """student_id,user_name,last_name,first_name,email,matriculation_number,group
s01,jmueller,Müller,Jörg,joerg@students.example,0012345,Gruppe 7
s02,max.muster@uni.example,Müller-Lüdenscheid,Anna Maria,anna@students.example,0023456,Gruppe 7
s03,oneill,O'Neill,Éloïse,eloise@students.example,0034567,Gruppe 8 (Mo–Mi)
s04,ivan,Иванов,Иван,ivan@students.example,0045678,Gruppe 8 (Mo–Mi)
s05,abc12,Öztürk,İpek,ipek@students.example,3141592,Gruppe 9
"""


def cell(kind: str, source: str, grade_id: str = "", **flags: object) -> dict:
    """Return one cell; with a grade_id it carries nbgrader's metadata."""
    metadata = {}
    if grade_id:
        metadata["nbgrader"] = {
            "grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3,
            "cell_type": kind, "grade_id": grade_id, **flags,
        }  # fmt: skip
    made = {"cell_type": kind, "id": grade_id.replace("_", "-") or "plain", "metadata": metadata, "source": source}
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    return made


def notebook(name: str, answer: str | None = None) -> dict:
    """Return a notebook with one exercise; `answer` replaces the body of its solution cell."""
    body = answer if answer is not None else "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    cells = [
        cell("markdown", f"# {name}"),
        cell("markdown", "Write it.", f"text_{name}", locked=True),
        cell("code", f"def {name}():\n{body}", name, solution=True),
        cell("code", f"assert {name}() == 1", f"test_{name}", grade=True, locked=True, points=2),
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def notebook_bytes(name: str, answer: str | None = "    return 1") -> bytes:
    """Return a notebook as a student would hand it in."""
    return json.dumps(notebook(name, answer), indent=1).encode()


def make_course(folder: Path, roster: str = ROSTER, config: str = "") -> Path:
    """Write a course with the assignments `sheet` (first, second) and `other` (third)."""
    for assignment, names in {"sheet": ("first", "second"), "other": ("third",)}.items():
        (folder / "source" / assignment).mkdir(parents=True)
        for name in names:
            (folder / "source" / assignment / f"{name}.ipynb").write_text(json.dumps(notebook(name)))
    (folder / "roster.csv").write_text(roster, encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{config}\n", encoding="utf-8")
    return folder


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def work(prefix: str = "", **extra: bytes) -> dict[str, bytes]:
    """Return the two notebooks of `sheet` by path, and what else is given."""
    return {f"{prefix}{name}.ipynb": notebook_bytes(name) for name in ("first", "second")} | extra
