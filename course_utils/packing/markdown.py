"""From the Markdown of notebooks, with its formulas, to Typst."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from course_utils.notebooks.texts import one_line
from course_utils.packing.pictures import Album, mend_files
from course_utils.packing.pieces import PdfError, PdfResult, Piece, as_plain_text, clean

_MARKER = "COURSE-CELL-BOUNDARY"
_ENVIRONMENTS = r"(?:align|equation|gather|multline|eqnarray|alignat|flalign)\*?"
_READER = "ipynb+tex_math_single_backslash-auto_identifiers-citations"
# Characters of one text, without its pictures; a page has 3,000.
_LONGEST = 30_000
# Seconds of a processor: for what is rewritten before pandoc reads it, and for pandoc, apart from its length.
_PATIENCE_S = 3.0
_PANDOC_S, _PANDOC_AGAIN_S, _CHARACTERS_PER_S = 2, 1, 20_000


def convert_markdown(pieces: list[Piece], album: Album, folder: Path | None, pandoc: str, result: PdfResult) -> None:
    """Turn all markdown into typst with one call of pandoc, cell by cell: an open fence ends with its cell.

    What takes too long is shown as plain text.
    """
    root = album.folder.parent
    for piece in pieces:
        if piece.markdown is not None:
            piece.markdown, problems = album.take_from(piece.markdown, piece.attachments)
            result.problems += [f"{piece.where}: {problem}" for problem in problems]
    waiting = [piece for piece in pieces if piece.markdown is not None]
    run = _Pandoc(pandoc, root, folder)
    run.told_of = album.left_out
    prepared = _made_ready(waiting, run, result)
    _convert(prepared, run, result, _PANDOC_S + sum(len(text) for _, text in prepared) // _CHARACTERS_PER_S)
    result.problems += run.told() + mend_files(root / "media")


def _made_ready(waiting: list[Piece], run: _Pandoc, result: PdfResult) -> list[tuple[Piece, str]]:
    """Return the texts as pandoc reads them; those that are too long, or take too long, become plain text."""
    began = time.process_time()
    macros = _macros([piece for piece in waiting if len(piece.markdown) <= _LONGEST])
    prepared = []
    for piece in waiting:
        reason = ""
        if len(piece.markdown) > _LONGEST:
            reason = f"it has {len(piece.markdown):,} characters"
        elif time.process_time() - began > _PATIENCE_S:
            reason = "the texts before took too long"
        else:
            try:
                prepared.append((piece, _for_pandoc(piece.markdown, run.table, macros)))
            except _TooMuch as error:
                reason = str(error)
        if reason:
            as_plain_text(piece, reason, result)
    return prepared


def _convert(prepared: list[tuple[Piece, str]], run: _Pandoc, result: PdfResult, seconds: int) -> None:
    """Convert texts together; if that takes too long, find the one that does by halves."""
    if not prepared:
        return
    try:
        parts = run([text for _, text in prepared], seconds)
    except _TooMuch as error:
        if len(prepared) == 1:
            as_plain_text(prepared[0][0], str(error), result)
            return
        # Most notebooks have one such text, and it shows: so it is looked for among the odd ones first.
        ordered = sorted(prepared, key=lambda one: _oddness(one[1]))
        most = min(len(ordered) - 1, len(ordered) * 7 // 8)
        for some in (ordered[:most], ordered[most:]):
            _convert(some, run, result, _PANDOC_AGAIN_S + sum(len(text) for _, text in some) // _CHARACTERS_PER_S)
        return
    for (piece, _), part in zip(prepared, parts, strict=True):
        piece.typst = part


def _oddness(text: str) -> int:
    """Return how many signs of a text mean something to pandoc, and some for its length."""
    return len(text) // 50 + sum(map(text.count, "[]*_`<>!"))


class _TooMuch(Exception):
    """A text asks for more time or room than it gets; the text says why."""


class _Pandoc:
    """Calls of pandoc for one PDF, with what it said of them.

    Parameters
    ----------
    program : str
    root : pathlib.Path
        Of the document; media are put below it.
    folder : pathlib.Path or None
        Where pictures are looked for.
    """

    _most_tables = 30
    _most_calls = 24

    def __init__(self, program: str, root: Path, folder: Path | None) -> None:
        self.program, self.root, self.log, self.tables, self.calls = program, root, "", 0, 0
        self.told_of: set[str] = set()
        self.places = [str(place) for place in (folder, root) if place]

    def __call__(self, texts: list[str], seconds: int) -> list[str]:
        cells = []
        for text in texts:
            boundary = {"cell_type": "code", "metadata": {}, "source": _MARKER, "outputs": [], "execution_count": None}
            cells += [{"cell_type": "markdown", "metadata": {}, "source": text}, boundary]
        whole = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        options = ["--wrap=none", f"--extract-media={self.root}/media", f"--resource-path={':'.join(self.places)}"]
        typst = self._run(["-f", _READER, "-t", "typst", *options], whole, seconds)
        boundary = re.compile(r"#block\[\n```(?:python)?\n" + _MARKER + r"\n```\n\n\]\n?")
        parts = boundary.split(typst)
        if len(parts) != len(texts) + 1:
            raise PdfError(f"pandoc returned {len(parts) - 1} of {len(texts)} cells; is pypandoc_binary up to date?")
        # Pictures were put into the media folder; typst wants paths below its root.
        return [_named_anew(part.replace(f"{self.root}/", "")) for part in parts[:-1]]

    def table(self, text: str) -> str:
        """Return a table in HTML as one in Markdown."""
        self.tables += 1
        if self.tables > self._most_tables:
            raise _TooMuch(f"there are more than {self._most_tables} tables in HTML")
        form = "markdown-simple_tables-multiline_tables-grid_tables+pipe_tables-raw_html-native_divs-native_spans"
        made = self._run(["-f", "html", "-t", form, "--wrap=none", "--columns=10000"], text, _PANDOC_AGAIN_S)
        return f"\n\n{made}\n\n"

    def _run(self, options: list[str], text: str, seconds: int) -> str:
        self.calls += 1
        if self.calls > self._most_calls + self.tables:
            raise _TooMuch("other texts took too long to be set")
        try:
            # Seconds of a processor where that can be said, so that a busy computer loses nothing.
            done = subprocess.run(
                [self.program, *options], input=text.encode("utf-8", "replace"), capture_output=True, check=False,
                timeout=seconds * (8 if _cpu_seconds else 3), preexec_fn=_cpu_seconds and _cpu_seconds(seconds),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise _TooMuch("it takes too long to be set") from None
        said = done.stderr.decode("utf-8", "replace")
        if done.returncode:
            why = "it takes too long to be set" if done.returncode < 0 else "pandoc can't read it"
            raise _TooMuch(why)
        self.log += said
        return done.stdout.decode("utf-8", "replace")

    def told(self) -> list[str]:
        """Return what pandoc could not set, one sentence each."""
        problems = []
        said = r"Could not convert TeX math (.*?), rendering as TeX|Could not fetch resource ([^\n]+?): "
        for formula, address in dict.fromkeys(re.findall(said, self.log, re.DOTALL)):
            name = unquote(address.removeprefix("attachment:"))
            if formula:
                problems.append(f"the formula {formula[:80]} is shown as TeX")
            elif name not in self.told_of:
                problems.append(f"the picture {one_line(name, 80)} is missing")
        return problems


def _limit_cpu(seconds: int) -> Callable[[], None]:
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


# Windows has no such limit.
_cpu_seconds = _limit_cpu if os.name == "posix" else None


_ARGUMENT = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand\*?|DeclareMathOperator(\*?))\s*\{?\\([A-Za-z]+)\}?\s*(?:\[(\d)\])?\s*" + _ARGUMENT
)


def _macros(pieces: Sequence[Piece]) -> dict[str, tuple[int, str]]:
    """Return the macros that any cell defines: MathJax knows them in the whole notebook."""
    found = {}
    for piece in pieces:
        for match in _DEFINITION.finditer(piece.markdown):
            body = match[4]
            if match[0].startswith("\\DeclareMathOperator"):
                body = rf"\operatorname{match[1]}{{{body}}}"
            found[match[2]] = (int(match[3] or 0), body)
    return found


_COMMAND = re.compile(r"\\([A-Za-z]+)")
_FOLLOWING = re.compile(rf"\s*{_ARGUMENT}")


def _expand(text: str, macros: Mapping[str, tuple[int, str]]) -> str:
    """Replace macros by what they stand for; pandoc reads each cell alone and would not know them."""
    if "\\newcommand" in text or "\\renewcommand" in text or "\\DeclareMathOperator" in text:
        text = re.sub(rf"\$(?:\s*(?:{_DEFINITION.pattern}))+\s*\$", "", text)
        text = _DEFINITION.sub("", text)
    for _ in range(5):  # a macro may use another one
        before = text
        text = _expand_once(text, macros)
        if text == before:
            break
    return text


def _expand_once(text: str, macros: Mapping[str, tuple[int, str]]) -> str:
    made, start, size = [], 0, 0
    for command in _COMMAND.finditer(text):
        if command.start() < start or command[1] not in macros:
            continue
        count, body = macros[command[1]]
        end, arguments = command.end(), []
        while len(arguments) < count and (argument := _FOLLOWING.match(text, end)):
            arguments.append(argument[1])
            end = argument.end()
        if len(arguments) < count:
            continue
        filled = re.sub(r"#([1-9])", lambda m, a=arguments: a[int(m[1]) - 1] if int(m[1]) <= len(a) else "", body)
        made += [text[start : command.start()], "{", filled, "}"]
        start, size = end, size + len(filled)
        if size > _LONGEST:
            raise _TooMuch("its macros grow too large")
    return "".join([*made, text[start:]])


# With limits on what is in between, so that the time goes with the length of the text.
_ON_THE_WEB = re.compile(r"!\[([^\]]{0,500})\]\((https?://[^)\s]{1,2000})[^)]{0,500}\)")
_SUMMARY = re.compile(r"<summary\b[^>]{0,300}>(.{0,3000}?)</summary>", re.DOTALL | re.IGNORECASE)
_UNSEEN = re.compile(
    r"<style\b.{0,5000}?</style>|<script\b.{0,5000}?</script>|<!--.{0,5000}?-->", re.DOTALL | re.IGNORECASE
)


def _named_anew(typst: str) -> str:
    """Return typst whose formulas call operators in circles as typst does by now, and pandoc not yet."""
    return re.sub(r"(?<!\\)\$[^$]*\$", lambda found: re.sub(r"\b(\w+)\.circle\b", r"\1.o", found[0]), typst)


def _for_pandoc(text: str, table: Callable[[str], str], macros: Mapping[str, tuple[int, str]]) -> str:
    """Rewrite what Jupyter shows but pandoc does not read."""
    text = clean(text)
    pieces = re.split(r"(^```.*?^```|^~~~.*?^~~~|`[^`\n]+`)", text, flags=re.DOTALL | re.MULTILINE)
    for i in range(0, len(pieces), 2):
        part = _expand(pieces[i], macros)
        part = re.sub(r"\\label\{[^}]{0,200}\}|\\nonumber\b|\\notag\b", "", part)
        part = re.sub(r"\\tag\*?\{([^}]{0,200})\}", r"\\quad (\1)", part)
        part = re.sub(r"\\(?:bm|pmb)\b", r"\\boldsymbol", part)
        part = re.sub(r"\\mathbbm\b", r"\\mathbb", part)
        # A bare environment is shown as a formula; within dollars it already is one.
        part = re.sub(
            rf"(\$\$\s*)?\\begin\{{({_ENVIRONMENTS})\}}(.{{0,10000}}?)\\end\{{\2\}}(\s*\$\$)?",
            _environment,
            part,
            flags=re.DOTALL,
        )
        part = _ON_THE_WEB.sub(r"[\1 (picture on the web)](\2)", part)
        part = re.sub(r"<img\b[^>]{0,5000}>", _image_tag, part, flags=re.IGNORECASE)
        part = _SUMMARY.sub(r"\n\n**\1**\n\n", part)
        part = re.sub(r"<br\s*/?>", "  \n", part, flags=re.IGNORECASE)
        part = re.sub(r"<table\b.{0,50000}?</table>", lambda m: table(m[0]), part, flags=re.DOTALL | re.IGNORECASE)
        part = _without_html(part)
        part = _with_blank_lines(part)
        pieces[i] = part
    return "".join(pieces)


_LIST = re.compile(r"\s{0,3}(?:[-*+]|1[.)])\s+\S")
_HEADING = re.compile(r"#{1,6} ")
_GOES_ON = re.compile(r"\s*(?:(?:[-*+]|\d+[.)])\s|[|>])")


def _with_blank_lines(text: str) -> str:
    """Put a blank line before each list and heading: pandoc wants it, Jupyter does not."""
    lines = text.split("\n")
    made = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        made.append(line)
        before_list = _LIST.match(following) and not _GOES_ON.match(line)
        before_heading = _HEADING.match(following) and not line.startswith("#")
        if line.strip() and (before_list or before_heading):
            made.append("")
    return "\n".join(made)


def _without_html(text: str) -> str:
    """Replace tags by their meaning, or drop them: pandoc would drop what is inside them as well."""
    text = _UNSEEN.sub("", text)
    for tag, mark in (("b|strong", "**"), ("i|em", "*"), ("code|kbd|tt", "`"), ("s|del", "~~")):
        text = re.sub(rf"<({tag})\b[^>]{{0,300}}>([^<]+)</\1>", rf"{mark}\2{mark}", text, flags=re.IGNORECASE)
    text = re.sub(
        r"</?(?:div|details|center|p|section|article|blockquote|hr)\b[^>]{0,300}>", "\n\n", text, flags=re.IGNORECASE
    )
    return re.sub(
        r"</?(?:span|font|small|big|u|b|i|strong|em|a|mark|code|ul|ol|li)\b[^>]{0,300}>", "", text, flags=re.IGNORECASE
    )


def _environment(match: re.Match) -> str:
    name, body = match[2].rstrip("*"), match[3]
    if name in ("equation", "multline"):
        return (
            f"\n\n$$\\begin{{aligned}}{body}\\end{{aligned}}$$\n\n" if "\\\\" in body else f"\n\n$${body.strip()}$$\n\n"
        )
    if name == "alignat":
        body = re.sub(r"^\{\d+\}", "", body.lstrip())
    inner = "gathered" if name == "gather" else "aligned"
    # A blank line would end the formula.
    body = re.sub(r"\n\s*\n", "\n", body)
    return f"\n\n$$\\begin{{{inner}}}{body}\\end{{{inner}}}$$\n\n"


def _image_tag(match: re.Match) -> str:
    facts = dict(re.findall(r"""(\w+)\s*=\s*["']([^"']*)["']""", match[0]))
    name, alt = facts.get("src", ""), facts.get("alt", "")
    if name.startswith(("http://", "https://")):
        return f"[{alt or 'picture'} (picture on the web)]({name})"
    return f"![{alt}](<{name}>)" if name else alt
