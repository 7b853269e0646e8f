"""Seeds that nobody but the instructor can know: what decides points is drawn anew, from the course's secret."""

from __future__ import annotations

import hashlib
import hmac

from course_utils import environment

__all__ = ["seed_for"]


def seed_for(name: str) -> int:
    """Return a seed that follows from a name and the secret of the course.

    The secret is known to the process of the tests alone. Everywhere else, in your notebook too, the seeds are those
    for practice: what they draw is of the same kind, and never what is drawn when the work is graded.

    Parameters
    ----------
    name : str
        Another name, another seed.

    Returns
    -------
    int
        From 0 to 2**63 - 1.

    Examples
    --------
    >>> seed_for("a test") == seed_for("a test"), seed_for("a test") == seed_for("another test")
    (True, False)
    """
    secret = environment.secret() or "for practice"
    return int.from_bytes(hmac.digest(secret.encode(), name.encode(), hashlib.sha256)[:8], "big") >> 1
