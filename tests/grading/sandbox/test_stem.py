"""What kernels inherit: both parents of a run are forked from one process, which has read nothing of the course."""

import json
import os
import re
import secrets
import textwrap
from pathlib import Path

import psutil
import pytest

from course_utils.grading.pool import Parents, grade_here
from course_utils.grading.run import graders
from course_utils.grading.run.engine import Settings
from course_utils.grading.sandbox import layout
from course_utils.grading.sandbox.host import adopt_zygote, zygotes_of_a_run
from course_utils.grading.sandbox.student_kernel import KernelOptions
from course_utils.grading.submissions import read_submission
from tests.support.sandboxed import kernel
from tests.support.tiny_course import ASSIGNMENT, NOTEBOOK, hand_in, make_course

KERNELS = KernelOptions(preload=()).of_zygote()
# A student's cell that looks for words, given in halves, in all that it can read of its own memory.
LOOKS = """
import os, re
found = set()
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in maps:
        start, end, rights = re.match(r"(\\w+)-(\\w+) (\\S+)", line).groups()
        if rights.startswith("r") and not line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            memory.seek(int(start, 16))
            block = memory.read(int(end, 16) - int(start, 16))
            for name, (half, other) in HALVES.items():
                position = block.find(half.encode())
                while position >= 0:
                    if block[position + len(half) : position + len(half) + len(other)] == other.encode():
                        found.add(name)
                    position = block.find(half.encode(), position + 1)
places = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
links = [os.readlink(place) for place in places if os.path.lexists(place)]
print("FOUND", sorted(found), [link for link in links if link.endswith((".db", ".ipynb", ".py"))])
"""


def children(parents):
    """The stem and the two zygotes of a run, by the names that they gave themselves."""
    bubblewrap = psutil.Process(parents.zygote._process.pid)
    (stem,) = bubblewrap.children()
    return {"stem": stem.pid, **{Path(f"/proc/{one.pid}/comm").read_text().strip(): one.pid for one in stem.children()}}


def searched(pid, word):
    """Whether a word is in the memory of a process that it may write."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            start, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if rights.startswith("rw"):
                memory.seek(int(start, 16))
                if word in memory.read(int(end, 16) - int(start, 16)):
                    return True
    return False


@pytest.fixture
def words():
    """Words that stand in one place each, where no kernel may have them from."""
    return {name: f"unmistakable-{secrets.token_hex(16)}" for name in ("hidden test", "another answer", "the secret")}


@pytest.fixture
def submissions(tmp_path, words):
    """Of two students: the second looks for what stands in the first one's answer, and on the course's side."""
    course = make_course(tmp_path / "course")
    source = course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    source.write_text(source.read_text().replace("Negative numbers count as well.", words["hidden test"]))
    settings, made = Settings(preload=(), secret=words["the secret"]), []
    halves = {name: (word[:20], word[20:]) for name, word in words.items()}
    halves["own"] = "Nobody ", "else"
    looks = f"HALVES = {halves!r}\nown = 'Nobody' + ' else'\n{textwrap.dedent(LOOKS)}"
    for name, more in (("first", f"# {words['another answer']}"), ("second", looks)):
        hand_in(course, name)
        path = course / "submitted" / name / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        notebook = json.loads(path.read_text())
        (cell,) = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "add"]
        cell["source"] = "".join(cell["source"]) + "\n" + more
        path.write_text(json.dumps(notebook))
        made.append(read_submission(path.parent, name, ASSIGNMENT, source.parent, {}, settings))
    return made


def test_a_kernel_finds_nothing_of_the_course_in_its_memory(submissions, words):
    parents = Parents(submissions[0].settings)
    run = grade_here(submissions, 1, parents=parents)
    first = next(run)
    assert words["another answer"] in first.notebooks[NOTEBOOK].content
    for pid in children(parents).values():
        assert [name for name, word in words.items() if searched(pid, word.encode())] == []
    (second,) = run
    assert second.error == ""
    said = re.search(r"FOUND (\[.*?\]) (\[.*?\])", second.notebooks[NOTEBOOK].content)
    assert said.groups() == ("['own']", "[]"), second.notebooks[NOTEBOOK].content


def test_the_processes_of_a_run_have_one_origin(submissions):
    parents = Parents(submissions[0].settings)
    parents.wait()
    assert sorted(children(parents)) == ["kernels", "stem", "tests"]
    parents.close()


def test_what_tests_draw_is_not_known_to_kernels(tmp_path):
    both = """
        import random, numpy
        def states():
            random.random(), numpy.random.rand()  # the numbers that come next are made at the first draw
            return random.getstate()[1][:624], tuple(numpy.random.get_state()[1])
        known = states()
    """
    only_tests = """
        import both
        raise RuntimeError(f"the same: {tuple(now == then for now, then in zip(both.states(), both.known))}")
    """
    (tmp_path / "both.py").write_text(textwrap.dedent(both))
    (tmp_path / "only_tests.py").write_text(textwrap.dedent(only_tests))
    shown = {"env": {"PYTHONPATH": str(tmp_path)}, "readable": [str(tmp_path)]}
    tests = graders.zygote_options(("both", "only_tests"))
    kernels, of_tests = zygotes_of_a_run(
        {**KERNELS, **shown, "preload": ["both"]}, {**tests, "env": {**tests["env"], **shown["env"]}}
    )
    assert kernels.failed_imports == {}
    assert of_tests.failed_imports == {"only_tests": "RuntimeError: the same: (False, False)"}
    for one in (kernels, of_tests):
        one.close()


def test_what_only_tests_may_see_is_covered_in_a_kernel(tmp_path):
    (tmp_path / "labels.txt").write_text("7")
    place = f"{layout.TESTS_FOLDER}/data/labels.txt"
    (tmp_path / "only_tests.py").write_text(f"raise RuntimeError(open({place!r}).read())")
    tests = {**graders.zygote_options(("only_tests",)), "beside": {"data": str(tmp_path)}}
    tests["env"] = {**tests["env"], "PYTHONPATH": f"{layout.TESTS_FOLDER}/data"}
    kernels, of_tests = zygotes_of_a_run({**KERNELS, "env": {"PYTHONPATH": f"{layout.TESTS_FOLDER}/data"}}, tests)
    assert of_tests.failed_imports == {"only_tests": "RuntimeError: 7"}
    options = {**KERNELS, "env": {"ONLY": "covered"}}
    adopt_zygote(options, os.dup(kernels.descriptor))
    with kernel(preload=[], env={"ONLY": "covered"}) as it:
        code = f"""
            import os
            print(os.listdir({layout.TESTS_FOLDER!r}), os.path.exists({place!r}))
            try:
                open("{layout.TESTS_FOLDER}/mine", "w")
            except OSError as error:
                print(type(error).__name__)
        """
        assert it.run(textwrap.dedent(code)).text == "[] False\nOSError\n"
    for one in (kernels, of_tests):
        one.close()
