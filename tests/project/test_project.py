"""What the files of the project promise about each other."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_utils import checks
from course_utils.grading.bridge import tree as values
from course_utils.grading.limits import GradingLimits, ValueLimits, limit_names
from course_utils.grading.nbgrader_plugins import GradeNotebook
from course_utils.grading.run.engine import Settings
from course_utils.notebooks.limits import amount
from tests.support.engine import ROOT

_PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOLS = _PYPROJECT["project"], _PYPROJECT["tool"]
REQUIREMENTS = [
    Requirement(text)
    for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in texts
]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split() if "==" in line)
PINS = {canonicalize_name(name): version for name, version in PINS.items()}
GIT = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def project_files() -> list[Path]:
    """The files that git keeps; without a repository, those that are not generated."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else map(str, ROOT.rglob("*"))
    return [path for name in names if name and (path := ROOT / name).is_file() and ".venv" not in path.parts]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_dependency_is_pinned_to_a_version_that_will_do(requirement):
    pin = PINS.get(canonicalize_name(requirement.name))
    assert pin is not None, f"constraints.txt does not pin {requirement.name}"
    assert requirement.specifier.contains(pin)


def test_pins_are_sorted_apart_and_exact():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    names = [canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line]
    assert len(names) == len(set(names))
    assert all("==" in line for line in lines if not line.startswith(("#", "-")))


def test_every_imported_package_is_a_dependency_or_comes_with_one():
    distributions = importlib.metadata.packages_distributions()
    declared = {canonicalize_name(requirement.name) for requirement in REQUIREMENTS}
    installed = {canonicalize_name(d.name) for d in importlib.metadata.distributions()}
    with_them = {
        canonicalize_name(Requirement(text).name)
        for name in declared & installed
        for text in importlib.metadata.requires(name) or []
    }
    missing = {}
    for path in sorted((ROOT / "course_utils").rglob("*.py")):
        for module in imports(path.read_text(encoding="utf-8")):
            top = module.partition(".")[0]
            names = {canonicalize_name(name) for name in distributions.get(top, ())}
            if top not in sys.stdlib_module_names and top != "course_utils" and not names & (declared | with_them):
                missing[module] = path.name
    assert missing == {}


def test_the_conda_environment_installs_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert f"python{PROJECT['requires-python']}" in plain and "pip" in plain
    assert pip[0] == "-c constraints.txt"
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", pip[1])[1].split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_command_can_be_loaded():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="course")
    assert callable(entry.load())


def test_settings_hold_settings_only():
    tree = ast.parse((ROOT / "nbgrader_config.py").read_text(encoding="utf-8"))
    for statement in tree.body:
        assert isinstance(statement, ast.Assign | ast.Expr), ast.unparse(statement)
        target = ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else "c"
        assert target == "c" or target.startswith("c.")


def test_every_plugin_that_the_settings_name_exists():
    text = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    named = re.findall(r'"(course_utils(?:\.\w+)+)"', text)
    assert len(named) >= 5
    for dotted in named:
        module, _, name = dotted.rpartition(".")
        assert hasattr(importlib.import_module(module), name), dotted


# Layers.


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_what_notebooks_import_never_imports_the_grader():
    sources = [
        c.source
        for path in (ROOT / "source").glob("*/*.ipynb")
        for c in nbformat.read(path, as_version=4).cells
        if c.cell_type == "code"
    ]
    waiting = {name for source in sources for name in imports(re.sub(r"(?m)^[%!].*", "", source))}
    seen = set()
    while waiting:
        name = waiting.pop()
        path = ROOT / f"{name.replace('.', '/')}.py"
        path = path if path.exists() else path.with_suffix("") / "__init__.py"
        if name in seen or not name.startswith("course_utils.") or not path.exists():
            continue
        seen.add(name)
        assert not name.startswith(
            tuple(
                f"course_utils.{room}"
                for room in ("grading", "classroom", "handins", "platforms", "stages", "command", "report")
            )
        ), name
        waiting |= imports(path.read_text(encoding="utf-8"))
    assert "course_utils.checks" in seen


# Texts.

# Where somebody's files lie, and where packages come from, is for the reader to choose.
PLACES = re.compile(
    rf"{re.escape(str(ROOT))}\b|/home/\w+/|/Users/\w+/|C:\\Users|index-url|"
    r"\b(?:pypi|pythonhosted|anaconda)\.(?:org|com)\b"
)


def test_no_file_names_a_place_of_its_own():
    found = []
    for path in project_files():
        data = path.read_bytes()
        if path == Path(__file__) or b"\0" in data or path.is_relative_to(ROOT / ".git"):
            continue
        lines = data.decode("utf-8").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line[:120]}" for n, line in enumerate(lines, 1) if PLACES.search(line)
        ]
    assert found == []


def test_the_licence_is_named_once_and_the_same():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License") and PROJECT["license"] == "MIT"
    assert "CC BY 4.0" in text  # of texts, figures and exercises
    assert PROJECT["license-files"] == ["LICENSE"]


def test_readme_names_documents_that_exist():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if link not in ("http", "https"):
                assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_the_page_of_the_architecture_names_modules_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## The way")[2]
    named = set(re.findall(r"`((?:[a-z_]+\.)*[a-z_]+)`", text)) - {
        "penalty",
        "nbgrader_config.py",
        "metadata.course.timeout_s",
    }
    assert len(named) > 20
    for name in sorted(named):
        path = ROOT / "course_utils" / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), name


def test_each_threat_names_tests_that_exist():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 30 and sorted(named - set(re.findall(r"def (test_\w+)", sources))) == []


def test_the_floors_of_the_house_hold():
    """The contract is in pyproject.toml."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_is_named_where_rooms_are_listed():
    contracts = {entry["name"]: entry for entry in TOOLS["importlinter"]["contracts"]}
    lessons = {p.name for p in (ROOT / "course_utils" / "lessons").iterdir() if (p / "__init__.py").exists()}
    apart = contracts["The rooms of the assignments do not know each other"]["modules"]
    assert {name.rpartition(".")[2] for name in apart} == lessons
    rooms = {p.name for p in (ROOT / "course_utils").iterdir() if (p / "__init__.py").exists()} - {"olat"}
    layers = set(re.findall(r"\w+", " ".join(contracts["No import climbs"]["layers"])))
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The tree")[2]
    assert rooms <= layers | {"lessons"} and sorted(room for room in rooms if f"  {room}/" not in readme) == []


def test_every_file_of_the_package_is_installed_with_it():
    """What package-data leaves out is missing at the student's, where the package is a wheel."""
    patterns = TOOLS["setuptools"]["package-data"]["course_utils"]
    package = ROOT / "course_utils"
    kept = {path for pattern in patterns for path in package.glob(pattern)}
    others = [p for p in package.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc") and p not in kept]
    assert others == []


def test_an_import_that_climbs_breaks_the_contract(tmp_path):
    for name in ("course_utils", "pyproject.toml"):
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path)
    with (tmp_path / "course_utils" / "checks" / "basic.py").open("a") as file:
        file.write("\nfrom course_utils.command import app\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1 and "course_utils.checks is not allowed to import course_utils.command" in done.stdout


# Student data.

STUDENT_DATA = [
    "submitted/anna/losses/mse.ipynb", "submitted/anna/losses/artifacts/model.safetensors", "submitted/.hidden",
    "autograded/anna/losses/mse.ipynb", "feedback/anna/losses/mse.html", "downloaded/losses.zip",
    "quarantine/anna/losses/link", "collected/losses/hand-ins.json", "returned/losses.zip",
    "reports/losses-autograde.csv", "roster.local.csv", "extensions.csv",
    "gradebook.db", "gradebook.db-journal", "gradebook.db.2026-01-01.bak",
    "source/losses/artifacts/model.safetensors",
]  # fmt: skip
COMMITTED = [
    "submitted/README.md", "autograded/README.md", "feedback/README.md", "roster.csv", "source/losses/mse.ipynb",
    "release/losses/mse.ipynb", "nbgrader_config.py", "tests/project/test_project.py",
]  # fmt: skip


@GIT
def test_data_of_students_never_enters_git(tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    shutil.copyfile(ROOT / ".gitignore", tmp_path / ".gitignore")
    for names, ignored in ((STUDENT_DATA, True), (COMMITTED, False)):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            done = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=tmp_path)
            assert (done.returncode == 0) is ignored, name


def test_the_class_that_comes_along_is_made_up():
    for line in (ROOT / "roster.csv").read_text(encoding="utf-8").splitlines()[1:]:
        assert re.search(r"@[\w.]*example\b", line), line


def test_no_notebook_holds_outputs():
    for path in [*(ROOT / "source").glob("*/*.ipynb"), *(ROOT / "release").glob("*/*.ipynb")]:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs") and not cell.get("execution_count"), path.name


# Docs.


def limits_table() -> list[list[str]]:
    """The cells of each row of the table of limits in the docs."""
    text = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8").partition("## Limits")[2].partition("**")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows[1:] if row[0] != "---"]


def test_the_limits_in_the_docs_are_those_of_the_code():
    limits = GradingLimits()
    sandbox, output, value, file, run = limits.sandbox, limits.output, limits.value, limits.file, limits.run
    rows = [
        f"{run.cell_seconds} CPU s",
        f"{Settings().notebook_s:.0f} s",
        f"{amount(sandbox.memory)}; {sandbox.processes}; {sandbox.sessions}",
        f"{amount(sandbox.disk)}; {amount(sandbox.file_size)}; {sandbox.files:,}",
        f"{amount(sandbox.submission_bytes)}; {sandbox.submission_files:,}",
        f"{sandbox.open_files:,}; {sandbox.locks:,}; {sandbox.areas:,}",
        f"{sandbox.cpu_seconds} s",
        f"{output.text:,} characters; {amount(output.images)}; {output.pieces}",
        f"{amount(output.received)}; {amount(output.message)}",
        f"{amount(value.size)}; {value.nodes:,}; {value.depth}",
        f"{amount(file.size)}; {file.cell:,} characters; {file.cells:,}",
        f"{amount(file.picture)}; {amount(file.pictures)}",
        f"{run.restarts}",
        f"{amount(run.test_memory)}; {run.test_processes}; {run.test_cpu_seconds} s",
    ]
    assert [row[1] for row in limits_table()] == rows


def test_every_limit_has_a_name_in_the_docs_and_every_name_is_one():
    named = [name for row in limits_table() for name in re.findall(r"`([^`]+)`", row[2])]
    elsewhere = {"c.GradeNotebook.notebook_timeout", "metadata.course.timeout_s"}
    assert sorted(set(named) - elsewhere) == sorted(limit_names())
    assert hasattr(GradeNotebook, "notebook_timeout")


def test_values_have_the_limits_that_the_settings_know():
    assert vars(values.Limits()) == vars(ValueLimits())


def test_the_example_in_the_docs_passes_and_can_fail():
    """As a student's notebook runs it."""
    text = (ROOT / "docs" / "grading.md").read_text(encoding="utf-8")
    example, _ = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names = {"np": np, "assert_array": checks.assert_array, "assert_unchanged": checks.assert_unchanged}
    exec(example, {**names, "rescale": lambda x: (x - x.min()) / (x.max() - x.min())})
    with pytest.raises(checks.CheckFailed, match="Divide by the range, not by the largest value"):
        exec(example, {**names, "rescale": lambda x: (x - x.min()) / x.max()})
    with pytest.raises(checks.CheckFailed, match="rescale's argument was changed"):
        exec(example, {**names, "rescale": lambda x: (x.__isub__(x.min())) / np.ptp(x)})
