"""Made-up replies by the thousand: read or refused, and nothing of them is compiled, imported, opened or run.

A million of them, with the slowest and the largest: ``python -m tests.grading.bridge.test_values_fuzz 1000000``.
"""

from __future__ import annotations

import collections
import json
import math
import random
import resource
import sys
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
import torch

from course_utils import checks
from course_utils.checks import evaluation, expressions, formulas, wording
from course_utils.grading.bridge import reading
from course_utils.grading.bridge.reading import loads
from course_utils.grading.bridge.tree import Limits, ValueRefused
from course_utils.grading.bridge.writing import dumps

# Families of audit events that mean that something was run, brought in or reached for.
FORBIDDEN = frozenset(
    ("compile", "exec", "import", "open", "os", "subprocess", "socket", "ctypes", "code", "pickle", "marshal", "shutil",
     "tempfile", "urllib", "mmap", "fcntl", "signal", "webbrowser", "pty", "syslog")
)  # fmt: skip
LIMITS = Limits(size=2**20, nodes=20_000, depth=30)

Point = collections.namedtuple("Point", "x y")
x, y, k, N = sympy.symbols("x y k N")
z, A = sympy.IndexedBase("z"), sympy.MatrixSymbol("A", 3, 3)
POINT = {"x": 0.5, "y": -2.0, "k": 1, "N": 3, "z": np.array([1.0, 2.0, 4.0]), "A": np.eye(3) + 1, "f": lambda a: a}

# What an honest process sends, and the pieces that all made-up replies are put together from.
HONEST = [
    {"result": 3, "stale": []},
    {"error": {"type": "ValueError", "bases": ["ValueError"], "text": "no", "where": [{"function": "f", "line": 3}]}},
    [None, True, 1.5, -0.0, 2**70, "text", b"bytes", ..., 1j, math.nan, math.inf],
    {"a": (1, 2), 3: {4, 5}, (1, 2): frozenset("ab"), None: range(3), 0.5: slice(1, None, 2)},
    [Fraction(2, 3), Point(1, [2]), "x" * 5000, "\ud800"],
    [np.arange(6.0).reshape(2, 3), np.bool_(True), np.array(["a", "bc"]), np.zeros((0, 3)), np.longdouble(1.5)],
    [torch.ones(2, 3), torch.zeros(2, dtype=torch.bfloat16), torch.Size([2]), torch.float32, torch.device("cpu")],
    [torch.nn.Parameter(torch.ones(2)), np.dtype("<f4"), torch.ones(2, dtype=torch.bool)],
    sympy.exp(x) / sympy.Sum(sympy.exp(z[k]), (k, 1, N)) - sympy.KroneckerDelta(k, N) * z[k],
    sympy.Piecewise((x**2, sympy.Eq(x, y) & (x < 1)), (sympy.log(y), True)),
    [sympy.Sum(x**k / sympy.factorial(k), (k, 0, sympy.oo)), sympy.Derivative(sympy.Function("f")(x), x)],
    (A + A.T) * A.inv() * A**2 + sympy.Identity(3) - sympy.ZeroMatrix(3, 3),
    [sympy.Matrix([[x, 1], [y, 0.5]]), sympy.Trace(A * A), A[0, 1], sympy.HadamardProduct(A, A)],
    {"a": sympy.Max(x, y, 3) + sympy.floor(x) + sympy.Mod(x, 3) + sympy.Heaviside(x), "b": sympy.Eq(x, y)},
    [sympy.Integral(sympy.exp(-(x**2)), (x, -sympy.oo, sympy.oo)), sympy.sqrt(2) * sympy.pi, sympy.Symbol("exit")],
    [sympy.Function("__import__('os').system")(x), sympy.Symbol("n", integer=True) ** 2, sympy.Product(x, (k, 1, N))],
]
FORM = expressions.as_data(HONEST[8])
HEADS = [
    *evaluation._Evaluator._METHODS, *evaluation._ELEMENTARY, *evaluation._CONSTANTS, *evaluation._RELATIONS,
    "And", "Or", "Not", "Tuple", "ExprCondPair", "BooleanTrue", "floor", "Interval", "lambdify", "__class__", "Number",
]  # fmt: skip
TAGS = [name.removeprefix("_read_") for name in dir(reading._Reader) if name.startswith("_read_")]
NAMES = [
    "x",
    "z",
    "A",
    "f",
    "N",
    "exit",
    "__import__('os')",
    "",
    "é",
    "a" * 300,
    "\x1b[2J",
    "\ud800",
    "class",
    "_x",
    "mro",
]
ATOMS = [
    None, True, False, 0, 1, 2, 3, -1, 7, 10**6, 10**9, 2**53 - 1, 2**53, 10**4000, 1.5, -0.0, 1e308, 1e-320, 1e999,
    *NAMES, "<f8", "<U3", "|b1", "f4,f4", "(9,9)f4", "O", "float32", "int64", "cpu", "cuda:1", "ff", "0x" + "f" * 2000,
    "-0x" + "1" * 3001, "nan", "-inf", "0x1.8p+3", "integer !zero", [], {}, [[]], {"t": []},
]  # fmt: skip


def _parts(tree: Any) -> list[Any]:
    found, waiting = [], [tree]
    while waiting:
        part = waiting.pop()
        found.append(part)
        if isinstance(part, (list, dict)):
            waiting += part.values() if isinstance(part, dict) else part
    return found


REPLIES = [dumps(value, lambda thing: {"t": "handle", "id": 1, "kind": "object"}) for value in HONEST]
TREES = [json.loads(frames[0]) for frames in REPLIES]
BUFFERS = [frames[1:] for frames in REPLIES]
PARTS = [part for tree in TREES for part in _parts(tree)]


class Maker:
    """Makes up replies; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def reply(self) -> list[bytes]:
        """Return frames of one of four kinds: damaged, put together from honest parts, by grammar, expressions."""
        draw, number = self.draw, self.draw.randrange(len(REPLIES))
        kind = draw.random()
        if kind < 0.3:
            return self.damaged(REPLIES[number])
        if kind < 0.55:
            tree = self.mixed(TREES[number])
        elif kind < 0.75:
            tree = self.tree(draw.randint(0, 5))
        else:
            tree = {"t": "expression", "v": self.expression(draw.randint(0, 6))}
        buffers = BUFFERS[number] if draw.random() < 0.8 else [draw.randbytes(draw.choice((0, 1, 8, 16, 48)))] * 3
        return [json.dumps(tree).encode(), *buffers]

    def damaged(self, frames: list[bytes]) -> list[bytes]:
        draw, frames = self.draw, list(frames)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(frames)) if draw.random() < 0.3 else 0
            data = frames[place]
            start, length = draw.randint(0, len(data)), draw.randint(0, 12)
            noise = draw.choice((b"", draw.randbytes(3), b"9" * 30, b"[" * 50, b"null", b'"', b"-", b"e99"))
            again = data[start : start + 40] * draw.randint(0, 3)
            frames[place] = data[:start] + draw.choice((noise, again)) + data[start + length :]
        return frames[: draw.randint(1, len(frames))] if draw.random() < 0.1 else frames

    def mixed(self, tree: Any) -> Any:
        """Replace some parts by others."""
        draw = self.draw
        if draw.random() < 0.06:
            return draw.choice(PARTS) if draw.random() < 0.7 else draw.choice(ATOMS)
        if isinstance(tree, dict):
            return {key: self.mixed(entry) for key, entry in tree.items() if draw.random() < 0.99}
        if isinstance(tree, list):
            tree = [self.mixed(entry) for entry in tree]
            return tree * draw.randint(0, 3) if draw.random() < 0.03 else tree
        return tree

    def tree(self, depth: int) -> Any:
        draw = self.draw
        if depth == 0 or draw.random() < 0.2:
            return draw.choice(ATOMS)
        tree: dict[str, Any] = {"t": draw.choice(TAGS)}
        fields = {
            "v": lambda: [self.tree(depth - 1) for _ in range(draw.randint(0, 4))],
            "b": lambda: draw.randint(-1, 3), "grad": lambda: draw.randint(-1, 3),
            "s": lambda: [draw.choice((0, 1, 2, 3, 6, 2**31, 2**52, -1)) for _ in range(draw.randint(0, 4))],
            "d": lambda: draw.choice(ATOMS), "n": lambda: draw.choice(NAMES), "g": lambda: 1, "p": lambda: 1,
            "f": lambda: [draw.choice(NAMES) for _ in range(draw.randint(0, 3))],
            "id": lambda: draw.choice(ATOMS), "kind": lambda: draw.choice(ATOMS), "bases": lambda: draw.choice(ATOMS),
        }  # fmt: skip
        for name, make in fields.items():
            if name == "v" or draw.random() < 0.5:
                tree[name] = make()
        if draw.random() < 0.3:
            tree["v"] = draw.choice(ATOMS)
        if tree["t"] in ("dict",):
            tree["v"] = [[self.tree(depth - 1), self.tree(depth - 1)] for _ in range(draw.randint(0, 3))]
        return tree

    def expression(self, depth: int) -> Any:
        """Return a part of an expression; most make sense."""
        draw = self.draw
        if draw.random() < 0.01:
            return draw.choice(ATOMS)
        if depth == 0 or draw.random() < 0.15:
            return draw.choice((
                {"h": "Symbol", "v": draw.choice(NAMES)}, {"h": "Number", "v": draw.randint(-3, 12)},
                {"h": "Number", "v": draw.choice(ATOMS)}, {"h": draw.choice(HEADS)},
                {"h": "MatrixSymbol", "a": [{"h": "Str", "v": "A"}]},
                {"h": "Number", "v": {"t": "fraction", "v": [draw.randint(-9, 9), draw.randint(1, 9)]}},
            ))  # fmt: skip
        head = draw.choice(HEADS)
        args = [self.expression(depth - 1) for _ in range(draw.choice((1, 1, 2, 2, 2, 3)))]
        if head in ("Sum", "Product"):
            number = {"h": "Number", "v": draw.choice((0, 1, 3, 50, 10**5, 10**9))}
            symbol = {"h": "Symbol", "v": draw.choice(NAMES)}
            args = [args[0], {"h": "Tuple", "a": [symbol, args[-1], number]}]
        elif head in ("Identity", "ZeroMatrix", "OneMatrix"):
            args = [{"h": "Number", "v": draw.choice((1, 3, 400, 10**5, 10**9, -1))} for _ in args]
        elif head == "Piecewise":
            args = [{"h": "ExprCondPair", "a": [arg, self.expression(depth - 1)]} for arg in args]
        elif head == "Indexed":
            args = [{"h": "IndexedBase", "a": [{"h": "Symbol", "v": "z"}]}, *args[1:]]
        tree: dict[str, Any] = {"h": head, "a": args}
        if head == "Matrix":
            tree["v"] = {"t": "tuple", "v": draw.choice(([1, len(args)], [len(args), 1], [2, 2], [-1, -1]))}
        elif head == "Function":
            tree["v"] = draw.choice(NAMES)
        return tree


@dataclass
class Watch:
    """What happened while replies were looked at."""

    read: int = 0
    refused: int = 0
    evaluated: int = 0
    slowest: float = 0.0  # seconds of CPU
    slowest_reply: bytes = b""
    events: list[tuple[str, str]] = field(default_factory=list)
    armed: bool = False

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.armed and event.partition(".")[0] in FORBIDDEN:
            self.events.append((event, str(args)[:200]))

    def take(self, frames: list[bytes]) -> None:
        """Read one reply and do to it what tests do."""
        start = time.process_time()
        self.armed = True
        try:
            value = loads(frames, lambda tree: None, LIMITS)
            self.read += 1
            self.look_at(value)
        except ValueRefused as refusal:
            assert 0 < len(str(refusal)) < 500
            self.refused += 1
        finally:
            self.armed = False
        seconds = time.process_time() - start
        if seconds > self.slowest:
            self.slowest, self.slowest_reply = seconds, frames[0]

    def look_at(self, value: Any) -> None:
        # In turn: a test cell looks at an answer in one way, too.
        check, expected = CHECKS[self.read % len(CHECKS)]
        _judged(check, value, expected, "the answer")
        assert len(wording.shorten(value)) <= 200
        for part in _expressions(value):
            self.evaluated += 1
            assert len(expressions.to_text(part)) <= 200
            assert part == part and hash(part) == hash(part)
            _judged(formulas.assert_expression, part, lambda at: 1.0, "it", points=[POINT])
            check, more = FORMULA_CHECKS[self.evaluated % len(FORMULA_CHECKS)]
            _judged(check, part, **more)


CHECKS = [
    (checks.assert_number, 1.5),
    (checks.assert_equal, [1, "a"]),
    (checks.assert_equal, 3),
    (checks.assert_array, [1.0]),
    (checks.assert_keys, ["missing"]),
    (checks.assert_length, 2),
]
FORMULA_CHECKS = [
    (formulas.assert_equation, {"expected": lambda at: 1.0, "name": "it", "points": [POINT]}),
    (formulas.assert_worked_out, {"name": "it"}),
    (formulas.assert_same_form, {"expected": FORM, "name": "it"}),
    (formulas.assert_symbols, {"names": ["x"], "name": "it"}),
    (float, {}),
]


def _judged(check: Any, *args: Any, **more: Any) -> None:
    try:
        check(*args, **more)
    except checks.CheckFailed as failure:
        assert len(str(failure)) < 2000


def _expressions(value: Any) -> list[expressions.Expression]:
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, expressions.Expression):
            found.append(part)
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting += part
    return found[:20]


def megabytes() -> float:
    """Return the most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def watched(count: int, seed: int) -> Watch:
    """Look at `count` replies and return what happened."""
    maker, watch = Maker(seed), Watch()
    sys.addaudithook(watch.hook)
    for frames in REPLIES:
        watch.take(frames)
    for number in range(count):
        watch.take(maker.reply())
        if count > 100_000 and (number + 1) % 100_000 == 0:
            print(f"{number + 1:,} replies, {megabytes():.0f} MiB", flush=True)
    return watch


def test_no_reply_runs_anything():
    before = megabytes()
    watch = watched(20_000, seed=1)
    assert watch.events == []
    assert megabytes() - before < 300
    # Otherwise nothing would have been tried.
    assert min(watch.read, watch.refused, watch.evaluated) > 2_000


def test_the_hook_sees_what_is_run():
    watch = Watch()
    sys.addaudithook(watch.hook)
    watch.armed = True
    sympy.lambdify(x, sympy.Function("print")(x))
    watch.armed = False
    assert {"compile", "exec"} <= {event for event, _ in watch.events}


def main(count: int) -> None:
    """Look at `count` replies, drawn at random."""
    seed, before, start = random.randrange(1 << 32), megabytes(), time.perf_counter()
    print(f"{count:,} replies, seed {seed}", flush=True)
    watch = watched(count, seed)
    print(
        f"{watch.read:,} read, {watch.refused:,} refused, {watch.evaluated:,} expressions looked at, in "
        f"{time.perf_counter() - start:.0f} s; slowest reply {watch.slowest:.2f} s of CPU; memory "
        f"{before:.0f} MiB before, {megabytes():.0f} MiB at most; {len(watch.events)} events"
    )
    print("slowest:", watch.slowest_reply[:300])
    if watch.events:
        sys.exit(f"events: {watch.events[:20]}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
