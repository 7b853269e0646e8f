"""Right answers to convolutions/fully-convolutional that do not look like the reference."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        why="network as prefixes, shapes as they come, the jacobian of everything",
        cells={
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
    import numpy as np

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
        why="lists in place of tuples, state dictionaries, perturbation in place of gradients",
        cells={
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
        why="hooks, one-liners, recursion, tuples of tensors",
        cells={
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
