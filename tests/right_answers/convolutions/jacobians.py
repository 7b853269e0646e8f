"""Right answers to convolutions/jacobians that do not look like the reference."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="rolls, indices from the end, Fourier transforms",
        cells={
            "circular_entries": """
def dz_dx(x, y, k, i):
    return torch.roll(y, -k)[i].item()


def dz_dy(x, y, k, i):
    return x[i - k]  # a negative index counts from the end
""",
            "circular_matrices": """
def jacobian_x(x, y):
    return torch.stack([torch.roll(y, -k) for k in range(len(y))])


def jacobian_y(x, y):
    return torch.stack([x.roll(k) for k, _ in enumerate(x)])
""",
            "circular_backward": """
def circular_backward(grad_z, x, y):
    g, a, b = torch.fft.fft(grad_z), torch.fft.fft(x), torch.fft.fft(y)
    grad = torch.fft.ifft(torch.conj(g) * b).real
    return [grad, torch.fft.ifft(g * a).real]
""",
        },
    ),
    Answer(
        why="SciPy matrices, a search for the index, sums over the matrices",
        cells={
            "circular_entries": """
def dz_dx(x, y, k, i):
    return float(y.tolist()[(i + k) % len(y)])


def dz_dy(x, y, k, i):
    for a in range(len(x)):
        if (a + k) % len(x) == i:
            return x[a]
""",
            "circular_matrices": """
def jacobian_x(x, y):
    from scipy.linalg import circulant

    return torch.from_numpy(circulant(y.numpy()[::-1])[::-1][::-1][:, ::-1].T[:, ::-1].copy()) * 0 + torch.tensor(
        [[y[(i + k) % len(y)] for i in range(len(y))] for k in range(len(y))], dtype=y.dtype
    )


def jacobian_y(x, y):
    from scipy.linalg import circulant

    return torch.from_numpy(circulant(x.numpy()).T.copy())
""",
            "circular_backward": """
def circular_backward(grad_z, x, y):
    jacobian = jacobian_x(x, y), jacobian_y(x, y)
    return tuple(torch.einsum("k,ki->i", grad_z, J) for J in jacobian)
""",
        },
    ),
    Answer(
        why="signals written twice, strides, a table of indices",
        cells={
            "circular_entries": """
def dz_dx(x, y, k, i):
    return torch.cat([y, y])[i + k]


def dz_dy(x, y, k, i):
    return dict(zip(((a + k) % len(x) for a in range(len(x))), x))[i]
""",
            "circular_matrices": """
def jacobian_x(x, y):
    n = len(x)
    return torch.cat([y, y]).as_strided((n, n), (1, 1)).clone()


def jacobian_y(x, y):
    n = len(x)
    return torch.cat([x, x]).as_strided((n, n), (-1 % (2 * n), 1)) if n == 0 else torch.cat([x, x]).unfold(0, n, 1)[
        [(-k) % n for k in range(n)]
    ]
""",
            "circular_backward": """
def circular_backward(grad_z, x, y):
    n = len(x)
    wheel = torch.arange(n)
    grad_x = (grad_z[None, :] * y[(wheel[:, None] + wheel[None, :]) % n]).sum(1)
    grad_y = (grad_z[None, :] * x[(wheel[:, None] - wheel[None, :]) % n]).sum(1)
    return grad_x, grad_y
""",
        },
    ),
]
