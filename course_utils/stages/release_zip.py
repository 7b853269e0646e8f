"""The zip that students download: notebooks, the package, the environment, and how to start."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from course_utils.classroom.config import load_config
from course_utils.classroom.settings import OpenOlat
from course_utils.errors import CourseError
from course_utils.grading.hidden import FOLDER, SECRET_FILE
from course_utils.notebooks.recognising import stub_marks
from course_utils.packing.examine import ASSIGNMENT_FILE
from course_utils.packing.pack import release_record
from course_utils.stages.sheet_file import names_of_sheets, read_sheet

__all__ = ["ORDER", "build_wheel", "in_order", "readme", "write_release_zip"]

# In `source/`: the notebooks of each assignment in the order in which they are worked on, as JSON.
ORDER = "order.json"

_README = """# {assignment}

1. Install once, in the folder of this file (Linux, macOS or Windows; a CPU is enough). With conda:

       conda env create -f environment.yml
       conda activate course

   with any Python from 3.11 on, on Linux and macOS:

       python3 -m venv course
       source course/bin/activate
       pip install -c constraints.txt "./{wheel}[pdf]"

   and on Windows:

       py -m venv course
       course\\Scripts\\activate
       pip install -c constraints.txt "./{wheel}[pdf]"

2. Look whether all is there, then start:

       course doctor
       jupyter lab {assignment}

   The notebooks, in this order: {notebooks}.

3. When you are done: *Kernel > Restart Kernel and Run All Cells*, save, and pack what goes to OpenOlat:

       course pack {assignment}

   It tells you which visible checks do not pass yet, and makes one zip with a PDF in it. Upload it to the task,
   then press *Endgültige Abgabe* (final submission).
"""

_ENVIRONMENT = """# The environment of the course; a CPU is enough.
#   conda env create -f environment.yml && conda activate course
name: course
channels:
  - conda-forge
dependencies:
  - python>=3.11
  - pip
  - pip:
      - -c constraints.txt
      - ./{wheel}[pdf]
"""


def write_release_zip(course: Path, assignment: str, folder: Path | None = None) -> Path:
    """Write the zip that students download.

    Parameters
    ----------
    course : pathlib.Path
        Its ``release/<assignment>/`` must be there.
    assignment : str
    folder : pathlib.Path, optional
        Where the zip goes; by default ``build/`` of the course.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    CourseError
        If the assignment is not released, or the package cannot be built here.
    """
    course = Path(course)
    released = course / "release" / assignment
    never = {".ipynb_checkpoints", FOLDER, SECRET_FILE}
    paths = sorted(p for p in released.rglob("*") if p.is_file() and never.isdisjoint(p.relative_to(released).parts))
    notebooks = [(p.stem, json.loads(p.read_bytes())) for p in paths if p.suffix == ".ipynb" and p.parent == released]
    if not notebooks:
        raise CourseError(f"There are no notebooks in {released}; run `course release {assignment}` first.")
    order = in_order(course, assignment, [name for name, _ in notebooks])
    config = load_config(course)
    settings = OpenOlat(config=config)
    record = release_record(
        assignment, notebooks, settings.course_title, marks=stub_marks(config), size_warning=settings.pack_size_warning
    )
    folder = Path(folder or course / "build")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{assignment}.zip"
    with tempfile.TemporaryDirectory() as place:
        wheel = build_wheel(Path(place))
        texts = {
            "README.md": readme(assignment, wheel.name, order),
            "environment.yml": _ENVIRONMENT.format(wheel=wheel.name),
            f"{assignment}/{ASSIGNMENT_FILE}": json.dumps(record, indent=1) + "\n",
        }
        constraints = _project() / "constraints.txt"
        if constraints.is_file():
            texts["constraints.txt"] = constraints.read_text(encoding="utf-8")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
            archive.write(wheel, wheel.name)
            for path in paths:
                archive.write(path, f"{assignment}/{path.relative_to(released).as_posix()}")
    return target


def readme(assignment: str, wheel: str, notebooks: list[str]) -> str:
    """Return the README that students find in the zip.

    Parameters
    ----------
    assignment, wheel : str
        Name of the assignment, and of the file of this package.
    notebooks : list of str
        In the order in which they are worked on.
    """
    return _README.format(assignment=assignment, wheel=wheel, notebooks=", ".join(notebooks))


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this package.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    pathlib.Path

    Raises
    ------
    CourseError
        If the package was installed without its project, or the build fails.
    """
    project = _project()
    if not (project / "pyproject.toml").is_file():
        raise CourseError("The wheel is built from the project itself, but course_utils was installed without it.")
    with tempfile.TemporaryDirectory() as place:
        # A copy: a build leaves files behind, and takes up those of earlier builds.
        copy = Path(place)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            if (project / name).is_file():
                shutil.copyfile(project / name, copy / name)
        (copy / "README.md").touch()
        shutil.copytree(project / "jupyter-config", copy / "jupyter-config")
        shutil.copytree(project / "course_utils", copy / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
        made = subprocess.run(
            [
                sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(copy),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if made.returncode:
        raise CourseError(f"The wheel could not be built: {made.stderr.strip()[-600:]}")
    return next(Path(folder).glob("course_utils-*.whl"))


def _project() -> Path:
    return Path(__file__).resolve().parents[2]


def in_order(course: Path, assignment: str, names: list[str]) -> list[str]:
    """Return notebooks in the order in which they are worked on: of a sheet, by `source/order.json`, or by their names.

    Parameters
    ----------
    course : pathlib.Path
    assignment : str
    names : list of str
        Its notebooks.

    Returns
    -------
    list of str

    Raises
    ------
    CourseError
        If the file can't be read, or names other notebooks.
    """
    if assignment in names_of_sheets(course):
        listed = [part.name for part in read_sheet(course, assignment).notebooks if part.name in names]
        return [*listed, *sorted(set(names) - set(listed))]
    path = Path(course) / "source" / ORDER
    if not path.is_file():
        return sorted(names)
    try:
        listed = json.loads(path.read_text(encoding="utf-8")).get(assignment, [])
        listed = [str(name) for name in listed]
    except (ValueError, AttributeError, TypeError) as error:
        raise CourseError(
            f'{path} must look like {{"{assignment}": ["first", "second"]}}; mend it or delete it.'
        ) from error
    if unknown := [name for name in listed if name not in names]:
        raise CourseError(
            f"{path} names {unknown[0]!r}, which is no notebook of {assignment}: {', '.join(sorted(names))}."
        )
    return [*dict.fromkeys(listed), *sorted(set(names) - set(listed))]
