"""Right answers to convolutions/backprop that do not look like the reference."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="unfold, einsum and fold, variables called grad",
        cells={
            "grad_kernel": """
def grad_kernel(grad_z, x):
    a, b = grad_z.shape
    patches = x.unfold(0, a, 1).unfold(1, b, 1)  # (K, M, a, b)
    grad = torch.einsum("kmab,ab->km", patches, grad_z)
    return torch.flip(grad, dims=(0, 1))
""",
            "grad_input": """
def grad_input(grad_z, w):
    K, M = w.shape
    padded = F.pad(grad_z, (M - 1, M - 1, K - 1, K - 1))
    windows = padded.unfold(0, K, 1).unfold(1, M, 1)  # (H, W, K, M)
    grad = (windows * w).sum(dim=(-2, -1))
    return grad
""",
            "backward_as_convolutions": """
def backward_as_convolutions(grad_z, x, w):
    flipped = torch.rot90(w, 2)
    return convolve(flipped, grad_z, mode="full"), convolve(x, torch.rot90(grad_z, 2)).rot90(2)
""",
            "conv2d_backward": """
def conv2d_backward(grad_z, x, weight, stride=1, padding=0):
    N, C, H, W = x.shape
    K = weight.shape[-1]
    columns = F.unfold(x, K, padding=padding, stride=stride)  # (N, C K K, L)
    grad = grad_z.flatten(2)  # (N, C_out, L)
    grad_weight = torch.einsum("nol,npl->op", grad, columns).reshape(weight.shape)
    grad_columns = torch.einsum("nol,op->npl", grad, weight.flatten(1))
    grad_x = F.fold(grad_columns, (H, W), K, padding=padding, stride=stride)
    return grad_x, grad_weight, grad.sum((0, 2))
""",
        },
    ),
    Answer(
        why="NumPy, loops over outputs, everything by the definition",
        cells={
            "grad_kernel": """
def grad_kernel(grad_z, x):
    g, image = grad_z.numpy(), x.numpy()
    K, M = image.shape[0] - g.shape[0] + 1, image.shape[1] - g.shape[1] + 1
    total = sum(
        g[a, b] * image[a : a + K, b : b + M][::-1, ::-1] for a in range(g.shape[0]) for b in range(g.shape[1])
    )
    return torch.from_numpy(total.copy())
""",
            "grad_input": """
def grad_input(grad_z, w):
    H, W = grad_z.shape[0] + w.shape[0] - 1, grad_z.shape[1] + w.shape[1] - 1
    grad = torch.zeros(H, W).type_as(grad_z)
    for a in range(grad_z.shape[0]):
        for b in range(grad_z.shape[1]):
            grad[a : a + w.shape[0], b : b + w.shape[1]] += grad_z[a, b] * w.flip([0, 1])
    return grad
""",
            "backward_as_convolutions": """
def flip(array):
    return torch.from_numpy(array.numpy()[::-1, ::-1].copy())


def backward_as_convolutions(grad_z, x, w):
    return {"x": convolve(grad_z, flip(w), "full"), "w": convolve(flip(x), grad_z)}.values()
""",
            "conv2d_backward": """
def conv2d_backward(grad_z, x, weight, stride=1, padding=0):
    padded = F.pad(x, [padding] * 4)
    grad_x, grad_weight, grad_bias = padded * 0, weight * 0, grad_z.new_zeros(len(weight))
    K = weight.shape[2]
    for a in range(grad_z.shape[2]):
        for b in range(grad_z.shape[3]):
            here = grad_z[:, :, a, b]  # (N, C_out)
            rows, columns = slice(stride * a, stride * a + K), slice(stride * b, stride * b + K)
            grad_x[:, :, rows, columns] += torch.tensordot(here, weight, dims=1)
            grad_weight += torch.tensordot(here.T, padded[:, :, rows, columns], dims=1)
            grad_bias += here.sum(0)
    if padding:
        grad_x = grad_x[:, :, padding:-padding, padding:-padding]
    return grad_x, grad_weight, grad_bias
""",
        },
    ),
    Answer(
        why="Fourier transforms in two dimensions, a Toeplitz matrix, strides as zeros between the entries",
        cells={
            "backward_as_convolutions": """
def turned(array):
    return array.flip((0, 1))


def backward_as_convolutions(grad_z, x, w):
    def full(image, kernel):
        return convolve(image, kernel, mode="full")

    return full(w.flip(-1).flip(-2), grad_z), turned(convolve(x, kernel=turned(grad_z), mode="valid"))
""",
            "grad_kernel": """
def grad_kernel(grad_z, x):
    spectrum = torch.fft.rfft2(x) * torch.fft.rfft2(grad_z, s=x.shape).conj()
    sums = torch.fft.irfft2(spectrum, s=x.shape)
    K, M = (n - a + 1 for n, a in zip(x.shape, grad_z.shape))
    return sums[:K, :M].flip(0, 1)
""",
            "grad_input": """
def grad_input(grad_z, w):
    a, b = grad_z.shape
    H, W = a + len(w) - 1, b + w.shape[1] - 1
    toeplitz = torch.zeros(a * b, H * W, dtype=w.dtype)  # z.flatten() = toeplitz @ x.flatten()
    for r in range(a):
        for c in range(b):
            for u in range(w.shape[0]):
                for v in range(w.shape[1]):
                    toeplitz[r * b + c, (r + w.shape[0] - 1 - u) * W + c + w.shape[1] - 1 - v] = w[u, v]
    return (toeplitz.T @ grad_z.flatten()).reshape(H, W)
""",
            "conv2d_backward": """
def conv2d_backward(grad_z, x, weight, stride=1, padding=0):
    N, C_out, h, w = grad_z.shape
    K = weight.shape[-1]
    H, W = (n + 2 * padding for n in x.shape[2:])
    spread = grad_z.new_zeros(N, C_out, H - K + 1, W - K + 1)
    spread[:, :, : stride * h : stride, : stride * w : stride] = grad_z
    padded = F.pad(x, (padding,) * 4)
    grad_weight = F.conv2d(padded.transpose(0, 1), spread.transpose(0, 1)).transpose(0, 1)
    grad_padded = F.conv2d(spread, weight.flip(2, 3).transpose(0, 1), padding=K - 1)
    return grad_padded[:, :, padding : H - padding, padding : W - padding], grad_weight, grad_z.sum((0, 2, 3))
""",
        },
    ),
]
