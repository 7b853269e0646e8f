"""Plot helpers show the right numbers, on shared scales, and leave Matplotlib's settings alone."""

import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image

from course_utils import plotting


@pytest.fixture(autouse=True)
def no_window():
    """Draw into memory, and check that no helper touches global settings or leaves figures behind."""
    plt.switch_backend("agg")
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_show_image_scales_by_dtype():
    dim = np.array([[0.2, 0.4]])
    assert plotting.show_image(dim).images[0].get_clim() == (0, 1)
    assert plotting.show_image((dim * 255).astype(np.uint8)).images[0].get_clim() == (0, 255)
    assert plotting.show_image(dim, vmin=-1, vmax=2).images[0].get_clim() == (-1, 2)


def test_show_image_takes_grey_colour_and_one_channel():
    for shape in [(3, 4), (3, 4, 3), (3, 4, 1)]:
        assert plotting.show_image(np.zeros(shape), title="zeros").get_title() == "zeros"
    with pytest.raises(ValueError, match=r"must have shape \(H, W\) or \(H, W, 3\), got \(1, 3, 4\)"):
        plotting.show_image(np.zeros((1, 3, 4)))


def test_show_image_draws_where_it_is_told():
    _, axes = plt.subplots(1, 2)
    assert plotting.show_image(np.zeros((2, 2)), axes[1]) is axes[1]
    assert not axes[0].images


def test_cells_carry_their_numbers_in_reading_order():
    ax = plotting.show_cells(np.array([[1, -2.5, 1 / 3], [0, 1e3, -0.001]]))
    assert texts(ax) == ["1", "−2.5", "0.33", "0", "1000", "0"]
    positions = [text.get_position() for text in ax.texts]
    assert positions == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert texts(plotting.show_cells(np.array([1 / 3]), digits=4)) == ["0.3333"]


def test_numbers_can_be_read_on_their_cells():
    ax = plotting.show_cells(np.linspace(-3, 3, 25).reshape(5, 5))
    image = ax.images[0]
    for text in ax.texts:
        column, row = text.get_position()
        cell = np.array(image.cmap(image.norm(image.get_array()[row, column]))[:3]) @ [0.2126, 0.7152, 0.0722]
        assert abs(cell - (text.get_color() == "white")) > 0.4


def test_cells_want_one_or_two_axes():
    with pytest.raises(ValueError, match="one or two axes"):
        plotting.show_cells(np.zeros((2, 2, 2)))


def test_negative_values_bring_a_diverging_map_centred_on_zero():
    signed = plotting.show_cells(np.array([[-1, 5]])).images[0]
    assert signed.get_clim() == (-5, 5)
    assert signed.cmap.name == "RdBu_r"
    unsigned = plotting.show_cells(np.array([[1, 5]])).images[0]
    assert unsigned.get_clim() == (1, 5)
    assert unsigned.cmap.name == "viridis"


def test_kernels_are_signed_even_without_negative_weights():
    image = plotting.show_kernel(np.ones((3, 3)) / 9).images[0]
    assert image.cmap.name == "RdBu_r"
    assert image.get_clim() == pytest.approx((-1 / 9, 1 / 9))
    assert plotting.show_kernel(np.zeros((3, 3))).images[0].get_clim() == (-1, 1)


def test_maps_share_one_scale():
    figure = plotting.show_maps({"small": np.ones((2, 3)), "large": np.full((2, 3), -7.0)}, label="answer")
    limits = {ax.images[0].get_clim() for ax in figure.axes[:2]}
    assert limits == {(-7, 7)}
    assert [ax.get_title() for ax in figure.axes[:2]] == ["small", "large"]
    assert figure.axes[-1].get_ylabel() == "answer"


def test_maps_fill_rows_and_hide_spare_panels():
    figure = plotting.show_maps({str(n): np.eye(2) * n for n in range(5)}, columns=3, numbers=True)
    panels = figure.axes[:6]
    assert [bool(ax.images) for ax in panels] == [True] * 5 + [False]
    assert not panels[5].axison
    assert texts(panels[4]) == ["4", "0", "0", "4"]


def test_maps_with_numbers_keep_the_shared_scale():
    figure = plotting.show_maps({"a": np.eye(2), "b": 3 * np.eye(2)}, numbers=True, vmax=10)
    assert {ax.images[0].get_clim() for ax in figure.axes[:2]} == {(0, 10)}


def test_no_maps_are_refused():
    with pytest.raises(ValueError, match="at least one map"):
        plotting.show_maps({})


def test_window_shows_products_and_their_sum():
    image = np.arange(12).reshape(3, 4)
    kernel = np.array([[1, 0], [0, -1]])
    figure = plotting.show_window(image, kernel, 1, 2)
    left, middle, right = figure.axes
    assert texts(left) == [str(n) for n in range(12)]
    assert texts(middle) == ["1", "0", "0", "−1"]
    assert texts(right) == ["6", "0", "0", "−11"]
    assert right.get_title() == "products, sum −5"
    assert left.patches[0].get_xy() == (1.5, 0.5)


def test_window_at_the_edge_sees_zeros():
    figure = plotting.show_window(np.full((3, 3), 4), np.ones((3, 3)), 0, 0, padding="same")
    assert figure.axes[2].get_title() == "products, sum 16"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["-1", "0", "1", "2", "3"]


def test_window_refuses_positions_and_paddings_that_do_not_exist():
    image, kernel = np.zeros((3, 4)), np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 3\), so there is no entry \(2, 0\)"):
        plotting.show_window(image, kernel, 2, 0)
    with pytest.raises(ValueError, match="Unknown padding 'full'; choose 'valid' or 'same'"):
        plotting.show_window(image, kernel, 0, 0, padding="full")


@pytest.mark.parametrize(
    ("arguments", "title", "unused"),
    [
        ((8, 3), "6 windows over 8 pixels", 0),
        ((10, 3, 0, 2), "4 windows over 10 pixels, 1 not reached", 1),
        ((9, 3, 1, 3), "3 windows over 9 pixels and 2 zeros, 2 not reached", 2),
        ((10, 3, 1, 2), "5 windows over 10 pixels and 2 zeros, 1 not reached", 1),  # a zero
        ((5, 5), "1 windows over 5 pixels", 0),
        ((6, 1, 0, 4), "2 windows over 6 pixels, 4 not reached", 4),
    ],
)
def test_positions_are_counted(arguments, title, unused):
    ax = plotting.show_positions(*arguments)
    assert ax.get_title() == title
    assert sum(patch.get_hatch() is not None for patch in ax.patches) == unused


@pytest.mark.parametrize(("arguments", "message"), [((3, 5), "does not fit"), ((3, 0), "must be at least 1")])
def test_positions_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.show_positions(*arguments)


def test_figures_become_pngs_and_are_closed():
    figure = plotting.show_kernel(np.eye(3)).figure
    picture = Image.open(io.BytesIO(plotting.save_png(figure)))
    assert picture.format == "PNG"
    assert picture.width > 100
    assert not plt.fignum_exists(figure.number)


def test_a_displayed_figure_carries_its_description(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: shown.append((args, kwargs)))
    figure = plotting.show_kernel(np.eye(3)).figure
    plotting.show_figure(figure, alt='A 3x3 kernel, "identity" & no more.')
    (((bundle,), options),) = shown
    assert 'alt="A 3x3 kernel, &quot;identity&quot; &amp; no more."' in bundle["text/html"]
    assert bundle["text/plain"] == 'A 3x3 kernel, "identity" & no more.'
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).format == "PNG"
    assert options["raw"]
    assert not plt.fignum_exists(figure.number)


def test_exported_pages_keep_the_description(tmp_path):
    source = (
        "import numpy as np\nfrom course_utils.plotting import show_figure, show_kernel\n"
        "show_figure(show_kernel(np.eye(2)).figure, alt='a small kernel')"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(
        notebook, startup_timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    for template in ("lab", "classic"):
        page, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
        assert page.count('alt="a small kernel"') == 1


def test_a_figure_without_description_is_refused():
    with pytest.raises(ValueError, match="must say what the figure shows"):
        plotting.show_figure(plt.figure(), alt=" ")


def test_shapes_are_drawn_to_scale_and_named():
    ax = plotting.show_shapes({"input": (1, 32, 16), "conv": (4, 8, 8), "fc": (10,), "out": 2})
    assert texts(ax) == ["input\n1 × 32 × 16", "conv\n4 × 8 × 8", "fc\n10", "out\n2"]
    sizes = [(patch.get_width(), patch.get_height()) for patch in ax.patches]
    assert sizes[0] == (16, 32)
    assert sizes[1:6] == [(8, 8)] * 5  # more channels, more sheets
    assert sizes[6][1] > sizes[7][1]  # more features, a taller bar
    assert len(sizes) == 8


def test_shapes_of_two_axes_are_refused():
    with pytest.raises(ValueError, match=r"'conv' must be \(channels, height, width\) or \(features,\), got \(8, 8\)"):
        plotting.show_shapes({"conv": (8, 8)})
