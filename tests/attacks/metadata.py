"""The notebook's own structure: grade_ids, points, tags, formats, sizes."""
# ruff: noqa: E501 (attackers write long lines)

import copy
import json

from tests.attacks.attack import EVERYTHING, Attack, cell_named


def _marks(cell):
    return cell["metadata"]["nbgrader"]


def _cell(source, name=None, kind="code", **more):
    cell = {"cell_type": kind, "metadata": {}, "source": source, "id": f"new-{name}-{len(source)}"}
    if name:
        cell["metadata"]["nbgrader"] = {"grade_id": name, "grade": False, "solution": False, "locked": False,
                                        "task": False, "schema_version": 3, **more}  # fmt: skip
    if kind == "code":
        cell |= {"outputs": [], "execution_count": None}
    return cell


def _tests(nb):
    return [c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade") and c["cell_type"] == "code"]


def _more_points(nb):
    for cell in _tests(nb):
        _marks(cell)["points"] = 100


def _delete_tests(nb):
    for cell in _tests(nb):
        nb["cells"].remove(cell)


def _duplicate(nb):
    nb["cells"] += [copy.deepcopy(c) for c in nb["cells"]]


def _retype(nb):
    for cell in nb["cells"]:
        cell["cell_type"] = "markdown" if cell["cell_type"] == "code" else "raw"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _retype_tests(nb):
    for cell in _tests(nb):
        cell["cell_type"] = "markdown"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _empty_tests(nb):
    for cell in _tests(nb):
        cell["source"] = "pass"


def _claim(nb):
    """The tests' names on the student's own cells."""
    _delete_tests(nb)
    nb["cells"] += [
        _cell("pass", f"test_{n}_{k}", grade=True, points=5, locked=True)
        for n in EVERYTHING
        for k in ("visible", "hidden")
    ]


def _tags(nb):
    for cell in nb["cells"]:
        cell["metadata"]["tags"] = [
            "in-kernel",
            "skip-execution",
            "raises-exception",
            "remove_cell",
            "remove-cell",
            "injected-parameters",
        ]
        cell["metadata"]["course"] = {
            "trusted": True,
            "origin": "course",
            "timeout_s": 1e9,
            "bonus": True,
            "covers": ["A1"],
        }
        cell["metadata"]["deletable"] = cell["metadata"]["editable"] = False


def _solution_is_test(nb):
    cell_named(nb, "num_weights")["metadata"]["nbgrader"] |= {"grade": True, "points": 50, "locked": True}
    cell_named(nb, "rescale")["metadata"]["nbgrader"]["grade_id"] = "test_rescale_hidden"


def _trusted_cell(nb):
    cell_named(nb, "given")["source"] = (
        'SCALES = []\nx = sympy.Symbol("q")\nimport os\nopen("left-by-the-attacker", "w")'
    )
    cell_named(nb, "setup")["source"] = (
        "import sympy\nassert_number = assert_array = assert_equal = print\nnp = torch = None"
    )


def _shuffle(nb):
    nb["cells"].reverse()


def _format_3(nb):
    cells = []
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            cells.append({"cell_type": "code", "language": "python", "collapsed": False, "metadata": cell["metadata"],
                          "input": cell["source"], "outputs": [], "prompt_number": 1})  # fmt: skip
        else:
            cells.append({"cell_type": cell["cell_type"], "metadata": cell["metadata"], "source": cell["source"]})
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "target"},
                       "worksheets": [{"cells": cells, "metadata": {}}]}).encode()  # fmt: skip


def _lists(nb):
    for cell in nb["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)


def _odd_cells(nb):
    nb["cells"][2:2] = [None, 7, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5, "metadata": None},
                        {"cell_type": {"a": 1}, "source": ["x", 5], "metadata": [1], "id": 3},
                        {"cell_type": "code", "source": None, "metadata": {"nbgrader": {"grade_id": ["rescale"]}}},
                        {"cell_type": "code", "source": "1", "metadata": {"nbgrader": 5}, "outputs": "none"},
                        {"cell_type": "raw"}]  # fmt: skip


def _odd_metadata(nb):
    nb["metadata"] = {"course": {"unreadable": "<script>run-by-the-attacker</script>", "repairs": 5, "imports": ["import os; os._exit(0)"]},
                      "kernelspec": {"name": "../../evil", "language": "python", "argv": ["sh", "-c", "touch left-by-the-attacker"]},
                      "language_info": 7, "celltoolbar": "Create Assignment", "widgets": {"state": []}}  # fmt: skip
    nb["nbformat_minor"] = 10**9
    nb["worksheets"] = nb["signature"] = "x"


def _surrogates(nb):
    cell_named(nb, "rescale")["source"] = "# \ud800 \x00\ndef rescale(values):\n    return values"
    cell_named(nb, "explain")["source"] = "\ud800 \udfff \x00 \x1b[2J my answer"
    nb["cells"].append(_cell("'\ud83d'", "x\ud800"))
    nb["cells"].append(_cell("# \ud800", kind="markdown"))


def _names(nb):
    for name in (
        "<script>run-by-the-attacker</script>",
        "\x1b[2J\x1b]0;hello\x07",
        "../../../etc/passwd",
        "x" * 10**6,
        "a'; drop table grade; --",
    ):
        nb["cells"].append(_cell("pass", name, grade=True, points=10**9))


def _bytes(change):
    return lambda nb: change(json.dumps(nb)).encode()


def _in_another_language(nb):
    nb["metadata"].update(kernelspec={"name": "ir", "language": "R", "display_name": "R"})
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = "answer <- function(x) { x }"


ATTACKS = [
    Attack("more points for every test", loses=("num_weights",), edit=_more_points),
    Attack("no test cells", loses=("rescale", "num_weights"), edit=_delete_tests),
    Attack("every cell twice", loses=("num_weights",), edit=_duplicate),
    Attack("an honest and a blank answer cell of the same name",
           edit=lambda nb: nb["cells"].append(_cell("# YOUR CODE HERE\nraise NotImplementedError()", "rescale", solution=True))),
    Attack("every cell is of another type", edit=_retype),
    Attack("tests that are texts", loses=("num_weights",), edit=_retype_tests),
    Attack("tests that pass", loses=("rescale", "slope"), edit=_empty_tests),
    Attack("the student's own cells under the names of the tests", loses=("rescale", "num_weights"), edit=_claim),
    Attack("tags and settings of the course on every cell", loses=("num_weights",), edit=_tags),
    Attack("an answer cell that calls itself a test", loses=("rescale", "num_weights"), edit=_solution_is_test),
    Attack("the course's own cells are edited", loses=("slope",), cells={"slope": "slope = sympy.Symbol('q')"}, edit=_trusted_cell),
    Attack("cells in another order", edit=_shuffle),
    Attack("format 3 of 2013", loses=("num_weights",), raw=_format_3),
    Attack("sources that are lists of lines", edit=_lists),
    Attack("cells that are no cells", edit=_odd_cells),
    Attack("metadata that are no metadata", edit=_odd_metadata),
    Attack("texts that are no Unicode", loses=("rescale",), edit=_surrogates),
    Attack("grade_ids that are code", edit=_names),
    Attack(
        "a cell of 10 MB",
        loses=("layer_order",),
        cells={"layer_order": "layer_order = [" + "'relu', " * 1_300_000 + "]"},
    ),
    Attack("code nested a thousand deep", loses=("num_weights",), cells={"num_weights": "num_weights = " + "(" * 50_000 + "54" + ")" * 50_000}),
    Attack("code that is deep for every reader", loses=("num_weights", "slope", "layer_order"),
           cells={"num_weights": "num_weights = " + "-" * 100_000 + "54", "slope": "slope = x" + ".a" * 90_000,
                  "layer_order": "layer_order = " + "not " * 40_000 + "1"},
           last="x" + "+x" * 90_000 + "\n" + "lambda: " * 20_000 + "0"),
    Attack("JSON nested without an end", raw=lambda nb: b'{"nbformat": 4, "cells": ' + b"[" * 10**6, ungradable=True),
    Attack("metadata nested without an end", edit=lambda nb: nb["cells"][0]["metadata"].update(json.loads('{"a":' * 900 + "1" + "}" * 900))),
    Attack("keys that appear twice", loses=("num_weights",), raw=_bytes(lambda t: '{"cells": [], "nbformat": 3, ' + t[1:])),
    Attack("50 MB of empty lists", raw=_bytes(lambda t: t[:-1] + ', "x": [' + "[]," * 17_000_000 + "[]]}"), ungradable=True),
    Attack("a file that is no JSON", raw=lambda nb: b"\x80\x04\x95PK\x03\x04" * 1000, ungradable=True),
    Attack("an empty file", raw=lambda nb: b"", ungradable=True),
    Attack("a notebook in another language", edit=_in_another_language,
           ungradable=True),
    Attack("numbers of a million digits", raw=_bytes(lambda t: t[:-1] + ', "n": ' + "9" * 10**6 + "}"), ungradable=True),
    Attack("hundreds of cells", edit=lambda nb: nb["cells"].extend(_cell(f"a{n} = {n}") for n in range(500))),
    Attack("outputs that were never printed", loses=("num_weights",), edit=lambda nb: [
        c.update(outputs=[{"output_type": "execute_result", "data": {"text/plain": "5"}, "metadata": {}, "execution_count": 1}])
        for c in _tests(nb)]),
    Attack("attachments and links in the prose", edit=lambda nb: cell_named(nb, "explain").update(
        source="![x](attachment:a.svg) ![y](file:///etc/passwd) ![z](../../../private-notes.txt)",
        attachments={"a.svg": {"image/svg+xml": "<svg onload=run-by-the-attacker>"}})),
]  # fmt: skip
