"""What checks say to students."""

from __future__ import annotations

from typing import Any

import pytest

from course_utils.checks import CheckFailed

__all__ = ["message"]


def message(check: Any, *args: Any, **kwargs: Any) -> str:
    """The text with which a check fails; that it fails is part of the test."""
    with pytest.raises(CheckFailed) as caught:
        check(*args, **kwargs)
    return str(caught.value)
