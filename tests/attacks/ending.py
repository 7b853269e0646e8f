"""Ending the run, or using up the machine: each costs the cell in which it happens."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import EVERYTHING, Attack

_ALONE = "would stop or fill the machine of whoever runs the benchmark"

ATTACKS = [
    Attack(
        "end the process in a cell",
        loses=("rescale",),
        cells={"rescale": "import os\nos._exit(0)"},
    ),
    Attack(
        "end the process in a function, with status 0, at its second call",
        loses=("batches", "next_terms"),
        cells={
            "batches": "def batches(items, size):\n    import os\n    yield [1, 2]\n    os._exit(0)",
            "next_terms": "import os\ndef next_terms(head):\n    os._exit(0)",
        },
    ),
    Attack(
        "end the process in every cell and every function",
        loses=EVERYTHING,
        cells=dict.fromkeys(EVERYTHING, "import os\nos._exit(0)"),
    ),
    Attack(
        "end the process in every function of an otherwise honest notebook",
        loses=("rescale", "Doubler", "batches", "next_terms", "train_step"),
        cells={
            **{
                name: f"import os\ndef {name}(*args):\n    os._exit(1)"
                for name in ("rescale", "Doubler", "batches", "next_terms", "train_step")
            },
        },
    ),
    Attack("an endless loop in a cell", loses=("rescale",), cells={"rescale": "while True:\n    pass"}),
    Attack(
        "an endless loop that swallows interrupts",
        loses=("num_weights",),
        cells={
            "num_weights": "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
        },
    ),
    Attack(
        "an endless loop in a function",
        loses=("next_terms",),
        cells={"next_terms": "def next_terms(head):\n    while True:\n        pass"},
    ),
    Attack(
        "signals are blocked and the process sleeps",
        loses=("slope",),
        cells={
            "slope": "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(3600)"
        },
    ),
    Attack(
        "an iterator without an end",
        loses=("batches",),
        cells={"batches": "def batches(items, size):\n    while True:\n        yield [1, 2]"},
    ),
    Attack(
        "a crash of native code",
        loses=("layer_order",),
        cells={"layer_order": "import ctypes\nctypes.string_at(0)"},
    ),
    Attack(
        "recursion without an end, beyond Python's limit",
        loses=("rescale",),
        cells={
            "rescale": "import sys\nsys.setrecursionlimit(10**9)\ndef rescale(values):\n    return max([values], key=rescale)"
        },
    ),
    Attack(
        "SystemExit, KeyboardInterrupt and GeneratorExit instead of a result",
        loses=("rescale", "next_terms", "train_step"),
        cells={
            "rescale": "def rescale(values):\n    raise SystemExit(0)",
            "next_terms": "def next_terms(head):\n    raise KeyboardInterrupt",
            "train_step": "def train_step(*args):\n    raise GeneratorExit",
        },
    ),
    Attack(
        "stop the process and all others of the user",
        loses=("rescale", "num_weights"),
        cells={
            "rescale": "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)",
            "num_weights": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nos.kill(os.getpid(), signal.SIGSTOP)",
        },
        not_on_stock=_ALONE,
    ),
    Attack(
        "a fork bomb",
        loses=("layer_order",),
        cells={"layer_order": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"},
        not_on_stock=_ALONE,
    ),
    Attack(
        "processes that outlive their parents",
        cells={},
        first="import subprocess\nfor _ in range(5):\n    subprocess.Popen('setsid nohup sh -c \"sleep 600\" >/dev/null 2>&1 &', shell=True)",
        not_on_stock=_ALONE,
    ),
    Attack(
        "threads without number",
        loses=("slope",),
        cells={
            "slope": "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(600,)).start()"
        },
        not_on_stock=_ALONE,
    ),
    Attack(
        "all memory",
        loses=("rescale",),
        cells={"rescale": "parts = []\nwhile True:\n    parts.append(bytearray(64 << 20))"},
        not_on_stock=_ALONE,
    ),
    Attack(
        "all memory, by many processes",
        loses=("num_weights",),
        cells={
            "num_weights": "import os, time\nfor _ in range(30):\n    if os.fork() == 0:\n"
            "        part = b'x' * (200 << 20)\n        time.sleep(600)\ntime.sleep(600)"
        },
        not_on_stock=_ALONE,
    ),
    Attack(
        "a full disk",
        first="try:\n    for n in range(10**6):\n        open(f'/tmp/{n}', 'wb').write(bytes(50 << 20))\nexcept OSError as e:\n    print(e)\n"
        "import os\nfor n in range(10**6):\n    try:\n        os.remove(f'/tmp/{n}')\n    except OSError:\n        break",
        not_on_stock=_ALONE,
    ),
    Attack(
        "files without number",
        first="import os\nos.makedirs('/tmp/many')\ntry:\n    for n in range(10**6):\n        open(f'/tmp/many/{n}', 'w').close()\nexcept OSError as e:\n    print(e)",
        not_on_stock=_ALONE,
    ),
    Attack(
        "output without an end",
        loses=("rescale",),
        cells={"rescale": "while True:\n    print('x' * 1000)"},
        not_on_stock=_ALONE,
    ),
    Attack("200 MB on one line", first="print('y' * 200_000_000)", not_on_stock="keeps a notebook of 200 MB, see docs"),
    Attack(
        "pictures without number",
        first="import base64, os\nfrom IPython.display import Image, display\nnoise = os.urandom(3_000_000)\n"
        "for _ in range(40):\n    display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + noise, format='png'))",
    ),
    Attack(
        "many cells that all print as much as they may",
        edit=lambda nb: nb["cells"].extend(
            {
                "cell_type": "code",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "id": f"flood-{n}",
                "source": "import os\nfrom IPython.display import Image, display\ndisplay(Image(data=os.urandom(4_000_000), format='png'))\nprint('z' * 59_000)",
            }
            for n in range(40)
        ),
    ),
    Attack(
        "all file descriptors are closed",
        loses=("layer_order",),
        cells={"layer_order": "import os\nos.closerange(0, 1024)"},
    ),
    Attack(
        "the kernel's sockets and loop are closed",
        loses=("num_weights",),
        cells={
            "num_weights": "kernel = get_ipython().kernel\nkernel.shell_stream.close()\nkernel.io_loop.stop()\nimport time\ntime.sleep(600)"
        },
    ),
    Attack(
        "an answer that would fill the grader's memory",
        loses=("rescale", "batches"),
        cells={
            "rescale": "def rescale(values):\n    return np.broadcast_to(np.zeros(1), (10**6, 10**6))",
            "batches": "def batches(items, size):\n    return np.zeros(30_000_000)",
        },
    ),
    Attack(
        "messages that would fill the grader's memory",
        loses=("rescale", "num_weights"),
        cells={
            "rescale": """
kernel = get_ipython().kernel
header = kernel.get_parent()
parts = [bytes(250_000_000)] * 400
while True:
    kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "."}, parent=header, buffers=parts)
""",
            "num_weights": "num_weights = 7",
        },
        not_on_stock=_ALONE,
    ),
    Attack(
        "a clean-up that never ends",
        loses=("num_weights",),
        cells={
            "num_weights": """
class Slow:
    def __del__(self):
        while True:
            pass
num_weights = Slow()
"""
        },
        last="del num_weights",
    ),
]
