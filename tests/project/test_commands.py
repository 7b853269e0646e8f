"""Each command line in README, docs, CONTRIBUTING, the students' README and in messages of the program exists."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.metadata
import importlib.util
import itertools
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer.main
from nbgrader.apps.nbgraderapp import NbGraderApp
from traitlets import HasTraits

from course_utils.classroom import deadlines, settings
from course_utils.command.app import app
from course_utils.grading import hidden, nbgrader_plugins
from course_utils.stages.release_zip import readme
from tests.support.engine import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
WHEEL = f"course_utils-{VERSION}-py3-none-any.whl"
_FILES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")), *(ROOT / "docs").glob("*.md")]
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(_FILES)}
PAGES["the students' README"] = readme("convolutions", WHEEL, ["by-hand", "counting"])
PROGRAMS = ("course", "python", "python3", "py", "pytest", "nbgrader", "make", "jupyter", "pip", "dask", "conda")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def commands_in(text: str) -> list[str]:
    """Return the command lines of a page: in blocks of code, and between backticks, also over the end of a line."""
    parts, prose, fenced = [], [], False
    for line in text.split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            parts += re.split(r"──►|→|&&|\s{2,}", line.partition("  #")[0])
        prose.append("" if fenced else line)
    parts += [" ".join(part.split()) for part in re.findall(r"`([^`]+)`", "\n".join(prose))]
    found = []
    for part in parts:
        words = re.sub(r"^(\s*\w+=\S+)+\s|^\s*\$\s", "", part).strip()
        program, _, rest = words.partition(" ")
        if program in PROGRAMS and rest and "·" not in rest:
            found.append(words.partition(",")[0])
    return list(dict.fromkeys(found))


def problem(command: str) -> str:
    """Return what of a command line does not exist; empty if all of it does."""
    program, *words = shlex.split(command)
    check = {"course": _course, "nbgrader": _nbgrader, "make": _make, "pytest": _pytest, "pip": _pip, "dask": _dask,
             "conda": _conda, "jupyter": _jupyter}.get(program, _python)  # fmt: skip
    return check(words)


@functools.cache
def _app():
    return typer.main.get_command(app)


def _parsed(command, words: list[str]) -> str:
    """Return what a command of click says of options that it does not have, or of too many arguments."""
    context = command.make_context(command.name, [], resilient_parsing=True)
    context.resilient_parsing = False
    try:
        _, left, _ = command.make_parser(context).parse_args(list(words))
    except Exception as error:  # of the click that Typer brings along, which has no public name
        if not hasattr(error, "format_message"):
            raise
        return error.format_message()
    return f"unexpected {left}" if left else ""


def _course(words: list[str]) -> str:
    commands = _app().commands
    if words[0].startswith("-"):
        return _parsed(_app(), words)
    return _parsed(commands[words[0]], words[1:]) if words[0] in commands else f"course has no command {words[0]}"


def _nbgrader(words: list[str]) -> str:
    if words[0] in ("--help", "--help-all"):
        return ""
    known, (entry, *rest) = NbGraderApp.subcommands, words
    if entry not in known:
        return f"nbgrader has no command {entry}"
    for word in rest:
        below = getattr(_loaded(known[entry][0]), "subcommands", None)
        if not isinstance(below, dict) or not below or word.startswith("-"):
            break
        if word not in below:
            return f"nbgrader {entry} has no command {word}"
        known, entry = below, word
    command = _loaded(known[entry][0])
    flags = {"--" + name for name in (*command.flags, *command.aliases) if isinstance(name, str)}
    return "".join(word for word in rest if word.startswith("--") and "." not in word and word not in flags)


def _loaded(app_class):
    module, _, name = app_class.rpartition(".") if isinstance(app_class, str) else ("", "", "")
    return getattr(importlib.import_module(module), name) if module else app_class


def _make(words: list[str]) -> str:
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def _python(words: list[str]) -> str:
    if words[0] != "-m":
        return "" if (ROOT / words[0]).is_file() else f"there is no file {words[0]}"
    module, rest = words[1], words[2:]
    if module == "pytest":
        return _pytest(rest)
    if module == "nbgrader":
        return _nbgrader(rest)
    if module == "venv":
        return ""
    spec = importlib.util.find_spec(module)
    if spec is None:
        return f"there is no module {module}"
    if spec.submodule_search_locations:
        spec = importlib.util.find_spec(f"{module}.__main__")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    if any(isinstance(node, ast.Attribute) and node.attr == "argv" for node in ast.walk(tree)):
        return ""  # it reads its arguments itself
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    added = [call.args for call in calls if getattr(call.func, "attr", "") == "add_argument"]
    names = {argument.value for arguments in added for argument in arguments if isinstance(argument, ast.Constant)}
    wrong = [word for word in rest if word.startswith("--") and word not in names]
    plain = rest and not rest[0].startswith("-") and all(name.startswith("-") for name in names)
    return f"{module} has no {wrong or rest}" if wrong or plain else ""


def _pytest(words: list[str]) -> str:
    own = re.findall(
        r'addoption\(\s*"(--[\w-]+)"',
        "".join(p.read_text() for p in (ROOT / "conftest.py", ROOT / "tests/conftest.py")),
    )
    after_k = [n + 1 for n, word in enumerate(words) if word == "-k"]
    for number, word in enumerate(words):
        if word.startswith("-") and word not in ("-k", "-q", "-n0", "-x", *own):
            return f"pytest has no {word} here"
        if not word.startswith("-") and number not in after_k and not (ROOT / word.partition("::")[0]).exists():
            return f"there is no {word}"
    return ""


def _pip(words: list[str]) -> str:
    for before, word in itertools.pairwise(words):
        if before == "-c" and not (ROOT / word).is_file():
            return f"there is no {word}"
        extras = re.search(r"\[([\w,]+)\]$", word)
        if extras and not set(extras[1].split(",")) <= set(EXTRAS):
            return f"there are no extras {extras[1]}"
        if ".whl" in word and WHEEL not in word:
            return f"the wheel is {WHEEL}"
    return "" if words[0] in ("install", "wheel", "index") else f"pip {words[0]}"


def _dask(words: list[str]) -> str:
    entries = {entry.name: entry for entry in importlib.metadata.entry_points(group="dask_cli")}
    if not entries:
        pytest.skip("Dask is not installed")
    return "" if words[0] in entries else f"dask has no command {words[0]}"


def _conda(words: list[str]) -> str:
    files = [word for before, word in itertools.pairwise(words) if before == "-f"]
    return "".join(f"there is no {name}" for name in files if not (ROOT / name).is_file())


def _jupyter(words: list[str]) -> str:
    scripts = {entry.name for entry in importlib.metadata.entry_points(group="console_scripts")}
    return "" if f"jupyter-{words[0]}" in scripts else f"jupyter has no command {words[0]}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_line_of_a_page_exists(page):
    wrong = {command: told for command in commands_in(PAGES[page]) if (told := problem(command))}
    assert wrong == {}


def test_the_commands_are_found():
    assert len(commands_in(PAGES["README.md"])) > 15
    assert {"course doctor", "course pack convolutions"} <= set(commands_in(PAGES["the students' README"]))


@pytest.mark.parametrize(
    "command",
    [
        "nbgrader formgrader", "nbgrader db assignment vanish", "course frobnicate x", "course release a b",
        "course autograde x --fast", "course demo --frobnicate", "python -m benchmarks.nothing",
        "python -m benchmarks.scale --size 1", "python docs/nothing.py", "python -m pytest tests --frob",
        "pytest tests/nowhere", "make tea", "jupyter frob", "pip install -e '.[everything]'",
    ],
)  # fmt: skip
def test_what_does_not_exist_is_found(command):
    assert commands_in(f"`{command}`") == [command] and problem(command)


# What the program itself says, and what else docs name.


def _texts() -> dict[str, str]:
    """Every text in the program, by its place: sentences to persons name commands between backticks."""
    found = {}
    for path in sorted((ROOT / "course_utils").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if "`" in text:
                found[f"{path.relative_to(ROOT)}:{node.lineno}"] = text
    return found


def test_every_command_that_a_message_names_exists():
    wrong, count = {}, 0
    for place, text in _texts().items():
        for command in commands_in("\n".join(line.lstrip() for line in text.split("\n"))):
            count += 1
            if told := problem(command):
                wrong[f"{place}: {command}"] = told
    assert wrong == {} and count > 10


def test_every_setting_that_a_page_names_exists():
    """As in `c.Deadlines.policy`; nbgrader's own are looked up in nbgrader."""
    classes = {
        name: value
        for module in (settings, deadlines, hidden, nbgrader_plugins, importlib.import_module("nbgrader.apps"),
                       importlib.import_module("nbgrader.preprocessors"), importlib.import_module("nbgrader.coursedir"))
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, HasTraits)
    }  # fmt: skip
    wrong, count = [], 0
    for page, text in PAGES.items():
        for name, trait in re.findall(r"\bc\.([A-Z]\w+)\.([a-z]\w+)", text):
            count += 1
            if name != "Course" and (name not in classes or trait not in classes[name].class_traits()):
                wrong.append(f"{page}: c.{name}.{trait}")
    assert wrong == [] and count > 10


def test_every_file_that_a_page_names_exists():
    """Files of the project with a folder, as in `docs/grading.md`."""
    wrong = []
    for page, text in PAGES.items():
        for name in re.findall(r"`((?:course_utils|tests|docs|benchmarks|source|jupyter-config)/[\w./-]+)`", text):
            if not (ROOT / name).exists():
                wrong.append(f"{page}: {name}")
    assert wrong == []
