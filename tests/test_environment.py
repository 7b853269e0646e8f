"""The variables of the course have one home, and the grader sets them there."""

import ast
import os
from pathlib import Path

import pytest

from course_utils import environment

PACKAGE = Path(environment.__file__).parent


def test_no_other_module_names_a_variable():
    found = {}
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.parent.glob("source/*/hidden/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and str(node.value).startswith("COURSE_") and " " not in node.value:
                found.setdefault(path.name, set()).add(node.value)
            if isinstance(node, ast.keyword) and (node.arg or "").startswith("COURSE_"):
                found.setdefault(path.name, set()).add(node.arg)
    named = {"COURSE_DATA", "COURSE_OFFLINE", "COURSE_GRADING", "COURSE_FILES", "COURSE_COUNTS", "COURSE_SECRET"}
    assert found == {"environment.py": named}
    assert all(f"``{name}``" in environment.__doc__ for name in named)


@pytest.fixture
def empty(monkeypatch):
    for name in [name for name in os.environ if name.startswith("COURSE_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_a_notebook_of_a_student_has_none_of_them(empty):
    assert not environment.is_grading() and not environment.is_offline()
    assert environment.submission_folder() is environment.secret() is None
    assert environment.data_folder() == Path.home() / ".cache" / "course-data"
    assert environment.counted_data() == environment.ANY_DATA


def test_what_the_grader_sets_is_what_is_read(empty):
    variables = environment.for_tests(files="/s", counts="CIFAR-10", data="/d", secret="known to nobody")
    for name, value in variables.items():
        empty.setenv(name, value)
    assert environment.is_grading() and environment.is_offline()
    assert environment.data_folder() == Path("/d")
    assert environment.submission_folder() == Path("/s")
    assert (environment.counted_data(), environment.secret()) == ("CIFAR-10", "known to nobody")


def test_no_kernel_is_given_the_secret(empty):
    for name, value in environment.for_tests(files="", counts="", data="", secret="known to nobody").items():
        empty.setenv(name, value)
    given = environment.without_secret() | environment.for_kernels()
    assert "known to nobody" not in given.values() and given["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("before", [None, "/elsewhere"])
def test_a_submission_is_read_for_as_long_as_it_is_asked_for(empty, before):
    if before:
        empty.setenv("COURSE_FILES", before)
    with pytest.raises(KeyError), environment.reading_submission(Path("/s")):
        assert environment.submission_folder() == Path("/s")
        raise KeyError
    assert os.environ.get("COURSE_FILES") == before
