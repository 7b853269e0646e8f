"""Right answers to depthwise/depthwise-separable in other styles."""

from tests.support.answers import Answer

NAMES = ("depthwise", "norm_one", "relu_one", "pointwise", "norm_two", "relu_two")


def named_layers(record, weights):
    """The reference's weights under the names of blocks whose layers have names."""
    found = {}
    for key, value in weights.items():
        block, number, *rest = key.split(".")
        found[".".join([block, NAMES[int(number)], *rest]) if block in ("2", "3", "4") else key] = value
    return record, found


ANSWERS = [
    Answer(
        "windows by unfold of tensors, matrix products",
        {
            "depthwise_conv2d": "def depthwise_conv2d(x, weight, stride=1, padding=0):\n"
            "    size = weight.shape[2]\n"
            "    h, w = x.shape[2] + 2 * padding, x.shape[3] + 2 * padding\n"
            "    padded = torch.zeros(*x.shape[:2], h, w, dtype=x.dtype)\n"
            "    padded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]] = x\n"
            "    h_out = (padded.shape[2] - size) // stride + 1\n"
            "    w_out = (padded.shape[3] - size) // stride + 1\n"
            "    rows = []\n"
            "    for i in range(h_out):\n"
            "        row = []\n"
            "        for j in range(w_out):\n"
            "            window = padded[:, :, i * stride : i * stride + size, j * stride : j * stride + size]\n"
            "            row.append(torch.einsum('nckl,ckl->nc', window, weight[:, 0]))\n"
            "        rows.append(torch.stack(row, -1))\n"
            "    return torch.stack(rows, -2)\n",
            "pointwise_conv2d": "def pointwise_conv2d(x, weight):\n"
            "    n, c, h, w = x.shape\n"
            "    return (weight.reshape(-1, c) @ x.reshape(n, c, h * w)).reshape(n, -1, h, w)\n",
            "costs": "def plain_costs(in_channels, out_channels, kernel_size, height, width):\n"
            "    p = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False).weight.numel()\n"
            "    return [p, p * height * width]\n\n\n"
            "def separable_costs(in_channels, out_channels, kernel_size, height, width):\n"
            "    depthwise = in_channels * kernel_size * kernel_size\n"
            "    pointwise = in_channels * out_channels\n"
            "    return depthwise + pointwise, height * width * depthwise + height * width * pointwise\n\n\n"
            "def cost_ratio(out_channels, kernel_size):\n"
            "    return (kernel_size**2 + out_channels) / (out_channels * kernel_size**2)\n",
            "count_costs": "def count_costs(network, images):\n"
            "    products = 0\n"
            "    handles = []\n\n"
            "    def hook(layer, inputs, output):\n"
            "        nonlocal products\n"
            "        if isinstance(layer, nn.Conv2d):\n"
            "            n, c, h, w = output.shape\n"
            "            kh, kw = layer.kernel_size\n"
            "            products += n * c * h * w * kh * kw * layer.in_channels // layer.groups\n"
            "        elif isinstance(layer, nn.Linear):\n"
            "            products += output.numel() * layer.in_features\n\n"
            "    for layer in network.modules():\n"
            "        handles.append(layer.register_forward_hook(hook))\n"
            "    network(images)\n"
            "    for handle in handles:\n"
            "        handle.remove()\n"
            "    return sum(p.nelement() for p in network.parameters()), products\n",
            "separable_block": "def separable_block(in_channels, out_channels, stride=1):\n"
            "    layers = []\n"
            "    for a, k, s, g in ((in_channels, 3, stride, in_channels), (out_channels, 1, 1, 1)):\n"
            "        conv = nn.Conv2d(in_channels, a, k, stride=s, padding=k // 2, groups=g, bias=False)\n"
            "        layers.extend([conv, nn.BatchNorm2d(a), nn.ReLU(inplace=True)])\n"
            "    return nn.Sequential(*layers)\n",
        },
    ),
    Answer(
        "broadcasting and a sum",
        {
            "depthwise_conv2d": "def depthwise_conv2d(x, weight, stride=1, padding=0):\n"
            "    x = F.pad(x, [padding] * 4)\n"
            "    k = weight.shape[-1]\n"
            "    h, w = (x.shape[2] - k) // stride * stride + 1, (x.shape[3] - k) // stride * stride + 1\n"
            "    return sum(\n"
            "        x[:, :, i : i + h : stride, j : j + w : stride] * weight[:, :, i, j, None]\n"
            "        for i in range(k)\n"
            "        for j in range(k)\n"
            "    )\n",
            "pointwise_conv2d": "def pointwise_conv2d(x, weight):\n"
            "    return (x[:, None] * weight[:, :, 0, 0][None, :, :, None, None]).sum(2)\n",
        },
    ),
    Answer(
        "counted with NumPy, which has ints of its own",
        {
            "costs": "import numpy as np\n\n\n"
            "def plain_costs(in_channels, out_channels, kernel_size, height, width):\n"
            "    shape = [out_channels, in_channels, kernel_size, kernel_size]\n"
            "    return np.prod(shape), np.prod([*shape, height, width])\n\n\n"
            "def separable_costs(in_channels, out_channels, kernel_size, height, width):\n"
            "    parameters = np.array([in_channels * kernel_size**2, in_channels * out_channels])\n"
            "    return parameters.sum(), (parameters * height * width).sum()\n\n\n"
            "def cost_ratio(out_channels, kernel_size):\n"
            "    return np.float64(1 / out_channels + kernel_size**-2)\n",
            "count_costs": "def count_costs(network, images):\n"
            "    import numpy as np\n\n"
            "    products = []\n\n"
            "    def hook(layer, inputs, output):\n"
            "        products.append(np.prod(output.shape) * np.prod(layer.weight.shape[1:]))\n\n"
            "    handles = [\n"
            "        layer.register_forward_hook(hook)\n"
            "        for layer in network.modules()\n"
            "        if isinstance(layer, nn.Conv2d | nn.Linear)\n"
            "    ]\n"
            "    network(images)\n"
            "    for handle in handles:\n"
            "        handle.remove()\n"
            "    return np.sum([weight.numel() for weight in network.parameters()]), np.sum(products)\n",
        },
    ),
    Answer(
        "layers with names",
        {
            "separable_block": "from collections import OrderedDict\n\n\n"
            "def separable_block(in_channels, out_channels, stride=1):\n"
            "    return nn.Sequential(OrderedDict(\n"
            "        depthwise=nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False),\n"
            "        norm_one=nn.BatchNorm2d(in_channels),\n        relu_one=nn.ReLU(),\n"
            "        pointwise=nn.Conv2d(in_channels, out_channels, 1, bias=False),\n"
            "        norm_two=nn.BatchNorm2d(out_channels),\n        relu_two=nn.ReLU(),\n    ))\n",
        },
        artifacts={"separable": named_layers},
    ),
]
