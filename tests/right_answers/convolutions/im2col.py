"""Solutions of convolutions/im2col in other styles, which must earn full points."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="windows as comprehensions of pixels; the product with einsum",
        cells={
            "im2col": """def im2col(image, kernel_shape, stride=1, padding=0):
    (H, W), (k_h, k_w) = image.shape, kernel_shape
    bigger = np.zeros((H + 2 * padding, W + 2 * padding))
    bigger[padding : padding + H, padding : padding + W] = image
    return np.array(
        [
            [bigger[i + m, j + n] for m in range(k_h) for n in range(k_w)]
            for i in range(0, H + 2 * padding - k_h + 1, stride)
            for j in range(0, W + 2 * padding - k_w + 1, stride)
        ]
    )


def multiply_windows(windows, kernels, map_shape):
    count, k_h, k_w = kernels.shape
    maps = np.einsum("pw,kw->kp", windows, kernels.reshape(count, k_h * k_w))
    return maps.reshape((count,) + tuple(map_shape))
""",
        },
    ),
    Answer(
        why="places of the windows from the size of the output, all pixels fetched at once; kernels on the left",
        cells={
            "im2col": """def im2col(image, kernel_shape, stride=1, padding=0):
    padded = np.pad(image, ((padding, padding), (padding, padding)))
    down, right = [(n - k) // stride + 1 for n, k in zip(padded.shape, kernel_shape)]
    i = stride * np.repeat(np.arange(down), right)[:, None] + np.repeat(np.arange(kernel_shape[0]), kernel_shape[1])
    j = stride * np.tile(np.arange(right), down)[:, None] + np.tile(np.arange(kernel_shape[1]), kernel_shape[0])
    return padded[i, j]


def multiply_windows(windows, kernels, map_shape):
    return np.dot(kernels.reshape(kernels.shape[0], -1), windows.T).reshape(-1, map_shape[0], map_shape[1])
""",
        },
    ),
]
