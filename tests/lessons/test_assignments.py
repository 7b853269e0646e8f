"""The promises of the pack, notebook by notebook: full points for the reference, none for the blank, and every
planned wrong answer loses exactly the cells it is listed for."""

from __future__ import annotations

import ast
import csv
import json
import re
import runpy
from pathlib import Path

import nbformat
import pytest

from course_utils.classroom import folder
from course_utils.grading.limits import RunLimits
from course_utils.notebooks import cells as kinds
from course_utils.report import coverage
from course_utils.stages import check_source, release
from tests.support.answers import Answer
from tests.support.bank import all_bound, all_read, imported, in_one_run, reached, run_passes, source_cells
from tests.support.engine import ROOT, SOURCE, Score, answered, lost, run

NOTEBOOKS = sorted(path.relative_to(SOURCE) for path in SOURCE.glob("*/*.ipynb"))
SPECIFICATION = ROOT.parent / "shared" / "specs" / "coverage.csv"
# Test cells older than the rule for their names: a new name would lock a gradebook that holds submissions.
OLDER_IDS = {
    "test_adam_sweep", "test_bag_of_words", "test_best_network", "test_challenge_50", "test_challenge_60",
    "test_challenge_65", "test_challenge_70", "test_cifar_parameters", "test_cifar_shapes", "test_cifar_total",
    "test_conv_output", "test_conv_weights", "test_dense_output", "test_dense_weights", "test_filters",
    "test_folded", "test_gamma_sweep", "test_lenet_conv1", "test_lenet_conv4", "test_lenet_conv7",
    "test_lenet_linear11", "test_lenet_linear9", "test_lenet_total", "test_padding_shapes", "test_paper",
    "test_per_image", "test_product", "test_ratio", "test_ratio_dense", "test_ratio_local", "test_sgd_sweep",
    "test_toeplitz_rows", "test_trained",
}  # fmt: skip
each_notebook = pytest.mark.parametrize("name", NOTEBOOKS, ids=lambda path: str(path.with_suffix("")))


def answers(bank: str, name: Path) -> list[Answer]:
    path = ROOT / "tests" / bank / name.with_suffix(".py")
    return runpy.run_path(str(path))["ANSWERS"] if path.exists() else []


def automatic(name: Path) -> list[str]:
    return [cell.metadata.nbgrader.grade_id for cell in source_cells(name) if kinds.is_test(cell)]


def show(name: Path, banks: list[list[Answer]], request: pytest.FixtureRequest) -> list[str]:
    """Grade banks of answers; return a sentence for every one that is not marked as listed.

    A run begins and ends with the reference, so both banks of a notebook are played in one. No group mixes them.
    """
    if request.config.getoption("--one-by-one"):
        return [sentence for bank in banks for answer in bank for sentence in _alone(name, [answer], everything=True)]
    wrong = []
    groups = [group for bank in banks for group in in_one_run(name, bank)]
    for group, scores in zip(groups, run_passes(name, groups), strict=True):
        # What it does beside others need not be what it does alone.
        wrong += _mute(group, scores) if lost(scores) == _listed(group) else _alone(name, group)
    return wrong


def _alone(name: Path, group: list[Answer], *, everything: bool = False) -> list[str]:
    """Grade answers in a run of their own, and in two if that is not as listed: one may hide what another loses."""
    cells = {key: text for answer in group for key, text in answer.cells.items()}
    artifacts = {key: change for answer in group for key, change in answer.artifacts.items()}
    files = {key: change for answer in group for key, change in answer.files.items()}
    tests = None if everything else reached(name, group)
    source = SOURCE / name
    scores, _, _ = run(answered(source, cells), source, artifacts=artifacts, changed=files, tests=tests)
    if lost(scores) == _listed(group):
        return _mute(group, scores)
    if len(group) > 1:
        return _alone(name, group[::2]) + _alone(name, group[1::2])
    messages = {key: scores[key].message for key in lost(scores) ^ _listed(group)}
    return [f"{group[0].why}: lost {sorted(lost(scores))}, listed {sorted(_listed(group))}; {messages}"]


def _listed(group: list[Answer]) -> set[str]:
    return {key for answer in group for key in answer.loses}


def _mute(group: list[Answer], scores: dict[str, Score]) -> list[str]:
    return [f"{group[0].why}: {key} is lost without a message" for key in _listed(group) if not scores[key].message]


@each_notebook
def test_reference_earns_all_automatic_points_and_blank_none(name):
    source = SOURCE / name
    scores, result, repaired = run(answered(source), source)
    assert {key: score.message for key, score in scores.items() if key in lost(scores)} == {}
    assert not result.events and not repaired.repairs
    made = {f"artifacts/{file}": None for cell in source_cells(name) for file in kinds.course(cell).get("files", [])}
    blank, _, _ = run(answered(source, blank=True), source, changed=made)
    assert sum(score.points for score in blank.values()) == 0


@each_notebook
def test_each_wrong_answer_loses_exactly_the_cells_it_is_listed_for_and_right_ones_in_other_styles_none(name, request):
    right = answers("right_answers", name)
    assert right, f"tests/right_answers/{name.with_suffix('.py')} holds no answers"
    assert not any(answer.loses for answer in right)
    assert show(name, [answers("wrong_answers", name), right], request) == []


@each_notebook
def test_each_automatic_cell_has_three_wrong_answers(name):
    bank = answers("wrong_answers", name)
    counts = {key: sum(key in answer.loses for answer in bank) for key in automatic(name)}
    assert {key: count for key, count in counts.items() if count < 3} == {}


@each_notebook
def test_no_point_depends_on_the_students_kernel(name):
    tests = [cell for cell in source_cells(name) if kinds.is_test(cell)]
    assert sum(kinds.points(cell) for cell in tests if kinds.is_in_kernel(cell)) == 0


@each_notebook
def test_tests_do_not_read_names_that_a_student_could_have_changed(name):
    """A test may read what the student had to write, and what the grader defines itself; not the course's own data."""
    mine, course, untrusted = set(), set(), {}
    for cell in source_cells(name):
        if cell.cell_type != "code" or kinds.is_test(cell):
            continue
        bound = all_bound(cell.source)
        if cell.metadata.get("nbgrader", {}).get("solution"):
            mine |= bound
        elif kinds.is_trusted(cell):
            course |= bound
        else:
            untrusted |= dict.fromkeys(bound - imported(cell.source), cell.source.splitlines()[0])
    for cell in source_cells(name):
        if kinds.is_test(cell):
            reads = all_read(cell.source)
            found = {key: untrusted[key] for key in reads & set(untrusted) - mine - course}
            assert not found, f"{cell.metadata.nbgrader.grade_id} reads {found}"


def assert_says_what_it_covers(cell):
    """The first line of a test cell says its kind, its points, what it covers; its grade_id says the kind as well."""
    grade_id, points = cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points
    begins = f"({points:g} {'point' if points == 1 else 'points'}): "
    first, hidden = cell.source.splitlines()[0], cell.source.startswith("# Hidden tests ")
    assert first.startswith(("# Hidden tests " if hidden else '"""Visible checks ') + begins), f"{grade_id}: {first}"
    # A visible check may have a hidden part, which names mistakes or tries what nobody can know; not so the other way.
    rest = cell.source.partition("\n")[2].strip()
    inside = rest.startswith("### BEGIN HIDDEN TESTS") and rest.endswith("### END HIDDEN TESTS")
    assert inside or not hidden, f"{grade_id} shows hidden tests"
    kind = "hidden" if hidden else "visible"
    assert re.fullmatch(rf"test_\w+_{kind}", grade_id) or grade_id in OLDER_IDS, f"{grade_id} is not test_..._{kind}"


def assert_mistakes_stand_above_the_call(cell):
    for node in ast.walk(ast.parse(cell.source)):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "mistakes"
            and isinstance(node.value, (ast.Dict, ast.DictComp))
        ):
            lines = node.value.end_lineno - node.value.lineno
            assert lines < 4, (
                f"{cell.metadata.nbgrader.grade_id}: `mistakes` of {lines} lines; name them above the call"
            )


@each_notebook
def test_notebook_is_as_the_contract_says(name):
    notebook = nbformat.read(SOURCE / name, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    names = [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]
    assert len(names) == len(set(names)), "a grade_id is used twice"
    assert notebook.cells[0].cell_type == "markdown"
    for cell in notebook.cells:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None, "outputs are not cleared"
        # The usual one is the course's setting, which would do nothing for a cell that repeats it.
        assert kinds.course(cell).get("timeout_s") != RunLimits().cell_seconds, f"{cell.id} repeats the usual limit"
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade"):
            assert "covers" in kinds.course(cell), f"{marks.grade_id} does not say what it covers (it may be nothing)"
        if kinds.is_test(cell):
            assert_says_what_it_covers(cell)
            assert_mistakes_stand_above_the_call(cell)
        if marks.get("grade") and marks.get("solution") and cell.cell_type == "markdown":
            assert "BEGIN SOLUTION" in cell.source, f"{marks.grade_id} has no model answer"


each_assignment = pytest.mark.parametrize("assignment", sorted({path.parent.name for path in NOTEBOOKS}))


@each_assignment
def test_check_source_has_nothing_to_say(assignment):
    assert check_source.check_source(ROOT, assignment) == []


@each_assignment
def test_release_is_what_source_generates_and_holds_no_solution(assignment, tmp_path):
    (tmp_path / "source").symlink_to(SOURCE)
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    release.release(tmp_path, assignment)
    for name in (name for name in NOTEBOOKS if name.parent.name == assignment):
        committed = json.loads((ROOT / "release" / name).read_text())
        assert committed == json.loads((tmp_path / "release" / name).read_text()), f"{name}: run `make release`"
        for cell in committed["cells"]:
            source = "".join(cell["source"])
            assert not any(mark in source for mark in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS"))
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                assert "raise NotImplementedError()" in source or "YOUR ANSWER HERE" in source


def test_all_assignments_are_those_of_the_course():
    assert {path.parent.name for path in NOTEBOOKS} == set(folder.assignments(ROOT))


def test_release_has_no_notebook_without_a_source():
    assert {path.relative_to(ROOT / "release") for path in (ROOT / "release").glob("*/*.ipynb")} == set(NOTEBOOKS)


def test_coverage_page_is_what_the_notebooks_say():
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert page == coverage.page(SOURCE), "run `make release`"


# Notebooks that have become several: their items, which name one as it was, are covered by all of them together.
DIVIDED = {
    "cifar/augmentation": "cifar/regularisation",
    "cifar/optimisation": "cifar/regularisation",
    "cifar/batch-norm": "cifar/architectures",
    "cifar/residual-networks": "cifar/architectures",
    "convolutions/equivariance": "convolutions/theory",
    "convolutions/fully-convolutional": "convolutions/theory",
    "convolutions/jacobians": "convolutions/backprop",
    "neural-networks/backpropagation": "neural-networks/concepts",
    "neural-networks/from-scratch": "neural-networks/concepts",
    "neural-networks/gradient-descent": "neural-networks/concepts",
    "neural-networks/kernel-methods": "neural-networks/svm",
    "dog-breeds/frozen-features": "dog-breeds/dog-breeds",
    "dog-breeds/fine-tuning": "dog-breeds/dog-breeds",
}


@pytest.mark.skipif(not SPECIFICATION.exists(), reason="the list of the sheets' items is not beside the project")
@each_notebook
def test_every_item_of_the_sheets_that_names_the_notebook_is_covered(name):
    with SPECIFICATION.open(encoding="utf-8") as file:
        named = {row["id"]: DIVIDED.get(row["notebook"], row["notebook"]) for row in csv.DictReader(file)}
    own = str(name.with_suffix(""))
    own = DIVIDED.get(own, own)
    wanted = {item for item, notebook in named.items() if notebook == own}
    together = [n for n in NOTEBOOKS if DIVIDED.get(str(n.with_suffix("")), str(n.with_suffix(""))) == own]
    covered = {item for n in together for cell in source_cells(n) for item in kinds.course(cell).get("covers", [])}
    assert covered == wanted
