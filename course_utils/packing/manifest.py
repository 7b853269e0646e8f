"""`submission.json`: what a packed hand-in says about itself."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

__all__ = ["FILE_NAME", "Member", "manifest"]

FILE_NAME = "submission.json"
_FORMAT = 1
_PACKAGES = ("course-utils", "torch", "torchvision", "numpy", "nbgrader")


@dataclass(frozen=True)
class Member:
    """One member of the group that hands in."""

    name: str
    matriculation_number: str


def manifest(assignment: str, group: str, members: Sequence[Member], files: Mapping[str, bytes]) -> dict:
    """Return the content of `submission.json`.

    Parameters
    ----------
    assignment : str
    group : str
        Number or name; may be empty.
    members : sequence of Member
    files : mapping of str to bytes
        Path in the zip to content.

    Returns
    -------
    dict
    """
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "missing"
    return {
        "format": _FORMAT,
        "assignment": assignment,
        "group": group,
        "members": [asdict(member) for member in members],
        "sha256": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())},
        "versions": versions,
    }
