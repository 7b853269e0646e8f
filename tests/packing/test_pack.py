"""What a student does with `course pack`: checks, the PDF page by page, the zip, and the way back."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from typer.testing import CliRunner

from course_utils.errors import CourseError
from course_utils.packing.examine import examine, examine_folder, find_folder, read_notebooks
from course_utils.packing.manifest import Member
from course_utils.packing.pack import pack, release_record
from course_utils.packing.pdf import TitleBlock, notebooks_to_pages, notebooks_to_pdf
from course_utils.packing.team import Team, read_team, write_team
from course_utils.stages.check_source import origins
from course_utils.stages.release import release
from course_utils.stages.release_zip import write_release_zip
from course_utils.stages.sheet import build_sheet
from tests.support import pdf_samples
from tests.support.olat_course import make_course, notebook, notebook_bytes

# One notebook is run for its pages, once.
pytestmark = pytest.mark.xdist_group("pack")

TEAM = Team("7", (Member("Jörg Müller", "0012345"), Member("Đào Nguyễn-Pixel", "2645751")))
TITLE = TitleBlock("Deep Learning", "convolutions", "7", TEAM.members, "2026-11-20")


@pytest.fixture
def folder(tmp_path):
    """A student's folder, solved and run, as released with its record."""
    place = tmp_path / "sheet"
    place.mkdir()
    made = [(name, notebook(name)) for name in ("first", "second")]
    (place / "assignment.json").write_text(json.dumps(release_record("sheet", made, "Tiefes Lernen")))
    for name in ("first", "second"):
        solved = json.loads(notebook_bytes(name))
        for number, cell in enumerate((c for c in solved["cells"] if c["cell_type"] == "code"), start=1):
            cell["execution_count"] = number
        (place / f"{name}.ipynb").write_text(json.dumps(solved))
    (place / "artifacts").mkdir()
    (place / "artifacts/net.safetensors").write_bytes(b"weights")
    (place / "Hilfsmodul für Übung.py").write_text("x = 1\n")
    (place / "notes.txt").write_text("mine")
    (place / ".ipynb_checkpoints").mkdir()
    (place / ".ipynb_checkpoints/first-checkpoint.ipynb").write_text("{}")
    (place / "data").mkdir()
    (place / "data/big.png").write_bytes(b"x")
    return place


def change(folder, name, function):
    path = folder / f"{name}.ipynb"
    content = json.loads(path.read_text())
    function(content)
    path.write_text(json.dumps(content))


def texts(findings):
    return [f"{f.notebook}: {f.text}" for f in findings]


def test_the_zip_holds_what_is_graded_and_says_what_it_holds(folder):
    packed = pack(examine_folder(folder, "sheet"), TEAM, today=date(2026, 11, 20))
    assert packed.path.name == "sheet_group_7.zip" and packed.path.parent == folder.parent
    with zipfile.ZipFile(packed.path) as archive:
        names = archive.namelist()
        about = json.loads(archive.read("submission.json"))
        contents = {name: archive.read(name) for name in names}
    assert sorted(names) == [
        "Hilfsmodul fuer Uebung.py", "artifacts/net.safetensors", "first.ipynb", "second.ipynb",
        "sheet_group_7.pdf", "submission.json",
    ]  # fmt: skip
    assert all(name.isascii() for name in names)
    assert (about["assignment"], about["group"]) == ("sheet", "7")
    assert about["members"][0] == {"name": "Jörg Müller", "matriculation_number": "0012345"}
    assert set(about["sha256"]) == set(names) - {"submission.json"}
    import hashlib

    assert all(hashlib.sha256(contents[name]).hexdigest() == digest for name, digest in about["sha256"].items())
    assert about["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert packed.findings == [] and packed.pdf_problems == []
    assert contents["sheet_group_7.pdf"].startswith(b"%PDF")


def test_a_blank_and_never_run_notebook_is_told(folder):
    (folder / "first.ipynb").write_bytes(
        notebook_bytes("first", "    # YOUR CODE HERE\n    raise NotImplementedError()")
    )
    found = texts(examine_folder(folder, "sheet").findings)
    assert found == [
        "first: was never run, or its outputs were cleared: run all cells and save",
        "first: not filled in: first",
    ]


def test_failing_visible_checks_are_told_with_their_message(folder):
    def fail(content):
        content["cells"][3]["outputs"] = [
            {
                "output_type": "error",
                "ename": "CheckFailed",
                "evalue": "first() is 2,\nwhich is not right.",
                "traceback": [],
            }
        ]

    change(folder, "first", fail)
    (finding,) = examine_folder(folder, "sheet").findings
    assert finding.serious
    assert finding.text == "test_first: the visible checks do not pass. first() is 2, which is not right."


def test_cells_not_run_or_run_in_another_order_are_told():
    cells = [pdf_samples.code("a"), pdf_samples.code("b"), pdf_samples.code("c")]
    for cell, count in zip(cells, (2, None, 1), strict=True):
        cell["execution_count"] = count
    found = texts(examine("n", pdf_samples.notebook(cells)))
    assert found[0] == "n: 1 cells were not run; run all cells and save"
    assert "run in another order" in found[1]


def test_missing_renamed_and_foreign_notebooks_are_told(folder):
    (folder / "first.ipynb").rename(folder / "first (1).ipynb")
    (folder / "second.ipynb").unlink()
    (folder / "scratch.ipynb").write_text(json.dumps(pdf_samples.notebook([])))
    (folder / "broken.ipynb").write_text("{")
    examined = examine_folder(folder, "sheet")
    assert sorted(texts(examined.findings)) == [
        "broken.ipynb: is no notebook: its text is no valid JSON, line 1; it ends in the middle, "
        "as if it were not whole; it is not packed",
        "first (1).ipynb: is packed under its released name first.ipynb",
        "scratch.ipynb: has none of the cells of this course; it is not packed",
        "second.ipynb: is not here",
    ]
    assert "first.ipynb" in pack(examined, TEAM, with_pdf=False).files


@pytest.mark.parametrize("ending", [".ipynb.txt", ".ipynb.json", ".json"])
def test_a_notebook_that_a_browser_called_otherwise_is_named(ending, folder):
    (folder / "second.ipynb").rename(folder / f"second{ending}")
    (finding,) = texts(read_notebooks(folder, "sheet").findings)
    told = f"is not here, but second{ending} is: if that is your notebook, rename it to second.ipynb"
    assert finding == f"second.ipynb: {told}"


def test_a_notebook_that_is_run_by_one_of_the_course_goes_along(folder):
    helper = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%run deeper.ipynb")])
    for name in ("helpers", "deeper", "scratch"):
        (folder / f"{name}.ipynb").write_text(nbformat.writes(helper))
    change(folder, "first", lambda c: c["cells"][2].update(source=["%run helpers.ipynb\n", "x = 1"]))
    examined = read_notebooks(folder, "sheet")
    assert texts(examined.findings) == ["scratch.ipynb: has none of the cells of this course; it is not packed"]
    packed = pack(examined, TEAM, with_pdf=False)
    assert {"helpers.ipynb", "deeper.ipynb"} < set(packed.files) and "scratch.ipynb" not in packed.files


def test_graded_cells_that_were_deleted_are_told(folder):
    change(folder, "first", lambda content: content["cells"].pop(3))
    assert "first: cells are missing: test_first; grading puts" in texts(examine_folder(folder, "sheet").findings)[0]


def test_a_large_zip_is_told(folder):
    record = json.loads((folder / "assignment.json").read_text())
    (folder / "assignment.json").write_text(json.dumps(record | {"size_warning": 100_000}))
    (folder / "artifacts/big.bin").write_bytes(os.urandom(200_000))
    found = texts(pack(examine_folder(folder, "sheet"), TEAM, with_pdf=False).findings)
    assert found == ["sheet_group_7.zip: is 0 MiB; OpenOlat may refuse it. The largest file is artifacts/big.bin"]


@pytest.mark.parametrize(
    ("team", "problem"),
    [
        (Team("7", ()), "Nobody is named"),
        (Team("7", (Member("7", "0012345"),)), "'7' is no name"),
        (Team("7", (Member("Jörg Müller", "12 34"),)), "must be digits, with leading zeros; it is '12 34'"),
        (Team("", (Member("A B", "12345"), Member("C D", "12345"))), "Two members have the same"),
    ],
)
def test_a_team_is_checked(folder, team, problem):
    with pytest.raises(CourseError, match=problem):
        pack(examine_folder(folder, "sheet"), team, with_pdf=False)


def test_the_team_is_kept_for_the_next_time(folder):
    assert read_team(folder) is None
    write_team(folder, TEAM)
    assert read_team(folder) == TEAM
    (folder.parent / "team.json").write_text('{"members": 3}')
    with pytest.raises(CourseError, match="must look like"):
        read_team(folder)


def test_the_folder_is_found_from_inside_and_from_above(folder):
    assert find_folder(folder, "sheet") == folder
    assert find_folder(folder.parent, "sheet") == folder
    with pytest.raises(CourseError, match="There are no notebooks of 'losses' here"):
        find_folder(folder.parent, "losses")


def test_the_command_asks_packs_and_remembers(folder):
    from course_utils.command.app import app

    answers = "7\nJörg Müller\n0012345\n\n"
    result = CliRunner().invoke(app, ["pack", "sheet", "--folder", str(folder)], input=answers)
    assert result.exit_code == 0, result.output
    assert "pass their visible checks" in result.output
    assert (folder.parent / "sheet_group_7.zip").exists()
    change(folder, "first", lambda content: content["cells"][2].update(source="# YOUR CODE HERE"))
    result = CliRunner().invoke(app, ["pack", "sheet", "--folder", str(folder)], input="n\n")
    assert result.exit_code == 1 and "Nothing was packed" in result.output and "from team.json" in result.output


def test_with_yes_nothing_is_asked(folder):
    from course_utils.command.app import app

    arguments = ["pack", "sheet", "--folder", str(folder), "--yes"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "give --member 'First Last; 0012345'" in result.output
    result = CliRunner().invoke(app, [*arguments, "--member", "Paula Pooling; 0012345"])
    assert result.exit_code == 0, result.output
    assert "Packed: " in result.output and "Group number" not in result.output


@pytest.fixture
def command(folder, monkeypatch):
    """The command for a team that is known, on a wide terminal."""
    from course_utils.command import app as cli

    write_team(folder, TEAM)
    monkeypatch.setattr(cli.console, "_width", 200)
    return lambda *more: CliRunner().invoke(cli.app, ["pack", "sheet", "--folder", str(folder), *more])


@pytest.mark.parametrize("module", ["typst", "pypandoc"])
def test_without_the_tools_for_a_pdf_there_is_a_zip_and_a_sentence(command, folder, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    result = command()
    assert result.exit_code == 0, result.output
    assert "sheet_group_7.zip: has no PDF in it." in result.output
    assert "pip install typst pypandoc_binary" in result.output
    with zipfile.ZipFile(folder.parent / "sheet_group_7.zip") as archive:
        assert {"first.ipynb", "second.ipynb", "submission.json"} < set(archive.namelist())
        assert not [name for name in archive.namelist() if name.endswith(".pdf")]


def test_what_is_found_while_packing_is_printed(command, folder):
    record = json.loads((folder / "assignment.json").read_text())
    (folder / "assignment.json").write_text(json.dumps(record | {"size_warning": 10}))
    assert "sheet_group_7.zip: is 0 MiB; OpenOlat may refuse it. The largest file is" in command().output


def test_each_file_is_read_and_looked_at_once(command, folder, monkeypatch):
    from course_utils.packing import examine as examine_module

    parsed, looked_at = [], []
    parse, look = examine_module.parse_notebook, examine_module.examine
    monkeypatch.setattr(
        examine_module, "parse_notebook", lambda *content, **more: parsed.append(1) or parse(*content, **more)
    )
    monkeypatch.setattr(examine_module, "examine", lambda name, *more: looked_at.append(name) or look(name, *more))
    for record in (True, False):
        if not record:
            (folder / "assignment.json").unlink()
        assert command().exit_code == 0
        assert len(parsed) == 2 and looked_at == ["first", "second"]
        parsed.clear()
        looked_at.clear()


@pytest.mark.parametrize("record", ["{", "[]", '{"notebooks": {"a": {}}}', '{"notebooks": {}, "size_warning": "x"}'])
def test_a_damaged_record_is_told(command, folder, record):
    (folder / "assignment.json").write_text(record)
    result = command()
    assert result.exit_code == 1 and "assignment.json is damaged; take it from the zip" in result.output
    assert "Traceback" not in result.output


def test_all_cells_can_be_run_first(folder):
    notebooks = read_notebooks(folder, "sheet").notebooks
    change(
        folder,
        "first",
        lambda content: content["cells"][2].update(source=["def first():\n", "    return 2"]),
    )
    notebooks = read_notebooks(folder, "sheet").notebooks
    from course_utils.packing.examine import run_notebooks

    assert run_notebooks({"first": notebooks["first"]}, timeout=120) == []
    saved = json.loads((folder / "first.ipynb").read_text())
    assert [o["ename"] for o in saved["cells"][3]["outputs"] if o["output_type"] == "error"] == ["AssertionError"]


# The PDF


@pytest.fixture(scope="module")
def pages():
    """The pages of a notebook with everything that goes wrong, as grey pictures."""
    made = notebooks_to_pages([("torture", pdf_samples.notebook())], TITLE, pixels_per_inch=72, language="de")
    return [np.asarray(Image.open(io.BytesIO(page)).convert("L")) for page in made]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "torture.pdf"
    return notebooks_to_pdf([("torture", pdf_samples.notebook())], TITLE, path, language="de")


def test_nothing_is_cut_off_at_the_margins(pages):
    assert len(pages) > 3
    check_margins(pages)


def check_margins(pages):
    """The margins of 2 cm are 56 pixels wide; below, the footer stays in them."""
    for page in pages:
        assert page.shape == (842, 596) or page.shape == (842, 595)
        assert page[:, :50].min() > 250, "something stands in the left margin"
        assert page[:, -50:].min() > 250, "something stands in the right margin"
        assert page[:40].min() > 250 and page[-30:].min() > 250
        assert page.min() < 128, "an empty page"


def test_pictures_are_in_the_pages():
    """A picture of one colour is found again, in its size; a wide one is scaled to the text."""
    cells = [pdf_samples.code("show()", pdf_samples.shown(image_png=pdf_samples.picture(4000, 400, (200, 30, 60))))]
    (page,) = notebooks_to_pages([("n", pdf_samples.notebook(cells))], TITLE, pixels_per_inch=72)
    colours = np.asarray(Image.open(io.BytesIO(page)).convert("RGB")).astype(int)
    mine = np.abs(colours - (200, 30, 60)).sum(axis=2) < 12
    rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    assert abs(len(columns) - 470) <= 3 and abs(len(rows) - 47) <= 3


def test_what_cannot_be_set_is_told(result):
    assert sorted(result.problems) == [
        "the formula unbekannt \\nosuchmacro{x} is shown as TeX",
        "the picture nirgends.png is missing",
        "torture, cell 14: a picture can't be shown (Only base64 data is allowed)",
    ]


EXPECTED_WORDS = [
    "Gruppe 7", "Jörg Müller", "0012345", "Đào Nguyễn-Pixel", "Größe, Maß, Übung", "Der Hinweis selbst", "61.706",
    "eins", "Dichte & Größe", "ZeroDivisionError: division by zero", "epoch 3", "lines left out", '#panic("no") $x$',
    "[an interactive element; it is in the notebook]", "#set page(width: 1cm)",
]  # fmt: skip


@pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext is not installed (make setup installs it where it may)"
)
def test_the_text_of_the_pdf_is_right(result):
    text = subprocess.run(["pdftotext", "-layout", result.path, "-"], capture_output=True, text=True, check=True).stdout
    for words in EXPECTED_WORDS:
        assert words in text, words
    left = text.replace("\\nosuchmacro{x}", "")
    assert not re.search(r"\\(begin|frac|sum|mathbb|newcommand|R\b|hat|label|quad)", left), "raw LaTeX"
    for words in ("epoch 1", "[31m", "<div", "<table", "<details", "scoped"):
        assert words not in text, words
    assert "".join(re.findall(r"x{20,}", text)) == "x" * 300


def test_one_cell_that_typst_refuses_does_not_stop_the_pdf(tmp_path, monkeypatch):
    from course_utils.packing import pdf

    cells = [pdf_samples.markdown("before"), pdf_samples.markdown("the bad one"), pdf_samples.markdown("after")]
    convert = pdf.convert_markdown

    def spoil(pieces, *rest):
        convert(pieces, *rest)
        pieces[2].typst = "#undefined-function()"

    monkeypatch.setattr(pdf, "convert_markdown", spoil)
    made = notebooks_to_pdf([("n", pdf_samples.notebook(cells))], TITLE, tmp_path / "n.pdf")
    assert made.path.exists() and len(made.problems) == 1
    assert "n, cell 2: shown as plain text" in made.problems[0]


BROKEN = ["#", "$", "$$", "\\", "```", "<", "](", "![](", "*", "\\begin{align}", "$\\frac{", "@a", "| a", "\x00"]
BROKEN += ["{=typst}", "`" * 7, "[^1]", "<table>"]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_markdown_makes_a_pdf_all_the_same(text):
    cells = [pdf_samples.markdown(text), pdf_samples.markdown("zum Schluss")]
    assert notebooks_to_pages([("n", pdf_samples.notebook(cells))], TITLE, pixels_per_inch=20)


@pytest.fixture(scope="module")
def convolutions():
    """The notebooks of an assignment, the first of them with its outputs."""
    root = Path(__file__).parents[2] / "source/convolutions"
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in sorted(root.glob("*.ipynb"))}
    NotebookClient(
        notebooks["by-hand"], startup_timeout=600, timeout=300, resources={"metadata": {"path": str(root)}}
    ).execute()
    return [(name, json.loads(nbformat.writes(notebook))) for name, notebook in notebooks.items()]


def test_the_pages_of_convolutions_look_right(convolutions):
    pages = [Image.open(io.BytesIO(page)) for page in notebooks_to_pages(convolutions, TITLE, pixels_per_inch=72)]
    assert len(pages) > 40
    check_margins([np.asarray(page.convert("L")) for page in pages])
    outputs = [output for cell in convolutions[1][1]["cells"] for output in cell.get("outputs", [])]
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    assert convolutions[1][0] == "by-hand" and pictures >= 6
    # Maps in red and blue, in viridis: no text of the pages has so much colour.
    colourful = sum(np.asarray(page.convert("HSV"))[..., 1].__gt__(120).mean() > 0.01 for page in pages)
    assert colourful >= pictures / 3


@pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext is not installed (make setup installs it where it may)"
)
def test_the_text_of_convolutions_is_whole(convolutions, tmp_path):
    made = notebooks_to_pdf(convolutions, TITLE, tmp_path / "c.pdf")
    assert made.problems == []
    command = ["pdftotext", "-layout", made.path, "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", "", text)  # a program may hold TeX for its figures
    assert not re.search(r"\\(begin|frac|sum|mathbb|lfloor|partial|cdot)\b", written), "raw LaTeX"
    lines = {re.sub(r"\s", "", line) for line in text.splitlines()}
    for name, content in convolutions:
        for cell in content["cells"]:
            if cell["cell_type"] == "code" and not cell["metadata"].get("jupyter", {}).get("source_hidden"):
                short = [re.sub(r"\s", "", line) for line in cell["source"] if 20 < len(line) < 70]
                missing = [line for line in short if not any(line in other for other in lines)]
                assert not missing, f"{name}: {missing[:3]}"


# The released side


@pytest.fixture(scope="module")
def release_zip(tmp_path_factory):
    """The zip of a tiny course."""
    course = make_course(tmp_path_factory.mktemp("course"), config='c.OpenOlat.course_title = "Tiefes Lernen"')
    place = course / "release/sheet"
    place.mkdir(parents=True)
    for name in ("first", "second"):
        (place / f"{name}.ipynb").write_bytes(notebook_bytes(name))
    (place / "picture.png").write_bytes(b"png")
    (course / "source" / "order.json").write_text('{"sheet": ["second"]}')
    return write_release_zip(course, "sheet")


def test_the_released_zip_holds_all_that_students_need(release_zip):
    with zipfile.ZipFile(release_zip) as archive:
        names = archive.namelist()
        readme, environment = archive.read("README.md").decode(), archive.read("environment.yml").decode()
        record = json.loads(archive.read("sheet/assignment.json"))
    wheel = next(name for name in names if name.endswith(".whl"))
    assert set(names) == {
        "README.md", "environment.yml", "constraints.txt", wheel, "sheet/assignment.json", "sheet/first.ipynb",
        "sheet/second.ipynb", "sheet/picture.png",
    }  # fmt: skip
    assert wheel in readme and f"./{wheel}[pdf]" in environment and "course pack sheet" in readme
    assert "in this order: second, first." in readme, "what order.json does not name comes behind, by name"
    assert record["course_title"] == "Tiefes Lernen" and set(record["notebooks"]) == {"first", "second"}


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("{", 'must look like {"sheet": ["first", "second"]}; mend it or delete it'),
        ("[]", "must look like"),
        ('{"sheet": 1}', "must look like"),
        ('{"sheet": ["frist"]}', "names 'frist', which is no notebook of sheet: first, second"),
    ],
)
def test_an_order_that_cannot_be_is_told(order, told, tmp_path):
    course = make_course(tmp_path)
    (course / "release" / "sheet").mkdir(parents=True)
    for name in ("first", "second"):
        (course / "release" / "sheet" / f"{name}.ipynb").write_bytes(notebook_bytes(name))
    (course / "source" / "order.json").write_text(order)
    with pytest.raises(CourseError, match=re.escape(told)):
        write_release_zip(course, "sheet")


def test_the_order_of_the_course_names_all_notebooks_that_have_one():
    root = Path(__file__).parents[2] / "source"
    order = json.loads((root / "order.json").read_text(encoding="utf-8"))
    there = {
        folder.name: {path.stem for path in folder.glob("*.ipynb")} for folder in root.iterdir() if folder.is_dir()
    }
    assert {name: set(listed) for name, listed in order.items()} == {n: t for n, t in there.items() if len(t) > 1}


def test_the_wheel_works_outside_the_project(release_zip, tmp_path):
    """Installed to an empty folder, the package is whole: templates, commands, and a notebook's imports."""
    with zipfile.ZipFile(release_zip) as archive:
        archive.extractall(tmp_path)
    wheel = next(tmp_path.glob("*.whl"))
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel]
    subprocess.run(install, check=True, capture_output=True)
    code = (
        "import course_utils, course_utils.checks, course_utils.command.app, pathlib, sys\n"
        "here = pathlib.Path(course_utils.__file__).parent\n"
        "assert here.is_relative_to(sys.argv[1]), here\n"
        "assert (here / 'platforms/olat/how_to_return.html.j2').exists()\n"
        "assert (here / 'grading/feedback_page/index.html.j2').exists()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, "-c", code, site], check=True, cwd=tmp_path, env=environment)


def test_notebooks_run_in_an_empty_environment(tmp_path, request):
    """The first notebook of an assignment, and those of a problem sheet, each with what its zip brings."""
    if not request.config.getoption("--empty-environment"):
        pytest.skip("it installs everything anew, which takes minutes: pytest --empty-environment")
    root = Path(__file__).parents[2]
    course = tmp_path / "course"
    for name in ("source", "release/convolutions", "sheets"):
        shutil.copytree(root / name, course / name)
    shutil.copy(root / "nbgrader_config.py", course)
    sheet = request.config.getoption("--tried-sheet")
    build_sheet(course, sheet)
    release(course, sheet)
    python, installed = str(tmp_path / "empty/bin/python"), False
    environment = {**os.environ, "PATH": f"{tmp_path}/empty/bin:/usr/bin:/bin"}
    of_sheet = [path.name for path in sorted((course / "source" / sheet).glob("*.ipynb"))]
    for assignment, names in (("convolutions", ["by-hand.ipynb"]), (sheet, of_sheet)):
        place = tmp_path / f"student of {assignment}"
        with zipfile.ZipFile(write_release_zip(course, assignment)) as archive:
            archive.extractall(place)
        if not installed:
            subprocess.run([sys.executable, "-m", "venv", tmp_path / "empty"], check=True)
            install = [python, "-m", "pip", "install", "--quiet", "-c", place / "constraints.txt"]
            subprocess.run([*install, f"{next(place.glob('*.whl'))}[pdf]"], check=True)
            installed = True
        sources = [course / "source" / assignment / name for name in names]
        for origin in origins(assignment, sources):  # networks that the reference trained
            if (trained := root / "tests" / "artifacts" / origin).is_dir():
                shutil.copytree(trained, place / assignment / "artifacts", dirs_exist_ok=True)
        for source in sources:
            released = nbformat.read(place / assignment / source.name, as_version=4)
            reference = nbformat.read(source, as_version=4)
            for cell, solved in zip(released.cells, reference.cells, strict=True):
                if cell.metadata.get("nbgrader", {}).get("solution"):
                    cell.source = solved.source
            nbformat.write(released, place / assignment / source.name)
            command = [python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", source.name]
            subprocess.run(command, check=True, cwd=place / assignment, env=environment)
        course_command = [tmp_path / "empty/bin/course", "check", assignment, "--folder", place / assignment]
        told = subprocess.run(course_command, capture_output=True, text=True, env=environment).stdout
        assert all(name.removesuffix(".ipynb") in told for name in names) and "Traceback" not in told


def test_an_unreleased_assignment_is_told(tmp_path):
    with pytest.raises(CourseError, match="run `course release sheet` first"):
        write_release_zip(make_course(tmp_path), "sheet")
