"""Take the pictures of README and docs: a released notebook with a wrong answer in JupyterLab, reports of a class, and
the desk.

python docs/screenshots.py [FOLDER]     needs chromium (Debian: apt install chromium); FOLDER defaults to docs/pictures
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
NOTEBOOK = "convolutions/by-hand.ipynb"


@contextlib.contextmanager
def jupyterlab(folder: Path, token: str = "") -> Iterator[str]:
    """Serve a folder; give the address. With a token, only who knows it gets in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="lab-"))
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false"}')
    command = [str(BIN / "jupyter"), "lab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={token}", "--ServerApp.password=", f"--ServerApp.root_dir={folder}"]
    environment = {**os.environ, "HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}
    # As the installation does it; here it may be another checkout's.
    environment["JUPYTER_CONFIG_PATH"] = str(ROOT / "jupyter-config")
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api") as answer:
                if answer.status == 200:
                    break
            time.sleep(0.5)
        else:
            raise SystemExit(f"JupyterLab did not start:\n{(home / 'log').read_text()[-2000:]}")
        yield address
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home, ignore_errors=True)


def open_notebook(browser: Browser, address: str, path: str) -> Page:
    """Open a notebook in JupyterLab's single-document view, with nothing else around it."""
    page = browser.new_page(viewport={"width": 1180, "height": 1250}, device_scale_factor=1.5)
    page.goto(f"{address}/lab/tree/{path}?reset", wait_until="domcontentloaded", timeout=180_000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=180_000)
    page.wait_for_selector(".jp-NotebookPanel-toolbar", timeout=60_000)
    page.keyboard.press("Control+B")
    return page


def run_all(page: Page) -> None:
    """Choose Run, Run All Cells from the menu, once the kernel is there."""
    # The sign in the notebook says "idle" before there is a kernel, and who runs cells then is asked for one.
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=180_000)
    ran = page.locator(".jp-CodeCell .jp-InputArea-prompt").filter(has_text=re.compile(r"\[[*\d]+\]"))
    for _ in range(5):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        # On a busy machine JupyterLab may say that the kernel is there before it takes orders.
        with contextlib.suppress(PlaywrightTimeout):
            ran.first.wait_for(timeout=20_000)
            return
    raise SystemExit("JupyterLab does not run the cells.")


def exercise_with_failing_check(target: Path) -> None:
    """An exercise as a student meets it: text, their answer with a likely mistake, and what the check says."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebook = nbformat.read(ROOT / "release" / NOTEBOOK, as_version=4)
        source = nbformat.read(ROOT / "source" / NOTEBOOK, as_version=4)
        answers = {c.metadata.nbgrader.grade_id: c.source for c in source.cells if "nbgrader" in c.metadata}
        for cell in notebook.cells:
            # JupyterLab stops at the first error, so the cells before the exercise need their answers as well.
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                lines = answers[cell.metadata.nbgrader.grade_id].splitlines()
                answer = "\n".join(line for line in lines if "SOLUTION" not in line)
                cell.source = answer.replace("np.sum(kernel *", "np.sum(kernel[::-1, ::-1] *")
        nbformat.write(notebook, folder / "by-hand.ipynb")
        with jupyterlab(folder) as address, browser() as chromium:
            page = open_notebook(chromium, address, "by-hand.ipynb")
            run_all(page)
            failed = page.locator(".jp-OutputArea-output", has_text="cross_correlate(counting_up")
            failed.first.wait_for(timeout=300_000)
            heading = page.locator(".jp-RenderedMarkdown h2", has_text="Exercise 2")
            for _ in range(3):  # cells above are laid out while the page scrolls
                heading.first.evaluate("heading => heading.scrollIntoView({block: 'start'})")
                page.wait_for_timeout(1_500)
            page.screenshot(path=target)


def reports(folder: Path) -> None:
    """The report of a made-up class of sixty, its course's, and the first pair of the list of what is alike."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.made_up_class import make_class
    from course_utils.report.assignment import write_report
    from course_utils.report.course import write_course_report
    from course_utils.report.similar import write_similar

    with tempfile.TemporaryDirectory() as name, browser() as chromium:
        course = make_class(Path(name) / "course", "convolutions", 60, copies=1).course
        page = chromium.new_page(viewport={"width": 1100, "height": 1290})
        page.goto(write_report(course, "convolutions").page.as_uri())
        page.screenshot(path=folder / "report.png")
        page.locator("#cells").scroll_into_view_if_needed()
        page.locator("#cells").evaluate("heading => heading.scrollIntoView({block: 'start'})")
        page.set_viewport_size({"width": 1100, "height": 620})
        page.screenshot(path=folder / "report-cells.png")
        page.goto(write_similar(course, "convolutions").page.as_uri())
        page.locator("#pairs").evaluate("heading => heading.scrollIntoView({block: 'start'})")
        page.screenshot(path=folder / "similar.png")
        page.goto(write_course_report(course).page.as_uri())
        page.set_viewport_size({"width": 375, "height": 700})
        page.screenshot(path=folder / "course-report.png")


def desk(target: Path) -> None:
    """A question at the desk, with made-up answers of the bank of rubrics."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.made_up_class import make_class

    bank = tomllib.loads((ROOT / "tests/rubrics/convolutions/by-hand.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name, browser() as chromium:
        course = make_class(Path(name) / "course", "convolutions", 12, copies=0).course
        for number, path in enumerate(sorted(course.glob("autograded/*/convolutions/by-hand.ipynb"))):
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                if answers := bank.get(cell.metadata.get("nbgrader", {}).get("grade_id")):
                    cell.source = answers[number % len(answers)]["text"]
            nbformat.write(notebook, path)
        command = [BIN / "course", "desk", "convolutions", "--no-browser", "--reader", "Gradient Reader"]
        server = subprocess.Popen([*command, "--course", course], stdout=subprocess.PIPE, text=True)
        try:
            address = re.search(r"http://\S+", server.stdout.readline())[0]
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            page.goto(address.partition("?")[0] + "by-hand/why_cnn/")
            page.keyboard.press("1")
            page.screenshot(path=target)
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("chromium is missing (Debian: apt install chromium).")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    exercise_with_failing_check(folder / "exercise.png")
    reports(folder)
    desk(folder / "desk.png")
    print(f"Pictures are in {folder}")


if __name__ == "__main__":
    main()
