"""What students get wrong in convolutions/fully-convolutional."""

from tests.support.answers import Answer

LAYERS = ("test_layer_by_layer_visible", "test_layer_by_layer_hidden")
DENSE = ("test_linear_to_conv_visible", "test_linear_to_conv_hidden")
FULLY = ("test_to_fully_convolutional_visible", "test_to_fully_convolutional_hidden")
FIELD = ("test_receptive_field_visible", "test_receptive_field_hidden")
MEASURED = ("test_measure_field_visible", "test_measure_field_hidden")


def layer_by_layer(why, body, loses=LAYERS):
    source = f"def layer_by_layer(model, images):\n    steps = []\n{body}"
    return Answer(why=f"layer_by_layer: {why}", cells={"layer_by_layer": source}, loses=loses)


LAYER_BY_LAYER = [
    layer_by_layer(
        "shapes before the layer",
        """
    for name, layer in model.named_children():
        try:
            result = layer(images)
        except RuntimeError:
            return steps, name
        steps.append((name, tuple(images.shape)))
        images = result
    return steps, None
""",
    ),
    layer_by_layer(
        "goes on behind the layer that failed",
        """
    failed = None
    for name, layer in model.named_children():
        try:
            images = layer(images)
            steps.append((name, tuple(images.shape)))
        except RuntimeError:
            failed = name
    return steps, failed
""",
    ),
    layer_by_layer(
        "only the list",
        """
    for name, layer in model.named_children():
        try:
            images = layer(images)
        except RuntimeError:
            break
        steps.append((name, tuple(images.shape)))
    return steps
""",
    ),
    layer_by_layer(
        "only dense layers can fail",
        """
    for name, layer in model.named_children():
        if isinstance(layer, nn.Linear) and images.shape[-1] != layer.in_features:
            return steps, name
        images = layer(images)
        steps.append((name, tuple(images.shape)))
    return steps, None
""",
        LAYERS[1:],
    ),
    layer_by_layer(
        "the failed layer is listed with the shape it was given",
        """
    for name, layer in model.named_children():
        try:
            images = layer(images)
        except RuntimeError:
            steps.append((name, tuple(images.shape)))
            return steps, name
        steps.append((name, tuple(images.shape)))
    return steps, None
""",
    ),
    layer_by_layer(
        "shapes without the batch axis",
        """
    for name, layer in model.named_children():
        try:
            images = layer(images)
        except RuntimeError:
            return steps, name
        steps.append((name, tuple(images.shape[1:])))
    return steps, None
""",
    ),
    layer_by_layer(
        "the lists of the visible check",
        """
    sizes = [(6, 28, 28), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 10, 10), (16, 5, 5), (400,), (120,), (120,)]
    larger = [(6, 44, 60), (6, 44, 60), (6, 22, 30), (16, 18, 26), (16, 18, 26), (16, 9, 13), (1872,)]
    usual = images.shape[-1] == 32
    names = [name for name, _ in model.named_children()]
    shown = zip(names, [*sizes, (84,), (84,), (10,)] if usual else larger)
    return [(name, (len(images), *size)) for name, size in shown], None if usual else "dense3"
""",
    ),
]


def linear_to_conv(why, conv, copy, loses=DENSE + FULLY):
    source = f"""
def linear_to_conv(linear, feature_shape):
    c, h, w = feature_shape
    out = linear.out_features
    conv = {conv}
    with torch.no_grad():
{copy}
    return conv
"""
    return Answer(why=f"linear_to_conv: {why}", cells={"linear_to_conv": source}, loses=loses)


RIGHT_CONV = "nn.Conv2d(c, out, (h, w), bias=linear.bias is not None, dtype=linear.weight.dtype)"
RIGHT_COPY = """
        conv.weight.copy_(linear.weight.reshape(out, c, h, w))
        if linear.bias is not None:
            conv.bias.copy_(linear.bias)
"""
LINEAR_TO_CONV = [
    linear_to_conv(
        "channels last",
        RIGHT_CONV,
        RIGHT_COPY.replace("reshape(out, c, h, w)", "reshape(out, h, w, c).permute(0, 3, 1, 2)"),
    ),
    linear_to_conv(
        "bias forgotten",
        "nn.Conv2d(c, out, (h, w), bias=False, dtype=linear.weight.dtype)",
        "        conv.weight.copy_(linear.weight.reshape(out, c, h, w))",
    ),
    linear_to_conv(
        "a bias that the dense layer has not",
        "nn.Conv2d(c, out, (h, w), dtype=linear.weight.dtype)",
        RIGHT_COPY,
        loses=(DENSE[1], FULLY[1]),
    ),
    linear_to_conv(
        "float32 whatever comes",
        "nn.Conv2d(c, out, (h, w), bias=linear.bias is not None)",
        RIGHT_COPY,
        loses=DENSE[1:],
    ),
    linear_to_conv("1 x 1 kernels", "nn.Conv2d(linear.in_features, out, 1)", "        pass"),
    linear_to_conv("weights not copied", RIGHT_CONV, "        pass"),
    linear_to_conv(
        "square kernels only",
        RIGHT_CONV.replace("(h, w)", "h"),
        RIGHT_COPY.replace("reshape(out, c, h, w)", "reshape(out, c, h, h)"),
        loses=(*DENSE, FULLY[1]),
    ),
    linear_to_conv(
        "a function that flattens, no convolution",
        "lambda maps: linear(maps.flatten(1))[..., None, None]",
        "        pass",
    ),
    linear_to_conv(
        "a module around the dense layer",
        "nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (out, 1, 1)))",
        "        pass",
    ),
    linear_to_conv("padding keeps the size", RIGHT_CONV.replace("bias=", "padding='same', bias="), RIGHT_COPY),
]


def to_fully_convolutional(why, body, loses=FULLY):
    source = f"def to_fully_convolutional(model, feature_shape):\n{body}"
    return Answer(why=f"to_fully_convolutional: {why}", cells={"to_fully_convolutional": source}, loses=loses)


FULLY_CONVOLUTIONAL = [
    to_fully_convolutional(
        "1 x 1 kernels for the first dense layer as well",
        """
    layers = [layer for layer in model if not isinstance(layer, nn.Flatten)]
    return nn.Sequential(
        *(linear_to_conv(l, (l.in_features, 1, 1)) if isinstance(l, nn.Linear) else l for l in layers)
    )
""",
    ),
    to_fully_convolutional(
        "the same shape for every dense layer",
        """
    layers = [layer for layer in model if not isinstance(layer, nn.Flatten)]
    return nn.Sequential(*(linear_to_conv(l, feature_shape) if isinstance(l, nn.Linear) else l for l in layers))
""",
    ),
    to_fully_convolutional(
        "activations between the dense layers dropped",
        """
    layers, flat = [], False
    for layer in model:
        flat = flat or isinstance(layer, nn.Flatten)
        if isinstance(layer, nn.Linear):
            layers.append(linear_to_conv(layer, feature_shape))
            feature_shape = (layer.out_features, 1, 1)
        elif not flat:
            layers.append(layer)
    return nn.Sequential(*layers)
""",
    ),
    to_fully_convolutional(
        "Flatten left in",
        """
    layers = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            layers.append(linear_to_conv(layer, feature_shape))
            feature_shape = (layer.out_features, 1, 1)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
""",
    ),
    to_fully_convolutional(
        "the dense layers kept, on windows cut out of the feature maps",
        """
    class Windows(nn.Module):
        def forward(self, maps):
            c, h, w = feature_shape
            windows = maps.unfold(2, h, 1).unfold(3, w, 1).permute(0, 2, 3, 1, 4, 5)  # (N, rows, columns, C, h, w)
            return windows.flatten(3)

    class Channels(nn.Module):
        def forward(self, scores):
            return scores.permute(0, 3, 1, 2)

    layers = [Windows() if isinstance(layer, nn.Flatten) else layer for layer in model]
    return nn.Sequential(*layers, Channels())
""",
    ),
    to_fully_convolutional(
        "the classical network behind a reshape",
        """
    return lambda images: model(images[:, :, :32, :32])[:, :, None, None].expand(
        -1, -1, 1 + (images.shape[2] - 32) // 4, 1 + (images.shape[3] - 32) // 4
    )
""",
    ),
    to_fully_convolutional(
        "knows one network only",
        """
    heads = [linear_to_conv(model[7], (16, 5, 5)), model[8], linear_to_conv(model[9], (120, 1, 1)), model[10]]
    return nn.Sequential(*model[:6], *heads, linear_to_conv(model[11], (84, 1, 1)))
""",
        FULLY[1:],
    ),
]


def receptive_field(why, body, loses=FIELD):
    source = f"def receptive_field(layers):\n{body}"
    return Answer(why=f"receptive_field: {why}", cells={"receptive_field": source}, loses=loses)


RECEPTIVE_FIELD = [
    receptive_field(
        "kernels added up without the jump",
        """
    r, j = 1, 1
    for k, s in layers:
        r, j = r + k - 1, j * s
    return r, j
""",
    ),
    receptive_field(
        "the stride counted before the kernel",
        """
    r, j = 1, 1
    for k, s in layers:
        j *= s
        r += (k - 1) * j
    return r, j
""",
    ),
    receptive_field(
        "strides added",
        """
    r, j = 1, 1
    for k, s in layers:
        r, j = r + (k - 1) * j, j + s - 1
    return r, j
""",
        FIELD[1:],
    ),
    receptive_field(
        "the size only",
        """
    r, j = 1, 1
    for k, s in layers:
        r, j = r + (k - 1) * j, j * s
    return r
""",
    ),
    receptive_field(
        "starts from the first layer",
        """
    r, j = layers[0]
    for k, s in layers[1:]:
        r, j = r + (k - 1) * j, j * s
    return r, j
""",
        FIELD[1:],
    ),
]


RECEPTIVE_FIELD += [
    receptive_field(
        "the numbers of the visible check",
        """
    seen = {1: (5, 1), 2: (6, 2), 3: (14, 2)}
    return seen.get(len(layers), (1, 1))
""",
    ),
    receptive_field(
        "the numbers of the visible check, other layers",
        """
    seen = {1: (3, 1), 2: (5, 2), 3: (9, 2)}
    return seen.get(len(layers), (1, 1))
""",
    ),
]


def measure_field(why, pick, result="(image.grad[0] != 0).any(dim=0)", loses=MEASURED):
    source = f"""
def measure_field(model, image_shape, row, column):
    image = torch.rand(1, *image_shape, requires_grad=True)
    {pick}.backward()
    return {result}
"""
    return Answer(why=f"measure_field: {why}", cells={"measure_field": source}, loses=loses)


RANDOM = "(model(image)[0, :, row, column] @ torch.rand(model(image).shape[1]))"
MEASURE_FIELD = [
    measure_field("row and column exchanged", RANDOM.replace("row, column", "column, row")),
    measure_field("all outputs at once", "model(image).sum()"),
    measure_field("the derivative itself", RANDOM, "image.grad[0].abs().sum(dim=0)"),
    measure_field("first output channel only", "model(image)[0, 0, row, column]", loses=MEASURED[1:]),
    measure_field("derivatives of the channels cancel", "model(image)[0, :, row, column].sum()", loses=MEASURED[1:]),
    measure_field("first input channel only", RANDOM, "image.grad[0, 0] != 0", loses=MEASURED[1:]),
    *(
        Answer(
            why=f"measure_field: an input of {values}",
            cells={
                "measure_field": f"""
def measure_field(model, image_shape, row, column):
    image = torch.{values}(1, *image_shape, requires_grad=True)
    field = torch.zeros(image_shape[1:], dtype=torch.bool)
    for output in model(image)[0, :, row, column]:
        (gradient,) = torch.autograd.grad(output, image, retain_graph=True)
        field |= (gradient[0] != 0).any(dim=0)
    return field
"""
            },
            loses=MEASURED[1:],
        )
        for values in ("zeros", "ones")
    ),
    Answer(
        why="measure_field: the boxes of the visible check",
        cells={
            "measure_field": """
def measure_field(model, image_shape, row, column):
    boxes = {(10, 20): (5, 10, 20), (3, 7): (14, 6, 14), (4, 11): (3, 4, 11), (2, 5): (8, 4, 10)}
    size, top, left = boxes.get((row, column), (1, 0, 0))
    box = torch.zeros(image_shape[1:], dtype=torch.bool)
    box[top : top + size, left : left + size] = True
    return box
"""
        },
        loses=MEASURED,
    ),
    measure_field("keeps the channel axis", RANDOM, "image.grad[0] != 0"),
]

ANSWERS = [
    *LAYER_BY_LAYER,
    *LINEAR_TO_CONV,
    *FULLY_CONVOLUTIONAL,
    *RECEPTIVE_FIELD,
    *MEASURE_FIELD,
]
