"""Whatever happened to a student's folder, packing ends with a zip, or with a sentence that says what is missing."""

from __future__ import annotations

import re
import zipfile

import pypdfium2
import pytest

from course_utils.errors import CourseError
from course_utils.packing.examine import examine_folder
from course_utils.packing.manifest import FILE_NAME, Member
from course_utils.packing.pack import pack
from course_utils.packing.team import Team
from course_utils.stages.release import release
from course_utils.stages.release_zip import write_release_zip
from tests.support.accident_course import ASSIGNMENT, NOTEBOOK, make_course
from tests.support.engine import ROOT
from tests.support.more_accidents import MORE_ACCIDENTS
from tests.support.sixty_accidents import ACCIDENTS

# One release for all of them.
pytestmark = pytest.mark.xdist_group("packing accidents")

TEAM = Team("", (Member("Una Unfall", "9000001"),))
CASES = {**ACCIDENTS, **MORE_ACCIDENTS}
# What is no notebook, or lies or is called so that the folder has none: packing says so, and what to do.
NO_ZIP = [
    *(case for case, accident in CASES.items() if not accident.readable and case != "two people in two copies"),
    *("named .ipynb.txt", "named .ipynb.json", "only the checkpoint", "wrong name, wrong end, a checkpoint beside"),
]
# Lines of a trace that goes through a file of ours or of a library, classes of our own, places of this machine.
OURS = re.compile(
    rf"Traceback|course_utils/|site-packages|File \"/|(Notebook|Course|Pdf)Error|[a-z]Error\(\"|{re.escape(str(ROOT))}"
)


def text_of(packed):
    """All that the PDF in the zip says."""
    with zipfile.ZipFile(packed.path) as archive:
        document = pypdfium2.PdfDocument(archive.read(f"{packed.path.stem}.pdf"))
    return "\n".join(page.get_textpage().get_text_bounded() for page in document)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The zip that students get."""
    course = make_course(tmp_path_factory.mktemp("released"), ACCIDENTS)
    release(course, ASSIGNMENT)
    return write_release_zip(course, ASSIGNMENT)


def folder_of(case, released, place):
    """The student's folder: as released, and what happened to it; archives are what a student makes later."""
    with zipfile.ZipFile(released) as archive:
        archive.extractall(place)
    (folder,) = [path.parent for path in place.rglob("assignment.json")]
    (folder / f"{NOTEBOOK}.ipynb").unlink()
    for name, data in CASES[case].make().items():
        path = folder / name.rpartition("/")[2] if ".ipynb_checkpoints" not in name else folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_packing_ends_with_a_zip_or_a_sentence(case, released, tmp_path):
    examined = examine_folder(folder_of(case, released, tmp_path), ASSIGNMENT)
    told = " | ".join(f"{finding.notebook} {finding.text}" for finding in examined.findings)
    assert not OURS.search(told)
    if case in NO_ZIP:
        assert f"{NOTEBOOK}.ipynb is not here" in told or "it is not packed" in told
        with pytest.raises(CourseError, match=f"There is no notebook of '{ASSIGNMENT}'"):
            pack(examined, TEAM, with_pdf=False)
        return
    packed = pack(examined, TEAM)
    told += " | ".join(finding.text for finding in packed.findings)
    assert not OURS.search(told + text_of(packed))
    files = {f"{NOTEBOOK}.ipynb", FILE_NAME, f"{packed.path.stem}.pdf"}
    assert files <= set(zipfile.ZipFile(packed.path).namelist())
