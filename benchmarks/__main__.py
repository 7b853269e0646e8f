"""All benchmarks, one after the other, each as the command that docs/benchmarks.md names."""

import subprocess
import sys

COMMANDS = (
    ["benchmarks.throughput", "--students", "12", "100", "--stock", "5"],
    ["benchmarks.overhead"],
    ["benchmarks.profile"],
    ["benchmarks.scale"],
    ["benchmarks.cluster"],
    ["benchmarks.feedback"],
    ["benchmarks.report"],
    ["benchmarks.desk"],
    ["benchmarks.notebooks"],
    ["benchmarks.cifar70"],  # says what is missing and goes on, where real data are not at hand
    ["benchmarks.mnist"],
    ["benchmarks.mnist_cnn"],
    ["benchmarks.dogs"],
    ["benchmarks.attacks_stock"],
    ["benchmarks.otter"],  # last: it needs PyPI the first time
)

for module, *arguments in COMMANDS:
    print(f"$ python -m {' '.join([module, *arguments])}", flush=True)
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)
