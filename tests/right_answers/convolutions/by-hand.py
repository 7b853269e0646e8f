"""Solutions of convolutions/by-hand in other styles, which must earn full points."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="windows as a view, sums with einsum; computed with NumPy instead of on paper",
        cells={
            "paper": """paper_centre = np.sum(sheet[1:4, 1:4] * vertical_line)
paper_corner = np.vdot(sheet[:2, :2], vertical_line[1:, 1:])
paper_edge = float((x[:3, :3] * sobel).sum())
""",
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    pads = [(size // 2, size // 2) if padding == "same" else (0, 0) for size in kernel.shape]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, pads), kernel.shape)
    return np.einsum("ijmn,mn->ij", windows, kernel.astype(float))
""",
            "toeplitz_rows": """W_rows = np.array([
    [-1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0, 0],
    [0, -1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, -1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1, 0],
    [0, 0, 0, 0, 0, -1, 0, 1, 0, -2, 0, 2, 0, -1, 0, 1],
])
""",
            "toeplitz_product": """x_vector = x.flatten()
y_vector = np.einsum("rp,p->r", W_rows, x_vector)
y = np.stack([y_vector[:2], y_vector[2:]])
y_other_vector = np.einsum("rp,p->r", W_rows, x_other.flatten())
y_other = np.stack([y_other_vector[:2], y_other_vector[2:]])
""",
        },
    ),
    Answer(
        why="PyTorch inside, NumPy outside",
        cells={
            "cross_correlate": """import torch


def cross_correlate(image, kernel, padding):
    image, kernel = torch.tensor(image, dtype=torch.float64), torch.tensor(kernel, dtype=torch.float64)
    if padding == "same":
        down, right = (size // 2 for size in kernel.shape)
        image = torch.nn.functional.pad(image, (right, right, down, down))
    windows = image.unfold(0, kernel.shape[0], 1).unfold(1, kernel.shape[1], 1)
    return (windows * kernel).sum(dim=(-2, -1)).numpy()
""",
            "toeplitz_matrix": """import torch


def toeplitz_matrix(kernel, image_shape):
    height, width = image_shape
    rows = [
        torch.nn.functional.pad(
            torch.tensor(kernel, dtype=torch.float64),
            (j, width - kernel.shape[1] - j, i, height - kernel.shape[0] - i),
        ).flatten()
        for i in range(height - kernel.shape[0] + 1)
        for j in range(width - kernel.shape[1] + 1)
    ]
    return torch.stack(rows).numpy()
""",
        },
    ),
    Answer(
        why="four loops and Python's own numbers",
        cells={
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    H, W = image.shape
    kh, kw = kernel.shape
    ph = pw = 0
    if padding == "same":
        ph, pw = kh // 2, kw // 2
    rows = []
    for i in range(-ph, H + ph - kh + 1):
        row = []
        for j in range(-pw, W + pw - kw + 1):
            total = 0.0
            for m in range(kh):
                for n in range(kw):
                    if 0 <= i + m < H and 0 <= j + n < W:
                        total += float(kernel[m, n]) * float(image[i + m, j + n])
            row.append(total)
        rows.append(row)
    return np.array(rows)
""",
            "padding_shapes": """shape_valid = [28, 42]
shape_same = 32, 48
zeros_same = [2, 3]
touched = 360.0
""",
            "toeplitz_matrix": """def toeplitz_matrix(kernel, image_shape):
    kh, kw = kernel.shape
    H, W = image_shape
    matrix = np.zeros(((H - kh + 1) * (W - kw + 1), H * W))
    for i in range(H - kh + 1):
        for j in range(W - kw + 1):
            for m in range(kh):
                for n in range(kw):
                    matrix[i * (W - kw + 1) + j, (i + m) * W + j + n] = kernel[m, n]
    return matrix
""",
        },
    ),
    Answer(
        why="shifted images, weighted and added, in float32",
        cells={
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    k_h, k_w = kernel.shape
    if padding == "same":
        bigger = np.zeros((image.shape[0] + k_h - 1, image.shape[1] + k_w - 1), dtype=np.float32)
        bigger[k_h // 2 : k_h // 2 + image.shape[0], k_w // 2 : k_w // 2 + image.shape[1]] = image
        image = bigger
    rows, columns = image.shape[0] - k_h + 1, image.shape[1] - k_w + 1
    return sum(
        np.float32(kernel[m, n]) * image[m : m + rows, n : n + columns].astype(np.float32)
        for m in range(k_h)
        for n in range(k_w)
    )
""",
            "filters": """horizontal_line = np.array([[-1, -1, -1], [2, 2, 2], [-1, -1, -1]], dtype=np.float32)
blur = np.ones((3, 3), dtype=np.float32) / 9
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0.0]])
feature_maps = dict(
    zip(
        ["sharpen", "blur", "horizontal line", "vertical line"],
        [cross_correlate(sheet, k, "same") for k in (sharpen, blur, horizontal_line, vertical_line)],
    )
)
""",
        },
    ),
    Answer(
        why="SciPy where it is allowed; the matrix column by column from unit images",
        cells={
            "filters": """horizontal_line = np.rot90(vertical_line)
blur = np.mean([np.roll(np.eye(1, 9), n) for n in range(9)], axis=0).reshape(3, 3)
sharpen = np.zeros((3, 3), dtype=int)
sharpen[1, :] = sharpen[:, 1] = -1
sharpen[1, 1] = 5
feature_maps = {}
for name, kernel in [
    ("vertical line", vertical_line), ("horizontal line", horizontal_line), ("blur", blur), ("sharpen", sharpen)
]:
    feature_maps[name] = correlate2d(sheet, kernel, mode="same")
""",
            "toeplitz_rows": """def row(i, j):
    canvas = [[0] * 4 for _ in range(4)]
    for m in range(3):
        for n in range(3):
            canvas[i + m][j + n] = int(sobel[m, n])
    return tuple(sum(canvas, []))


W_rows = (row(0, 0), row(0, 1), row(1, 0), row(1, 1))
""",
            "toeplitz_product": """x_vector = np.concatenate(x).astype(float)
y_vector = np.array([sum(w * p for w, p in zip(r, x_vector)) for r in W_rows])
y = np.array(y_vector.tolist()).reshape((-1, 2))
y_other_vector = np.array([float(np.dot(r, x_other.ravel())) for r in W_rows])
y_other = np.vstack([y_other_vector[0:2], y_other_vector[2:4]])
""",
            "toeplitz_matrix": """def toeplitz_matrix(kernel, image_shape):
    columns = []
    for pixel in range(image_shape[0] * image_shape[1]):
        unit = np.zeros(image_shape)
        unit.flat[pixel] = 1
        columns.append(correlate2d(unit, kernel, mode="valid").ravel())
    return np.column_stack(columns)
""",
        },
    ),
    Answer(
        why="products of Fourier transforms; shapes as arrays; feature maps with a name more than needed",
        cells={
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    (H, W), (k_h, k_w) = image.shape, kernel.shape
    full = (H + k_h - 1, W + k_w - 1)
    product = np.fft.rfft2(image, full) * np.fft.rfft2(kernel[::-1, ::-1], full)
    everything = np.fft.irfft2(product, full)
    if padding == "same":
        return everything[k_h // 2 :, k_w // 2 :][:H, :W]
    return everything[k_h - 1 : H, k_w - 1 : W]
""",
            "padding_shapes": """shape_valid = np.array([32, 48]) - np.array([5, 7]) + 1
shape_same = np.array([32.0, 48.0])
zeros_same = np.array([5, 7]) // 2
touched = np.prod(shape_same) - np.prod(shape_valid)
""",
            "filters": """from collections import OrderedDict

horizontal_line = np.array([[-1.0] * 3, [2.0] * 3, [-1.0] * 3])
blur = np.outer(np.ones(3), np.ones(3)) / 9
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], dtype=np.int8)
feature_maps = OrderedDict(picture=sheet)
feature_maps["vertical line"] = cross_correlate(sheet, vertical_line, "same")
feature_maps["horizontal line"] = cross_correlate(sheet, horizontal_line, "same")
feature_maps["blur"] = cross_correlate(sheet, blur, "same")
feature_maps["sharpen"] = cross_correlate(sheet, sharpen, "same")
""",
        },
    ),
    Answer(
        why="integers out for integers in, floats else; a rule kept although a variable is called convolve",
        cells={
            "cross_correlate": """def cross_correlate(image, kernel, padding):
    dtype = np.result_type(image, kernel, np.int64)
    k_h, k_w = kernel.shape
    if padding == "same":
        image = np.pad(image, [(k_h // 2,) * 2, (k_w // 2,) * 2], mode="constant")
    convolve = [
        [(image[i : i + k_h, j : j + k_w].astype(dtype) * kernel).sum() for j in range(image.shape[1] - k_w + 1)]
        for i in range(image.shape[0] - k_h + 1)
    ]
    return np.array(convolve, dtype=dtype)
""",
        },
    ),
    Answer(
        why="feature maps rounded to two decimals, as on paper; a slip in W costs there alone",
        cells={
            "filters": """horizontal_line = vertical_line.T
blur = np.array([[0.111, 0.111, 0.111]] * 3)
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
kernels = {"vertical line": vertical_line, "horizontal line": horizontal_line, "blur": blur, "sharpen": sharpen}
feature_maps = {name: np.round(cross_correlate(sheet, kernel, "same"), 2) for name, kernel in kernels.items()}
feature_maps["blur"] = np.round(cross_correlate(sheet, np.full((3, 3), 1 / 9), "same"), 2)
""",
        },
    ),
]
