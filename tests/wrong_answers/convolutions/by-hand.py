"""What students hand in for convolutions/by-hand and what it costs."""

from tests.support.answers import Answer

CROSS_CORRELATE = """def cross_correlate(image, kernel, padding):
    k_h, k_w = kernel.shape
    if padding == "same":
        border_h, border_w = (k_h - 1) // 2, (k_w - 1) // 2
        image = np.pad(image, ((border_h, border_h), (border_w, border_w)))
    height, width = image.shape[0] - k_h + 1, image.shape[1] - k_w + 1
    output = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            output[i, j] = np.sum(kernel * image[i : i + k_h, j : j + k_w])
    return output
"""

PADDING_SHAPES = """shape_valid = (28, 42)
shape_same = (32, 48)
zeros_same = (2, 3)
touched = 360
"""

FILTERS = """horizontal_line = vertical_line.T
blur = np.full((3, 3), 1 / 9)
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
kernels = {"vertical line": vertical_line, "horizontal line": horizontal_line, "blur": blur, "sharpen": sharpen}
feature_maps = {name: cross_correlate(sheet, kernel, "same") for name, kernel in kernels.items()}
"""

TOEPLITZ_ROWS = """W_rows = [
    [-1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0, 0],
    [0, -1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, -1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0],
    [0, 0, 0, 0, 0, -1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1],
]
"""

PRODUCT = """x_vector = x.reshape(16)
y_vector = np.array(W_rows) @ x_vector
y = y_vector.reshape(2, 2)
y_other_vector = np.array(W_rows) @ x_other.reshape(16)
y_other = y_other_vector.reshape(2, 2)
"""

TOEPLITZ_MATRIX = """def toeplitz_matrix(kernel, image_shape):
    k_h, k_w = kernel.shape
    height, width = image_shape[0] - k_h + 1, image_shape[1] - k_w + 1
    rows = []
    for i in range(height):
        for j in range(width):
            canvas = np.zeros(image_shape)
            canvas[i : i + k_h, j : j + k_w] = kernel
            rows.append(canvas.ravel())
    return np.array(rows)
"""


def changed(source: str, old: str, new: str) -> str:
    """Return `source` with one place changed, and make sure that there is such a place."""
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
    return source.replace(old, new)


PAPER = "test_paper"
LOOPS = ("test_cross_correlate_visible", "test_cross_correlate_hidden")
MATRIX = ("test_toeplitz_matrix_visible", "test_toeplitz_matrix_hidden")
ROWS, PRODUCTS, FOLDED = "test_toeplitz_rows", "test_product", "test_folded"

OF_TORCH = """    image, kernel = (torch.tensor(np.array(part, dtype=float))[None, None] for part in (image, kernel))
    pads = [n // 2 if padding == "same" else 0 for n in kernel.shape[2:]]
"""

ANSWERS = [
    # Exercise 1
    Answer(
        why="paper: the corner worked out for valid padding",
        cells={"paper": "paper_centre, paper_corner, paper_edge = -16, 8, -40"},
        loses=(PAPER,),
    ),
    Answer(
        why="paper: the kernel turned by 180 degrees",
        cells={"paper": "paper_centre, paper_corner, paper_edge = -16, 10, 40"},
        loses=(PAPER,),
    ),
    Answer(
        why="paper: the window whose corner, not centre, is (2, 2)",
        cells={"paper": "paper_centre, paper_corner, paper_edge = 8, 10, -40"},
        loses=(PAPER,),
    ),
    Answer(
        why="paper: signs the other way round",
        cells={"paper": "paper_centre, paper_corner, paper_edge = 16, -10, 40"},
        loses=(PAPER,),
    ),
    Answer(
        why="paper: one number left out",
        cells={"paper": "paper_centre, paper_corner = -16, 10"},
        loses=(PAPER,),
    ),
    # Exercise 2
    Answer(
        why="the convolution of the course's package, with the kernel turned round",
        cells={
            "cross_correlate": "import torch\n"
            "from course_utils.lessons.convolutions.operation import convolve as ready\n"
            "\n\n"
            "def cross_correlate(image, kernel, padding):\n"
            "    both = [torch.tensor(np.asarray(part, dtype=float)) for part in (image, kernel[::-1, ::-1].copy())]\n"
            "    return ready(*both, mode=padding).numpy()\n"
        },
        loses=("test_cross_correlate_visible",),
    ),
    Answer(
        why="kernel flipped",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "np.sum(kernel *", "np.sum(kernel[::-1, ::-1] *")},
        loses=LOOPS,
    ),
    Answer(
        why="kernel transposed",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "    k_h, k_w", "    kernel = kernel.T\n    k_h, k_w")},
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why="output takes the dtype of the image",
        cells={
            "cross_correlate": changed(
                CROSS_CORRELATE, "np.zeros((height, width))", "np.zeros((height, width), dtype=image.dtype)"
            )
        },
        loses=("test_cross_correlate_hidden", "test_filters"),
    ),
    Answer(
        why="borders of rows and columns swapped",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "border_h, border_w = (k_h", "border_w, border_h = (k_h")},
        loses=("test_cross_correlate_hidden",),
    ),
    Answer(
        why="border of one pixel whatever the kernel",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "(k_h - 1) // 2, (k_w - 1) // 2", "1, 1")},
        loses=("test_cross_correlate_hidden",),
    ),
    Answer(
        why="kernel taken to be square",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "k_h, k_w = kernel.shape", "k_h = k_w = len(kernel)")},
        loses=("test_cross_correlate_hidden",),
    ),
    Answer(
        why="rows and columns of the output swapped",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "return output", "return output.T")},
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why="edge pixels repeated instead of zeros",
        cells={
            "cross_correlate": changed(CROSS_CORRELATE, "(border_w, border_w)))", '(border_w, border_w)), mode="edge")')
        },
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why="all zeros below and to the right",
        cells={
            "cross_correlate": changed(
                CROSS_CORRELATE, "((border_h, border_h), (border_w, border_w))", "((0, k_h - 1), (0, k_w - 1))"
            )
        },
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why="one window too few in each direction",
        cells={
            "cross_correlate": changed(
                CROSS_CORRELATE,
                "image.shape[0] - k_h + 1, image.shape[1] - k_w + 1",
                "image.shape[0] - k_h, image.shape[1] - k_w",
            )
        },
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why='"same" as large as "valid"',
        cells={"cross_correlate": changed(CROSS_CORRELATE, 'if padding == "same":', 'if padding == "full":')},
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why='"same" is "valid" with a rim of zeros around the result',
        cells={
            "cross_correlate": changed(
                changed(CROSS_CORRELATE, 'if padding == "same":', 'if padding == "full":'),
                "    return output\n",
                """    if padding == "same":
        output = np.pad(output, (((k_h - 1) // 2,) * 2, ((k_w - 1) // 2,) * 2))
    return output
""",
            )
        },
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why="mean instead of sum",
        cells={"cross_correlate": changed(CROSS_CORRELATE, "np.sum(", "np.mean(")},
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why="products written back into the window, so into the image",
        cells={
            "cross_correlate": changed(
                CROSS_CORRELATE,
                "output[i, j] = np.sum(kernel * image[i : i + k_h, j : j + k_w])",
                "window = image[i : i + k_h, j : j + k_w]\n"
                "            window *= kernel.astype(image.dtype)\n"
                "            output[i, j] = window.sum()",
            )
        },
        loses=(*LOOPS, "test_filters"),
    ),
    Answer(
        why='"same" writes its result into the image',
        cells={
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    k_h, k_w = kernel.shape
    if padding == "valid":
        source = image
        output = np.zeros((image.shape[0] - k_h + 1, image.shape[1] - k_w + 1))
    else:
        source = np.pad(image, (((k_h - 1) // 2,) * 2, ((k_w - 1) // 2,) * 2))
        output = image
    for i in range(output.shape[0]):
        for j in range(output.shape[1]):
            output[i, j] = np.sum(kernel * source[i : i + k_h, j : j + k_w])
    return output
"""
        },
        loses=("test_cross_correlate_hidden", "test_filters"),
    ),
    Answer(
        why="the library does it",
        cells={
            "cross_correlate": "def cross_correlate(image, kernel, padding):\n"
            "    return correlate2d(image.astype(float), kernel, mode=padding)\n"
        },
        loses=("test_cross_correlate_visible",),
    ),
    Answer(
        why="the library does it, under another name and in a helper",
        cells={
            "cross_correlate": "from scipy.signal import correlate2d as slide\n\n\n"
            "def helper(image, kernel, padding):\n"
            "    return slide(image.astype(float), kernel, mode=padding)\n\n\n"
            "def cross_correlate(image, kernel, padding):\n"
            "    return helper(image, kernel, padding)\n"
        },
        loses=("test_cross_correlate_visible",),
    ),
    *(
        Answer(
            why=f"cross_correlate: {why}",
            cells={
                "cross_correlate": f"import torch\n\n\ndef cross_correlate(image, kernel, padding):\n{OF_TORCH}{call}\n"
            },
            loses=("test_cross_correlate_visible",),
        )
        for why, call in {
            "the convolution under those that torch shows": "    return torch.convolution("
            "image, kernel, None, [1, 1], pads, [1, 1], False, [0, 0], 1)[0, 0].numpy()",
            "the transposed convolution of the kernel turned round": "    pads = [n // 2 for n in kernel.shape[2:]] "
            "if padding == 'same' else [n - 1 for n in kernel.shape[2:]]\n"
            "    return torch.nn.functional.conv_transpose2d(image, kernel.flip(2, 3), padding=pads)[0, 0].numpy()",
            "a layer that finds its channels": "    layer = torch.nn.LazyConv2d("
            "1, kernel.shape[2:], padding=pads, bias=False, dtype=torch.float64)\n"
            "    return torch.func.functional_call(layer, {'weight': kernel}, (image,))[0, 0].numpy()",
        }.items()
    ),
    Answer(
        why="cross_correlate: products of small integers overflow",
        cells={
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    k_h, k_w = kernel.shape
    if padding == "same":
        image = np.pad(image, ((k_h // 2, k_h // 2), (k_w // 2, k_w // 2)))
    output = np.zeros((image.shape[0] - k_h + 1, image.shape[1] - k_w + 1))
    for i in range(output.shape[0]):
        for j in range(output.shape[1]):
            output[i, j] = np.sum(image[i : i + k_h, j : j + k_w] * kernel)
    return output
"""
        },
        loses=("test_cross_correlate_hidden",),
    ),
    # Exercise 3
    Answer(
        why="padding: columns first",
        cells={"padding_shapes": changed(PADDING_SHAPES, "(28, 42)", "(42, 28)")},
        loses=("test_padding_shapes",),
    ),
    Answer(
        why="padding: zeros of both sides counted",
        cells={"padding_shapes": changed(PADDING_SHAPES, "(2, 3)", "(4, 6)")},
        loses=("test_padding_shapes",),
    ),
    Answer(
        why="padding: the outputs that are not touched",
        cells={"padding_shapes": changed(PADDING_SHAPES, "360", "28 * 42")},
        loses=("test_padding_shapes",),
    ),
    Answer(
        why="padding: +1 forgotten",
        cells={"padding_shapes": changed(PADDING_SHAPES, "(28, 42)", "(27, 41)")},
        loses=("test_padding_shapes",),
    ),
    # Exercise 4
    Answer(
        why="filters: blur adds up instead of averaging",
        cells={"filters": changed(FILTERS, "np.full((3, 3), 1 / 9)", "np.ones((3, 3))")},
        loses=("test_filters",),
    ),
    Answer(
        why="filters: sharpen without the picture itself",
        cells={"filters": changed(FILTERS, "[-1, 5, -1]", "[-1, 4, -1]")},
        loses=("test_filters",),
    ),
    Answer(
        why="filters: sharpen with the corners instead of the direct neighbours",
        cells={
            "filters": changed(
                FILTERS, "[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]", "[[-1, 0, -1], [0, 5, 0], [-1, 0, -1]]"
            )
        },
        loses=("test_filters",),
    ),
    Answer(
        why="filters: results rounded",
        cells={
            "filters": changed(
                FILTERS, 'cross_correlate(sheet, kernel, "same")', 'np.round(cross_correlate(sheet, kernel, "same"), 1)'
            )
        },
        loses=("test_filters",),
    ),
    Answer(
        why="filters: kernels as lists",
        cells={
            "filters": changed(
                FILTERS, "np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])", "[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]"
            ).replace('cross_correlate(sheet, kernel, "same")', 'cross_correlate(sheet, np.array(kernel), "same")')
        },
        loses=("test_filters",),
    ),
    Answer(
        why="filters: a kernel under another name",
        cells={"filters": FILTERS.replace("blur", "mean_filter").replace('"mean_filter"', '"blur"')},
        loses=("test_filters",),
    ),
    Answer(
        why="filters: names with underscores",
        cells={"filters": FILTERS.replace('"vertical line"', '"vertical_line"')},
        loses=("test_filters",),
    ),
    Answer(
        why="filters: a list instead of a dict",
        cells={"filters": FILTERS + "feature_maps = list(feature_maps.values())\n"},
        loses=("test_filters",),
    ),
    Answer(
        why="filters: vertical and horizontal mixed up",
        cells={"filters": changed(FILTERS, "horizontal_line = vertical_line.T", "horizontal_line = vertical_line")},
        loses=("test_filters",),
    ),
    Answer(
        why='filters: "valid" padding',
        cells={"filters": changed(FILTERS, '"same"', '"valid"')},
        loses=("test_filters",),
    ),
    # Exercise 6
    Answer(
        why="W: the first row has 15 numbers",
        cells={
            "toeplitz_rows": changed(
                TOEPLITZ_ROWS,
                "[-1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0, 0],\n    [0, -1",
                "[-1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0],\n    [0, -1",
            )
        },
        loses=(ROWS, PRODUCTS, FOLDED),
    ),
    Answer(
        why="W: kernel turned by 180 degrees",
        cells={"toeplitz_rows": TOEPLITZ_ROWS + "W_rows = [[-weight for weight in row] for row in W_rows]\n"},
        loses=(ROWS,),
    ),
    Answer(
        why="W: every row moved by one",
        cells={
            "toeplitz_rows": "first = [-1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0, 0]\n"
            "W_rows = [first[-n:] + first[:-n] if n else first for n in range(4)]\n"
        },
        loses=(ROWS,),
    ),
    Answer(
        why="W: weights side by side, without the pixels in between",
        cells={
            "toeplitz_rows": "nine = [-1, 0, 1, -2, 0, 2, -1, 0, 1]\n"
            "W_rows = [[0] * n + nine + [0] * (7 - n) for n in (0, 1, 4, 5)]\n"
        },
        loses=(ROWS,),
    ),
    # Exercise 7
    Answer(
        why="product: image read column after column",
        cells={"toeplitz_product": changed(PRODUCT, "x.reshape(16)", "x.T.reshape(16)")},
        loses=(PRODUCTS,),
    ),
    Answer(
        why="product: the sums of the rows of W, without the image",
        cells={"toeplitz_product": changed(PRODUCT, "np.array(W_rows) @ x_vector", "np.array(W_rows).sum(axis=1)")},
        loses=(PRODUCTS,),
    ),
    Answer(
        why="product: products of entries, not added up",
        cells={"toeplitz_product": changed(PRODUCT, "np.array(W_rows) @ x_vector", "np.array(W_rows) * x_vector")},
        loses=(PRODUCTS, FOLDED),
    ),
    Answer(
        why="product: a W with a slip, and folded column after column",
        cells={
            "toeplitz_rows": changed(TOEPLITZ_ROWS, "[0, -1, 0, 1, 0,", "[0, -1, 0, 2, 0,"),
            "toeplitz_product": changed(PRODUCT, "y_vector.reshape(2, 2)", 'y_vector.reshape(2, 2, order="F")'),
        },
        loses=(ROWS, FOLDED),
    ),
    Answer(
        why="product: not folded back",
        cells={"toeplitz_product": changed(PRODUCT, "y_vector.reshape(2, 2)", "y_vector")},
        loses=(FOLDED,),
    ),
    Answer(
        why="product: folded into a column",
        cells={"toeplitz_product": changed(PRODUCT, "y_vector.reshape(2, 2)", "y_vector.reshape(4, 1)")},
        loses=(FOLDED,),
    ),
    Answer(
        why="product: folded back to the size of the input",
        cells={"toeplitz_product": changed(PRODUCT, "y_vector.reshape(2, 2)", "np.resize(y_vector, (4, 4))")},
        loses=(FOLDED,),
    ),
    # The four numbers of x are equal, so these are seen in x_other alone.
    *(
        Answer(f"product: {why}", {"toeplitz_product": PRODUCT.replace(old, new)}, (loses,))
        for why, old, new, loses in [
            ("folded column after column", "reshape(2, 2)", 'reshape(2, 2, order="F")', FOLDED),
            ("folded and transposed", "reshape(2, 2)", "reshape(2, 2).T", FOLDED),
            ("the rows of the result exchanged", "reshape(2, 2)", "reshape(2, 2)[::-1]", FOLDED),
            ("the rows of W backwards", "np.array(W_rows) @", "np.array(W_rows)[::-1] @", PRODUCTS),
        ]
    ),
    Answer(
        why="product: one number four times",
        cells={
            "toeplitz_product": "x_vector = x.reshape(16)\n"
            "y_vector = np.full(4, paper_edge)\ny = y_vector.reshape(2, 2)\n"
            "y_other_vector = np.full(4, np.array(W_rows)[0] @ x_other.reshape(16))\n"
            "y_other = y_other_vector.reshape(2, 2)\n"
        },
        loses=(PRODUCTS,),
    ),
    # Exercise 8
    Answer(
        why="matrix: kernel turned by 180 degrees",
        cells={"toeplitz_matrix": changed(TOEPLITZ_MATRIX, "= kernel\n", "= kernel[::-1, ::-1]\n")},
        loses=MATRIX,
    ),
    Answer(
        why="matrix: transposed",
        cells={"toeplitz_matrix": changed(TOEPLITZ_MATRIX, "return np.array(rows)", "return np.array(rows).T")},
        loses=MATRIX,
    ),
    Answer(
        why="matrix: every row moved by one",
        cells={
            "toeplitz_matrix": changed(
                TOEPLITZ_MATRIX,
                "return np.array(rows)",
                "return np.array([np.roll(rows[0], n) for n in range(len(rows))])",
            )
        },
        loses=MATRIX,
    ),
    Answer(
        why="matrix: image taken to be square",
        cells={"toeplitz_matrix": changed(TOEPLITZ_MATRIX, "image_shape[1] - k_w", "image_shape[0] - k_w")},
        loses=("test_toeplitz_matrix_hidden",),
    ),
    Answer(
        why="matrix: kernel taken to be square",
        cells={"toeplitz_matrix": changed(TOEPLITZ_MATRIX, "k_h, k_w = kernel.shape", "k_h = k_w = len(kernel)")},
        loses=("test_toeplitz_matrix_hidden",),
    ),
    Answer(
        why="matrix: fractions of the kernel cut off",
        cells={
            "toeplitz_matrix": changed(TOEPLITZ_MATRIX, "np.zeros(image_shape)", "np.zeros(image_shape, dtype=int)")
        },
        loses=("test_toeplitz_matrix_hidden",),
    ),
]
