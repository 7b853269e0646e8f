"""Right answers to visualisation/localisation in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "head on the last axis, unravel_index, loops",
        {
            "class_maps": "def class_maps(features, head, images):\n"
            "    return head(features(images).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)\n",
            "locate": "def locate(responses, height, width):\n    points = []\n    for response in responses:\n"
            "        i, j = torch.unravel_index(response.argmax(), response.shape)\n"
            "        h, w = response.shape\n"
            "        points.append([(i.item() + 0.5) * height / h, (j.item() + 0.5) * width / w])\n"
            "    return torch.tensor(points)\n",
            "hit_share": "def hit_share(points, boxes):\n    hits = 0\n"
            "    for (y, x), (top, left, bottom, right) in zip(points.tolist(), boxes.tolist()):\n"
            "        hits += top <= y <= bottom and left <= x <= right\n    return hits / len(points)\n",
            "localise": "def localise(features, head, images, labels):\n"
            "    maps = class_maps(features, head, images)\n"
            "    chosen = torch.stack([m[k] for m, k in zip(maps, labels)])\n"
            "    return locate(chosen, images.shape[-2], images.shape[-1])\n",
        },
    ),
    Answer(
        "einsum, a convolution made from the head, gradients left attached",
        {
            "class_maps": "def class_maps(features, head, images):\n"
            "    return torch.einsum('nchw,kc->nkhw', features(images), head.weight) + head.bias[:, None, None]\n",
            "locate": "import numpy as np\n\n\ndef locate(responses, height, width):\n"
            "    flat = responses.detach().numpy().reshape(len(responses), -1).argmax(1)\n"
            "    i, j = np.unravel_index(flat, responses.shape[1:])\n"
            "    cells = (np.stack([i, j], 1) + 0.5) / responses.shape[1:]\n"
            "    return torch.tensor(cells * [height, width], dtype=torch.float32)\n",
            "hit_share": "def hit_share(points, boxes):\n    y, x = points.T\n    top, left, bottom, right = boxes.T\n"
            "    return (((y >= top) & (y <= bottom) & (x >= left) & (x <= right)).sum() / len(y)).item()\n",
        },
    ),
    Answer(
        "1 × 1 layer, gather",
        {
            "class_maps": "def class_maps(features, head, images):\n"
            "    layer = nn.Conv2d(head.in_features, head.out_features, 1)\n"
            "    with torch.no_grad():\n"
            "        layer.weight.copy_(head.weight.reshape(layer.weight.shape))\n        layer.bias.copy_(head.bias)\n"
            "        return layer(features(images))\n",
            "localise": "def localise(features, head, images, labels):\n"
            "    maps = class_maps(features, head, images)\n"
            "    index = labels.reshape(-1, 1, 1, 1).expand(-1, 1, *maps.shape[2:])\n"
            "    return locate(maps.gather(1, index)[:, 0], *images.shape[-2:])\n",
        },
    ),
]
