"""What students hand in for convolutions/im2col and what it costs."""

from tests.support.answers import Answer

IM2COL = """def im2col(image, kernel_shape, stride=1, padding=0):
    k_h, k_w = kernel_shape
    padded = np.pad(image, padding)
    rows = []
    for i in range(0, padded.shape[0] - k_h + 1, stride):
        for j in range(0, padded.shape[1] - k_w + 1, stride):
            rows.append(padded[i : i + k_h, j : j + k_w].ravel())
    return np.array(rows)


"""

MULTIPLY_WINDOWS = """def multiply_windows(windows, kernels, map_shape):
    columns = kernels.reshape(len(kernels), -1).T
    return (windows @ columns).T.reshape(len(kernels), *map_shape)
"""


def changed(source: str, old: str, new: str) -> str:
    """Return `source` with one place changed, and make sure that there is such a place."""
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
    return source.replace(old, new)


WINDOWS = ("test_im2col_visible", "test_im2col_hidden")
MAPS = ("test_multiply_windows_visible", "test_multiply_windows_hidden")


def cut(why: str, old: str, new: str, loses: tuple[str, ...] = WINDOWS) -> Answer:
    return Answer(f"im2col: {why}", {"im2col": changed(IM2COL, old, new) + MULTIPLY_WINDOWS}, loses)


def multiplied(why: str, old: str, new: str, loses: tuple[str, ...] = MAPS) -> Answer:
    return Answer(f"multiply_windows: {why}", {"im2col": IM2COL + changed(MULTIPLY_WINDOWS, old, new)}, loses)


PRODUCT_LINE = "return (windows @ columns).T.reshape(len(kernels), *map_shape)"

ANSWERS = [
    cut("each window read column after column", ".ravel()", '.ravel(order="F")'),
    cut("a row for each place in a window", "return np.array(rows)", "return np.array(rows).T"),
    cut("windows as small images", ".ravel()", ""),
    cut("no zeros around the image", "np.pad(image, padding)", "image"),
    cut("zeros below and to the right only", "np.pad(image, padding)", "np.pad(image, (0, 2 * padding))"),
    cut("the edge repeated in place of zeros", "np.pad(image, padding)", 'np.pad(image, padding, mode="edge")'),
    cut("the last window forgotten", "padded.shape[1] - k_w + 1", "padded.shape[1] - k_w"),
    cut("the stride downwards only", "padded.shape[1] - k_w + 1, stride", "padded.shape[1] - k_w + 1"),
    cut("windows side by side, whatever the stride", "k_h + 1, stride", "k_h + 1, k_h"),
    cut(
        "bright pixels of uint8 turned negative",
        "np.pad(image, padding)",
        "np.pad(image.astype(np.int8) if image.dtype.kind == 'u' else image, padding)",
        WINDOWS[1:],
    ),
    cut("pixels as whole numbers", "np.pad(image, padding)", "np.pad(image.astype(int), padding)", WINDOWS[1:]),
    cut(
        "windows cut in the image itself, which loses a part of it",
        "rows.append(padded[i : i + k_h, j : j + k_w].ravel())",
        "rows.append(padded[i : i + k_h, j : j + k_w].ravel())\n    image *= 0",
        WINDOWS[1:],
    ),
    cut("no defaults", "stride=1, padding=0", "stride, padding", WINDOWS[1:]),
    Answer(
        why="im2col: a function that cuts windows",
        cells={
            "im2col": "from numpy.lib.stride_tricks import sliding_window_view as every\n\n\n"
            "def im2col(image, kernel_shape, stride=1, padding=0):\n"
            "    windows = every(np.pad(image, padding), kernel_shape)[::stride, ::stride]\n"
            "    return windows.reshape(-1, kernel_shape[0] * kernel_shape[1])\n\n\n" + MULTIPLY_WINDOWS
        },
        loses=WINDOWS[:1],
    ),
    Answer(
        why="im2col: a layer of another package that cuts windows",
        cells={
            "im2col": "import torch\n\n\ndef im2col(image, kernel_shape, stride=1, padding=0):\n"
            "    cut = torch.nn.Unfold(kernel_shape, padding=padding, stride=stride)\n"
            "    return cut(torch.tensor(image, dtype=torch.float64)[None, None])[0].T.numpy()\n\n\n" + MULTIPLY_WINDOWS
        },
        loses=WINDOWS[:1],
    ),
    Answer(
        why="im2col: a table of what the visible check asks",
        cells={
            "im2col": "def im2col(image, kernel_shape, stride=1, padding=0):\n"
            "    padded = np.pad(np.arange(1, 21).reshape(4, 5), padding)\n"
            "    starts = [range(0, n - k + 1, stride) for n, k in zip(padded.shape, (3, 2))]\n"
            "    return np.array([padded[i : i + 3, j : j + 2].ravel() for i in starts[0] for j in starts[1]])\n\n\n"
            + MULTIPLY_WINDOWS
        },
        loses=WINDOWS,
    ),
    multiplied("the maps mixed up", PRODUCT_LINE, "return (windows @ columns).reshape(len(kernels), *map_shape)"),
    multiplied(
        "kernels read column after column",
        "kernels.reshape(len(kernels)",
        "kernels.swapaxes(1, 2).reshape(len(kernels)",
    ),
    multiplied("kernels turned", "kernels.reshape(len(kernels), -1)", "kernels.reshape(len(kernels), -1)[:, ::-1]"),
    multiplied("the kernel last", PRODUCT_LINE, "return (windows @ columns).reshape(*map_shape, -1)"),
    multiplied("not folded", PRODUCT_LINE, "return (windows @ columns).T"),
    multiplied(
        "one kernel without its axis",
        PRODUCT_LINE,
        PRODUCT_LINE.replace("return ", "return np.squeeze(") + ")",
        MAPS[1:],
    ),
    multiplied(
        "a loop over the kernels",
        PRODUCT_LINE,
        "return np.array([(windows @ k).reshape(map_shape) for k in columns.T])",
        MAPS[:1],
    ),
    *(
        multiplied(f"a loop by {why}", PRODUCT_LINE, f"return {of_maps}.reshape(-1, *map_shape)", MAPS[:1])
        for why, of_maps in {
            "map": "np.array(list(map(lambda kernel: windows @ kernel, columns.T)))",
            "NumPy": "np.apply_along_axis(lambda kernel: windows @ kernel, 1, columns.T)",
            "a function of NumPy": "np.vectorize(lambda kernel: windows @ kernel, signature='(n)->(m)')(columns.T)",
        }.items()
    ),
    multiplied(
        "kernels centred first, in the caller's array", "columns = ", "kernels -= kernels.mean()\n    columns = "
    ),
    multiplied("maps taken to be square", "*map_shape)", "*(round(len(windows) ** 0.5),) * 2)"),
]
