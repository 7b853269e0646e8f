"""Names of the package in docstrings, comments and docs are those of modules and of what is in them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from tests.support.engine import ROOT

PACKAGE = ROOT / "course_utils"
# `module.name`, in one pair of backticks; two pairs are for code.
REFERENCE = re.compile(r"(?<!`)`(?:\w+\.)*(\w+)\.(\w+)`(?!`)")
FILES = {"csv", "ipynb", "json", "md", "py", "toml", "yml"}
# What is no module, although one has a function of the second name.
OTHERS = {"course", "drive", "metadata", "torch"}


def bound_in(tree: ast.Module) -> set[str]:
    """Return the names that a module defines or imports."""
    names = {part.id for n in tree.body for part in ast.walk(n) if isinstance(n, (ast.Assign, ast.AnnAssign))
             if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}  # fmt: skip
    names |= {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    return names | {alias.asname or alias.name for n in imports for alias in n.names}


def modules() -> dict[str, set[str]]:
    """Return what is in each module or package, by the last part of its name."""
    found = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        is_package = path.stem == "__init__"
        found[path.parent.name if is_package else path.stem] |= bound_in(ast.parse(path.read_text(encoding="utf-8")))
        found[(path.parent.parent if is_package else path.parent).name].add(
            path.parent.name if is_package else path.stem
        )
    return found


def wrong_references(text: str, known: dict[str, set[str]]) -> set[str]:
    """Return the references of a text whose module is known and lacks the name, or is not the one that has it."""
    everywhere = set().union(*known.values())
    return {
        found[0]
        for found in REFERENCE.finditer(text)
        if found[2] not in FILES and found[1] not in OTHERS and found[2] not in known.get(found[1], ())
        if found[1] in known or (found[2][0].isupper() and found[2] in everywhere)
    }


def test_references_lead_to_what_they_name():
    known = modules()
    paths = [p for folder in ("course_utils", "benchmarks", "docs") for p in (ROOT / folder).rglob("*.[pm][yd]")]
    assert len(paths) > 200
    wrong = {str(p.relative_to(ROOT)): found for p in paths if (found := wrong_references(p.read_text("utf-8"), known))}
    assert wrong == {}


def test_a_wrong_reference_is_found():
    known = {"limits": {"OutputLimits"}, "host": {"launch"}}
    text = "See `limits.OutputLimits`, `connection.OutputLimits`, `host.land`, `model.parameters` and ``host.land``."
    assert wrong_references(text, known) == {"`connection.OutputLimits`", "`host.land`"}
