"""Wrong answers to visualisation/localisation and what each must lose."""

from tests.support.answers import Answer

T_MAPS = ("test_class_maps_visible", "test_class_maps_hidden")
T_LOCATE = ("test_locate_visible", "test_locate_hidden")
T_SHARE = ("test_hit_share_visible",)
T_LOCALISE = ("test_localise_hidden",)
MAPS = "F.conv2d(features(images), head.weight[:, :, None, None], head.bias)"


def maps(why: str, result: str, loses=T_MAPS) -> Answer:
    source = f"def class_maps(features, head, images):\n    with torch.no_grad():\n        return {result}\n"
    return Answer(f"maps: {why}", {"class_maps": source}, loses)


def locate(why: str, body: str, loses=T_LOCATE + T_LOCALISE) -> Answer:
    source = "def locate(responses, height, width):\n    n, h, w = responses.shape\n" + body
    return Answer(f"locate: {why}", {"locate": source}, loses)


PEAK = "    peak = responses.flatten(1).argmax(dim=1)\n    row, column = peak // w, peak % w\n"


def share(why: str, result: str) -> Answer:
    return Answer(f"share: {why}", {"hit_share": f"def hit_share(points, boxes):\n    return {result}\n"}, T_SHARE)


def localise(why: str, result: str) -> Answer:
    source = (
        "def localise(features, head, images, labels):\n"
        "    responses = class_maps(features, head, images)\n"
        "    height, width = images.shape[2:]\n"
        f"    return {result}\n"
    )
    return Answer(f"localise: {why}", {"localise": source}, T_LOCALISE)


ANSWERS = [
    maps("no bias", "F.conv2d(features(images), head.weight[:, :, None, None])"),
    maps("negative responses cut off", f"{MAPS}.relu()", T_MAPS),
    maps("softmax over the classes", f"{MAPS}.softmax(dim=1)", T_MAPS + T_LOCALISE),
    maps("pooled first", "head(features(images).mean((2, 3)))[:, :, None, None]", T_MAPS + T_LOCALISE),
    maps(
        "bias divided by the places",
        "F.conv2d(features(images), head.weight[:, :, None, None]) + head.bias[:, None, None] / 64",
    ),
    maps("enlarged to the size of the picture", f"F.interpolate({MAPS}, size=images.shape[2:])"),
    maps("features for responses", "features(images)", T_MAPS + T_LOCALISE),
    maps(
        "square maps only",
        "F.conv2d(features(images), head.weight[:, :, None, None], head.bias)"
        ".reshape(len(images), -1, *[features(images).shape[2]] * 2)",
    ),
    maps(
        "mean over places and channels mixed up",
        "head(features(images).reshape(len(images), -1, head.in_features)).permute(0, 2, 1)"
        ".reshape(len(images), head.out_features, *features(images).shape[2:])",
        (*T_MAPS, *T_LOCALISE),
    ),
    Answer(
        "maps: scales the images it is given",
        {
            "class_maps": "def class_maps(features, head, images):\n    with torch.no_grad():\n"
            f"        responses = {MAPS}\n        images /= 2\n        return responses\n"
        },
        ("test_class_maps_hidden",),
    ),
    Answer(
        "maps: gradients are switched off for good",
        {
            "class_maps": "def class_maps(features, head, images):\n    torch.set_grad_enabled(False)\n"
            f"    return {MAPS}\n"
        },
        ("test_class_maps_hidden",),
    ),
    Answer(
        "maps: changes the head",
        {
            "class_maps": "def class_maps(features, head, images):\n    with torch.no_grad():\n"
            f"        responses = {MAPS}\n        head.bias.zero_()\n        return responses\n"
        },
        ("test_class_maps_hidden",),
    ),
    locate(
        "changes the maps it is given",
        "    points = []\n    for response in responses:\n        peak = response.argmax()\n"
        "        response.view(-1)[peak] = 0\n"
        "        points.append([(peak // w + 0.5) * height / h, (peak % w + 0.5) * width / w])\n"
        "    return torch.tensor(points)\n",
        ("test_locate_hidden",),
    ),
    locate(
        "column first",
        PEAK + "    return torch.stack([(column + 0.5) * width / w, (row + 0.5) * height / h], dim=1)\n",
    ),
    locate(
        "corner of the cell", PEAK + "    return torch.stack([row * height / h, column * width / w], dim=1)\n", T_LOCATE
    ),
    locate("cells for pixels", PEAK + "    return torch.stack([row + 0.5, column + 0.5], dim=1)\n"),
    locate(
        "half a pixel",
        PEAK + "    return torch.stack([row * height / h + 0.5, column * width / w + 0.5], dim=1)\n",
        T_LOCATE,
    ),
    locate(
        "divided by the rows",
        "    peak = responses.flatten(1).argmax(dim=1)\n    row, column = peak // h, peak % h\n"
        "    return torch.stack([(row + 0.5) * height / h, (column + 0.5) * width / w], dim=1)\n",
        T_LOCATE,
    ),
    locate(
        "largest absolute value",
        PEAK.replace("responses", "responses.abs()")
        + "    return torch.stack([(row + 0.5) * height / h, (column + 0.5) * width / w], dim=1)\n",
    ),
    locate(
        "peak of the whole batch",
        "    peak = responses.argmax() % (h * w)\n"
        "    place = torch.stack([(peak // w + 0.5) * height / h, (peak % w + 0.5) * width / w])\n"
        "    return place.repeat(n, 1)\n",
    ),
    locate(
        "scales to the last cell",
        PEAK
        + "    return torch.stack([row * (height - 1) / max(h - 1, 1), column * (width - 1) / max(w - 1, 1)], dim=1)\n",
        T_LOCATE,
    ),
    share("edge outside", "((points > boxes[:, :2]) & (points < boxes[:, 2:])).all(1).float().mean().item()"),
    share(
        "one coordinate is enough", "((points >= boxes[:, :2]) & (points <= boxes[:, 2:])).any(1).float().mean().item()"
    ),
    share(
        "rows and columns exchanged",
        "((points.flip(1) >= boxes[:, :2]) & (points.flip(1) <= boxes[:, 2:])).all(1).float().mean().item()",
    ),
    share(
        "top, bottom, left, right",
        "((points >= boxes[:, ::2]) & (points <= boxes[:, 1::2])).all(1).float().mean().item()",
    ),
    share("count", "((points >= boxes[:, :2]) & (points <= boxes[:, 2:])).all(1).sum().item()"),
    share(
        "coordinates counted one by one", "((points >= boxes[:, :2]) & (points <= boxes[:, 2:])).float().mean().item()"
    ),
    share(
        "width and height for right and bottom",
        "((points >= boxes[:, :2]) & (points <= boxes[:, :2] + boxes[:, 2:])).all(1).float().mean().item()",
    ),
    localise(
        "smoothed maps",
        "locate(F.avg_pool2d(responses, 3, 1, 1)[torch.arange(len(labels)), labels], height, width)",
    ),
    localise(
        "enlarged maps",
        "locate(F.interpolate(responses, scale_factor=8, mode='bilinear')[torch.arange(len(labels)), labels], "
        "height, width)",
    ),
    localise("centre of the picture", "torch.tensor([[height / 2, width / 2]]).repeat(len(images), 1)"),
    localise("largest response of any class", "locate(responses.amax(1), height, width)"),
    localise("class 0 always", "locate(responses[:, 0], height, width)"),
    localise("label of the first picture", "locate(responses[:, labels[0]], height, width)"),
    localise("lowest response", "locate(-responses[torch.arange(len(labels)), labels], height, width)"),
    localise("cells for pixels", "locate(responses[torch.arange(len(labels)), labels], *responses.shape[2:])"),
    localise("one place only", "locate(responses[:1, labels[0]], height, width)"),
    locate("a table of the visible case", "    return torch.tensor([[15.0, 50.0], [5.0, 30.0]])\n"),
]
