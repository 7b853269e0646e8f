"""Pages are joined, and nothing that is in them changes."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os, re, sys
from pathlib import Path
from course_utils.grading.sandbox.huge_pages import join_pages
huge = lambda: int(re.search(r"AnonHugePages: *([0-9]+)", Path("/proc/self/smaps_rollup").read_text())[1])
many = [str(n) for n in range(600_000)]
before = huge()
joined = join_pages()
child = os.fork()
if child == 0:
    many[:] = [n + "!" for n in many]
    os._exit(0 if many[-1] == "599999!" else 1)
assert os.waitpid(child, 0)[1] == 0 and many == [str(n) for n in range(600_000)]
print(joined // 1024, huge() - before)
"""


def _has_them() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    release = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    return release >= (6, 1) and setting.exists() and "[never]" not in setting.read_text()


@pytest.mark.skipif(not _has_them(), reason="Linux joins pages on request since 6.1, and here not at all")
def test_pages_are_joined_and_hold_what_they_held():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    joined, more = map(int, re.findall(r"\d+", done.stdout))
    assert joined > 16_000 and more > 0
