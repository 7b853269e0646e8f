"""What is found about a student's folder before it is packed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing to know before handing in. `serious` ones cost points or make grading impossible."""

    notebook: str
    text: str
    serious: bool = True
