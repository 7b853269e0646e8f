"""Sealing at release: the reference is run, and the visible checks of some cells are written without their answers."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from course_utils.errors import CourseError
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.sealed_cells import RECORDER, as_released, count, problem, recording
from course_utils.notebooks.texts import one_line, released_text

__all__ = ["SealChecks", "seals_of"]

# Seconds that one cell of the reference may take.
_CELL_S = 600
_PREPARE = f"""
import inspect as _inspect
from course_utils.checks import sealed as _sealed
_answers, _packed = {{}}, {{}}
def {RECORDER}(number, check, *arguments, **settings):
    check(*arguments, **settings)
    given = _inspect.signature(check).bind(*arguments, **settings).arguments
    given.pop("actual")
    try:
        answer = _sealed.seal(check.__name__, given.pop("expected"), given.pop("name"), guessable=_guessable, **given)
    except Exception as reason:
        raise SystemExit(f"can't be sealed: {{reason}}") from None
    _answers.setdefault((_cell, number), []).append(answer)
"""
# After a sealed cell: it is run as students receive it, too.
_TRY = """
from course_utils.notebooks import sealed_cells as _cells
_packed[_cell] = [_sealed.pack(_answers[_cell, _n]) for _n in range(_count) if (_cell, _n) in _answers]
if len(_packed[_cell]) == _count:
    try:
        exec(compile(_cells.as_released(_visible, _packed[_cell]), "<released>", "exec"), dict(globals()))
    except Exception as _reason:
        raise SystemExit(f"{_cell}: as it is released, its checks do not take the reference: {_reason}") from None
"""
_TELL = """
import base64 as _base64, json as _json
print("SEALED " + _base64.b64encode(_json.dumps(_packed).encode()).decode())
"""


class SealChecks(NbGraderPreprocessor):
    """Write the checks of sealed cells without their answers; nbgrader knows the cells as the source has them."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        sealed = list(filter(kinds.is_sealed, nb.cells))
        if sealed:
            # What is released by now has no solutions left to run.
            about = resources["metadata"]
            seals = seals_of(Path(about["path"]) / f"{about['name']}.ipynb")
        for cell in sealed:
            cell.source = as_released(cell.source, seals[cell.metadata.nbgrader.grade_id])
        return nb, resources


def seals_of(path: Path) -> dict[str, list[str]]:
    """Run a source notebook and seal what its sealed cells expect.

    Parameters
    ----------
    path : pathlib.Path
        The notebook in `source/`; files beside it are there while it runs.

    Returns
    -------
    dict of str to list of str
        By grade_id, in the order of the checks.

    Raises
    ------
    CourseError
        If the reference does not pass, or an answer can't be sealed.
    """
    return _seals(path, path.read_bytes())


@functools.lru_cache(maxsize=32)
def _seals(path: Path, content: bytes) -> dict[str, list[str]]:
    notebook = nbformat.reads(content.decode(), as_version=4)
    for cell in filter(kinds.is_sealed, notebook.cells):
        if text := problem(released_text(cell.source)):
            raise CourseError(f"{path.stem}, {one_line(cell.metadata.nbgrader.grade_id)} is sealed: {text}.")
    runs = _runs(notebook)
    with tempfile.TemporaryDirectory(prefix="sealing-") as folder:
        own = Path(folder) / path.parent.name
        shutil.copytree(path.parent, own, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        client = NotebookClient(
            runs,
            timeout=_CELL_S,
            kernel_name="python3",
            resources={"metadata": {"path": str(own)}},
            extra_arguments=["--IPKernelApp.log_level=40"],  # it warns of its own connection
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            said = one_line(getattr(error, "evalue", "") or str(error).strip().rpartition("\n")[2], 300)
            raise CourseError(f"{path.stem}: its reference stops while answers are sealed: {said}") from error
    output = "".join(part.get("text", "") for part in runs.cells[-1].outputs)
    sealed = json.loads(base64.b64decode(output.rpartition("SEALED ")[2]))
    for cell in filter(kinds.is_sealed, notebook.cells):
        name = cell.metadata.nbgrader.grade_id
        if len(sealed[name]) != (wanted := count(released_text(cell.source))) or not wanted:
            text = f"{wanted} checks can be sealed, and {len(sealed[name])} were run"
            raise CourseError(f"{path.stem}, {one_line(name)}: {text}. Each check of a sealed cell must be reached.")
    return sealed


def _runs(notebook: NotebookNode) -> NotebookNode:
    """Return the cells to run: the course's and the reference's, and of tests those that are sealed."""
    last = max(index for index, cell in enumerate(notebook.cells) if kinds.is_sealed(cell))
    sources = [_PREPARE]
    for cell in notebook.cells[: last + 1]:
        if cell.cell_type != "code" or kinds.is_shown_only(cell) or (kinds.is_test(cell) and not kinds.is_sealed(cell)):
            continue
        source = cell.source
        if kinds.is_sealed(cell):
            visible = released_text(source)
            marks = f"_cell, _guessable = {cell.metadata.nbgrader.grade_id!r}, {visible != source}\n"
            marks += f"_visible, _count = {visible!r}, {count(visible)}\n"
            sources += [marks + recording(visible), _TRY]
            continue
        sources.append(source)
    runs = nbformat.v4.new_notebook(metadata=notebook.metadata)
    runs.cells = [nbformat.v4.new_code_cell(source) for source in [*sources, _TELL]]
    return runs
