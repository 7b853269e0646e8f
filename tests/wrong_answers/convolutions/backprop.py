"""What students get wrong in convolutions/backprop."""

from tests.support.answers import Answer

KERNEL = ("test_grad_kernel_visible", "test_grad_kernel_hidden")
INPUT = ("test_grad_input_visible", "test_grad_input_hidden")
BOTH = ("test_backward_as_convolutions_visible", "test_backward_as_convolutions_hidden")
LAYER = ("test_conv2d_backward_visible", "test_conv2d_backward_hidden")


def grad_kernel(why, body, loses=KERNEL):
    head = "    (a, b), (h, w) = grad_z.shape, x.shape\n    gradient = grad_z.new_zeros(h - a + 1, w - b + 1)\n"
    source = f"def grad_kernel(grad_z, x):\n{head}{body}    return gradient\n"
    return Answer(why=f"grad_kernel: {why}", cells={"grad_kernel": source}, loses=loses)


LOOP = "    for u in range(len(gradient)):\n        for v in range(len(gradient[0])):\n            "
KERNEL_ANSWERS = [
    grad_kernel("not flipped", LOOP + "gradient[u, v] = (grad_z * x[u : u + a, v : v + b]).sum()\n"),
    grad_kernel(
        "no more rows than in the visible check",
        "    for u in range(min(2, len(gradient))):\n        for v in range(len(gradient[0])):\n"
        "            gradient[u, v] = (grad_z * x.flip(0, 1)[u : u + a, v : v + b].flip(0, 1)).sum()\n",
    ),
    grad_kernel(
        "a mean in place of the sum",
        LOOP + "gradient[-1 - u, -1 - v] = (grad_z * x[u : u + a, v : v + b]).mean()\n",
    ),
    grad_kernel("rows not flipped", LOOP + "gradient[u, -1 - v] = (grad_z * x[u : u + a, v : v + b]).sum()\n"),
    grad_kernel(
        "square kernels only",
        "    k = len(gradient)\n    for u in range(k):\n        for v in range(k):\n"
        "            gradient[k - 1 - u, k - 1 - v] = (grad_z * x[u : u + a, v : v + b]).sum()\n",
    ),
    grad_kernel(
        "a ready-made convolution",
        "    gradient = F.conv2d(x[None, None], grad_z[None, None])[0, 0].flip(0, 1)\n",
    ),
    grad_kernel(
        "by autograd",
        """
    weight = gradient.requires_grad_()
    z = (x.unfold(0, *(h - a + 1, 1)).unfold(1, *(w - b + 1, 1)) * weight.flip(0, 1)).sum((2, 3))
    gradient = torch.autograd.grad((z * grad_z).sum(), weight)[0]
""",
    ),
    grad_kernel(
        "float32 whatever comes",
        "    gradient = gradient.float()\n"
        + LOOP
        + "gradient[-1 - u, -1 - v] = (grad_z * x[u : u + a, v : v + b]).sum()\n",
        KERNEL[1:],
    ),
    grad_kernel(
        "the number of the visible check, and differences of the course",
        """
    from course_utils.checks import numerical_gradient

    def loss(weight):
        windows = x.unfold(0, h - a + 1, 1).unfold(1, w - b + 1, 1)
        return (grad_z * (windows * weight.flip(0, 1)).sum((2, 3))).sum()

    gradient = torch.from_numpy(numerical_gradient(loss, gradient)).to(x.dtype)
""",
    ),
    grad_kernel("x flipped in place", "    x[:] = x.flip(0, 1)\n" + LOOP + "gradient[u, v] = x[u, v]\n"),
]


def grad_input(why, body, loses=INPUT):
    head = (
        "    (a, b), (k, m) = grad_z.shape, w.shape\n    gradient = grad_z.new_zeros(a + k - 1, b + m - 1)\n"
        "    for u in range(k):\n        for v in range(m):\n            "
    )
    source = f"def grad_input(grad_z, w):\n{head}{body}\n    return gradient\n"
    return Answer(why=f"grad_input: {why}", cells={"grad_input": source}, loses=loses)


INPUT_ANSWERS = [
    grad_input("not flipped", "gradient[u : u + a, v : v + b] += grad_z * w[u, v]"),
    grad_input("overwritten in place of added up", "gradient[u : u + a, v : v + b] = grad_z * w[k - 1 - u, m - 1 - v]"),
    grad_input(
        "cut to the size of the output",
        "gradient[u : u + a, v : v + b] += grad_z * w[k - 1 - u, m - 1 - v]\n    gradient = gradient[:a, :b]",
    ),
    grad_input(
        "no more rows than in the visible check",
        "gradient[k - 1 - u : k - 1 - u + a, m - 1 - v : m - 1 - v + b] += grad_z * w[u, v] * (u < 2)",
    ),
    grad_input("columns not flipped", "gradient[u : u + a, v : v + b] += grad_z * w[k - 1 - u, v]"),
    Answer(
        why="grad_input: float32 whatever comes",
        cells={
            "grad_input": """
def grad_input(grad_z, w):
    (A, B), (K, M) = grad_z.shape, w.shape
    out = torch.zeros(A + K - 1, B + M - 1)
    for u in range(K):
        for v in range(M):
            out[K - 1 - u : K - 1 - u + A, M - 1 - v : M - 1 - v + B] += grad_z * w[u, v]
    return out
"""
        },
        loses=INPUT[1:],
    ),
    grad_input(
        "a ready-made gradient of a layer that learns its shape",
        "pass\n    layer = torch.nn.LazyConvTranspose2d(1, (k, m), bias=False, dtype=w.dtype)\n"
        "    layer(grad_z[None, None])\n    layer.weight.data[0, 0] = w.flip(0, 1)\n"
        "    gradient = layer(grad_z[None, None])[0, 0].detach()",
    ),
    grad_input(
        "a ready-made gradient",
        "pass\n    gradient = F.conv_transpose2d(grad_z[None, None], w.flip(0, 1)[None, None])[0, 0]",
    ),
    grad_input(
        "an import under another name",
        "pass\n    from torch.nn.functional import conv_transpose2d as spread\n"
        "    gradient = spread(grad_z[None, None], w.flip(0, 1)[None, None])[0, 0]",
    ),
]


def convolutions(
    why, by_x='convolve(grad_z, w.flip(0, 1), "full")', by_w='convolve(x.flip(0, 1), grad_z, "valid")', loses=BOTH
):
    source = f"def backward_as_convolutions(grad_z, x, w):\n    return {by_x}, {by_w}\n"
    return Answer(why=f"backward_as_convolutions: {why}", cells={"backward_as_convolutions": source}, loses=loses)


CONVOLUTION_ANSWERS = [
    convolutions("kernel not flipped", by_x='convolve(grad_z, w, "full")'),
    convolutions("nothing flipped for the kernel", by_w='convolve(x, grad_z, "valid")'),
    convolutions("grad_z flipped in place of x", by_w='convolve(x, grad_z.flip(0, 1), "valid")'),
    convolutions(
        "gradients exchanged", 'convolve(x.flip(0, 1), grad_z, "valid")', 'convolve(grad_z, w.flip(0, 1), "full")'
    ),
    convolutions("valid for the input", by_x='convolve(grad_z, w.flip(0, 1), "valid")'),
    convolutions("one axis flipped", by_x='convolve(grad_z, w.flip(1), "full")', loses=BOTH[1:]),
    Answer(
        why="backward_as_convolutions: the numbers of the visible check",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    convolve(x, w)
    return torch.tensor([[5.0, 53.0, 30.0]]), torch.tensor([[32.0, 21.0]])
"""
        },
        loses=BOTH,
    ),
    Answer(
        why="backward_as_convolutions: the functions of Exercise 1, and a call of convolve for show",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    convolve(x, w)
    return grad_input(grad_z, w), grad_kernel(grad_z, x)
"""
        },
        loses=BOTH,
    ),
    Answer(
        why="backward_as_convolutions: sums over windows, and a call of convolve for show",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    (a, b), (k, m) = grad_z.shape, w.shape
    wide = F.pad(grad_z, (m - 1, m - 1, k - 1, k - 1))
    by_x = torch.einsum("hwkm,km->hw", wide.unfold(0, k, 1).unfold(1, m, 1), w)
    by_w = torch.einsum("kmab,ab->km", x.unfold(0, a, 1).unfold(1, b, 1), grad_z).flip(0, 1)
    convolve(x, w)
    return by_x, by_w
"""
        },
        loses=BOTH,
    ),
    Answer(
        why="backward_as_convolutions: one gradient by convolve, the other as a product of matrices",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    (a, b), (k, m) = grad_z.shape, w.shape
    rows = torch.arange(k)[:, None, None, None] + torch.arange(a)[:, None]
    columns = torch.arange(m)[:, None, None] + torch.arange(b)
    by_w = x[rows, columns].flatten(2) @ grad_z.flatten()
    return convolve(grad_z, w.flip(0, 1), "full"), by_w.flip(0, 1)
"""
        },
        loses=BOTH,
    ),
    Answer(
        why="backward_as_convolutions: the correlation of a framework, and a call of convolve for show",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    by_x = convolve(grad_z, w.flip(0, 1), "full")
    return by_x, F.conv2d(x[None, None], grad_z[None, None])[0, 0].flip(0, 1)
"""
        },
        loses=BOTH,
    ),
    Answer(
        why="backward_as_convolutions: arrays flipped in place",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    x[:], w[:] = x.flip(0, 1), w.flip(0, 1)
    return convolve(grad_z, w, "full"), convolve(x, grad_z, "valid")
"""
        },
        loses=BOTH[1:],
    ),
    Answer(
        why="backward_as_convolutions: loops again",
        cells={
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    (a, b), (k, m) = grad_z.shape, w.shape
    grad_x, grad_w = torch.zeros_like(x), torch.zeros_like(w)
    for u in range(k):
        for v in range(m):
            grad_x[u : u + a, v : v + b] += grad_z * w[k - 1 - u, m - 1 - v]
            grad_w[k - 1 - u, m - 1 - v] = (grad_z * x[u : u + a, v : v + b]).sum()
    return grad_x, grad_w
"""
        },
        loses=BOTH,
    ),
]


def layer(
    why,
    rows="u : u + stride * (h - 1) + 1 : stride, v : v + stride * (w - 1) + 1 : stride",
    by_weight='grad_weight[:, :, u, v] = torch.einsum("noab,ncab->oc", grad_z, padded[:, :, ROWS])',
    by_x='grad_padded[:, :, ROWS] += torch.einsum("noab,oc->ncab", grad_z, weight[:, :, u, v])',
    cut="grad_padded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]",
    bias="grad_z.sum(dim=(0, 2, 3))",
    loses=LAYER,
):
    source = f"""
def conv2d_backward(grad_z, x, weight, stride=1, padding=0):
    h, w = grad_z.shape[2:]
    padded = F.pad(x, (padding,) * 4)
    grad_padded, grad_weight = torch.zeros_like(padded), torch.zeros_like(weight)
    for u in range(weight.shape[2]):
        for v in range(weight.shape[3]):
            {by_weight.replace("ROWS", rows)}
            {by_x.replace("ROWS", rows)}
    return {cut}, grad_weight, {bias}
"""
    return Answer(why=f"conv2d_backward: {why}", cells={"conv2d_backward": source}, loses=loses)


LAYER_ANSWERS = [
    layer(
        "the gradient of a flipped kernel",
        by_weight='grad_weight[:, :, -1 - u, -1 - v] = torch.einsum("noab,ncab->oc", grad_z, padded[:, :, ROWS])',
    ),
    layer(
        "mean over the batch",
        by_weight='grad_weight[:, :, u, v] = torch.einsum("noab,ncab->oc", grad_z, padded[:, :, ROWS]) / len(x)',
    ),
    layer(
        "a batch of two images taken for granted",
        by_weight='grad_weight[:, :, u, v] = torch.einsum("noab,ncab->oc", grad_z[:2], padded[:2][:, :, ROWS])',
    ),
    *(
        Answer(
            why=f"conv2d_backward: {way}",
            cells={
                "conv2d_backward": f"""
def conv2d_backward(grad_z, x, weight, stride=1, padding=0):
    def loss(x, weight):
        z = F.conv2d(x.double(), weight.double(), stride=stride, padding=padding)
        return (grad_z.double() * z).sum()

{body}
    return by_x, by_weight, grad_z.sum(dim=(0, 2, 3))
"""
            },
            loses=loses,
        )
        for way, body, loses in [
            (
                "by the differences of the course",
                """
    from course_utils.checks import numerical_gradient

    by_x = torch.from_numpy(numerical_gradient(lambda v: loss(v, weight), x.double())).to(x.dtype)
    by_weight = torch.from_numpy(numerical_gradient(lambda v: loss(x, v), weight.double())).to(x.dtype)""",
                LAYER,
            ),
            (
                "by differences",
                """
    def differences(function, at):
        units = torch.eye(at.numel(), dtype=at.dtype).reshape(-1, *at.shape)
        slopes = torch.stack([(function(at + one) - function(at - one)) / 2 for one in units])
        return slopes.reshape(at.shape).to(at.dtype)

    by_x, by_weight = differences(lambda v: loss(v, weight), x), differences(lambda v: loss(x, v), weight)""",
                LAYER[1:],
            ),
        ]
    ),
    Answer(
        why="conv2d_backward: neither stride nor padding has its default",
        cells={
            "conv2d_backward": """
def conv2d_backward(grad_z, x, weight, stride, padding):
    N, C, H, W = x.shape
    K = weight.shape[-1]
    columns = F.unfold(x, K, padding=padding, stride=stride)
    g = grad_z.flatten(2)
    by_weight = torch.einsum("nol,npl->op", g, columns).reshape(weight.shape)
    spread = torch.einsum("nol,op->npl", g, weight.flatten(1))
    return F.fold(spread, (H, W), K, padding=padding, stride=stride), by_weight, g.sum((0, 2))
"""
        },
        loses=LAYER[1:],
    ),
    layer("bias summed over the batch only", bias="grad_z.sum(dim=0)"),
    layer("stride forgotten", rows="u : u + h, v : v + w", loses=LAYER[1:]),
    layer("padding not cut off", cut="grad_padded"),
    layer("padding cut off with a minus", cut="grad_padded[:, :, padding:-padding, padding:-padding]"),
    layer(
        "input size worked out from the output",
        cut="grad_padded[:, :, padding : padding + stride * (h - 1) + weight.shape[2] - 2 * padding, "
        "padding : padding + stride * (w - 1) + weight.shape[3] - 2 * padding]",
        loses=LAYER[1:],
    ),
    Answer(
        why="conv2d_backward: ready-made gradients",
        cells={
            "conv2d_backward": """
def conv2d_backward(grad_z, x, weight, stride=1, padding=0):
    return (
        torch.nn.grad.conv2d_input(x.shape, weight, grad_z, stride, padding),
        torch.nn.grad.conv2d_weight(x, weight.shape, grad_z, stride, padding),
        grad_z.sum(dim=(0, 2, 3)),
    )
"""
        },
        loses=LAYER,
    ),
]

ANSWERS = [
    *KERNEL_ANSWERS,
    *INPUT_ANSWERS,
    *CONVOLUTION_ANSWERS,
    *LAYER_ANSWERS,
]
