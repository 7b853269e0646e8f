"""The student's side of the bridge: an IPython extension that answers requests.

It lives in the same process as the student's code, so nothing it says is believed: its answers are values, read by
`reading.loads`, and no answer says whether a test passed. A student who replaces it can only choose which values
their own code returns, which they can do anyway.
"""

from __future__ import annotations

import bdb
import builtins
import contextlib
import io
import itertools
import operator
import os
import pickle
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

from course_utils.grading.bridge import handed_in, on_cpu, reading, writing
from course_utils.grading.bridge.answering import answer_requests

__all__ = ["Agent", "load_ipython_extension"]

# Names that are words of Python.
_OPERATORS = {"and": "and_", "or": "or_", "bool": "truth"}

# How much of an exception's text is worth sending.
_TEXT = 2000


def load_ipython_extension(shell: Any) -> None:
    """Make the kernel answer the grader (called by IPython when the kernel starts)."""
    agent = Agent(shell.user_ns)
    # `torch.compile` would need a compiler, and minutes; what it compiles computes the same without it.
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    bdb.Bdb.set_trace = _go_on
    # A scheduler that came over with its optimiser has lost the mark on it; students would take the blame.
    warnings.filterwarnings("ignore", message="Seems like `optimizer.step", category=UserWarning)

    kernel = os.getpid()

    def end_copy() -> None:
        if os.getpid() != kernel:  # a copy that the student's code made of it would answer in its place
            os._exit(0)

    shell.events.register("post_execute", end_copy)
    of_tests: set[int] = set()

    def close_figures() -> None:
        # They would be shown below the next cell, whatever that is, with what a hidden test has handed in, and the
        # next test would draw into them.
        for number in of_tests & _open_figures():
            sys.modules["matplotlib.pyplot"].close(number)
        of_tests.clear()

    shell.events.register("pre_execute", close_figures)

    def answer(content: dict[str, Any], buffers: list[bytes]) -> list[bytes]:
        if content.get("begins"):
            close_figures()
        before = _open_figures()
        frames = agent.answer(content, buffers)
        of_tests.update(_open_figures() - before)
        end_copy()
        return frames

    answer_requests(shell.kernel, answer)


def _open_figures() -> set[int]:
    """Return the numbers of pyplot's figures that are open."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    return set() if helpers is None else set(helpers.Gcf.figs)


def _go_on(*_: Any, **__: Any) -> None:
    """Take the place of whatever stops in a debugger: `breakpoint()`, `pdb.set_trace()`."""
    print("[A debugger was to be started: nobody sits here, so the code went on without it.]")


class Agent:
    """Carries out the grader's requests on the student's objects.

    Parameters
    ----------
    namespace : dict
        The names of the student's kernel.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.blobs: dict[str, bytes] = {}
        self.counter = itertools.count(1)

    def answer(self, content: dict[str, Any], buffers: list[bytes]) -> list[bytes]:
        """Carry out one request and return the frames of the answer.

        The answer is a dict with ``result``, or with ``error``; in both cases ``changed`` may list which of the
        grader's arguments the call changed, ``shared`` what became of those that the grader wants to see again, and
        ``stale`` the names that stand for something else now.
        """
        reply: dict[str, Any] = {}
        try:
            operation = getattr(self, f"do_{content['operation']}")
            reply["result"] = operation(content, buffers, reply)
        except BaseException as error:  # the student's code may raise anything, SystemExit included
            reply["error"] = describe_error(error)
        # Names that stand for another object now: the grader asks for them again.
        names = content.get("names", {}).items()
        reply["stale"] = [name for name, number in names if self.namespace.get(name) is not self.objects.get(number)]
        try:
            return writing.dumps(reply, self.handle)
        except BaseException as error:
            return writing.dumps({"error": describe_error(error)}, self.handle)

    # One method per operation: (request, its buffers, reply to add to) -> result.

    def do_name(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        name = content["name"]
        if name not in self.namespace:
            raise NameError(f"name '{name}' is not defined")
        return self.namespace[name]

    def do_getattr(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        return getattr(self.objects[content["handle"]], content["name"])

    def do_setattr(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> None:
        (value,), *_ = self.arguments(buffers)
        setattr(self.objects[content["handle"]], content["name"], value)

    def do_getitem(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        (key,), *_ = self.arguments(buffers)
        return self.objects[content["handle"]][key]

    def do_setitem(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> None:
        (key, value), *_ = self.arguments(buffers)
        self.objects[content["handle"]][key] = value

    def do_len(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> int:
        return len(self.objects[content["handle"]])

    def do_contains(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> bool:
        (key,), *_ = self.arguments(buffers)
        return key in self.objects[content["handle"]]

    def do_delitem(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> None:
        (key,), *_ = self.arguments(buffers)
        del self.objects[content["handle"]][key]

    def do_operate(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        operands, *_ = self.arguments(buffers)
        name = content["name"]
        function = getattr(operator, _OPERATORS.get(name, name), None) or getattr(builtins, name)
        return function(*operands)

    def do_isinstance(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> bool:
        return _is_below(type(self.objects[content["handle"]]), self.objects[content["of"]], "isinstance()")

    def do_issubclass(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> bool:
        return _is_below(self.objects[content["handle"]], self.objects[content["of"]], "issubclass()")

    def do_iter(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        return _Handled(iter(self.objects[content["handle"]]))

    def do_reversed(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        return _Handled(reversed(self.objects[content["handle"]]))

    def do_next(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        try:
            return next(self.objects[content["handle"]])
        except StopIteration:
            reply["exhausted"] = True
            return None

    def do_call(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        arguments, keywords, noted, shared = self.arguments(buffers)
        function = self.objects[content["handle"]]
        if content.get("method"):
            function = getattr(function, content["method"])
        with self.looked_after(noted, shared, reply):
            made = self.in_mode(function, arguments, keywords, content.get("grad", True))
        # Of a class of the exercise the test wants the object, with its methods, even if it is a kind of list.
        return _Handled(made) if content.get("object") and _is_own_kind(made, function) else made

    def do_run(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> Any:
        (function, *arguments), keywords, noted, shared = self.arguments(buffers)
        with self.looked_after(noted, shared, reply):
            return self.in_mode(function, arguments, keywords, content.get("grad", True))

    def do_fault(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> dict[str, Any]:
        """Say what ended the last cell, and where."""
        error = getattr(sys, "last_value", None)
        told: dict[str, Any] = {"kinds": [base.__name__ for base in type(error).__mro__[:20]], "line": 0, "inner": 0}
        told["name"] = name if isinstance(name := getattr(error, "name", None), str) else ""
        entry = getattr(error, "__traceback__", None)
        while entry is not None:
            file = entry.tb_frame.f_code.co_filename
            key = "line" if _is_cell(file) else "inner" if file == "<timed exec>" else ""
            if key and not told[key]:
                told[key] = entry.tb_lineno
            entry = entry.tb_next
        return told

    def do_on_cpu(self, content: dict[str, Any], buffers: list[bytes], reply: dict[str, Any]) -> bool:
        return on_cpu.install()

    @contextlib.contextmanager
    def looked_after(self, noted: list[Any], shared: list[Any], reply: dict[str, Any]) -> Iterator[None]:
        """Write into the reply what a call did to its arguments, also if it ends in an exception."""
        before = [handed_in.watch(part) for part in noted]
        kept = [handed_in.what_came_of(part, None) for part in shared]
        try:
            yield
        finally:
            reply["changed"] = [n for n, part in enumerate(noted) if handed_in.changed(part, before[n])]
            if shared:
                reply["shared"] = [handed_in.what_came_of(part, kept[n]) for n, part in enumerate(shared)]

    def in_mode(self, function: Any, arguments: Any, keywords: dict[str, Any], grad: bool) -> Any:
        torch = sys.modules.get("torch")
        if torch is None or grad:
            return function(*arguments, **keywords)
        with torch.no_grad():
            return function(*arguments, **keywords)

    def arguments(self, buffers: list[bytes]) -> tuple[Any, dict[str, Any], list[Any], list[Any]]:
        """Rebuild arguments that the grader pickled; its handles become the student's own objects again."""
        for digest, blob in zip(*[iter(buffers[1:])] * 2, strict=True):
            self.blobs[digest.decode()] = blob
        return _ArgumentReader(io.BytesIO(buffers[0]), self).load()

    def handle(self, thing: Any) -> dict[str, Any]:
        """Return the tree that stands for an object of the student."""
        if type(thing) is _Handled:
            thing = thing.object
        number = self.numbers.get(id(thing))
        if number is None or self.objects.get(number) is not thing:
            number = next(self.counter)
            self.objects[number], self.numbers[id(thing)] = thing, number
        kind = type(thing)
        names = [f"{base.__module__}.{base.__qualname__}"[:200] for base in kind.__mro__[:30]]
        return {"t": "handle", "id": number, "kind": _kind(thing), "type": str(kind.__name__)[:200], "bases": names}


class _Handled:
    """Marks an object that must cross by handle even if it could cross by value."""

    def __init__(self, thing: Any) -> None:
        self.object = thing


class _ArgumentReader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, agent: Agent) -> None:
        super().__init__(file)
        self.agent = agent
        self.loaded: dict[int, Any] = {}

    def persistent_load(self, key: tuple[str, Any]) -> Any:
        tag, content = key
        if tag == "handle":
            return self.agent.objects[content]
        # One array may be named twice, as an argument and as one to look at afterwards: it stays one array.
        if content["id"] not in self.loaded:
            self.loaded[content["id"]] = reading.loads([content["tree"], self.agent.blobs[content["digest"]]])
        return self.loaded[content["id"]]


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return an exception as a value: its classes, its text, and where in the student's cells it was raised."""
    kind = type(error)
    try:
        text = str.__str__(str(error))[:_TEXT]
    except BaseException:  # a hostile or broken __str__
        text = ""
    try:
        where = list(_student_frames(error))[-5:]
    except BaseException:
        where = []
    return {
        "type": str(kind.__name__)[:100],
        "bases": [str(base.__name__)[:100] for base in kind.__mro__[:20] if base.__module__ == "builtins"],
        "text": text,
        "where": where,
    }


def _student_frames(error: BaseException) -> Iterator[dict[str, Any]]:
    import linecache

    entry: types.TracebackType | None = error.__traceback__
    while entry is not None:
        code = entry.tb_frame.f_code
        # IPython compiles a cell under a file name of its own and keeps its lines in linecache.
        if _is_cell(code.co_filename):
            line = linecache.getline(code.co_filename, entry.tb_lineno).strip()
            yield {"function": code.co_name[:100], "line": entry.tb_lineno, "source": line[:200]}
        entry = entry.tb_next


def _is_below(kind: Any, other: Any, function: str) -> bool:
    """Return whether one class is below another, by the interpreter's own order of both."""
    if not isinstance(kind, type) or not isinstance(other, type):
        raise TypeError(f"{function} needs a class")
    return any(base is other for base in type.__dict__["__mro__"].__get__(kind))


def _is_own_kind(made: Any, called: Any) -> bool:
    """Whether an object is of the class that was called, which would cross as what it is derived from."""
    kind = type(made)
    plain = (str, int, float, complex, bytes, list, tuple, dict, set, frozenset)
    return kind is called and kind not in plain and issubclass(kind, plain) and not hasattr(kind, "_fields")


def _is_cell(file: str) -> bool:
    return "ipykernel_" in file or "ipython-input" in file


def _kind(thing: Any) -> str:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(thing, torch.nn.Module):
        return "module"
    if isinstance(thing, type):
        return "class"
    if isinstance(thing, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)):
        return "function"
    if isinstance(thing, Iterator):
        return "iterator"
    return "callable" if callable(thing) else "object"
