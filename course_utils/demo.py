"""`course demo`: a made-up class goes through the whole cycle."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the `course` program."""
