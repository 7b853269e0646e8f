"""Code that was written on a machine with a graphics card runs where there is none; sizes stay sizes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

# What a student may have written, and whether it is right.
RUNS = {
    "torch.cuda.get_device_name(0)": "found == 'CPU'",
    "torch.cuda.get_device_properties('cuda').total_memory": "found == 0",
    "torch.cuda.current_device(), torch.cuda.mem_get_info()": "found == (0, (0, 0))",
    "torch.ones(2).type(torch.cuda.HalfTensor)": "found.dtype is torch.float16",
    "torch.ones(2).type('torch.cuda.DoubleTensor')": "found.dtype is torch.float64",
    "torch.cuda.FloatTensor([1, 2])": "found.tolist() == [1, 2]",
    "torch.set_default_tensor_type('torch.cuda.FloatTensor')": "torch.ones(1).dtype is torch.float32",
    "torch.randn(3, generator=torch.Generator('cuda').manual_seed(1))": "len(found) == 3",
    "isinstance(torch.default_generator, torch.Generator)": "found",
    "torch.tensor([1.0], device=0)": "found.tolist() == [1]",
    "torch.ones(2).to(0), torch.ones(2).to(device=1), torch.ones(2).cuda(0)": "len(found) == 3",
    "nn.Linear(1, 1).to('cuda:0', torch.float64).weight": "found.dtype is torch.float64",
    "nn.DataParallel(nn.Linear(1, 1), device_ids=[0]).cuda()(torch.ones(1, 1).cuda())": "found.shape == (1, 1)",
    "torch.ones(2).pin_memory().to('cuda', non_blocking=True)": "found.tolist() == [1, 1]",
    "list(torch.utils.data.DataLoader(torch.ones(2, 1), pin_memory=True))": "len(found) == 2",
    "torch.amp.GradScaler('cuda').scale(torch.ones(1))": "found.tolist() == [1]",
    "timed()": "found >= 0",
    "torch.mps.synchronize(), torch.cuda.ipc_collect()": "found == (None, None)",
    # What looks like the number of a card and is none.
    "torch.ones(0), torch.full((2,), 0), torch.ones(1).new_zeros(0)": "[len(part) for part in found] == [0, 2, 0]",
    "torch.ones(1).to(torch.ones(1).double())": "found.dtype is torch.float64",
    "torch.ones(2).type('torch.LongTensor')": "found.dtype is torch.int64",
}
_PROGRAM = """
import json, sys, warnings
import torch
from torch import nn
from course_utils.grading.bridge import on_cpu

def timed():
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.ones(1)
    torch.cuda.current_stream().synchronize()
    end.record()
    return start.elapsed_time(end)

warnings.simplefilter("ignore")
was_needed, told = on_cpu.install(), {}
for code, right in json.loads(sys.stdin.read()).items():
    try:
        found = eval(code)
        told[code] = "" if eval(right) else repr(found)
    except Exception as error:
        told[code] = repr(error)
print(json.dumps([was_needed, on_cpu.install(), told]))
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a graphics card, so nothing is replaced")
def test_what_asks_for_a_card_runs():
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], input=json.dumps(RUNS), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    was_needed, again, told = json.loads(done.stdout)
    assert (was_needed, again) == (True, False)
    assert told == dict.fromkeys(RUNS, "")
