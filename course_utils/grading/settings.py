"""Settings of grading and of what students get back; they live in ``nbgrader_config.py``.

What a wrong value is told stands in the tags, as in `classroom.settings`. The module loads quickly: every command reads
the settings, and few of them grade.
"""

from __future__ import annotations

from traitlets import Bool, Dict, Enum, Float, List, TraitError, Unicode, validate
from traitlets.config import Configurable, LoggingConfigurable
from traitlets.utils.bunch import Bunch

from course_utils.grading.limits import GradingLimits

__all__ = ["SHORTEST_SECRET", "Course", "GradeNotebook", "too_short"]

SHORTEST_SECRET = 16  # characters; what is shorter is no secret but a mistake


class Course(Configurable):
    """Settings of the course as a whole."""

    secret = Unicode(
        "",
        help="What held-out pictures and the like are drawn from. Empty: made at first use and kept in .course-secret.",
    ).tag(config=True, must="", secret=True)  # its own sentence, which does not hold the secret
    # Which languages there are is said by `grading.words`, which this module need not load.
    language = Enum(("en", "de"), "en", help="Language of the feedback pages' own words.").tag(config=True)

    @validate("secret")
    def _long_enough(self, proposal: Bunch) -> str:
        if 0 < len(proposal.value) < SHORTEST_SECRET:
            raise TraitError(too_short("c.Course.secret", len(proposal.value)))
        return proposal.value


def too_short(where: str, length: int) -> str:
    """Return what is said of a secret that is none."""
    return (
        f"{where} holds {length} characters; a secret has {SHORTEST_SECRET} or more. Put the old one back, or "
        "empty the setting and remove the file: then a new one is made, and other pictures are drawn."
    )


class GradeNotebook(LoggingConfigurable):
    """How a notebook is run; `nbgrader_plugins.GradeNotebook` runs it."""

    sandbox = Bool(True, help="False runs students' code with your own rights. Never do it on real submissions.").tag(
        config=True
    )
    warm = Bool(True, help="Whether kernels are forked from a process that has done the imports.").tag(config=True)
    notebook_timeout = Float(1800.0, min=1, help="Seconds for a whole notebook.").tag(
        config=True, must="a number of seconds, 1 or more"
    )
    limits = Dict(help="Limits that differ from the defaults, by the names in docs/grading.md.").tag(config=True)
    data = Enum(
        ["any", "CIFAR-10", "stand-in"],
        "any",
        help="What trained networks must have been trained on to earn points. CIFAR-10 must then be in COURSE_DATA.",
    ).tag(config=True)
    preload = List(
        Unicode(),
        None,
        allow_none=True,
        help="Modules imported before students' code; None: what the assignment's notebooks import.",
    ).tag(config=True)

    @validate("limits")
    def _known_limits(self, proposal: Bunch) -> dict[str, int]:
        try:
            GradingLimits.of(proposal.value)
        except ValueError as error:
            raise TraitError(f"c.GradeNotebook.limits: {error}") from None
        return proposal.value
