"""Outputs as nbgrader and pages read them."""

from __future__ import annotations

from typing import Any

from course_utils import checks
from course_utils.grading.bridge.handles import StudentError
from course_utils.notebooks.texts import writable

__all__ = ["NOT_PASSED", "as_shown", "describe", "error", "of_test", "result", "stream"]

# Characters; a message may quote what the student's code gave.
_LONGEST_MESSAGE = 10_000
NOT_PASSED = "A check in this cell did not pass."


def describe(error: BaseException, gave_nothing: str = "") -> str:
    """Return what a student reads about a test that did not pass; never a line of the test.

    `gave_nothing` is how messages call what the test asked for last, if that gave None.
    """
    if isinstance(error, (checks.CheckFailed, StudentError)):
        return writable(str(error)[:_LONGEST_MESSAGE])
    if isinstance(error, AssertionError):
        return writable(str(error)[:_LONGEST_MESSAGE]) or NOT_PASSED
    if isinstance(error, NameError) and error.name:
        return f"{error.name} is not defined. Is its cell still there, and does it run without an error?"
    if gave_nothing and isinstance(error, (AttributeError, TypeError)) and "NoneType" in str(error):
        return writable(
            f"The test could not use what your code gave it: {gave_nothing} is None. Is a `return` missing?"
        )
    return writable(f"The test could not use what your code gave it. {type(error).__name__}: {str(error)[:500]}")


def error(name: str, message: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": message.splitlines() or [""]}


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(value: float) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "data": {"text/plain": repr(value)},
        "metadata": {},
        "execution_count": None,
    }


def as_shown(output: dict[str, Any]) -> dict[str, Any]:
    """Return what the student's code put out during a test as something that nbgrader does not take for a score."""
    if output["output_type"] == "error":
        return stream("\n".join(output["traceback"]) + "\n")
    if output["output_type"] == "execute_result":
        return {"output_type": "display_data", "data": output["data"], "metadata": {}}
    return as_stdout(output)


def of_test(output: dict[str, Any], points: float) -> dict[str, Any]:
    """Return an output of a test that ran in the kernel: stderr costs nothing, and no line of the test shows."""
    if output["output_type"] == "error":
        return error(output["ename"], output["evalue"] or NOT_PASSED)
    if output["output_type"] == "execute_result":
        # nbgrader gives up on a submission where a result is no score, or too high a one.
        try:
            score = float(output["data"]["text/plain"])
        except (KeyError, ValueError):
            return as_shown(output)
        return result(min(score, points)) if score >= 0 else as_shown(output)
    return as_stdout(output)


def as_stdout(output: dict[str, Any]) -> dict[str, Any]:
    return {**output, "name": "stdout"} if output["output_type"] == "stream" else output
