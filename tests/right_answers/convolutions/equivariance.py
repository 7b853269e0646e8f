"""Right answers to convolutions/equivariance that do not look like the reference."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="index arithmetic, a prediction by measuring, sizes as NumPy numbers",
        cells={
            "translate": """
def translate(image, shift, boundary):
    m, n = image.shape
    x, y = torch.meshgrid(torch.arange(m) - shift[0], torch.arange(n) - shift[1], indexing="ij")
    inside = (0 <= x) & (x < m) & (0 <= y) & (y < n)
    taken = image[x % m, y % n]
    return taken if boundary == "circular" else taken * inside.to(image.dtype)
""",
            "equivariance_gap": """
def equivariance_gap(image, kernel, shift, boundary):
    both = [image, image]
    for step in (0, 1):
        both = [
            translate(f, shift, boundary) if step == order else convolve(f, kernel, "same", boundary)
            for order, f in enumerate(both)
        ]
    return torch.maximum(both[0] - both[1], both[1] - both[0])
""",
            "gap_rows": """
def gap_rows(m, p, s):
    gap = equivariance_gap(torch.ones(m, 1), torch.ones(2 * p + 1, 1), (s, 0), "zero")
    return gap[:, 0] > 0.5
""",
            "output_size": """
def output_size(image_size, kernel_size, mode):
    image_size, kernel_size = np.array(image_size), np.array(kernel_size)
    border = {"valid": 0 * kernel_size, "same": kernel_size - 1, "full": 2 * (kernel_size - 1)}[mode]
    return tuple(image_size + border - kernel_size + 1)
""",
        },
    ),
    Answer(
        why="NumPy and SciPy, plain loops",
        cells={
            "translate": """
def translate(image, shift, boundary):
    s, t = shift
    old = image.numpy()
    if boundary == "circular":
        return torch.from_numpy(np.roll(old, shift, axis=(0, 1)))
    new = np.zeros_like(old)
    for x in range(old.shape[0]):
        for y in range(old.shape[1]):
            if 0 <= x - s < old.shape[0] and 0 <= y - t < old.shape[1]:
                new[x, y] = old[x - s, y - t]
    return torch.from_numpy(new)
""",
            "equivariance_gap": """
def equivariance_gap(image, kernel, shift, boundary):
    from scipy.ndimage import convolve as nd_convolve

    how = "constant" if boundary == "zero" else "wrap"
    left = translate(torch.from_numpy(nd_convolve(image.numpy(), kernel.numpy(), mode=how)), shift, boundary)
    right = nd_convolve(translate(image, shift, boundary).numpy(), kernel.numpy(), mode=how)
    return (left - torch.from_numpy(right)).abs()
""",
            "gap_rows": """
def gap_rows(m, p, s):
    bad = []
    for x in range(m):
        above = s > 0 and max(s - p, 0) <= x < s
        below = s > 0 and x >= m - p
        bad.append(above or below)
    return torch.tensor(bad)
""",
            "output_size": """
def output_size(image_size, kernel_size, mode):
    return list(signal.convolve2d(np.zeros(image_size), np.zeros(kernel_size), mode=mode).shape)
""",
        },
    ),
    Answer(
        why="padding and slices, one-liners",
        cells={
            "translate": """
def translate(image, shift, boundary):
    (m, n), (s, t) = image.shape, shift
    mode = "circular" if boundary == "circular" else "constant"
    wide = F.pad(image[None, None], (n - 1, n - 1, m - 1, m - 1), mode=mode)[0, 0]
    return wide[m - 1 - s : 2 * m - 1 - s, n - 1 - t : 2 * n - 1 - t]
""",
            "gap_rows": """
def gap_rows(m, p, s):
    mask = np.zeros(m, dtype=bool)
    if s != 0:
        mask[[x for x in range(m) if s - p <= x <= s - 1 or x + p >= m]] = True
    return torch.from_numpy(mask)
""",
            "output_size": """
def output_size(image_size, kernel_size, mode):
    (H, W), (K, L) = image_size, kernel_size
    if mode == "same":
        return H, W
    sign = 1 if mode == "full" else -1
    return torch.Size([H + sign * (K - 1), W + sign * (L - 1)])
""",
        },
    ),
]
