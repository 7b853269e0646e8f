"""Right answers to visualisation/saliency-and-fooling in other styles."""

from tests.support.answers import Answer

ANSWERS = [
    Answer(
        "backward, indexing, max with values, a numerical guard",
        {
            "saliency": "def saliency(model, images, targets):\n"
            "    x = images.clone()\n    x.requires_grad = True\n"
            "    logits = model(x)\n"
            "    logits[torch.arange(len(logits)), targets].sum().backward()\n"
            "    values, _ = torch.max(x.grad.data.abs(), dim=1)\n    return values\n",
            "integrated_gradients": "def integrated_gradients(model, image, baseline, target, num_steps=32):\n"
            "    total = torch.zeros_like(image)\n"
            "    for k in range(1, num_steps + 1):\n"
            "        x = (baseline + (k - 0.5) / num_steps * (image - baseline)).detach().requires_grad_(True)\n"
            "        model(x)[0, target].backward()\n        total += x.grad\n"
            "    return total / num_steps * (image - baseline)\n",
            "ascent_step": "def ascent_step(model, image, target, step):\n"
            "    x = image.clone().requires_grad_(True)\n    model(x)[0][target].backward()\n"
            "    with torch.no_grad():\n        x += step * x.grad / (torch.norm(x.grad) + 1e-12)\n"
            "    return x.detach()\n",
            "fool": "def fool(model, image, target, step=0.5, max_steps=200, confidence=0.5):\n"
            "    x = image.clone()\n    probs = []\n"
            "    for i in range(max_steps + 1):\n"
            "        p = F.softmax(model(x), dim=-1)[0][target].detach()\n        probs.append(float(p))\n"
            "        if p >= confidence or i == max_steps:\n            break\n"
            "        x = ascent_step(model, x, target, step)\n    return x, probs\n",
            "measure": "def measure(logits, targets, pictures, fooling_pictures):\n"
            "    hits = sum(int(row.argmax() == t) for row, t in zip(logits, targets))\n"
            "    roots = []\n    for a, b in zip(pictures, fooling_pictures):\n"
            "        roots.append(((a.int() - b.int()) ** 2).double().mean().sqrt())\n"
            "    return hits / len(targets), torch.stack(roots).mean()\n",
            "transfer_table": "def transfer_table(models, fooling, targets):\n"
            "    def share(m, x):\n        return torch.mean((m(x).argmax(1) == targets).double()).item()\n\n"
            "    return {a: {b: share(m, x) for b, m in models.items()} for a, x in fooling.items()}\n",
        },
    ),
    Answer(
        "one image at a time, NumPy",
        {
            "saliency": "import numpy as np\n\n\ndef saliency(model, images, targets):\n"
            "    maps = []\n    for image, target in zip(images, targets):\n"
            "        x = image[None].clone().requires_grad_()\n"
            "        g = torch.autograd.grad(model(x)[0, target], x)[0][0]\n"
            "        maps.append(torch.maximum(torch.maximum(g[0].abs(), g[1].abs()), g[2].abs()))\n"
            "    return torch.stack(maps)\n",
            "integrated_gradients": "def integrated_gradients(model, image, baseline, target, num_steps=32):\n"
            "    d = image - baseline\n    edges = torch.linspace(0, 1, num_steps + 1, dtype=image.dtype)\n"
            "    middles = (edges[1:] + edges[:-1]) / 2\n"
            "    points = torch.cat([baseline + m * d for m in middles]).requires_grad_()\n"
            "    g = torch.autograd.grad(model(points)[:, target].sum(), points)[0]\n"
            "    return d * g.sum(0, keepdim=True) / num_steps\n",
            "measure": "import numpy as np\n\n\ndef measure(logits, targets, pictures, fooling_pictures):\n"
            "    a, b = pictures.numpy().astype(float), fooling_pictures.numpy().astype(float)\n"
            "    change = np.sqrt(((a - b) ** 2).mean(axis=(1, 2, 3))).mean()\n"
            "    return np.mean(logits.numpy().argmax(1) == targets.numpy()), change\n",
        },
    ),
    Answer(
        "torch.func, F.normalize, gradients left attached",
        {
            "saliency": "def saliency(model, images, targets):\n"
            "    def score(x, t):\n        return model(x[None])[0].gather(0, t[None])[0]\n\n"
            "    gradients = torch.stack([torch.func.grad(score)(x, t) for x, t in zip(images, targets)])\n"
            "    return gradients.abs().max(1).values\n",
            "ascent_step": "def ascent_step(model, image, target, step):\n"
            "    g = torch.func.grad(lambda x: model(x)[0, target])(image)\n"
            "    return image + step * F.normalize(g.flatten(1)).reshape(g.shape)\n",
            "fool": "def fool(model, image, target, step=0.5, max_steps=200, confidence=0.5):\n"
            "    def prob(x):\n        return model(x).softmax(1)[0, target].item()\n\n"
            "    fooling, probs = image, [prob(image)]\n"
            "    while len(probs) <= max_steps and probs[-1] < confidence:\n"
            "        fooling = ascent_step(model, fooling, target, step)\n        probs += [prob(fooling)]\n"
            "    return fooling, tuple(probs)\n",
        },
    ),
]
