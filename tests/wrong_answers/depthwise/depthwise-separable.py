"""Wrong answers to depthwise/depthwise-separable and what each must lose."""

import torch

from tests.support.answers import Answer

T_DEPTH = ("test_depthwise_conv2d_visible", "test_depthwise_conv2d_hidden")
T_POINT = ("test_pointwise_conv2d_visible", "test_pointwise_conv2d_hidden")
T_COSTS = ("test_costs_visible", "test_costs_hidden")
T_COUNT = ("test_count_costs_visible", "test_count_costs_hidden")
T_BLOCK = ("test_separable_block_visible", "test_separable_block_hidden")
T_TRAINED = ("test_trained_hidden",)
T_ALL = T_BLOCK + T_TRAINED

DEPTHWISE = """def depthwise_conv2d(x, weight, stride=1, padding=0):
    size = weight.shape[-1]
    x = F.pad(x, (padding,) * 4)
    h_out, w_out = ((n - size) // stride + 1 for n in x.shape[-2:])
    out = x.new_zeros(*x.shape[:2], h_out, w_out)
    for i in range(size):
        for j in range(size):
            rows = slice(i, i + stride * (h_out - 1) + 1, stride)
            columns = slice(j, j + stride * (w_out - 1) + 1, stride)
            out += weight[:, 0, i, j, None, None] * x[:, :, rows, columns]
    return out
"""
POINTWISE = "def pointwise_conv2d(x, weight):\n    return {}\n"
COSTS = """def plain_costs(in_channels, out_channels, kernel_size, height, width):
    parameters = {plain}
    return parameters, parameters * height * width


def separable_costs(in_channels, out_channels, kernel_size, height, width):
    parameters = {separable}
    return {returned}


def cost_ratio(out_channels, kernel_size):
    return {ratio}
"""
COUNT = """def count_costs(network, images):
    found = []

    def watch(layer, inputs, output):
        found.append({products})

    layers = [layer for layer in network.modules() if isinstance(layer, {kinds})]
    hooks = [layer.register_forward_hook(watch) for layer in layers]
    with torch.no_grad():
        network(images)
    {end}
    return {parameters}, sum(found)
"""
BLOCK = """def separable_block(in_channels, out_channels, stride=1):
    return nn.Sequential(
        {depthwise},
        nn.BatchNorm2d({middle}),
        {first}
        nn.Conv2d({middle}, out_channels, {pointwise}),
        nn.BatchNorm2d(out_channels),
        {last}
    )
"""
RELU_FIRST = """def separable_block(in_channels, out_channels, stride=1):
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False),
        nn.BatchNorm2d(in_channels),
        nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(out_channels),
    )
"""
BACKWARDS = """def depthwise_conv2d(x, weight, stride=1, padding=0):
    size = weight.shape[-1]
    full = F.conv_transpose2d(F.pad(x, (padding,) * 4), weight.flip(2, 3), groups=len(weight))
    h, w = (n + 2 * padding for n in x.shape[2:])
    return full[:, :, size - 1 : h : stride, size - 1 : w : stride]
"""
STRIDED = """def depthwise_conv2d(x, weight, stride=1, padding=0):
    size = weight.shape[-1]
    x = F.pad(x, (padding,) * 4).contiguous()
    h_out, w_out = ((n - size) // stride + 1 for n in x.shape[-2:])
    a, b, c, d = x.stride()
    shape = (*x.shape[:2], h_out, w_out, size, size)
    windows = x.as_strided(shape, (a, b, c * stride, d * stride, c, d))
    return torch.einsum("nchwkl,ckl->nchw", windows, weight[:, 0])
"""
OF_SCIPY = """from scipy.signal import correlate


def depthwise_conv2d(x, weight, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4).numpy()
    rows = [[correlate(plane, kernel, "valid") for plane, kernel in zip(one, weight[:, 0].numpy())] for one in x]
    return torch.tensor(rows)[:, :, ::stride, ::stride].contiguous()
"""
ALL_LAYERS = """def count_costs(network, images):
    found = []

    def watch(layer, inputs, output):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            found.append(output.numel() * layer.weight[0].numel())

    {register}
    {grad}
    network(images)
    return sum(p.numel() for p in network.parameters()), sum(found)
"""
ONCE = """def count_costs(network, images):
    found = {}

    def watch(layer, inputs, output):
        found[layer] = output.numel() * layer.weight[0].numel()

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(watch)
    network(images)
    return sum(p.numel() for p in network.parameters()), sum(found.values())
"""


def depthwise(
    why: str, old: str = "", new: str = "", loses: tuple[str, ...] = T_DEPTH, source: str = DEPTHWISE
) -> Answer:
    assert old in source
    return Answer(f"depthwise: {why}", {"depthwise_conv2d": source.replace(old, new)}, loses)


def pointwise(why: str, expression: str, loses: tuple[str, ...] = T_POINT) -> Answer:
    return Answer(f"pointwise: {why}", {"pointwise_conv2d": POINTWISE.format(expression)}, loses)


def costs(why: str, loses: tuple[str, ...] = T_COSTS, **parts: str) -> Answer:
    right = {
        "plain": "in_channels * out_channels * kernel_size**2",
        "separable": "in_channels * kernel_size**2 + in_channels * out_channels",
        "returned": "parameters, parameters * height * width",
        "ratio": "1 / out_channels + 1 / kernel_size**2",
    }
    return Answer(f"costs: {why}", {"costs": COSTS.format(**right | parts)}, loses)


def count(why: str, loses: tuple[str, ...] = T_COUNT, **parts: str) -> Answer:
    right = {
        "products": "output.numel() * layer.weight[0].numel()",
        "kinds": "(nn.Conv2d, nn.Linear)",
        "end": "[hook.remove() for hook in hooks]",
        "parameters": "sum(p.numel() for p in network.parameters())",
    }
    return Answer(f"count: {why}", {"count_costs": COUNT.format(**right | parts)}, loses)


def block(why: str, loses: tuple[str, ...] = T_ALL, **parts: str) -> Answer:
    right = {
        "depthwise": "nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False)",
        "middle": "in_channels",
        "first": "nn.ReLU(),",
        "pointwise": "1, bias=False",
        "last": "nn.ReLU(),",
    }
    return Answer(f"block: {why}", {"separable_block": BLOCK.format(**right | parts)}, loses)


def forgotten(record, weights):
    generator = torch.Generator().manual_seed(0)
    return record, {
        key: torch.randn(value.shape, generator=generator).to(value.dtype) for key, value in weights.items()
    }


def of_a_wider_network(record, weights):
    # By name: safetensors gives the entries in no fixed order, and a counter of batches has no axis to widen.
    key = min(name for name, value in weights.items() if value.ndim > 1)
    return record, weights | {key: torch.cat([weights[key]] * 2)}


def on_other_data(record, weights):
    return record | {"data": "holiday pictures"}, weights


ANSWERS = [
    depthwise("all channels are added up", "    return out", "    return out.sum(1, keepdim=True).expand_as(out)"),
    depthwise("kernel flipped", "weight[:, 0, i, j", "weight[:, 0, size - 1 - i, size - 1 - j"),
    depthwise("first kernel for every channel", "weight[:, 0, i, j", "weight[:1, 0, i, j"),
    depthwise(
        "plain convolution of torch",
        source="def depthwise_conv2d(x, weight, stride=1, padding=0):\n"
        "    return F.conv2d(x, weight, stride=stride, padding=padding, groups=len(weight))\n",
    ),
    depthwise(
        "windows by unfold",
        source="def depthwise_conv2d(x, weight, stride=1, padding=0):\n"
        "    size = weight.shape[-1]\n"
        "    windows = F.pad(x, (padding,) * 4).unfold(2, size, stride).unfold(3, size, stride)\n"
        "    return torch.einsum('nchwkl,ckl->nchw', windows, weight[:, 0])\n",
    ),
    *[
        depthwise(
            why,
            source="def depthwise_conv2d(x, weight, stride=1, padding=0):\n"
            f"    pads, c = [padding] * 2, len(weight)\n    return {call}\n",
        )
        for why, call in {
            "torch.convolution": "torch.convolution(x, weight, None, [stride] * 2, pads, [1, 1], False, [0, 0], c)",
            "aten's": "torch.ops.aten.convolution(x, weight, None, [stride] * 2, pads, [1, 1], False, [0, 0], c)",
            "with another axis, conv3d": "F.conv3d(x[:, :, None], weight[:, :, None], None, (1, stride, stride), "
            "(0, padding, padding), 1, len(weight))[:, :, 0]",
            "a layer that finds its sizes": "torch.func.functional_call(nn.LazyConv2d(c, weight.shape[-1], stride, "
            "padding, groups=c, bias=False, dtype=x.dtype), {'weight': weight}, (x,))",
        }.items()
    ],
    depthwise("transposed convolution of the flipped kernel", source=BACKWARDS),
    depthwise("windows by as_strided", source=STRIDED),
    depthwise("of SciPy", source=OF_SCIPY),
    depthwise("channels beyond the third left out", "    return out", "    out[:, 3:] = 0\n    return out"),
    depthwise("padding forgotten", "F.pad(x, (padding,) * 4)", "x"),
    depthwise("stride forgotten", "    size = ", "    stride = 1\n    size = ", T_DEPTH[1:]),
    depthwise("always float32", "    return out", "    return out.float()", T_DEPTH[1:]),
    depthwise("size rounded up", "(n - size) // stride + 1", "-(-(n - size) // stride) + 1", T_DEPTH[1:]),
    depthwise("changes its input", "    size = ", "    x *= 1.0\n    x += 0.1\n    size = "),
    pointwise("transposed", 'torch.einsum("nchw,co->nohw", x, weight[:, :, 0, 0])'),
    pointwise("three channels at most", 'torch.einsum("nchw,oc->nohw", x[:, :3], weight[:, :3, 0, 0])'),
    pointwise("sum over the channels, unweighted", "x.sum(1, keepdim=True).expand(-1, len(weight), -1, -1)"),
    pointwise("channels last in the output", 'torch.einsum("nchw,oc->nhwo", x, weight[:, :, 0, 0])'),
    pointwise("one weight for each channel", "x * weight[0].mean()"),
    pointwise("of torch", "F.conv2d(x, weight)"),
    pointwise("as a linear layer", "F.linear(x.movedim(1, 3), weight[:, :, 0, 0]).movedim(3, 1)"),
    pointwise("as a convolution of rows", "F.conv1d(x.flatten(2), weight[..., 0]).unflatten(2, x.shape[2:])"),
    pointwise(
        "torch.convolution", "torch.convolution(x, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)"
    ),
    pointwise("aten's linear", "torch.ops.aten.linear(x.movedim(1, 3), weight[:, :, 0, 0]).movedim(3, 1)"),
    pointwise(
        "F.bilinear with ones",
        "F.bilinear(x.movedim(1, 3).contiguous(), x.new_ones(len(x), *x.shape[2:], 1), weight[:, :, 0]).movedim(3, 1)",
    ),
    pointwise(
        "changes its input",
        'torch.einsum("nchw,oc->nohw", x, weight[:, :, 0, 0]) + 0 * x.mul_(2).sum()',
        T_POINT[1:],
    ),
    pointwise("always float32", 'torch.einsum("nchw,oc->nohw", x.float(), weight[:, :, 0, 0].float())', T_POINT[1:]),
    costs("with biases", plain="in_channels * out_channels * kernel_size**2 + out_channels"),
    costs("K for K squared", plain="in_channels * out_channels * kernel_size"),
    costs("K squared for each output", separable="out_channels * kernel_size**2 + in_channels * out_channels"),
    costs("depthwise times pointwise", separable="in_channels * kernel_size**2 * in_channels * out_channels"),
    costs("pixels squared", returned="parameters, parameters * height * height"),
    costs("upside down", ratio="1 / (1 / out_channels + 1 / kernel_size**2)"),
    costs("a float", returned="parameters, parameters * height * width / 1.5"),
    costs("floats", T_COSTS[:1], returned="float(parameters), parameters * height * width"),
    costs("that of the visible size", ratio="4 / 9"),
    costs("the ratio from the two functions", ratio="separable_costs(1, out_channels, kernel_size, 1, 1)[0] / "
          "plain_costs(1, out_channels, kernel_size, 1, 1)[0]"),
    Answer(
        "costs: a table of the visible case",
        {
            "costs": "def plain_costs(*sizes):\n    return {(2, 3, 3, 4, 5): (54, 1080)}[sizes]\n\n\n"
            "def separable_costs(*sizes):\n    return {(2, 3, 3, 4, 5): (24, 480)}[sizes]\n\n\n"
            "def cost_ratio(*sizes):\n    return {(3, 3): 24 / 54}[sizes]\n"
        },
        T_COSTS,
    ),
    costs("only the limit", ratio="1 / kernel_size**2"),
    count("groups forgotten", products="output.numel() * (layer.kernel_size[0] ** 2 * layer.in_channels "
          "if isinstance(layer, nn.Conv2d) else layer.in_features)"),
    count("input pixels for output pixels", products="inputs[0][0, 0].numel() * layer.weight.numel() "
          "if isinstance(layer, nn.Conv2d) else layer.weight.numel()"),
    Answer(
        "count: a table of the visible layers",
        {
            "count_costs": "def count_costs(network, images):\n"
            "    parameters = sum(p.numel() for p in network.parameters())\n"
            "    return parameters, {1152: 73728, 72: 4608, 18: 15}[parameters]\n"
        },
        T_COUNT,
    ),
    count("convolutions only", kinds="nn.Conv2d"),
    count("weights without biases", parameters="sum(p.numel() for p in network.parameters() if p.ndim > 1)"),
    count("for one image always", T_COUNT[1:], products="output[0].numel() * layer.weight[0].numel()"),
    Answer("count: a layer that is used twice, once", {"count_costs": ONCE}, T_COUNT[1:]),
    count("floats", T_COUNT[:1], parameters="float(sum(p.numel() for p in network.parameters()))"),
    count("hooks are left behind", T_COUNT[1:], end="pass"),
    Answer(
        "count: a hook of all layers is left behind",
        {
            "count_costs": ALL_LAYERS.format(
                register="nn.modules.module.register_module_forward_hook(watch)", grad="torch.set_grad_enabled(True)"
            )
        },
        T_COUNT[1:],
    ),
    count("gradients are switched off for good", T_COUNT[1:],
          end="[hook.remove() for hook in hooks]\n    torch.set_grad_enabled(False)"),
    count("returns nothing", end="return None"),
    block("no groups", depthwise="nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, bias=False)"),
    block(
        "channels change in the depthwise layer",
        depthwise="nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, groups=in_channels, bias=False)",
        middle="out_channels",
    ),
    block("no first ReLU", first=""),
    block("no padding", T_BLOCK,
          depthwise="nn.Conv2d(in_channels, in_channels, 3, stride, groups=in_channels, bias=False)"),
    block("a ReLU that leaks", T_BLOCK[1:], last="nn.LeakyReLU(),"),
    block("biases", pointwise="1"),
    block("a bias in the depthwise layer",
          depthwise="nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels)"),
    block("stride in the pointwise layer", T_BLOCK[1:], pointwise="1, stride, bias=False",
          depthwise="nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)"),
    Answer("block: ReLU before batch norm", {"separable_block": RELU_FIRST}, T_ALL[1:]),
    Answer("trained: not handed in", {}, T_TRAINED, {"separable": None}),
    Answer("trained: plain not handed in", {}, T_TRAINED, {"plain": None}),
    Answer("trained: random weights", {}, T_TRAINED, {"separable": forgotten}),
    Answer("trained: weights of another network", {}, T_TRAINED, {"separable": of_a_wider_network}),
    Answer("trained: data nobody has", {}, T_TRAINED, {"plain": on_other_data}),
]  # fmt: skip
