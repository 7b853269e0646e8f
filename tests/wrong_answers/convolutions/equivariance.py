"""What students get wrong in convolutions/equivariance."""

from tests.support.answers import Answer

GAP = ("test_equivariance_gap_visible", "test_equivariance_gap_hidden")
ROWS = ("test_gap_rows_visible", "test_gap_rows_hidden")
SIZE = ("test_output_size_visible", "test_output_size_hidden")

TRANSLATE = [
    Answer(
        why="translate moves up and to the left",
        cells={
            "translate": """
def translate(image, shift, boundary):
    s, t = shift
    moved = torch.roll(image, (-s, -t), dims=(0, 1))
    if boundary == "zero":
        rows, columns = torch.arange(image.shape[0])[:, None], torch.arange(image.shape[1])[None, :]
        inside = (rows + s >= 0) & (rows + s < len(rows)) & (columns + t >= 0) & (columns + t < columns.numel())
        moved = torch.where(inside, moved, torch.zeros_like(moved))
    return moved
"""
        },
        loses=GAP,
    ),
    Answer(
        why="translate rolls for the zero boundary as well",
        cells={
            "translate": """
def translate(image, shift, boundary):
    return torch.roll(image, shift, dims=(0, 1))
"""
        },
        loses=GAP,
    ),
    Answer(
        why="translate knows positive shifts only",
        cells={
            "translate": """
def translate(image, shift, boundary):
    s, t = shift
    moved = torch.roll(image, (s, t), dims=(0, 1))
    if boundary == "zero":
        moved[: max(s, 0)] = 0
        moved[:, : max(t, 0)] = 0
    return moved
"""
        },
        loses=GAP,
    ),
    Answer(
        why="translate takes rows for columns",
        cells={
            "translate": """
def translate(image, shift, boundary):
    t, s = shift
    moved = torch.roll(image, (s, t), dims=(0, 1))
    if boundary == "zero":
        if s:
            moved[slice(0, s) if s > 0 else slice(s, None)] = 0
        if t:
            moved[:, slice(0, t) if t > 0 else slice(t, None)] = 0
    return moved
"""
        },
        loses=GAP,
    ),
    Answer(
        why="translate works in place",
        cells={
            "translate": """
def translate(image, shift, boundary):
    s, t = shift
    image[:] = torch.roll(image, (s, t), dims=(0, 1))
    if boundary == "zero":
        if s:
            image[slice(0, s) if s > 0 else slice(s, None)] = 0
        if t:
            image[:, slice(0, t) if t > 0 else slice(t, None)] = 0
    return image
"""
        },
        loses=GAP,
    ),
    Answer(
        why="translate forgets the sign of the shift for the circular boundary",
        cells={
            "translate": """
def translate(image, shift, boundary):
    s, t = shift
    if boundary == "circular":
        return torch.roll(image, (abs(s), abs(t)), (0, 1))
    return F.pad(image, (t, -t, s, -s))
"""
        },
        loses=GAP[1:],
    ),
    Answer(
        why="translate gives float32 whatever comes",
        cells={
            "translate": """
def translate(image, shift, boundary):
    s, t = shift
    moved = torch.roll(image, (s, t), (0, 1)) if boundary == "circular" else F.pad(image, (t, -t, s, -s))
    return moved if moved.dtype == torch.float64 else moved.float()
"""
        },
        loses=GAP[1:],
    ),
    Answer(
        why="translate and the gap: the pictures of the visible check",
        cells={
            "translate": """
def translate(image, shift, boundary):
    down_right = torch.tensor([[0.0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 5, 6]])
    up_left = torch.tensor([[7.0, 8, 0, 0], [11, 12, 0, 0], [0, 0, 0, 0]])
    around = torch.tensor([[11.0, 12, 9, 10], [3, 4, 1, 2], [7, 8, 5, 6]])
    known = {(1, 2): down_right, (-1, -2): up_left}
    return around if boundary == "circular" else known.get(tuple(shift), image)
""",
            "equivariance_gap": """
def equivariance_gap(image, kernel, shift, boundary):
    lost = torch.zeros(4, 4)
    lost[3, 1] = boundary == "zero"
    return lost
""",
        },
        loses=GAP,
    ),
]

EQUIVARIANCE_GAP = [
    Answer(
        why="the gap keeps its sign",
        cells={
            "equivariance_gap": """
def equivariance_gap(image, kernel, shift, boundary):
    first = translate(convolve(image, kernel, "same", boundary), shift, boundary)
    return first - convolve(translate(image, shift, boundary), kernel, "same", boundary)
"""
        },
        loses=GAP[1:],
    ),
    Answer(
        why="the boundary is not passed on to convolve",
        cells={
            "equivariance_gap": """
def equivariance_gap(image, kernel, shift, boundary):
    first = translate(convolve(image, kernel, "same"), shift, boundary)
    return (first - convolve(translate(image, shift, boundary), kernel, "same")).abs()
"""
        },
        loses=GAP,
    ),
    Answer(
        why="the gap as one number",
        cells={
            "equivariance_gap": """
def equivariance_gap(image, kernel, shift, boundary):
    first = translate(convolve(image, kernel, "same", boundary), shift, boundary)
    return (first - convolve(translate(image, shift, boundary), kernel, "same", boundary)).abs().max()
"""
        },
        loses=GAP,
    ),
]


def gap_rows(why, body, loses=ROWS):
    return Answer(why=f"gap_rows: {why}", cells={"gap_rows": f"def gap_rows(m, p, s):\n{body}"}, loses=loses)


GAP_ROWS = [
    gap_rows("only the rows whose pixels were lost", "    return (torch.arange(m) >= m - p) & (s > 0)\n"),
    gap_rows("only the rows above the moved picture", "    r = torch.arange(m)\n    return (r >= s - p) & (r < s)\n"),
    gap_rows(
        "all the rows that moved in",
        "    r = torch.arange(m)\n    return ((r < s) | (r >= m - p)) & (s > 0)\n",
    ),
    gap_rows("a gap without a shift", "    r = torch.arange(m)\n    return ((r >= s - p) & (r < s)) | (r >= m - p)\n"),
    gap_rows(
        "a slice from a negative row",
        "    mask = torch.zeros(m, dtype=torch.bool)\n    if s > 0:\n"
        "        mask[s - p : s] = True\n        mask[m - p :] = True\n    return mask\n",
        ROWS[1:],
    ),
    gap_rows(
        "a slice of the last 0 rows",
        "    mask = torch.zeros(m, dtype=torch.bool)\n    if s > 0:\n"
        "        mask[max(s - p, 0) : s] = True\n        mask[-p:] = True\n    return mask\n",
        ROWS[1:],
    ),
    gap_rows(
        "the rows of the visible check",
        "    return torch.arange(m) % 6 == 3 if s else torch.zeros(m, dtype=torch.bool)\n",
    ),
    gap_rows("a list of rows", "    return sorted({*range(max(s - p, 0), s), *range(m - p, m)}) if s else []\n"),
]


def output_size(why, valid="m - k + 1", same="m", full="m + k - 1", loses=SIZE):
    source = f"""
def output_size(image_size, kernel_size, mode):
    def one(m, k):
        return {{"valid": {valid}, "same": {same}, "full": {full}}}[mode]
    return one(image_size[0], kernel_size[0]), one(image_size[1], kernel_size[1])
"""
    return Answer(why=f"output_size: {why}", cells={"output_size": source}, loses=loses)


OUTPUT_SIZE = [
    output_size("valid one too small", valid="m - k"),
    output_size("full one too large", full="m + k"),
    output_size("same and valid exchanged", valid="m", same="m - k + 1"),
    output_size("p = K // 2 for even kernels", valid="m - 2 * (k // 2)", full="m + 2 * (k // 2)", loses=SIZE[1:]),
    Answer(
        why="output_size: the height for both axes",
        cells={
            "output_size": """
def output_size(image_size, kernel_size, mode):
    m, k = image_size[0], kernel_size[0]
    size = {"valid": m - k + 1, "same": m, "full": m + k - 1}[mode]
    return size, size
"""
        },
        loses=SIZE,
    ),
    Answer(
        why="output_size: the sizes of the visible check",
        cells={
            "output_size": """
def output_size(image_size, kernel_size, mode):
    return {"valid": (4, 5), "same": (6, 9), "full": (8, 13)}[mode]
"""
        },
        loses=SIZE,
    ),
]

ANSWERS = [
    *TRANSLATE,
    *EQUIVARIANCE_GAP,
    *GAP_ROWS,
    *OUTPUT_SIZE,
]
