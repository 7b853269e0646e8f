"""Pickles, and messages that the kernel never meant to send."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import EVERYTHING, Attack

_EVIL = """
class Evil:
    def __reduce__(self):
        return (eval, ("__import__('os').system('touch /tmp/left-by-the-attacker')",))
"""

# Sends messages with the header of the request that is being answered.
_SEND = """
kernel = get_ipython().kernel
def send(kind, content, buffers=(), parent=None):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=parent or kernel.get_parent(), buffers=list(buffers))
def score(number):
    send("execute_result", {"data": {"text/plain": str(number)}, "metadata": {}, "execution_count": 1})
"""

ATTACKS = [
    Attack(
        "an object whose pickle runs code",
        loses=("num_weights", "rescale"),
        cells={
            "num_weights": _EVIL + "num_weights = Evil()",
            "rescale": "def rescale(values):\n    return np.array([Evil()], dtype=object)",
        },
    ),
    Attack(
        "a pickle in place of an answer's frames",
        loses=EVERYTHING,
        first=_EVIL
        + """
import pickle
from course_utils.grading.bridge import agent
agent.Agent.answer = lambda self, content, buffers: [pickle.dumps(Evil()), pickle.dumps(True)]
""",
    ),
    Attack(
        "a pickled file in the submission",
        files={
            "weights.pt": b"cposix\nsystem\n(S'touch /tmp/left-by-the-attacker'\ntR.",
            "artifacts/a.safetensors": b"\xff" * 64,
        },
    ),
    Attack(
        "a result forged while a test runs",
        loses=("rescale", "num_weights", "next_terms"),
        first=_SEND,
        cells={
            "rescale": "def rescale(values):\n    score(2)\n    return values",
            "num_weights": "num_weights = type('N', (), {'__bool__': lambda self: score(1)})()",
            "next_terms": "def next_terms(head):\n    score(1)\n    return head",
        },
    ),
    Attack(
        "a result shown by Python's own display hook",
        loses=("rescale",),
        cells={"rescale": "import sys\ndef rescale(values):\n    sys.displayhook(2)\n    return values"},
    ),
    Attack(
        "a forged result of a million points",
        loses=("rescale",),
        first=_SEND,
        cells={"rescale": "def rescale(values):\n    score(10**6)\n    return values"},
    ),
    Attack(
        "a forged result without a text",
        loses=("rescale",),
        first=_SEND,
        cells={
            "rescale": "def rescale(values):\n    send('execute_result', {'data': {'image/png': 'AAAA'}, 'metadata': {}, 'execution_count': 1})\n    return values"
        },
    ),
    Attack(
        "a thread that forges results for whatever is running",
        loses=("rescale", "next_terms"),
        cells={
            "rescale": "import time\ndef rescale(values):\n    time.sleep(0.3)\n    return values",
            "next_terms": "def next_terms(head):\n    time.sleep(0.3)\n    return head",
        },
        first=_SEND
        + """
import threading, time
def forge():
    while True:
        time.sleep(0.02)
        score(2)
threading.Thread(target=forge, daemon=True).start()
""",
    ),
    Attack(
        "forged ends of every request",
        loses=("rescale", "next_terms"),
        first=_SEND,
        cells={
            "rescale": "def rescale(values):\n    send('status', {'execution_state': 'idle'})\n    return values",
            "next_terms": "def next_terms(head):\n    kernel.session.send(kernel.shell_stream, 'execute_reply', {'status': 'ok', 'execution_count': 1}, "
            "parent=kernel.get_parent(), ident=kernel.get_parent().get('identities'))\n    return head",
        },
    ),
    Attack(
        "answers of the bridge sent before the bridge does",
        loses=("rescale", "num_weights"),
        risks=EVERYTHING,
        cells={"num_weights": "num_weights = 7"},
        first="""
import gc, socket
from course_utils.grading.bridge import agent, answering, line
def send(number):
    for one in [thing for thing in gc.get_objects() if isinstance(thing, socket.socket)]:
        try:
            one.send(line.as_bytes(number, [b'{"t":"dict","v":[["result",true]]}']))
        except OSError:
            pass
real = answering._answered
def early(kernel, told, number, answer):
    for other in range(number - 2, number + 3):
        send(other)
    return real(kernel, told, number, answer)
answering._answered = early
""",
    ),
    Attack(
        "an answer that claims the end of an iteration",
        loses=("batches",),
        cells={"batches": "def batches(items, size):\n    return []"},
        first="""
from course_utils.grading.bridge import agent
real = agent.Agent.do_call
def call(self, content, buffers, reply):
    if self.objects[content["handle"]] is globals().get("batches"):
        reply["exhausted"] = True
        return None
    return real(self, content, buffers, reply)
agent.Agent.do_call = call
""",
    ),
    Attack(
        "answers that are broken in every way",
        loses=(
            "rescale",
            "Doubler",
            "num_weights",
            "layer_order",
            "batches",
            "slope",
            "next_terms",
            "train_step",
            "fit_line",
            "Stack",
        ),
        first="""
import itertools, json
from course_utils.grading.bridge import agent
broken = itertools.cycle([
    [], [b""], [b"{"], [b"null"], [b"[" * 100_000], [b'{"t":"dict","v":[["result",{"t":"array","d":"<f8","s":[9],"b":7}]]}'],
    [b'{"t":"dict","v":[["result",{"t":"array","d":"|O","s":[1],"b":0}]]}', b"12345678"],
    [b'{"t":"dict","v":[["result",{"t":"__class__"}]]}'], [b'{"t":"dict","v":[["result",{"t":"handle","id":"x"}]]}'],
    [b'{"t":"dict","v":[["error",{"type":{"t":"list","v":[]},"bases":5,"where":{"t":"dict","v":[]}}]]}'],
    [b'{"t":"dict","v":[["changed",{"t":"list","v":[1,2,{"t":"list","v":[99,null]}]}]]}'],
    [b'{"t":"dict","v":[["shared",{"t":"list","v":[1,2,{"t":"list","v":[99,null]}]}]]}'],
    [b'{"t":"dict","v":[["result",{"t":"int","v":"' + b"f" * 10**7 + b'"}]]}'],
    [b'{"t":"dict","v":[["result",{"t":"namedtuple","n":"T","f":["a; import os"],"v":[1]}]]}'],
    [b'{"t":"dict","v":[["result",{"t":"sympy","f":"Function","n":"__import__","v":[]}]]}'],
    [b'{"t":"dict","v":[["result",{"t":"tensor","d":"__class__","s":[],"b":0}]]}', b""],
    [b'{"t":"dict","v":[["result",{"t":"scalar","d":"f4,f4","s":[],"b":0}]]}', b"12345678"],
])
agent.Agent.answer = lambda self, content, buffers: next(broken)
""",
    ),
    Attack(
        "messages that are no messages",
        first=_SEND
        + """
for frames in ([b"x"], [b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"], [b"<IDS|MSG>", b"sig", b"[" * 50000, b"{}", b"{}", b"{}"]):
    kernel.iopub_socket.send_multipart(frames)
for kind, content in (("stream", {"name": [], "text": {"a": 1}}), ("display_data", {"data": 5}), ("display_data", {"data": {"image/png": ["x"]}}),
                      ("error", {"traceback": "none", "ename": {"x": 1}}), ("status", []), ("clear_output", {}), (7, {}),
                      ("update_display_data", {"data": {"text/html": "<b>"}, "transient": 3}), ("input_request", {"prompt": "?"}),
                      ("error", {"ename": None, "evalue": None, "traceback": [None, 3]})):
    send(kind, content)
""",
    ),
    Attack(
        "texts that no file can hold",
        loses=("layer_order",),
        cells={"layer_order": "layer_order = ['\\ud800', {'\\udfff': 1}]"},
        first=_SEND
        + """
import json
print("\\ud800 \\x00 \\x1b[2J \\x1b]0;title\\x07 \\u202e")
kernel.session.pack = lambda thing: json.dumps(thing, default=str).encode()
send("stream", {"name": "stdout", "text": "\\ud800\\udfff"})
send("display_data", {"data": {"text/plain": "\\ud800", "text/markdown": "\\ud800"}, "metadata": {}})
send("error", {"ename": "\\ud800", "evalue": "\\ud800", "traceback": ["\\ud800"]})
""",
    ),
    Attack(
        "errors forged while an honest function runs",
        loses=(),
        first=_SEND,
        cells={
            "num_weights": "send('error', {'ename': 'E', 'evalue': 'forged', 'traceback': []})\nnum_weights = 3 * 3 * 6"
        },
    ),
]
