"""Right answers to convolutions/theory that do not look like the reference."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="index arithmetic, a prediction by measuring, sizes as NumPy numbers, network as prefixes",
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
            "layer_by_layer": """
def layer_by_layer(model, images):
    names = [name for name, _ in model.named_children()]
    steps = []
    for i, name in enumerate(names):
        try:
            steps.append([name, model[: i + 1](images).shape])
        except Exception:
            return [steps, name]
    return [steps, None]
""",
            "linear_to_conv": """
def linear_to_conv(linear, feature_shape):
    conv = nn.Conv2d(feature_shape[0], linear.out_features, feature_shape[1:], bias=False).to(linear.weight.dtype)
    conv.weight = nn.Parameter(linear.weight.detach().clone().unflatten(1, feature_shape))
    if linear.bias is not None:
        conv.bias = nn.Parameter(linear.bias.detach().clone())
    return conv
""",
            "to_fully_convolutional": """
def to_fully_convolutional(model, feature_shape):
    import copy
    from collections import OrderedDict

    convolutional = OrderedDict()
    for name, layer in copy.deepcopy(model).named_children():
        match layer:
            case nn.Flatten():
                shape = tuple(feature_shape)
            case nn.Linear():
                convolutional[name] = linear_to_conv(layer, shape)
                shape = (layer.out_features, 1, 1)
            case _:
                convolutional[name] = layer
    return nn.Sequential(convolutional)
""",
            "receptive_field": """
def receptive_field(layers):
    size = 1
    for kernel_size, stride in reversed(layers):
        size = stride * size + (kernel_size - stride)
    return [size, np.prod([stride for _, stride in layers])]
""",
            "measure_field": """
def measure_field(model, image_shape, row, column):
    def outputs(image):
        return model(image[None])[0, :, row, column]

    jacobian = torch.autograd.functional.jacobian(outputs, torch.randn(image_shape))
    return jacobian.abs().amax(dim=(0, 1)) > 0
""",
        },
    ),
    Answer(
        why="NumPy and SciPy, plain loops, state dictionaries, perturbation in place of gradients",
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
            "layer_by_layer": """
def layer_by_layer(model, images):
    steps, failed = [], None
    children = dict(model.named_children())
    for name in children:
        try:
            images = children[name](images)
        except RuntimeError:
            failed = name
            break
        steps += [(name, list(images.size()))]
    return steps, failed
""",
            "linear_to_conv": """
def linear_to_conv(linear, feature_shape):
    C, H, W = feature_shape
    state = linear.state_dict()
    state["weight"] = state["weight"].view(-1, C, H, W)
    conv = nn.Conv2d(C, linear.out_features, (H, W), bias="bias" in state)
    if state["weight"].dtype == torch.float64:
        conv = conv.double()
    conv.load_state_dict(state)
    return conv
""",
            "to_fully_convolutional": """
def to_fully_convolutional(model, feature_shape):
    layers = list(model)
    flat = [isinstance(layer, nn.Flatten) for layer in layers].index(True)
    head = nn.Sequential()
    for layer in layers[flat + 1 :]:
        if isinstance(layer, nn.Linear):
            first = not any(isinstance(l, nn.Conv2d) for l in head)
            shape = feature_shape if first else (layer.in_features, 1, 1)
            layer = linear_to_conv(layer, shape)
        head.append(layer)
    return nn.Sequential(nn.Sequential(*layers[:flat]), head)
""",
            "receptive_field": """
def receptive_field(layers):
    first, second = (0, 0), (1, 1)  # the pixels that two neighbouring outputs see, from first to last
    for k, s in layers[::-1]:
        first, second = ((a * s, b * s + k - 1) for a, b in (first, second))
    return torch.tensor(first[1] - first[0] + 1).item(), second[0] - first[0]
""",
            "measure_field": """
@torch.no_grad()
def measure_field(model, image_shape, row, column):
    C, H, W = image_shape
    model = model.double()
    image = torch.rand(C, H, W, dtype=torch.float64)
    before = model(image[None])[0, :, row, column]
    steps = torch.eye(C * H * W, dtype=torch.float64).reshape(-1, C, H, W)
    after = model(image + steps)[:, :, row, column]
    return ((after - before).abs() > 1e-12).any(1).reshape(C, H, W).any(0)
""",
        },
    ),
    Answer(
        why="padding and slices, one-liners, tuples of tensors",
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
            "layer_by_layer": """
def layer_by_layer(model, images):
    steps = []

    def note(name):
        return lambda layer, inputs, output: steps.append((name, tuple(output.shape)))

    hooks = [layer.register_forward_hook(note(name)) for name, layer in model.named_children()]
    try:
        model(images)
        failed = None
    except RuntimeError:
        failed = [name for name, _ in model.named_children()][len(steps)]
    for hook in hooks:
        hook.remove()
    return steps, failed
""",
            "linear_to_conv": """
def linear_to_conv(linear, feature_shape):
    c, h, w = feature_shape
    kind = linear.weight.dtype
    conv = nn.LazyConv2d(linear.out_features, kernel_size=(h, w), bias=linear.bias is not None, dtype=kind)
    conv(torch.zeros(1, c, h, w, dtype=kind))
    for mine, theirs in zip(conv.parameters(), linear.parameters()):
        mine.data = theirs.data.clone().reshape(mine.shape)
    return conv
""",
            "to_fully_convolutional": """
def to_fully_convolutional(model, feature_shape):
    shapes = iter([feature_shape] + [(l.out_features, 1, 1) for l in model if isinstance(l, nn.Linear)])
    return nn.Sequential(*[
        linear_to_conv(l, next(shapes)) if isinstance(l, nn.Linear)
        else nn.Identity() if isinstance(l, nn.Flatten)
        else l
        for l in model
    ])
""",
            "receptive_field": """
def receptive_field(layers):
    if not layers:
        return 1, 1
    r, j = receptive_field(layers[:-1])
    return r + (layers[-1][0] - 1) * j, j * layers[-1][1]
""",
            "measure_field": """
def measure_field(model, image_shape, row, column):
    image = torch.randn(image_shape, requires_grad=True)
    picked = model(image.unsqueeze(0)).squeeze(0)[:, row, column]
    torch.sum(picked * torch.randn(len(picked))).backward()
    return image.grad.abs().sum(0).bool()
""",
        },
    ),
]
