"""What grader processes are forked with: the libraries that test cells use, imported once.

Imported by the fork server of `worker` and by nothing else. It must not start threads.
"""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot
import numpy  # noqa: F401
import scipy.signal
import scipy.stats  # noqa: F401
import sympy  # noqa: F401
import torch
import torch._dynamo  # the first optimiser imports it, and takes more than a second
import torch.nn.functional

import course_utils.checks
import course_utils.grading.grader
import course_utils.grading.sympy_values  # noqa: F401

# One thread each: graders run side by side, and results do not depend on the number of cores.
torch.set_num_threads(1)
