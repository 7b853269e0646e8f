"""What students get wrong in convolutions/jacobians."""

from tests.support.answers import Answer

ENTRIES = ("test_circular_entries_visible", "test_circular_entries_hidden")
MATRICES = ("test_circular_matrices_visible", "test_circular_matrices_hidden")
CIRCULAR = ("test_circular_backward_visible", "test_circular_backward_hidden")


def entries(why, by_x="y[(i + k) % len(y)]", by_y="x[(i - k) % len(x)]", loses=ENTRIES):
    source = f"def dz_dx(x, y, k, i):\n    return {by_x}\n\n\ndef dz_dy(x, y, k, i):\n    return {by_y}\n"
    return Answer(why=f"entries: {why}", cells={"circular_entries": source}, loses=loses)


ENTRY_ANSWERS = [
    entries("no modulo", by_x="y[i + k]"),
    entries("convolution in place of cross-correlation", by_x="y[(k - i) % len(y)]"),
    entries("index of y moved ahead", by_y="x[(i + k) % len(x)]"),
    entries("index of y not solved for", by_y="x[i]"),
    entries("k - i", by_y="x[(k - i) % len(x)]"),
    entries("distance of the indices", by_y="x[abs(i - k)]"),
    entries("length 3 only", by_x="y[(i + k) % 3]", loses=ENTRIES[1:]),
    entries(
        "the numbers of the visible check",
        by_x="(20.0, 30.0, 10.0)[i]",
        by_y="(3.0, 1.0, 2.0)[i]",
    ),
    *(
        Answer(
            why=f"entries: {way}",
            cells={
                "circular_entries": f"""
def z(x, y):
    return torch.stack([(x * torch.roll(y, -k)).sum() for k in range(len(x))])


def dz_dx(x, y, k, i):
{by_x}


def dz_dy(x, y, k, i):
{by_y}
"""
            },
            loses=loses,
        )
        for way, by_x, by_y, loses in [
            (
                "by autograd",
                "    return torch.autograd.functional.jacobian(z, (x, y))[0][k, i]",
                "    return torch.autograd.functional.jacobian(z, (x, y))[1][k, i]",
                ENTRIES,
            ),
            (
                "by torch.func under another name",
                "    from torch.func import linearize as line\n    return line(lambda x: z(x, y), x)[1]"
                "(torch.eye(len(x), dtype=x.dtype)[i])[k]",
                "    from torch.func import linearize as line\n    return line(lambda y: z(x, y), y)[1]"
                "(torch.eye(len(x), dtype=x.dtype)[i])[k]",
                ENTRIES,
            ),
            (
                "by differences",
                "    step = torch.eye(len(x), dtype=x.dtype)[i]\n    return (z(x + step, y) - z(x - step, y))[k] / 2",
                "    step = torch.eye(len(x), dtype=x.dtype)[i]\n    return (z(x, y + step) - z(x, y - step))[k] / 2",
                ENTRIES[1:],
            ),
        ]
    ),
]


def matrices(why, by_x="y[(i + k) % n]", by_y="x[(i - k) % n]", more="", loses=MATRICES):
    head = "    n = len(x)\n    k, i = torch.arange(n)[:, None], torch.arange(n)[None, :]\n"
    source = (
        f"{more}def jacobian_x(x, y):\n{head}    return {by_x}\n\n\ndef jacobian_y(x, y):\n{head}    return {by_y}\n"
    )
    return Answer(why=f"matrices: {why}", cells={"circular_matrices": source}, loses=loses)


MATRIX_ANSWERS = [
    matrices("transposed", by_y="x[(k - i) % n]"),
    matrices("the same index for both", by_y="x[(i + k) % n]"),
    matrices("signals exchanged", by_x="x[(i + k) % n]", by_y="y[(i - k) % n]"),
    matrices("no wrapping round", by_y="x[(i - k) % n] * (i >= k)"),
    matrices("NumPy arrays", by_x="y[(i + k) % n].numpy()", by_y="x[(i - k) % n].numpy()"),
    matrices("float32 whatever comes", by_x="y[(i + k) % n].float()", loses=MATRICES[1:]),
    matrices(
        "the matrices of the visible check",
        by_x="torch.tensor([[10.0, 20.0, 30.0], [20.0, 30.0, 10.0], [30.0, 10.0, 20.0]])",
        by_y="torch.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0], [2.0, 3.0, 1.0]])",
    ),
    matrices(
        "by differences",
        by_x="torch.stack([z(x + e, y) - z(x, y) for e in torch.eye(n, dtype=x.dtype)], 1)",
        by_y="torch.stack([z(x, y + e) - z(x, y) for e in torch.eye(n, dtype=x.dtype)], 1)",
        more="def z(x, y):\n    return torch.stack([(x * torch.roll(y, -k)).sum() for k in range(len(x))])\n\n\n",
        loses=MATRICES[1:],
    ),
    Answer(
        why="matrices: by autograd",
        cells={
            "circular_matrices": """
def correlate_circularly(x, y):
    return torch.stack([(x * torch.roll(y, -k)).sum() for k in range(len(x))])


def jacobian_x(x, y):
    return torch.autograd.functional.jacobian(correlate_circularly, (x, y))[0]


def jacobian_y(x, y):
    return torch.autograd.functional.jacobian(correlate_circularly, (x, y))[1]
"""
        },
        loses=MATRICES,
    ),
]


def circular(why, body, loses=CIRCULAR):
    source = f"def circular_backward(grad_z, x, y):\n{body}"
    return Answer(why=f"circular_backward: {why}", cells={"circular_backward": source}, loses=loses)


ROLLS = """
    grad_x = torch.stack([({by_x}).sum() for k in range(len(x))])
    grad_y = torch.stack([({by_y}).sum() for k in range(len(x))])
    return grad_x, grad_y
"""
CIRCULAR_ANSWERS = [
    circular("not transposed", ROLLS.format(by_x="y.roll(-k) * grad_z", by_y="x.roll(k) * grad_z")),
    circular("gradients exchanged", ROLLS.format(by_x="x.flip(0).roll(k + 1) * grad_z", by_y="y.roll(-k) * grad_z")),
    circular("entry by entry", "    return grad_z * y, grad_z * x\n"),
    circular("a gradient of ones", ROLLS.format(by_x="y", by_y="x")),
    circular(
        "by autograd",
        """
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    z = torch.stack([(x * torch.roll(y, -k)).sum() for k in range(len(x))])
    z.backward(grad_z)
    return x.grad, y.grad
""",
    ),
    circular(
        "float32 whatever comes",
        """
    n = len(x)
    i, k = torch.arange(n)[:, None], torch.arange(n)[None, :]
    grad_x, grad_y = torch.zeros(n), torch.zeros(n)
    grad_x += y[(i + k) % n] @ grad_z
    grad_y += x[(i - k) % n] @ grad_z
    return grad_x, grad_y
""",
        loses=CIRCULAR[1:],
    ),
    circular(
        "the numbers of the visible check",
        """
    if grad_z[0] == 0:
        return torch.tensor([20.0, 30.0, 10.0]), torch.tensor([3.0, 1.0, 2.0])
    return torch.tensor([-50.0, 0.0, -10.0]), torch.tensor([-3.0, -4.0, 1.0])
""",
    ),
    circular(
        "by the differences of the course",
        """
    from course_utils.checks import numerical_gradient

    def loss(x, y):
        return sum(g * (x * y.roll(-k)).sum() for k, g in enumerate(grad_z))

    by_x, by_y = numerical_gradient(lambda x: loss(x, y), x), numerical_gradient(lambda y: loss(x, y), y)
    return torch.from_numpy(by_x).to(x.dtype), torch.from_numpy(by_y).to(x.dtype)
""",
    ),
    circular(
        "by differences",
        """
    def loss(x, y):
        return sum(g * (x * y.roll(-k)).sum() for k, g in enumerate(grad_z))

    steps = torch.eye(len(x), dtype=x.dtype)
    grad_x = torch.stack([loss(x + e, y) - loss(x, y) for e in steps])
    grad_y = torch.stack([loss(x, y + e) - loss(x, y) for e in steps])
    return grad_x, grad_y
""",
        CIRCULAR[1:],
    ),
    circular(
        "x changed on the way",
        """
    grad_x, grad_y = torch.zeros_like(x), torch.zeros_like(y)
    for k in range(len(x)):
        grad_x += grad_z[k] * torch.roll(y, -k)
        grad_y += grad_z[k] * x
        x[:] = torch.roll(x, 1)
    x[:] = 0
    return grad_x, grad_y
""",
    ),
]

ANSWERS = [
    *ENTRY_ANSWERS,
    *MATRIX_ANSWERS,
    *CIRCULAR_ANSWERS,
]
