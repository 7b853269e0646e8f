"""Whatever happened to a student's folder, packing ends with a zip, or with a sentence that says what is missing."""

from __future__ import annotations

import zipfile

import pytest

from course_utils.errors import CourseError
from course_utils.packing.examine import examine_folder
from course_utils.packing.manifest import FILE_NAME, Member
from course_utils.packing.pack import pack
from course_utils.packing.team import Team
from course_utils.stages.release import release
from course_utils.stages.release_zip import write_release_zip
from tests.support.accident_course import ASSIGNMENT, NOTEBOOK, make_course
from tests.support.sixty_accidents import ACCIDENTS

TEAM = Team("", (Member("Una Unfall", "9000001"),))
# What is no notebook, or lies or is called so that the folder has none: packing says so, and what to do.
NO_ZIP = [
    *(case for case, accident in ACCIDENTS.items() if not accident.readable),
    *("named .ipynb.txt", "named .ipynb.json", "only the checkpoint"),
]
WITH_PDF = [
    *(
        "saved by Colab",
        "megabytes of printed zeros",
        "a pasted picture",
        "a drawing in SVG",
        "a picture that is missing",
    ),
]


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
    for name, data in ACCIDENTS[case].make().items():
        path = folder / name.rpartition("/")[2] if ".ipynb_checkpoints" not in name else folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("case", ACCIDENTS)
def test_packing_ends_with_a_zip_or_a_sentence(case, released, tmp_path):
    examined = examine_folder(folder_of(case, released, tmp_path), ASSIGNMENT)
    told = " | ".join(f"{finding.notebook} {finding.text}" for finding in examined.findings)
    assert "Traceback" not in told and "Error(" not in told
    if case in NO_ZIP:
        assert f"{NOTEBOOK}.ipynb is not here" in told or "it is not packed" in told
        with pytest.raises(CourseError, match=f"There is no notebook of '{ASSIGNMENT}'"):
            pack(examined, TEAM, with_pdf=False)
        return
    packed = pack(examined, TEAM, with_pdf=case in WITH_PDF)
    assert {f"{NOTEBOOK}.ipynb", FILE_NAME} <= set(zipfile.ZipFile(packed.path).namelist())
    assert (f"{packed.path.stem}.pdf" in packed.files) == (case in WITH_PDF)
