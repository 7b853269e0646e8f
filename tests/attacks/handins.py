"""Hand-ins that would stop the class: what lies where a notebook should, names, paths, numbers, JSON."""

from tests.attacks.attack import Attack
from tests.attacks.course import NOTEBOOK
from tests.support.odd_things import KEEP, REPLACE, replaced_by

# Only the name of the notebook differs from the tiny course's.
_NAMES = (
    "a file whose name is no UTF-8",
    "a folder whose name is no UTF-8",
    "a notebook whose name is no UTF-8",
    "a name that a terminal obeys",
    "a name that runs from right to left",
    "a name of rich's markup",
    "a name that is a formula",
    "a name of 255 bytes",
    "folders nested 400 deep",
    "a path that is nearly too long",
    "a folder called like another notebook",
    "a time stamp in the year 10000",
    "a time stamp before all time",
    "a loop of links",
    "a socket",
    "artifacts that are a file",
    "a record of 10**400 seconds",
    "a record of NaN",
    "a record nested without end",
    "a submission.json nested without end",
    "a submission.json of huge numbers",
)

ATTACKS = [Attack(f"hand-in: {name}", lay=KEEP[name]) for name in _NAMES] + [
    Attack(f"the notebook is {name}", lay=replaced_by(REPLACE[name], NOTEBOOK), ungradable=True)
    for name in ("a folder", "an empty folder", "a pipe", "a socket", "a link to itself", "a link to a device")
]
