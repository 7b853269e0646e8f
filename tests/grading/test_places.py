"""No page tells where something is installed on the machine that grades."""

from __future__ import annotations

import copy
import sysconfig

import numpy
import pytest

import course_utils
from course_utils.grading.places import without_places

FILES = {numpy.__file__: "numpy/__init__.py", course_utils.__file__: "course_utils/__init__.py"}
LIBRARY = f"{sysconfig.get_path('stdlib')}/json/decoder.py"


@pytest.mark.parametrize(("place", "named"), [*FILES.items(), (LIBRARY, "json/decoder.py")])
@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "name": "stderr", "text": "{}:31: UserWarning: no card"},
        {"output_type": "error", "ename": "X", "evalue": "in {}", "traceback": ["File \x1b[39m{}:3", "x"]},
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "{}", "image/png": "/9j/"}},
    ],
)
def test_a_file_of_a_library_is_named_without_its_place(output, place, named):
    before = str(output).replace("{}", place)
    theirs = _filled(output, place)
    kept = copy.deepcopy(theirs)
    shown = without_places(theirs)
    assert theirs == kept and str(shown) == before.replace(place, named)


def _filled(value, place):
    if isinstance(value, dict):
        return {key: _filled(entry, place) for key, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, place) for entry in value]
    return value.replace("{}", place)


@pytest.mark.parametrize("text", ["/content/drive/x.png", "a/b/site.py", "https://x.example/site-packages/"])
def test_other_places_stay(text):
    output = {"output_type": "stream", "name": "stdout", "text": text}
    assert without_places(output) == output
