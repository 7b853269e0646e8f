"""Test cells compute what is expected before they hand anything in, and share what they look at afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from course_utils.notebooks import cells as kinds
from tests.lessons.test_assignments import each_notebook
from tests.support.bank import all_bound, imported, source_cells

# Of these the result is another object than the argument, or a plain value.
COPIES = {"clone", "copy", "deepcopy", "list", "tuple", "dict", "int", "float", "str", "item", "tolist", "len", "range"}
# What a call that keeps shape and type can't change.
FIXED = {"shape", "dtype", "ndim", "numel"}


def late_reads(source: str, students: set[str]) -> list[str]:
    """Return the names that a test cell hands in and reads afterwards, each with the line in which it does.

    Handing it in again, sharing it, `assert_unchanged`, `assert_leaves_nothing`, and asking for its shape are no such
    reads; a name that stands for something else by then, or for plain numbers, is none either.
    """
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    students = students | set(_results(tree, students))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _root(node.func) in students]
    plain = _plain_names(tree)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    found = []
    for call in calls:
        for handed in _handed_in(call) - plain - students:
            for read in names:
                if read.id != handed or not isinstance(read.ctx, ast.Load) or _begin(read) < _end(call):
                    continue
                stores = [other for other in names if other.id == handed and isinstance(other.ctx, ast.Store)]
                rebound = any(_end(call) <= _begin(other) < _begin(read) for other in stores)
                if not rebound and not _is_harmless(read, parents, students):
                    found.append(f"{handed} in line {read.lineno}")
    return sorted(set(found))


def sentences_sent(source: str, students: set[str]) -> list[str]:
    """Return texts of several words inside functions and classes that a test cell hands in; docstrings stay here."""
    tree = ast.parse(source)
    students = students | set(_results(tree, students))
    handed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _root(node.func) in students:
            parts = [part for argument in _arguments(node) for part in ast.walk(argument)]
            handed |= {part.id for part in parts if isinstance(part, ast.Name)}
            handed |= {id(part) for part in parts if isinstance(part, ast.Lambda)}
    # What made an object that is handed in goes along with it.
    made = {
        target.id: {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in ast.walk(ast.Tuple([*node.targets], ast.Store()))
        if isinstance(target, ast.Name)
    }
    handed |= {name for each in set(handed) for name in made.get(each, ())}
    found = []
    for node in ast.walk(tree):
        named = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in handed
        if named and isinstance(node, ast.FunctionDef) and node.name not in _used_as_values(tree):
            continue  # called here, and only its result is handed in
        if named or (isinstance(node, ast.Lambda) and id(node) in handed):
            texts = [part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            found += [text.value for text in texts if " " in text.value and not _is_docstring(text, node)]
    return found


def _results(tree: ast.AST, students: set[str]) -> Iterator[str]:
    """Names that stand for what the student's code gave."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _root(node.value) in students and not isinstance(node.value, ast.Name):
            for target in node.targets:
                yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _root(node: ast.AST) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _arguments(call: ast.Call) -> list[ast.AST]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _handed_in(call: ast.Call) -> set[str]:
    found, queue = set(), _arguments(call)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in COPIES or called == "shared":
                continue
        if isinstance(node, ast.Attribute) and node.attr in FIXED:
            continue
        if isinstance(node, ast.BinOp):
            continue  # a new array
        if isinstance(node, ast.Name):
            found.add(node.id)
        queue += ast.iter_child_nodes(node)
    return found - _shared_in(call)


def _shared_in(call: ast.Call) -> set[str]:
    marked = [n for n in ast.walk(call) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "shared"]
    return {part.id for node in marked for part in ast.walk(node) if isinstance(part, ast.Name)}


def _plain_names(tree: ast.AST) -> set[str]:
    """Names that stand for numbers and texts only, or that the cell doesn't bind (modules, functions of the course)."""
    plain, other = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, (ast.For, ast.comprehension)):
            entries = node.iter.elts if isinstance(node.iter, (ast.Tuple, ast.List)) else [None]
            pairs = [(node.target, ast.Constant(0) if _is_plain(node.iter) else entry) for entry in entries]
        else:
            continue
        for target, value in pairs:
            _sort(target, value, plain, other)
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return (plain - other) | (read - bound)


def _sort(target: ast.AST, value: ast.AST | None, plain: set[str], other: set[str]) -> None:
    both = (ast.Tuple, ast.List)
    if isinstance(target, both) and isinstance(value, both) and len(target.elts) == len(value.elts):
        for part, entry in zip(target.elts, value.elts, strict=True):
            _sort(part, entry, plain, other)
    else:
        names = {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
        (plain if value is not None and _is_plain(value) else other).update(names)


def _is_plain(value: ast.AST) -> bool:
    if isinstance(value, ast.Call) and getattr(value.func, "id", "") in COPIES | {"enumerate", "max", "min", "sum"}:
        return True
    allowed = (ast.Constant, ast.Tuple, ast.List, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.Load,
               ast.JoinedStr, ast.FormattedValue)  # fmt: skip
    return all(isinstance(part, allowed) for part in ast.walk(value))


def _is_harmless(read: ast.AST, parents: dict[ast.AST, ast.AST], students: set[str]) -> bool:
    node = read
    while node in parents:
        above = parents[node]
        if isinstance(above, ast.Attribute) and above.attr in FIXED:
            return True
        if isinstance(above, ast.Call) and node is not above.func:
            called = above.func.attr if isinstance(above.func, ast.Attribute) else getattr(above.func, "id", "")
            if called in ("assert_leaves_nothing", "assert_unchanged", "len", "type") or _root(above.func) in students:
                return True
        if isinstance(above, ast.stmt):
            return False
        node = above
    return False


def _used_as_values(tree: ast.AST) -> set[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def _is_docstring(text: ast.Constant, node: ast.AST) -> bool:
    bodies = [part.body for part in ast.walk(node) if isinstance(part, (ast.FunctionDef, ast.ClassDef))]
    return any(isinstance(body[0], ast.Expr) and body[0].value is text for body in bodies)


def _begin(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset


def cells_with_tests(name) -> Iterator[tuple[str, str, set[str]]]:
    cells, students = source_cells(name), set()
    for cell in cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            students |= all_bound(cell.source) - imported(cell.source)
    for cell in cells:
        if kinds.is_test(cell):
            bound = {name for name in students if name in all_bound(cell.source)}
            yield cell.metadata.nbgrader.grade_id, cell.source, students - bound


# These read their own arrays, which no call can change at grading time, once more for the hints: in a notebook a
# function that works in place gets a wrong one there. What decides is computed before, is theirs alone, or is a text.
ALLOWED = {
    "cifar/augmentation:test_flip_visible",
    "cifar/augmentation:test_shift_visible",
    "cifar/batch-norm:test_overfit_batch_visible",
    "cifar/batch-norm:test_predicted_variance_hidden",
    "cifar/residual-networks:test_residual_block_visible",
    "cifar/optimisation:test_standardise_hidden",
    "cifar/optimisation:test_zca_visible",
    "cifar/rdfia-network:test_evaluate_visible",
    "cifar/regularisation:test_dropout_visible",
    "cifar/regularisation:test_network_visible",
    "cifar/training-loop:test_count_parameters_hidden",
    "convolutions/jacobians:test_circular_entries_visible",
    "convolutions/jacobians:test_circular_entries_hidden",
    "convolutions/fully-convolutional:test_layer_by_layer_hidden",
    "convolutions/fully-convolutional:test_measure_field_hidden",
    "dog-breeds/fine-tuning:test_fine_tuned_hidden",
    "dog-breeds/fine-tuning:test_submission_text_visible",
    "dog-breeds/frozen-features:test_log_loss_visible",
    "dog-breeds/frozen-features:test_extract_features_hidden",
    "dog-breeds/frozen-features:test_most_confused_hidden",
    "losses/concepts:test_best_epoch_hidden",
    "losses/softmax-cross-entropy:test_softmax_hidden",
    "losses/softmax-cross-entropy:test_log_sum_exp_hidden",
    "visualisation/localisation:test_localise_hidden",
    "visualisation/saliency-and-fooling:test_fool_visible",
    "visualisation/saliency-and-fooling:test_fool_hidden",
}  # fmt: skip


@each_notebook
def test_what_is_expected_is_computed_before_the_student_is_called(name):
    found = {cell: late_reads(source, students) for cell, source, students in cells_with_tests(name)}
    late = {cell: reads for cell, reads in found.items() if reads and f"{name.with_suffix('')}:{cell}" not in ALLOWED}
    assert not late, "compute it before the call, hand in a copy, or write shared(...)"
    listed = {entry for entry in ALLOWED if entry.startswith(f"{name.with_suffix('')}:")}
    assert listed <= {f"{name.with_suffix('')}:{cell}" for cell, reads in found.items() if reads}, "not needed any more"


@each_notebook
def test_what_is_sent_to_the_student_holds_no_sentences(name):
    found = {
        cell: sent for cell, source, students in cells_with_tests(name) if (sent := sentences_sent(source, students))
    }
    assert not found, "a message in a function that is handed in can be read over there: compare here"


def test_the_rules_see_what_they_are_for():
    def late(source):
        return late_reads(source, {"f"})

    assert late("x = np.ones(2)\ny = f(x)\nassert y == x.sum()") == ["x in line 3"]
    assert late("x = np.ones(2)\nassert_array(f(x), 2 * x)") == ["x in line 2"]
    assert late("m = nn.Linear(1, 1)\nmade = f(1)\nmade.fit(m)\nm(z)") == ["m in line 4"]
    assert late("x = np.ones(2)\nwanted = 2 * x\nassert_array(f(x), wanted)\nassert_unchanged(x, 1, '')") == []
    assert late("x = np.ones(2)\nf(x.copy())\nx.sum()") == []
    assert late("m = nn.Linear(1, 1)\nf(shared(m), SGD(m.parameters()))\nm.weight.sum()") == []
    assert late("for n in (1, 2):\n    assert f(n) == n") == []
    assert sentences_sent("class A:\n    def g(self):\n        raise E('x is 3')\nf(A())", {"f"}) == ["x is 3"]
    assert sentences_sent("a = A()\nclass A:\n    'doc string'\n    b = 'two words'\nf(a)", {"f"}) == ["two words"]
    assert sentences_sent("def build(order='a b'):\n    return order\nf(build())", {"f"}) == []
