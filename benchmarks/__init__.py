"""Speed and memory, measured: `python -m benchmarks` writes docs/benchmarks.md."""
