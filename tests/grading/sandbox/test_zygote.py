"""Warm kernels are as cold ones, know nothing of each other, and outlive the troubles of the process they come from."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from course_utils.grading.sandbox import host, layout, sandboxed_kernel, view, zygote
from course_utils.grading.sandbox.host import Zygote, close_shared_zygotes, shared_zygote
from tests.support.sandboxed import kernel

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is for Linux"),
    pytest.mark.xdist_group("zygote"),  # the libraries are imported once for all of these
]
FULL = {"preload": list(zygote.PRELOAD)}


@pytest.fixture(scope="module", autouse=True)
def end_zygotes():
    yield
    close_shared_zygotes()


def ask(code, **options):
    with kernel(**{**FULL, **options}) as it:
        result = it.run(code)
        assert result.status == "ok", result.text
        return result.text


def zygote_pid(process):
    """The zygote itself: bubblewrap's only child."""
    return psutil.Process(process._process.pid).children()[0].pid


FACTS = """
import gc, json, locale, os, random, resource, signal, sys, warnings
import matplotlib, numpy, torch
facts = {
    "modules": sorted(sys.modules),
    "environ": dict(os.environ),
    "path": sys.path,
    "argv": sys.argv,
    "flags": str(sys.flags),
    "executable": sys.executable,
    "cwd": os.getcwd(),
    "files": sorted(os.listdir(".")),
    "pids": [os.getpid(), os.getppid(), sorted(name for name in os.listdir("/proc") if name.isdecimal())],
    "ids": [os.getuid(), os.getgid(), os.getgroups(), os.getsid(0), os.umask(0o22)],
    "names": sorted(name for name in globals() if not name.startswith("_")),
    "limits": [resource.getrlimit(name) for name in range(16)],
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals()) if number != signal.SIGINT],
    "filters": str(warnings.filters),
    "gc": [gc.isenabled(), gc.get_threshold()],
    "recursion": sys.getrecursionlimit(),
    "locale": locale.getlocale(),
    "threads": torch.get_num_threads(),
    "backend": matplotlib.get_backend(),
    "rc": str(dict(matplotlib.rcParams)),
    "random": [random.random(), numpy.random.rand(), torch.rand(1).item(), hash("x")],
    "status": [line for line in open("/proc/self/status") if line.startswith(("Cap", "NoNew", "Seccomp", "SigIgn"))],
    "mounts": sorted(line.split()[4] for line in open("/proc/self/mountinfo")),
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd") if int(name) < 3),
}
print(json.dumps(facts))
"""


def test_cold_and_warm_kernels_are_alike(tmp_path):
    (tmp_path / "own.py").write_text("")
    first = json.loads(ask(FACTS, folder=tmp_path))
    second = json.loads(ask(FACTS, folder=tmp_path))
    cold = json.loads(ask(FACTS, folder=tmp_path, warm=False))
    for name in first:
        assert first[name] == second[name], name
        assert first[name] == cold[name], name
    assert "torch" in first["modules"]
    assert first["names"].count("facts") <= 1


def test_libraries_work_after_the_fork():
    text = ask(
        """
        import matplotlib.pyplot as plt, numpy as np, sympy, torch, torchvision
        from scipy.signal import correlate2d
        from sklearn.svm import SVC
        from torch.utils.data import DataLoader, TensorDataset

        images, labels = torch.rand(64, 1, 8, 8), torch.arange(64) % 2
        model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(TensorDataset(images, labels), batch_size=16, num_workers=2)
        for batch, target in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(batch), target)
            loss.backward()
            optimizer.step()
        print(loss.ndim, torch.linalg.svdvals(torch.eye(30)).sum().item(), np.linalg.inv(np.eye(50)).sum())
        classifier = SVC().fit(images.flatten(1).numpy(), labels.numpy())
        print(classifier.n_features_in_, correlate2d(*np.ones((2, 3, 3))).max())
        x = sympy.Symbol("x")
        print(sympy.integrate(x, (x, 0, 2)), torchvision.models.resnet18().fc.out_features)
        figure, axes = plt.subplots(); axes.plot([1, 2]); plt.close(figure)
        """,
        threads=1,
    )
    assert text.splitlines() == ["0 30.0 50.0", "64 9.0", "2 1000"]


def test_several_threads_work_after_the_fork():
    text = ask(
        "import torch, numpy as np\n"
        "a, b = torch.ones(600, 600), np.ones((400, 400))\n"
        "print(torch.get_num_threads(), (a @ a).sum().item(), (b @ b[0]).sum())",
        threads=2,
        preload=["numpy", "torch"],
    )
    assert text == "2 216000000.0 160000.0\n"


def test_figures_are_shown_inline():
    with kernel(**FULL) as it:
        message = it.start("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()")
        kinds = set()
        while True:
            reply = it.client.get_iopub_msg(timeout=60)
            if reply["parent_header"].get("msg_id") != message:
                continue
            if reply["msg_type"] == "display_data":
                kinds |= set(reply["content"]["data"])
            if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                break
    assert "image/png" in kinds


def test_nothing_of_a_student_enters_the_zygote():
    marker = f"unmistakable-{os.getpid()}-{time.time_ns()}"
    process = shared_zygote(preload=(), env={"ONLY": "marker"})
    connection = {"transport": "ipc", "ip": f"{layout.SOCKET_FOLDER}/k", "key": marker}
    connection |= {f"{name}_port": port for port, name in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)}
    started = process.launch(
        argv=["ipykernel_launcher", "-f", layout.CONNECTION_FILE, f"--IPKernelApp.exec_lines=x='{marker}'"],
        connection=connection,
        archive=None,
    )
    assert started.wait_until_serving()
    pid = zygote_pid(process)
    kernel_pid = psutil.Process(pid).children(recursive=True)[-1].pid
    started_memory, memory = searched(kernel_pid, marker.encode()), searched(pid, marker.encode())
    started.close()
    assert started_memory  # the search can find it where it is
    assert not memory


def searched(pid, marker):
    """Whether the marker is in the writable memory of a process."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            start, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if rights.startswith("rw"):
                memory.seek(int(start, 16))
                if marker in memory.read(int(end, 16) - int(start, 16)):
                    return True
    return False


def test_memory_holds_nothing_of_the_kernel_before():
    with kernel() as first:
        key = first.info["key"]
        first.run(f"secret = 'unmistakable-{key}'")
    code = f"""
        import re
        half, other = {key[:18]!r}, {key[18:]!r}  # not to find the words of this cell
        found = 0
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
            for line in maps:
                start, end, rights = re.match(r"(\\w+)-(\\w+) (\\S+)", line).groups()
                if rights.startswith("rw"):
                    memory.seek(int(start, 16))
                    block = memory.read(int(end, 16) - int(start, 16))
                    position = block.find(half.encode())
                    while position >= 0:
                        found += block[position + 18 : position + 36] == other.encode()
                        position = block.find(half.encode(), position + 1)
        print(found)
    """
    with kernel() as second:
        assert second.run(code).text == "0\n"


def test_dead_zygote_is_replaced():
    options = {"env": {"ONLY": "dies"}}
    with kernel(**options) as it:
        process = next(iter(reversed(host._shared.values())))
        os.kill(zygote_pid(process), signal.SIGKILL)
        # What was forked from it goes with it, as soon as the system gets to it: a busy one lets it answer before.
        assert any(it.run("1").status == "dead" or time.sleep(0.1) for _ in range(100))
        assert it.process.process.exit_code == -signal.SIGKILL
        it.client.stop_channels()
        it.connect()
        assert it.run("print('again')").text == "again\n"
    with kernel(**options) as it:
        assert it.run("print('next')").text == "next\n"


def test_cold_start_when_the_zygote_does_not_answer(monkeypatch):
    monkeypatch.setattr(sandboxed_kernel, "KERNEL_TIMEOUT", 1)
    options = {"env": {"ONLY": "hangs"}}
    with kernel(**options):
        process = next(iter(reversed(host._shared.values())))
    os.kill(zygote_pid(process), signal.SIGSTOP)
    with kernel(**options) as it:
        assert it.run("print('served')").text == "served\n"
        assert it.process._own_zygote is not None
    with kernel(**options) as it:
        assert it.run("print('warm again')").text == "warm again\n"
        assert it.process._own_zygote is None


def test_missing_library_does_not_stop_the_class(caplog):
    with kernel(preload=["no_such_library", "json"]) as it:
        assert it.run("print('served')").text == "served\n"
    process = next(iter(reversed(host._shared.values())))
    assert process.failed_imports == {"no_such_library": "ModuleNotFoundError: No module named 'no_such_library'"}


def test_everything_in_the_preload_can_be_imported():
    process = next((one for key, one in host._shared.items() if "sklearn.svm" in key[0]), None)
    if process is None:
        ask("1")
        process = next(one for key, one in host._shared.items() if "sklearn.svm" in key[0])
    assert process.failed_imports == {}


def test_forked_host_starts_its_own_zygote():
    script = """
        import os
        from course_utils.grading.sandbox.host import shared_zygote
        def serve():
            kernel = shared_zygote(preload=()).launch(argv=[], connection={}, archive=None, probe=True)
            code = kernel.wait()
            kernel.close()
            return code
        assert serve() == 0
        child = os.fork()
        code = serve()
        if child == 0:
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert serve() == 0  # the child's end did not end the parent's
        print("fine")
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert result.stdout == "fine\n", result.stderr


def test_zygote_ends_with_its_process():
    script = """
        from course_utils.grading.sandbox.host import shared_zygote
        print(shared_zygote(preload=())._process.pid)
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert not psutil.pid_exists(int(result.stdout))
    assert result.stderr == ""


def test_zygote_ends_when_the_host_goes_away():
    process = Zygote(preload=())
    pid = zygote_pid(process)
    process._socket.close()
    assert not psutil.wait_procs([psutil.Process(pid)], timeout=20)[1]
    process.close()


def test_a_start_that_takes_too_long_is_told_as_such(monkeypatch):
    monkeypatch.setattr(host, "START_TIMEOUT", 0.01)
    with pytest.raises(view.SandboxUnavailable, match=r"not ready after 0.01 seconds.*very busy"):
        Zygote(preload=())
