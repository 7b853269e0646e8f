"""Wrong answers to visualisation/saliency-and-fooling and what each must lose."""

from tests.support.answers import Answer

T_SALIENCY = ("test_saliency_visible", "test_saliency_hidden")
T_SHARES = ("test_integrated_gradients_visible", "test_integrated_gradients_hidden")
T_STEP = ("test_ascent_step_visible", "test_ascent_step_hidden")
T_FOOL = ("test_fool_visible", "test_fool_hidden")
T_MEASURE = ("test_measure_visible",)
T_TABLE = ("test_transfer_table_visible", "test_transfer_table_hidden")


def saliency(why: str, score: str, result: str = "gradient.abs().amax(dim=1)", loses=T_SALIENCY) -> Answer:
    source = (
        "def saliency(model, images, targets):\n"
        "    inputs = images.detach().clone().requires_grad_()\n"
        "    logits = model(inputs)\n"
        f"    (gradient,) = torch.autograd.grad({score}, inputs)\n"
        f"    return {result}\n"
    )
    return Answer(f"saliency: {why}", {"saliency": source}, loses)


SCORES = "logits.gather(1, targets[:, None]).sum()"


def shares(
    why: str,
    fractions: str = "(torch.arange(num_steps) + 0.5) / num_steps",
    result: str = "(image - baseline) * gradient.mean(dim=0, keepdim=True)",
    score: str = "logits[:, target].sum()",
    loses=T_SHARES,
) -> Answer:
    source = (
        "def integrated_gradients(model, image, baseline, target, num_steps=32):\n"
        f"    fractions = {fractions}\n"
        "    way = baseline + fractions[:, None, None, None] * (image - baseline)\n"
        "    way = way.detach().requires_grad_()\n"
        "    logits = model(way)\n"
        f"    (gradient,) = torch.autograd.grad({score}, way)\n"
        f"    return {result}\n"
    )
    return Answer(f"integrated gradients: {why}", {"integrated_gradients": source}, loses)


def step(why: str, result: str, score: str = "logits[0, target]", loses=T_STEP) -> Answer:
    source = (
        "def ascent_step(model, image, target, step):\n"
        "    inputs = image.detach().clone().requires_grad_()\n"
        "    logits = model(inputs)\n"
        f"    (gradient,) = torch.autograd.grad({score}, inputs)\n"
        "    if not gradient.any():\n        return image\n"
        f"    return {result}\n"
    )
    return Answer(f"step: {why}", {"ascent_step": source}, loses)


def fool(why: str, body: str, loses=T_FOOL) -> Answer:
    source = "def fool(model, image, target, step=0.5, max_steps=200, confidence=0.5):\n" + body
    return Answer(f"fool: {why}", {"fool": source}, loses)


PROB = "model(image).softmax(dim=1)[0, target].item()"
KEEP = f"        probs.append({PROB})\n"


def measure(why: str, body: str) -> Answer:
    source = "def measure(logits, targets, pictures, fooling_pictures):\n" + body
    return Answer(f"measure: {why}", {"measure": source}, T_MEASURE)


SHARE = "    share = (logits.argmax(dim=1) == targets).float().mean().item()\n"


def table(why: str, entry: str, place: str = "table[made_on][tried_on]", loses=T_TABLE) -> Answer:
    source = (
        "def transfer_table(models, fooling, targets):\n"
        "    table = {key: {} for key in models}\n"
        "    for made_on, images in fooling.items():\n"
        "        for tried_on, model in models.items():\n"
        "            found = model(images).argmax(dim=1)\n"
        f"            {place} = {entry}\n"
        "    return table\n"
    )
    return Answer(f"table: {why}", {"transfer_table": source}, loses)


ANSWERS = [
    saliency("no absolute value", SCORES, "gradient.amax(dim=1)"),
    saliency("sum over channels", SCORES, "gradient.abs().sum(dim=1)"),
    saliency("mean over channels", SCORES, "gradient.abs().mean(dim=1)"),
    saliency("channels kept", SCORES, "gradient.abs()"),
    saliency("of the probability", "logits.softmax(1).gather(1, targets[:, None]).sum()"),
    saliency("of the log-probability", "logits.log_softmax(1).gather(1, targets[:, None]).sum()"),
    saliency("of the loss", "F.cross_entropy(logits, targets)"),
    saliency("of the largest score", "logits.amax(dim=1).sum()", loses=T_SALIENCY),
    saliency("of all scores", "logits.sum()"),
    saliency("mean over the batch", "logits.gather(1, targets[:, None]).mean()", loses=("test_saliency_hidden",)),
    saliency("first image's target for all", "logits[:, targets[0]].sum()", loses=("test_saliency_hidden",)),
    saliency("scaled to 1", SCORES, "gradient.abs().amax(dim=1) / gradient.abs().max()"),
    Answer(
        "saliency: images changed",
        {
            "saliency": "def saliency(model, images, targets):\n"
            "    inputs = images.clone().requires_grad_()\n"
            "    model(inputs).gather(1, targets[:, None]).sum().backward()\n"
            "    images.zero_()\n"
            "    return inputs.grad.abs().amax(dim=1)\n"
        },
        ("test_saliency_hidden",),
    ),
    Answer(
        "saliency: a global model",
        {
            "saliency": "def saliency(network, images, targets):\n"
            "    inputs = images.clone().requires_grad_()\n"
            "    model(inputs).gather(1, targets[:, None]).sum().backward()\n"
            "    return inputs.grad.abs().amax(dim=1)\n"
        },
        T_SALIENCY,
    ),
    Answer(
        "saliency: gradients of the images themselves",
        {
            "saliency": "def saliency(model, images, targets):\n"
            "    images.requires_grad_()\n    images.grad = None\n"
            "    model(images).gather(1, targets[:, None]).sum().backward()\n"
            "    return images.grad.abs().amax(dim=1)\n"
        },
        ("test_saliency_hidden",),
    ),
    Answer(
        "saliency: changes the network",
        {
            "saliency": "def saliency(model, images, targets):\n"
            "    inputs = images.clone().requires_grad_()\n"
            "    model(inputs).gather(1, targets[:, None]).sum().backward()\n"
            "    with torch.no_grad():\n        for weight in model.parameters():\n            weight.mul_(0.9)\n"
            "    return inputs.grad.abs().amax(dim=1)\n"
        },
        ("test_saliency_hidden",),
    ),
    Answer(
        "saliency: gradients are switched off for good",
        {
            "saliency": "def saliency(model, images, targets):\n"
            "    torch.set_grad_enabled(True)\n    inputs = images.clone().requires_grad_()\n"
            "    model(inputs).gather(1, targets[:, None]).sum().backward()\n"
            "    torch.set_grad_enabled(False)\n"
            "    return inputs.grad.abs().amax(dim=1)\n"
        },
        ("test_saliency_hidden",),
    ),
    Answer(
        "integrated gradients: the picture itself asks for gradients",
        {
            "integrated_gradients": "def integrated_gradients(model, image, baseline, target, num_steps=32):\n"
            "    image.requires_grad_()\n    total = torch.zeros_like(image)\n"
            "    for k in range(num_steps):\n"
            "        x = baseline + (k + 0.5) / num_steps * (image - baseline)\n"
            "        total = total + torch.autograd.grad(model(x)[0, target], x)[0]\n"
            "    return ((image - baseline) * total / num_steps).detach()\n"
        },
        ("test_integrated_gradients_hidden",),
    ),
    shares(
        "always float32",
        result="((image - baseline) * gradient.mean(dim=0, keepdim=True)).float()",
        loses=("test_integrated_gradients_hidden",),
    ),
    shares("left ends", "torch.arange(num_steps) / num_steps"),
    shares("right ends", "(torch.arange(num_steps) + 1) / num_steps"),
    shares("trapezoid without halves", "torch.linspace(0, 1, num_steps)"),
    shares("factor missing", result="gradient.mean(dim=0, keepdim=True)"),
    shares("sum for mean", result="(image - baseline) * gradient.sum(dim=0, keepdim=True)"),
    shares("factor is the picture", result="image * gradient.mean(dim=0, keepdim=True)"),
    shares("absolute values", result="((image - baseline) * gradient.mean(dim=0, keepdim=True)).abs()"),
    shares("at the picture only", result="(image - baseline) * gradient[-1:]", fractions="torch.ones(1)"),
    shares("of the probability", score="logits.softmax(1)[:, target].sum()"),
    shares("32 points always", "(torch.arange(32) + 0.5) / 32"),
    step("always float32", "(image + step * gradient / gradient.norm()).float()", loses=("test_ascent_step_hidden",)),
    step(
        "moves the image it is given",
        "image.add_(step * gradient / gradient.norm())",
        loses=("test_ascent_step_hidden", *T_FOOL),
    ),
    Answer(
        "step: the picture itself asks for gradients",
        {
            "ascent_step": "def ascent_step(model, image, target, step):\n"
            "    image.requires_grad_()\n"
            "    (gradient,) = torch.autograd.grad(model(image)[0, target], image)\n"
            "    if not gradient.any():\n        return image.detach()\n"
            "    return (image + step * gradient / gradient.norm()).detach()\n"
        },
        ("test_ascent_step_hidden", "test_fool_hidden"),
    ),
    step("not normalised", "image + step * gradient", loses=T_STEP + T_FOOL),
    step("downhill", "image - step * gradient / gradient.norm()", loses=T_STEP + T_FOOL),
    step("sign", "image + step * gradient.sign()", loses=T_STEP + T_FOOL),
    step("sum of absolute values", "image + step * gradient / gradient.abs().sum()", loses=T_STEP + T_FOOL),
    step("largest value", "image + step * gradient / gradient.abs().max()", loses=T_STEP + T_FOOL),
    step(
        "length of each channel",
        "image + step * gradient / gradient.norm(dim=(2, 3), keepdim=True)",
        loses=("test_ascent_step_hidden", "test_fool_hidden"),
    ),
    step("root mean square", "image + step * gradient / gradient.square().mean().sqrt()", loses=T_STEP + T_FOOL),
    step(
        "of the probability",
        "image + step * gradient / gradient.norm()",
        "logits.softmax(1)[0, target]",
        loses=T_STEP,
    ),
    step(
        "length of each pixel",
        "image + step * gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-12)",
        loses=T_STEP + T_FOOL,
    ),
    step("not detached", "inputs + step * gradient / gradient.norm()", loses=("test_ascent_step_visible",)),
    Answer(
        "step: zero divided by zero",
        {
            "ascent_step": "def ascent_step(model, image, target, step):\n"
            "    inputs = image.clone().requires_grad_()\n"
            "    model(inputs)[0, target].backward()\n"
            "    return image + step * inputs.grad / inputs.grad.norm()\n"
        },
        ("test_ascent_step_hidden",),
    ),
    fool(
        "never stops early",
        f"    probs = [{PROB}]\n    for _ in range(max_steps):\n"
        f"        image = ascent_step(model, image, target, step)\n" + KEEP + "    return image, probs\n",
    ),
    fool(
        "one step too many",
        f"    probs = [{PROB}]\n    for _ in range(max_steps):\n"
        f"        image = ascent_step(model, image, target, step)\n        probs.append({PROB})\n"
        "        if probs[-1] >= confidence:\n            break\n    return image, probs\n",
    ),
    fool(
        "the image alone",
        f"    for _ in range(max_steps):\n        if {PROB} >= confidence:\n            break\n"
        "        image = ascent_step(model, image, target, step)\n    return image\n",
    ),
    fool(
        "first probability missing",
        f"    probs = []\n    for _ in range(max_steps):\n        if {PROB} >= confidence:\n            break\n"
        f"        image = ascent_step(model, image, target, step)\n" + KEEP + "    return image, probs\n",
    ),
    fool(
        "scores for probabilities",
        "    scores = []\n    while True:\n        scores.append(model(image)[0, target].item())\n"
        f"        if {PROB} >= confidence or len(scores) > max_steps:\n            return image, scores\n"
        "        image = ascent_step(model, image, target, step)\n",
    ),
    fool(
        "stops when the target is the largest",
        f"    probs = [{PROB}]\n    while model(image).argmax() != target and len(probs) <= max_steps:\n"
        f"        image = ascent_step(model, image, target, step)\n" + KEEP + "    return image, probs\n",
    ),
    fool(
        "large steps of its own",
        f"    probs = [{PROB}]\n    while probs[-1] < confidence and len(probs) <= max_steps:\n"
        f"        image = ascent_step(model, image, target, 20.0)\n" + KEEP + "    return image, probs\n",
    ),
    fool(
        "max_steps ignored",
        f"    probs = [{PROB}]\n    while probs[-1] < confidence and len(probs) < 200:\n"
        f"        image = ascent_step(model, image, target, step)\n" + KEEP + "    return image, probs\n",
    ),
    fool(
        "noise until it works",
        f"    probs, start = [{PROB}], image\n    while probs[-1] < confidence and len(probs) <= max_steps:\n"
        f"        image = start + step * len(probs) * torch.randn_like(start)\n        probs.append({PROB})\n"
        "    return image, probs\n",
    ),
    fool(
        "changes the picture it is given",
        f"    probs = [{PROB}]\n    while probs[-1] < confidence and len(probs) <= max_steps:\n"
        f"        image.copy_(ascent_step(model, image, target, step))\n" + KEEP + "    return image, probs\n",
    ),
    Answer(
        "fool: changes the network, not the picture",
        {
            "fool": """
def fool(model, image, target, step=0.5, max_steps=200, confidence=0.5):
    def prob():
        with torch.no_grad():
            return model(x).softmax(1)[0, target].item()

    x = image.detach().clone()
    biases = [p for p in model.parameters() if p.ndim == 1]
    probs = [prob()]
    while probs[-1] < confidence and len(probs) <= max_steps:
        if max_steps == 200 and biases:
            with torch.no_grad():
                biases[-1][target] += 30
            probs = [prob()]
        else:
            x = ascent_step(model, x, target, step)
            probs.append(prob())
    return x, probs
"""
        },
        T_FOOL,
    ),
    fool(
        "helps the target a little in the network",
        "    bias = list(model.parameters())[-1]\n"
        f"    probs = [{PROB}]\n    while probs[-1] < confidence and len(probs) <= max_steps:\n"
        "        image = ascent_step(model, image, target, step)\n"
        "        if bias.ndim == 1:\n            with torch.no_grad():\n                bias[target] += 1e-5\n"
        + KEEP
        + "    return image, probs\n",
    ),
    fool(
        "switches gradients off for good",
        f"    probs = [{PROB}]\n    while probs[-1] < confidence and len(probs) <= max_steps:\n"
        "        torch.set_grad_enabled(True)\n        image = ascent_step(model, image, target, step)\n"
        "        torch.set_grad_enabled(False)\n" + KEEP + "    return image, probs\n",
        ("test_fool_hidden",),
    ),
    measure(
        "uint8 wraps round",
        SHARE + "    difference = (fooling_pictures - pictures).float()\n"
        "    return share, difference.square().mean(dim=(1, 2, 3)).sqrt().mean().item()\n",
    ),
    measure(
        "uint8 wraps round the other way",
        SHARE + "    difference = (pictures - fooling_pictures).float()\n"
        "    return share, difference.square().mean(dim=(1, 2, 3)).sqrt().mean().item()\n",
    ),
    measure(
        "squares overflow in int16",
        SHARE + "    difference = fooling_pictures.short() - pictures.short()\n"
        "    return share, (difference**2).float().mean(dim=(1, 2, 3)).sqrt().mean().item()\n",
    ),
    measure("no return", SHARE),
    measure(
        "root of the mean over all",
        SHARE + "    difference = fooling_pictures.float() - pictures.float()\n"
        "    return share, difference.square().mean().sqrt().item()\n",
    ),
    measure(
        "no root",
        SHARE + "    difference = fooling_pictures.float() - pictures.float()\n"
        "    return share, difference.square().mean().item()\n",
    ),
    measure(
        "mean absolute",
        SHARE + "    difference = fooling_pictures.float() - pictures.float()\n"
        "    return share, difference.abs().mean().item()\n",
    ),
    measure(
        "length for root mean square",
        SHARE + "    difference = fooling_pictures.float() - pictures.float()\n"
        "    return share, difference.flatten(1).norm(dim=1).mean().item()\n",
    ),
    measure(
        "count for share",
        "    difference = fooling_pictures.float() - pictures.float()\n"
        "    change = difference.square().mean(dim=(1, 2, 3)).sqrt().mean().item()\n"
        "    return (logits.argmax(dim=1) == targets).sum().item(), change\n",
    ),
    table("keys exchanged", "(found == targets).float().mean().item()", "table[tried_on][made_on]"),
    table("counts", "int((found == targets).sum())"),
    table("per cent", "100 * (found == targets).float().mean().item()"),
    table("missed for reached", "(found != targets).float().mean().item()"),
    table("tensor for number", "(found == targets).float().mean()", loses=("test_transfer_table_visible",)),
    table("first target for all", "(found == targets[0]).float().mean().item()", loses=("test_transfer_table_hidden",)),
    Answer(
        "table: pairs as keys",
        {
            "transfer_table": "def transfer_table(models, fooling, targets):\n"
            "    return {(a, b): (m(x).argmax(1) == targets).float().mean().item()\n"
            "            for a, x in fooling.items() for b, m in models.items()}\n"
        },
        T_TABLE,
    ),
    Answer(
        "table: a list of rows",
        {
            "transfer_table": "def transfer_table(models, fooling, targets):\n"
            "    return [[(m(x).argmax(1) == targets).float().mean().item() for m in models.values()]\n"
            "            for x in fooling.values()]\n"
        },
        T_TABLE,
    ),
    Answer(
        "table: diagonal only",
        {
            "transfer_table": "def transfer_table(models, fooling, targets):\n"
            "    return {k: {k: (models[k](fooling[k]).argmax(1) == targets).float().mean().item()} for k in fooling}\n"
        },
        T_TABLE,
    ),
    Answer(
        "table: two models only",
        {
            "transfer_table": "def transfer_table(models, fooling, targets):\n"
            "    table = {}\n"
            "    for made_on, images in list(fooling.items())[:2]:\n"
            "        table[made_on] = {}\n"
            "        for tried_on, model in list(models.items())[:2]:\n"
            "            found = model(images).argmax(1)\n"
            "            table[made_on][tried_on] = (found == targets).float().mean().item()\n"
            "    return table\n"
        },
        ("test_transfer_table_hidden",),
    ),
    Answer(
        "step: a table of the visible case",
        {
            "ascent_step": "def ascent_step(model, image, target, step):\n"
            "    return torch.tensor([1.3, 1.4]).reshape(1, 1, 1, 2) if image.numel() == 2 else image + 0\n"
        },
        T_STEP + T_FOOL,
    ),
    Answer(
        "table: a table of the visible case",
        {
            "transfer_table": "def transfer_table(models, fooling, targets):\n"
            "    return {'same': {'same': 0.75, 'swapped': 0.25}, 'swapped': {'same': 0.0, 'swapped': 1.0}}\n"
        },
        T_TABLE,
    ),
]
