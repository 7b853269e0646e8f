"""A notebook with everything that makes PDFs go wrong."""

from __future__ import annotations

import base64
import io

from PIL import Image


def picture(width: int = 300, height: int = 200, colour: tuple[int, int, int] = (0, 114, 178)) -> str:
    """Return a PNG of one colour as base64."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def code(text: str, *outputs: dict) -> dict:
    """Return a code cell."""
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": list(outputs), "execution_count": 1}


def markdown(text: str, **attachments: dict) -> dict:
    """Return a markdown cell."""
    cell = {"cell_type": "markdown", "metadata": {}, "source": text}
    return cell | ({"attachments": attachments} if attachments else {})


def shown(**data: str) -> dict:
    """Return an output; `image_png="..."` stands for the type image/png."""
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {key.replace("_", "/", 1): value for key, value in data.items()},
    }


def stream(text: str) -> dict:
    """Return text printed to stdout."""
    return {"output_type": "stream", "name": "stdout", "text": text}


TABLE = """<div><style scoped>td {color: red}</style><table border="1" class="dataframe"><thead><tr><th></th>
<th>Schicht</th><th>Parameter</th></tr></thead><tbody><tr><th>0</th><td>Faltung_1</td><td>156</td></tr>
<tr><th>1</th><td>Dichte &amp; Größe</td><td>48120</td></tr></tbody></table></div>"""

MATHS = r"""## Mathematik mit Umlauten: Größe, Maß, Übung

Im Text: $\hat{y}_i = \mathrm{softmax}(z)_i$ und \(a^2 + b^2 = c^2\), dazu $\R^n$.
\begin{align}
\frac{\partial L}{\partial W_{ij}} &= \sum_n \delta_n x_n \label{eq:a} \\
&= \mathbb{E}[x] \nonumber
\end{align}
$$\begin{equation} \mathcal{L} = -\sum_k y_k \log \hat{y}_k \tag{1} \end{equation}$$

$$W = \begin{pmatrix} -1 & 0 & 1 \\ -2 & 0 & 2 \end{pmatrix}, \quad
f(x) = \begin{cases} 1 & x > 0 \\ 0 & \text{sonst} \end{cases}$$

$$\operatorname*{arg\,max}_{\theta} \bm{x}^\top \lVert x \rVert_2^2
\underbrace{a + b}_{\text{Summe}} \left\lfloor \frac{H+2p-k}{s} \right\rfloor$$
"""

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><rect width="90" height="30" fill="green"/></svg>'
ON_THE_WEB = (
    "![im Netz](https://example.org/x.png) <img src='https://example.org/y.png' alt='auch'> #set page(width: 1cm)"
)
FOLDED = "<details><summary>Hinweis</summary>\n\nDer *Hinweis* selbst.\n\n</details>\n\n"
LONG = 'def f(x):\n    """Größe."""\n\treturn x  # ' + "sehr lang, " * 20 + "\nurl = '" + "x" * 300 + "'\n"
PROGRESS = "epoch 1\repoch 2\repoch 3\n\x1b[31mred\x1b[0m\n" + "\n".join(map(str, range(400)))
ERROR = {
    "output_type": "error",
    "ename": "ZeroDivisionError",
    "evalue": "division by zero",
    "traceback": ["\x1b[0;31mZeroDivisionError\x1b[0m: division by zero"],
}
FIGURES = (
    shown(image_png=picture(), text_plain="<Figure>"),
    shown(image_png=picture(4000, 300)),
    shown(image_png=picture(100, 5000)),
)
WIDGET = {"application_vnd.jupyter.widget-view+json": "{}", "text_plain": "IntSlider(value=3)"}

TORTURE = [
    markdown(r"$\newcommand{\R}{\mathbb{R}}$ An open fence ends with its cell: ``` and <div> <b>bold"),
    markdown(MATHS),
    markdown("Liste gleich nach dem Text:\n- eins\n- zwei\n\n| k | n |\n|---|--:|\n| 3 | 61.706 |\n\n" + TABLE),
    markdown("![da](attachment:b.png) und ![fehlt](nirgends.png)", **{"b.png": {"image/png": picture(80, 40)}}),
    markdown(ON_THE_WEB),
    markdown(FOLDED + "@nobody [@nobody2020] $unbekannt \\nosuchmacro{x}$"),
    code(LONG),
    code("show()", *FIGURES),
    code("frame", shown(text_html=TABLE, text_plain="frame")),
    code("train()", stream(PROGRESS), stream('#panic("no") $x$')),
    code("1/0", ERROR),
    code("formula", shown(text_latex=r"$\displaystyle \frac{x^2}{2}$", text_plain="x**2/2")),
    code("slider", shown(**WIDGET)),
    code("broken picture", shown(image_png="%%%not base64%%%")),
    code("svg", shown(**{"image_svg+xml": SVG})),
]


def notebook(cells: list[dict] | None = None) -> dict:
    """Return a notebook of these cells, by default of all that go wrong."""
    return {"cells": TORTURE if cells is None else cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
