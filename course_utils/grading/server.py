"""What Jupyter Server gives away of students' work: formgrader's pages under a policy, students' files as downloads.

Formgrader runs in the instructor's Jupyter Server and in the instructor's name: whatever a browser runs from that
address may start kernels and write marks. nbgrader serves a student's files there as they are. This server extension
stands before nbgrader's handlers; `etc/jupyter/jupyter_server_config.d` switches it on.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jinja2 import BaseLoader, Environment, FileSystemLoader
from jupyter_server.nbconvert.handlers import NbconvertFileHandler
from jupyter_server.nbconvert.handlers import default_handlers as conversions
from jupyter_server.utils import url_path_join
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import apihandlers, handlers
from nbgrader.server_extensions.formgrader.base import BaseApiHandler, BaseHandler
from tornado import web
from tornado.httputil import HTTPHeaders, HTTPServerRequest

from course_utils.grading.pages import MATHJAX

__all__ = ["EXTENSION", "FormgraderExporter", "holds_students_work"]

EXTENSION = "course_utils.grading.server"

# Folders of a course that hold what students wrote, by nbgrader's names; others in `nbgrader_config.py` are added.
STUDENTS_FOLDERS = ("submitted", "autograded", "feedback", "quarantine")
# Jupyter's own pages and data: they show a file, or send it as JSON, but never are one.
_OWN_PAGES = "api formgrader lab tree notebooks edit consoles doc terminals static lsp login"
# A file that was written by a student runs nothing, loads nothing and is nobody.
FILE_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Content-Disposition": "attachment",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# Inline handlers of nbgrader's templates.
_HANDLERS = ("toggle_name(true);", "toggle_name(false);", "toggleAllNames()")
# A photo of an answer on paper is seen as a whole, and without nbgrader's red frame.
_PICTURES = "<style>img { max-width: 100%; border: 0 }</style>"
# Names in addresses are pasted into scripts by nbgrader's templates.
_ODD = re.compile(r"[\x00-\x1f\"'<>\\`{}]")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": EXTENSION}]


def _load_jupyter_server_extension(app: Any) -> None:
    application = app.web_app
    application.transforms.insert(0, _DownloadsOnly.of(application))
    base = application.settings["base_url"]
    application.add_handlers(".*$", [(url_path_join(base, rule[0].lstrip("/")), *rule[1:]) for rule in _rules()])
    # The last one is Jupyter's own; ours must come before nbgrader's, whichever was loaded first.
    rules = application.default_router.rules
    rules.insert(0, rules.pop(-2))


def _rules() -> list[tuple]:
    """Return nbgrader's handlers, each behind a guard."""
    rules: list[tuple] = [(pattern, _Conversion) for pattern, handler in conversions if handler is NbconvertFileHandler]
    for pattern, handler, *rest in [*handlers.default_handlers, *apihandlers.default_handlers]:
        if handler is handlers.FormgraderHandler:
            guard: type | None = _Door
        elif handler is handlers.SubmissionFilesHandler:
            guard = _File
        elif issubclass(handler, BaseApiHandler):
            guard = _Data
        else:
            guard = _Page if issubclass(handler, BaseHandler) else None
        rules.append((pattern, type(handler.__name__, (guard, handler), {}) if guard else handler, *rest))
    return rules


def holds_students_work(path: str, base_url: str = "/", folders: tuple[str, ...] = STUDENTS_FOLDERS) -> bool:
    """Whether an address is that of a file which a student may have written.

    Parameters
    ----------
    path : str
        The address's path as the browser sent it.
    base_url : str
        Where the server's addresses begin.
    folders : tuple of str
        Names of folders with students' work.

    Examples
    --------
    >>> [holds_students_work(p) for p in ("/files/submitted/ada/x.html", "/files/%53ubmitted/x", "/lab/tree/submitted")]
    [True, True, False]
    """
    rest = unquote(path.removeprefix(base_url.rstrip("/"))).replace("\\", "/").casefold()
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    return bool(parts) and parts[0] not in _OWN_PAGES.split() and any(part in folders for part in parts[1:])


class _DownloadsOnly(web.OutputTransform):
    """Makes a download of every response that is a student's file, whichever handler wrote it."""

    application: Any
    base_url: str

    @classmethod
    def of(cls, application: Any) -> type[_DownloadsOnly]:
        return type(cls.__name__, (cls,), {"application": application, "base_url": application.settings["base_url"]})

    def __init__(self, request: HTTPServerRequest) -> None:
        self.path = request.path

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        if holds_students_work(self.path, self.base_url, _folders(self.application.settings)):
            headers.update(FILE_HEADERS)
        return status_code, headers, chunk


def _folders(settings: dict[str, Any]) -> tuple[str, ...]:
    formgrader = settings.get("nbgrader_formgrader")
    if formgrader is None:
        return STUDENTS_FOLDERS
    course = formgrader.coursedir
    named = (course.submitted_directory, course.autograded_directory, course.feedback_directory)
    return (*STUDENTS_FOLDERS, *(Path(name).name.casefold() for name in named))


class _Conversion(NbconvertFileHandler):
    """Jupyter's conversion of notebooks, which shows outputs as they are: not for those of students."""

    async def prepare(self) -> None:
        await super().prepare()
        if holds_students_work(self.request.path, self.base_url, _folders(self.settings)):
            raise web.HTTPError(403, "Students' notebooks are not converted here. Read them in formgrader.")


class _Guard:
    """Comes before a handler of nbgrader."""

    async def prepare(self) -> None:
        if "nbgrader_formgrader" not in self.settings:
            self.refuse(404, "nbgrader's formgrader is not loaded.")
        elif _ODD.search(unquote(self.request.path)):
            self.refuse(400, "Names in this address have characters that formgrader's pages can't hold.")
        else:
            await super().prepare()

    def refuse(self, status: int, sentence: str) -> None:
        """Answer with a sentence: nbgrader's own pages for errors are empty or say nothing of the reason."""
        self.set_status(status)
        self.finish(sentence)


class _Data(_Guard):
    """JSON, which nbgrader sends as if it were HTML, with names of students in it."""

    content_security_policy = "sandbox; default-src 'none'; frame-ancestors 'none'"


class _File(_Guard):
    """A file beside a submission."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        for name, value in FILE_HEADERS.items():
            self.set_header(name, value)

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-store")  # StaticFileHandler has set its own


class _Page(_Guard):
    """A page of formgrader, with a policy under which only nbgrader's own scripts run."""

    @functools.cached_property
    def nonce(self) -> str:
        """A number that the page's own scripts carry, new for each response."""
        return secrets.token_urlsafe(16)

    @property
    def content_security_policy(self) -> str:
        hashes = " ".join(f"'sha256-{_digest(source)}'" for source in _HANDLERS)
        return "; ".join(
            [
                "default-src 'none'",
                # MathJax 2 evaluates its own settings.
                f"script-src 'nonce-{self.nonce}' 'unsafe-hashes' {hashes} 'unsafe-eval' {MATHJAX}",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data:",
                f"font-src 'self' data: {MATHJAX}",
                "connect-src 'self'",
                "form-action 'self'",
                "frame-ancestors 'self'",
                "base-uri 'none'",
            ]
        )

    def set_default_headers(self) -> None:
        super().set_default_headers()
        # A page kept by the browser would have another number than the headers that come with it.
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "same-origin")

    def render(self, name: str, **values: Any) -> str:
        return _templates().get_template(name).render(nonce=lambda: self.nonce, **values)

    @property
    def exporter(self) -> _Prepared:
        exporter = self.settings.get("course_exporter")
        if exporter is None:
            exporter = FormgraderExporter(config=super().exporter.config)
            self.settings["course_exporter"] = exporter
        return _Prepared(exporter, self.nonce, self.request.host)


class _Door(_Page):
    """Formgrader's first page. It takes the folder of a course, whose configuration it runs."""

    async def prepare(self) -> None:
        await super().prepare()
        path = self.get_argument("path", "")
        if self._finished or not path:
            return
        parts = {*Path(path).absolute().parts, *Path(os.path.realpath(path)).parts}
        if self.request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self.refuse(403, "Another web site asks for a course folder. Open formgrader from JupyterLab.")
        elif any(part.casefold() in _folders(self.settings) for part in parts):
            self.refuse(403, "A folder with students' work is no course.")


def _digest(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


class _WithNumbers(BaseLoader):
    """Gives nbgrader's templates with the page's number at each of their scripts; texts of students never get one."""

    def __init__(self, loader: BaseLoader, names: tuple[str, ...] | None = None) -> None:
        self.loader, self.names = loader, names

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, is_current = self.loader.get_source(environment, template)
        if self.names is None or Path(template).name in self.names:
            source = re.sub(r"<script\b", '<script nonce="{{ nonce() }}"', source)
            source = source.replace("</head>", f"{_PICTURES}</head>", 1)
        return source, path, is_current


@functools.cache
def _templates() -> Environment:
    loader = _WithNumbers(FileSystemLoader(handlers.template_path))
    return Environment(loader=loader, autoescape=True)


class FormgraderExporter(HTMLExporter):
    """Makes the page on which a submission is graded by hand; `nonce` is the number of the page being made."""

    nonce = ""

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        # Not the templates that show outputs: a script there would be a student's.
        names = ("index.html.j2", "formgrade_macros.html.j2", "mathjax.html.j2")
        environment.loader = _WithNumbers(environment.loader, names)
        # A function: jinja2 works out once for all what a value is within an imported macro.
        environment.globals["nonce"] = lambda: self.nonce
        return environment


class _Prepared:
    """An exporter for one page of one response."""

    def __init__(self, exporter: FormgraderExporter, nonce: str, host: str) -> None:
        self.exporter, self.nonce, self.host = exporter, nonce, host

    def from_filename(self, filename: str, resources: dict[str, Any]) -> tuple[str, Any]:
        # nbgrader's templates paste names as they are.
        shown = {key: html.escape(value) if isinstance(value, str) else value for key, value in resources.items()}
        self.exporter.nonce = self.nonce
        return self.exporter.from_filename(filename, resources={**shown, "course_host": self.host})
