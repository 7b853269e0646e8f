"""Code for the browser of whoever opens the feedback or grades by hand."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import Attack, cell_named
from tests.attacks.course import SCRIPT

_HTML = (
    f"<script>{SCRIPT}()</script><img src=x onerror='{SCRIPT}()'><svg onload={SCRIPT}()><a href='javascript:{SCRIPT}()'>x</a>"
    f"<iframe srcdoc='<script>{SCRIPT}()</script>'></iframe><form action='/formgrader'><button formaction='javascript:{SCRIPT}()'>x</button></form>"
    f"<style>* {{ background: url('//evil/{SCRIPT}') }}</style><meta http-equiv=refresh content='0;url=javascript:{SCRIPT}()'>"
    f"<object data='javascript:{SCRIPT}()'></object><math><mtext></mtext><mglyph><style><img src=x onerror={SCRIPT}()></style></math>"
    f"<base href='//evil/'><link rel=stylesheet href='//evil/{SCRIPT}'><details open ontoggle={SCRIPT}()>x</details>"
)

_SEND = f"""
kernel = get_ipython().kernel
def show(**data):
    kernel.session.send(kernel.iopub_socket, "display_data", {{"data": {{k.replace("_", "/", 1): v for k, v in data.items()}}, "metadata": {{}}}}, parent=kernel.get_parent())
html = {_HTML!r}
"""

ATTACKS = [
    Attack("HTML and JavaScript as outputs", first="from IPython.display import HTML, Javascript, SVG, IFrame, display\n"
           f"display(HTML({_HTML!r}), Javascript('{SCRIPT}()'), SVG('<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"{SCRIPT}()\"></svg>'), IFrame('javascript:{SCRIPT}()', 1, 1))"),
    Attack("HTML in printed text and in tracebacks", loses=("rescale",), first=f"print({_HTML!r})\nimport sys\nprint({_HTML!r}, file=sys.stderr)",
           cells={"rescale": f"def rescale(values):\n    raise ValueError({_HTML!r})\nrescale(1)"}),
    Attack("pictures that are code", first=_SEND + "from IPython.display import Image\n"
           f"show(image_png='x\" onerror=\"{SCRIPT}()')\nshow(image_png='\"><script>{SCRIPT}()</script>')\n"
           f"show(image_jpeg='x\\' onerror=\\'{SCRIPT}()')\nshow(image_png='AAAA', text_plain=html)"),
    Attack("HTML in Markdown and LaTeX outputs", first=_SEND + "show(text_markdown=html)\nshow(text_latex=html)\n"
           f"show(text_markdown='[x](javascript:{SCRIPT}()) <javascript:{SCRIPT}()> ![x](x){{onerror={SCRIPT}()}}')\n"
           f"show(text_latex='$\\\\href{{javascript:{SCRIPT}()}}{{x}} \\\\require{{html}} \\\\style{{background:url({SCRIPT})}}{{x}}$')\nshow(text_plain=html)"),
    Attack("HTML in texts of the student", edit=lambda nb: nb["cells"].extend(
        {"cell_type": "markdown", "metadata": {}, "source": text, "id": f"text-{n}"} for n, text in enumerate(
            (_HTML, f"[x](javascript:{SCRIPT}())", f"[x](JaVaScRiPt:{SCRIPT}()) [y](data:text/html,<script>{SCRIPT}()</script>)",
             f"$\\href{{javascript:{SCRIPT}()}}{{x}}$", f"`` ` <script>{SCRIPT}()</script>", f"<scr<script>ipt>{SCRIPT}()</script>",
             f"<!--><script>{SCRIPT}()</script>-->", f"$$<img src=x onerror={SCRIPT}()>$$", f"```\n</pre><script>{SCRIPT}()</script>\n```",
             f"```html+<script>{SCRIPT}()</script>\nx\n```", f"![x]({SCRIPT}\" onerror=\"{SCRIPT}())",
             f"\\begin{{align}}<img src=x onerror={SCRIPT}()>\\end{{align}}")))),
    Attack("HTML in an answer that a person grades", edit=lambda nb: cell_named(nb, "explain").update(source=_HTML)),
    Attack("HTML in code and comments", first=f"# </pre></div>{_HTML}\nx_ = '''</script>{_HTML}'''"),
    Attack("HTML in the names of things", loses=("rescale", "num_weights"), cells={
        "rescale": f"E = type({_HTML!r}, (Exception,), {{}})\ndef rescale(values):\n    raise E({_HTML!r})",
        "num_weights": f"num_weights = {_HTML!r}"}),
    Attack("colour codes that are code", first=f"print('\\x1b[31m<script>{SCRIPT}()</script>\\x1b[38;2;1;2;\"><script>{SCRIPT}()</script>m')\n"
           f"print('\\x1b]8;;javascript:{SCRIPT}()\\x07link\\x1b]8;;\\x07')"),
    Attack("text that takes a Markdown reader for ever", edit=lambda nb: nb["cells"].extend(
        {"cell_type": "markdown", "metadata": {}, "source": text, "id": f"slow-{n}"} for n, text in enumerate(
            ("[" * 60_000, "*a " * 60_000, "> " * 20_000 + "x", "`" * 50_001 + "x" + "`" * 50_000, "<a " * 60_000, "![" * 50_000, "a*_" * 60_000,
             "- " * 5_000 + "x", "|a" * 60_000 + "\n" + "|-" * 60_000, "$" * 100_001, "\\(" * 60_000, "&" * 100_000, "[a](" * 40_000,
             "<!--" * 40_000, "**a " * 40_000, "[a]: b\n" * 20_000, "<div" + " a" * 60_000)))),
    Attack("code and output that take a highlighter for ever", first="print('\\x1b[1m' * 12_000)\nprint('\\x1b[' * 25_000)\nprint('\\\\' * 50_000)\nprint('http://' * 8_000)",
           last='"' * 60_000 + "\n'''" + "\\" * 50_001),
]  # fmt: skip
