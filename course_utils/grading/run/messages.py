"""What the worker and the process of the tests tell each other about one notebook, and a reader that believes nothing.

The process of the tests reads what the student's kernel answers. Should that ever take it over, all it can do is send
messages. Each is read here by rules that know the notebook: which cells there are, what they are worth, what an output
may be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from course_utils.facts import FORM
from course_utils.grading.limits import GradingLimits
from course_utils.grading.run.wire import BadMessage
from course_utils.notebooks import cells as kinds
from course_utils.notebooks.texts import BASE64, plain_math, printable, writable

__all__ = [
    "NOTEBOOK_OUTPUT",
    "SHOWN",
    "CellBegun",
    "CellDone",
    "Ended",
    "Failed",
    "Faulty",
    "Finished",
    "Job",
    "Missing",
    "Reader",
    "Wanted",
    "as_content",
]

# Characters of all outputs of a notebook, pictures included.
NOTEBOOK_OUTPUT = 40 * 2**20

# What a feedback page may show. Everything else (HTML, scripts, widgets) would run in the reader's browser.
SHOWN = ("text/plain", "text/latex", "text/markdown", "image/png", "image/jpeg")

# Of one cell: more than `limits.OutputLimits` and the grader leave over.
_OUTPUTS, _LINES = 400, 12_000
_MESSAGES, _EVENTS = 100_000, 1000
_SENTENCE, _REPORT = 1000, 20_000  # characters
_FACTS = 20


@dataclass
class Job:
    """One notebook to grade.

    Parameters
    ----------
    cells : list of dict
        The cells of the repaired notebook, as nbformat has them.
    imports : list of str
        Import statements of the course's own cells; the grader runs them itself.
    ready_s : float, seconds
        How long a kernel may take to start.
    skipped : dict of int to str
        Test cells that ended an earlier grader process, with the reason to show.
    limits : dict of str to int
        Limits that differ from the defaults, as `GradingLimits.of` takes them.
    files : str
        Folder with the files of the submission, of which tests read trained networks.
    course_files : list of str
        Those of the files that are the course's own: tests open and import them as they lie beside the notebook.
    faulty : dict of int to str
        Cells of the course that are known to be wrong before anything runs, with the reason.
    place : str
        Folder that only this run uses and that others remove; empty where the grader has a ``/tmp`` of its own.
    data : str
        Which data networks must have been trained on to count, or "any".
    data_folder : str
        Where real data lie; empty for the usual place.
    hidden : dict of str to bytes
        Files of the package `hidden` that the tests import, by relative name.
    secret : str
        What numbers only the instructor may know are drawn from.
    lines : bool
        Whether messages name the line of a test, for whoever wrote it.
    compiled : dict of int to bytes
        Test cells as `cell_code.CellCode` has them; others are compiled when it is their turn.
    """

    cells: list[dict[str, Any]]
    imports: list[str] = field(default_factory=list)
    ready_s: float = 60.0
    skipped: dict[int, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    files: str = ""
    course_files: list[str] = field(default_factory=list)
    faulty: dict[int, str] = field(default_factory=dict)
    place: str = ""
    data: str = "any"
    data_folder: str = ""
    hidden: dict[str, bytes] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    lines: bool = False
    compiled: dict[int, bytes] = field(default_factory=dict, repr=False)

    def content(self) -> dict[str, Any]:
        """Return the job as `wire` carries it."""
        content = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return content | {name: list(content[name].items()) for name in _BY_INDEX}

    @classmethod
    def read(cls, content: dict[str, Any]) -> Job:
        """Return the job that was sent; the sender is the worker, which is believed."""
        return cls(**content | {name: dict(content[name]) for name in _BY_INDEX})


# What a job has for some cells, by their index, which is no name that `wire` carries.
_BY_INDEX = ("skipped", "faulty", "compiled")


@dataclass(frozen=True)
class CellBegun:
    """A cell begins, or runs again in a new kernel; it may take `limit` seconds."""

    index: int
    limit: float


@dataclass(frozen=True)
class CellDone:
    """A cell has ended, with these outputs as nbformat has them."""

    index: int
    outputs: list[dict[str, Any]]


@dataclass(frozen=True)
class Faulty:
    """The cell of the course that has begun can't judge anything: the course is at fault, and the text says why."""

    index: int
    text: str


@dataclass(frozen=True)
class Wanted:
    """The kernel's owner is to do or tell something: `start`, `restart`, `interrupt`, `alive` or `usage`."""

    what: str


@dataclass(frozen=True)
class Finished:
    """All cells have ended; events are pairs of a kind and a sentence."""

    events: list[tuple[str, str]]
    seconds: float


@dataclass(frozen=True)
class Missing:
    """Data of the course are not here."""

    text: str


@dataclass(frozen=True)
class Failed:
    """The course or the engine is at fault; the text is a traceback."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The process ended itself: while it read an answer of the kernel something was about to happen that must not."""

    event: str


Message = CellBegun | CellDone | Faulty | Wanted | Finished | Missing | Failed | Ended
_KINDS = {
    "begun": CellBegun,
    "done": CellDone,
    "faulty": Faulty,
    "wanted": Wanted,
    "finished": Finished,
    "missing": Missing,
    "failed": Failed,
    "ended": Ended,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def as_content(message: Message) -> dict[str, Any]:
    """Return a message as `wire` carries it."""
    return {"kind": _NAMES[type(message)], **asdict(message)}


class Reader:
    """Reads what the process of the tests of one notebook sends.

    Parameters
    ----------
    cells : sequence of dict
        The cells of the notebook.
    limits : GradingLimits, optional
        What the notebook may take.
    """

    def __init__(self, cells: Sequence[dict[str, Any]], limits: GradingLimits | None = None) -> None:
        limits = limits or GradingLimits()
        self.cells = cells
        self.current = -1
        self.done: set[int] = set()
        self.messages = self.shown = 0
        self.most = max(_OUTPUTS, limits.output.pieces + _OUTPUTS // 2)
        self.longest = max((kinds.seconds(cell, limits.run.cell_seconds) for cell in cells), default=0.0)

    def read(self, content: Any) -> Message:
        """Return the message that this is.

        Raises
        ------
        BadMessage
            If it is none, or does not fit the notebook and what came before.
        """
        self.messages += 1
        if self.messages > _MESSAGES:
            raise BadMessage("too many messages")
        if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
            raise BadMessage("a message without a kind")
        kind = _KINDS.get(content["kind"])
        if kind is None or set(content) != {"kind", *(entry.name for entry in fields(kind))}:
            raise BadMessage("a message of no known form")
        return getattr(self, f"_{content['kind']}")(content)

    def _begun(self, content: dict[str, Any]) -> CellBegun:
        index = _whole(content["index"], len(self.cells) - 1)
        if index < self.current or index in self.done or self.cells[index]["cell_type"] != "code":
            raise BadMessage("a cell begins that is not next")
        self.current = index
        return CellBegun(index, _number(content["limit"], 0.0, self.longest))

    def _done(self, content: dict[str, Any]) -> CellDone:
        index = _whole(content["index"], len(self.cells) - 1)
        # A cell that is only shown is never begun.
        expected = self.current < index and kinds.is_shown_only(self.cells[index])
        if index in self.done or not (expected or index == self.current):
            raise BadMessage("a cell has ended that did not begin")
        self.current = index
        self.done.add(index)
        return CellDone(index, self.outputs(self.cells[index], content["outputs"]))

    def _faulty(self, content: dict[str, Any]) -> Faulty:
        index = _whole(content["index"], len(self.cells) - 1)
        cell = self.cells[index]
        if index != self.current or index in self.done or not (kinds.is_test(cell) or kinds.is_trusted(cell)):
            raise BadMessage("a fault of a cell that is not the course's or did not begin")
        return Faulty(index, printable(_text(content["text"], _SENTENCE), _SENTENCE))

    def _wanted(self, content: dict[str, Any]) -> Wanted:
        if content["what"] not in ("start", "restart", "interrupt", "alive", "usage"):
            raise BadMessage("nobody can do what is wanted")
        return Wanted(content["what"])

    def _finished(self, content: dict[str, Any]) -> Finished:
        # A test without any output would count as passed.
        if self.done != {index for index, cell in enumerate(self.cells) if cell["cell_type"] == "code"}:
            raise BadMessage("cells are missing")
        events = []
        for pair in _list(content["events"], _EVENTS):
            kind, sentence = _list(pair, 2) if isinstance(pair, list) and len(pair) == 2 else ("", "")
            if kind not in ("restart", "timeout", "limit", "note", "starved"):
                raise BadMessage("an event of no known kind")
            events.append((kind, printable(_text(sentence, _SENTENCE), _SENTENCE)))
        return Finished(events, _number(content["seconds"], 0.0, 1e9))

    def _missing(self, content: dict[str, Any]) -> Missing:
        return Missing(printable(_text(content["text"], _REPORT), _REPORT))

    def _failed(self, content: dict[str, Any]) -> Failed:
        return Failed(printable(_text(content["text"], _REPORT), _REPORT))

    def _ended(self, content: dict[str, Any]) -> Ended:
        return Ended(printable(_text(content["event"], 100), 100))

    def outputs(self, cell: dict[str, Any], outputs: Any) -> list[dict[str, Any]]:
        """Return the outputs of a cell as a page may show them.

        Raises
        ------
        BadMessage
            If there is one that no run leaves.
        """
        return [self._output(output, cell) for output in _list(outputs, self.most)]

    def _output(self, output: Any, cell: dict[str, Any]) -> dict[str, Any]:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            _keys(output, "name", "text")
            if output["name"] not in ("stdout", "stderr"):
                raise BadMessage("a stream of no known name")
            return {"output_type": kind, "name": output["name"], "text": self._shown(output["text"])}
        if kind == "error":
            _keys(output, "ename", "evalue", "traceback")
            return {
                "output_type": kind,
                "ename": printable(self._shown(output["ename"]), 100),
                "evalue": self._shown(output["evalue"]),
                "traceback": [self._shown(line) for line in _list(output["traceback"], _LINES)],
            }
        if kind == "display_data":
            _keys(output, "data", "metadata")
            _no_metadata(output)
            is_fact = kinds.is_test(cell) and isinstance(output["data"], dict) and set(output["data"]) == {FORM}
            data = {FORM: _facts(output["data"][FORM])} if is_fact else self._data(output["data"])
            return {"output_type": kind, "data": data, "metadata": {}}
        if kind == "execute_result":
            _keys(output, "data", "metadata", "execution_count")
            _no_metadata(output)
            data = self._data(output["data"])
            if kinds.is_test(cell):
                data = {"text/plain": _score(data, kinds.points(cell))}
            return {"output_type": kind, "data": data, "metadata": {}, "execution_count": None}
        raise BadMessage("an output of no known kind")

    def _data(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or not data or not set(data) <= set(SHOWN):
            raise BadMessage("something that is not shown")
        shown = {form: self._shown(value) for form, value in data.items()}
        if not all(BASE64.fullmatch(value) for form, value in shown.items() if form.startswith("image/")):
            raise BadMessage("a picture that is none")
        if "text/latex" in shown:
            shown["text/latex"] = plain_math(shown["text/latex"])
        return shown

    def _shown(self, text: Any) -> str:
        text = _text(text, 2 * NOTEBOOK_OUTPUT)
        self.shown += len(text)
        if self.shown > 2 * NOTEBOOK_OUTPUT:
            raise BadMessage("the outputs are too long")
        return writable(text)


def _keys(output: dict[str, Any], *names: str) -> None:
    if set(output) != {"output_type", *names}:
        raise BadMessage("an output of no known form")


def _no_metadata(output: dict[str, Any]) -> None:
    if output["metadata"] != {} or output.get("execution_count") is not None:
        raise BadMessage("an output with metadata")


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadMessage(f"no list of at most {most}")
    return value


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise BadMessage(f"no text of at most {most} characters")
    return value


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise BadMessage(f"no number of 0 to {most}")
    return value


def _number(value: Any, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:  # NaN is neither
        raise BadMessage(f"no number of {least:g} to {most:g}")
    return float(value)


def _facts(numbers: Any) -> dict[str, float]:
    """Return what a test found for tables of the class, see `course_utils.facts`."""
    if not isinstance(numbers, dict) or len(numbers) > _FACTS:
        raise BadMessage("facts of no known form")
    return {_text(name, 100): _number(number, -1e12, 1e12) for name, number in numbers.items() if _is_name(name)}


def _is_name(name: Any) -> bool:
    if not isinstance(name, str) or not name.isidentifier():
        raise BadMessage("a fact without a name")
    return True


def _score(data: dict[str, str], points: float) -> str:
    """Return a test's result as nbgrader reads it: it gives up on a submission where a result is no possible score."""
    try:
        score = float(data["text/plain"])
    except (KeyError, ValueError):
        raise BadMessage("a result that is no score") from None
    if not math.isfinite(score):
        raise BadMessage("a result that is no score")
    return repr(_number(score, 0.0, points))
