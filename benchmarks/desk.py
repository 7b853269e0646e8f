"""The desk with a class of made-up students: how long until it opens, and until the next answer is there.

python -m benchmarks.desk [--students 200] [--questions 20]
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.classes import machine
from tests.support.written_class import ASSIGNMENT, make_class

_HIDDEN = re.compile(r'type="hidden" name="([^"]*)" value="([^"]*)"')


class _Browser:
    """As much of a browser as the desk needs: a cookie, and redirects that are followed."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.netloc)
        self.headers: dict[str, str] = {}
        self.path, self.page = "/", self.get(f"/?{parts.query}")

    def get(self, path: str, form: dict | None = None) -> str:
        body = urlencode(form, doseq=True) if form else None
        self.connection.request("POST" if form else "GET", path, body, self.headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        if cookie := response.headers.get("set-cookie"):
            self.headers["Cookie"] = cookie.partition(";")[0]
        if response.status == 303:
            target = response.headers["location"]
            base = path.partition("?")[0]
            return self.get(target if target.startswith("/") else _joined(base, target))
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status}\n{text[-500:]}")
        self.path, self.page = path, text
        return text


def _joined(base: str, target: str) -> str:
    parts = base.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "/"


def _cpu_s(process: subprocess.Popen) -> float:
    """Return the processor seconds that a process has had."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--answers", type=int, default=100, help="How many are decided on.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = make_class(Path(name) / "course", options.students, options.questions)
        command = [sys.executable, "-m", "course_utils", "desk", ASSIGNMENT, "--no-browser", "--course", str(course)]
        began = time.monotonic()
        process = subprocess.Popen([*command, "--reader", "Reader"], stdout=subprocess.PIPE, text=True)
        try:
            address = re.search(r"http://\S+", process.stdout.readline())[0]
            browser = _Browser(address)
            print(f"the list of questions is there after {time.monotonic() - began:.2f} s, {_cpu_s(process):.2f} CPU s")
            browser.get("/words/why0/")
            print(f"the first answer is there after {time.monotonic() - began:.2f} s")
            seconds, had = [], _cpu_s(process)
            for _ in range(options.answers):
                form: dict = dict(_HIDDEN.findall(browser.page))
                form |= {"tick": re.findall(r'name="tick" value="(\d+)"', browser.page)[:1], "then": "next"}
                began = time.monotonic()
                browser.get(browser.path, form)
                seconds.append(time.monotonic() - began)
            print(
                f"saved, and the next answer there: median {1000 * statistics.median(seconds):.0f} ms, "
                f"the slowest {1000 * max(seconds):.0f} ms, of {len(seconds)}; on average "
                f"{1000 * (_cpu_s(process) - had) / len(seconds):.0f} CPU ms"
            )
        finally:
            process.terminate()
            process.wait()
    print(f"{options.students} students, {options.questions} questions; {machine()}")


if __name__ == "__main__":
    main()
