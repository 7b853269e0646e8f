"""Which trained networks and other results a student's folder lacks, and which networks are older than their code."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_utils.notebooks.recognising import source
from course_utils.packing.findings import Finding

__all__ = ["examine_artifacts"]


def examine_artifacts(name: str, notebook: Mapping[str, Any], folder: Path) -> list[Finding]:
    """Look at what the cells of a notebook make: the trained networks in ``metadata.course.artifacts``, and ``files``.

    Parameters
    ----------
    name : str
    notebook : dict
        In format 4.
    folder : pathlib.Path
        The folder that holds the notebook and its ``artifacts/``.

    Returns
    -------
    list of Finding
        One for each network that is missing, unreadable, unfinished, or was trained by other code, and for each other
        file of ``artifacts/`` that is missing.
    """
    wanted = [key for cell in notebook["cells"] for key in _named(cell, "artifacts")]
    files = dict.fromkeys(key for cell in notebook["cells"] for key in _named(cell, "files"))
    lacking = [
        Finding(name, f"artifacts/{key} is missing. Run the cell that writes it.")
        for key in files
        if not (folder / "artifacts" / key).is_file()
    ]
    if not wanted:
        return lacking
    from course_utils import artifacts, training  # imports torch, which takes a second

    known = training.definitions(source(cell) for cell in notebook["cells"] if cell.get("cell_type") == "code")
    findings = []
    with contextlib.chdir(folder):
        for key in dict.fromkeys(wanted):
            try:
                record = artifacts.read_record(key)
                if record.sha256 or not record.finished:
                    artifacts.read_weights(key)
            except (artifacts.ArtifactError, ValueError) as error:
                findings.append(Finding(name, str(error)))
                continue
            changed = [part for part, mark in record.code.items() if part in known and known[part][0] != mark]
            if changed:
                text = f"{key!r} was trained before you changed {', '.join(changed)}: train it again (again=True)"
                findings.append(Finding(name, text, serious=False))
    return findings + lacking


def _named(cell: Mapping[str, Any], what: str) -> list[str]:
    about = cell.get("metadata", {}).get("course")
    names = about.get(what) if isinstance(about, dict) else None
    return [key for key in names if isinstance(key, str)] if isinstance(names, list) else []
