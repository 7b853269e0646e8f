"""Options of the test suite, and what makes it begin quickly."""

import os
import re
import sys

# Hundreds of processes are started: they need not compile the package each time, wherever that is switched off.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser):
    parser.addoption(
        "--one-by-one",
        action="store_true",
        help="grade every planned wrong answer in a run of its own with all tests, not together with others (slow)",
    )
    parser.addoption(
        "--every-sheet",
        action="store_true",
        help="grade the reference and the blank notebooks of every problem sheet, not of one alone (minutes)",
    )
    parser.addoption(
        "--kills", type=int, default=2, help="how often each kind of process is killed in the tests of faults"
    )
    parser.addoption(
        "--tried-sheet",
        default="exercise-2",
        help="the problem sheet that --empty-environment tries, all its notebooks",
    )
    parser.addoption(
        "--empty-environment",
        action="store_true",
        help="install what students are given into a new virtual environment (needs a package index, takes minutes)",
    )


def pytest_ignore_collect(collection_path, config):
    """Leave files unread in which no test can be that ``-k`` names in full: reading them all takes many seconds."""
    words = re.findall(r"\w+", config.option.keyword)
    if collection_path.suffix != ".py" or not words or not all(word.startswith("test_") for word in words):
        return None
    text = str(collection_path.relative_to(config.rootpath)) + collection_path.read_text(encoding="utf-8")
    return None if any(word in text for word in words) else True
