"""Automatic points of each notebook that can be had by copying what stands in its release, or in the package.

Run ``python -m benchmarks.copyable [ASSIGNMENT[/NOTEBOOK] ...]``. tests/support/copier.py tells what the copier does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.support.copier import copies, points_of
from tests.support.engine import SOURCE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="or assignments; all, if none is named")
    everything = [str(path.relative_to(SOURCE).with_suffix("")) for path in sorted(SOURCE.glob("*/*.ipynb"))]
    copied = played = 0.0
    wanted = parser.parse_args().notebooks or everything
    for name in (name for name in everything if any(f"{name}/".startswith(f"{each}/") for each in wanted)):
        path = Path(f"{name}.ipynb")
        points = points_of(path)
        found, left_out = copies(path)
        mine, out = sum(points[test] for test in found), sum(points.get(test.partition(":")[0], 0) for test in left_out)
        copied, played = copied + mine, played + sum(points.values()) - out
        print(f"{name}: {mine:g} of {sum(points.values()):g} points; {out:g} not played here", flush=True)
        for test, how in found.items():
            print(f"    {test}: {how[:120]}")
    print(f"{copied:g} of {played:g} points that were played")


if __name__ == "__main__":
    main()
