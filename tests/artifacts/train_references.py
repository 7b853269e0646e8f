"""Train what the reference solutions train, on the stand-in, and keep it in tests/artifacts.

python -m tests.artifacts.train_references cifar/challenge [--again]
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="+", help="such as cifar/challenge")
    parser.add_argument("--again", action="store_true", help="train anew what is there already")
    options = parser.parse_args()
    os.environ.update(COURSE_OFFLINE="1", COURSE_DATA=str(ROOT / "build" / "no-data"))
    for name in options.notebooks:
        source = ROOT / "source" / f"{name}.ipynb"
        kept, work = (
            ROOT / "tests" / "artifacts" / source.parent.name,
            ROOT / "build" / "artifacts" / source.parent.name,
        )
        notebook = nbformat.read(source, as_version=4)
        names = [key for cell in notebook.cells for key in cell.metadata.get("course", {}).get("artifacts", [])]
        others = [key for cell in notebook.cells for key in cell.metadata.get("course", {}).get("files", [])]
        files = [f"{key}{ending}" for key in names for ending in (".json", ".safetensors")] + others
        work.mkdir(parents=True, exist_ok=True)
        kept.mkdir(parents=True, exist_ok=True)
        for file in files:
            (work / file).unlink(missing_ok=True)
            if not options.again and (kept / file).exists():
                shutil.copy(kept / file, work / file)
        began = time.monotonic()
        NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(source.parent)}}).execute()
        missing = [key for key in names if not (work / f"{key}.json").exists()]
        missing += [key for key in others if not (work / key).exists()]
        if missing:
            raise SystemExit(f"{name} says that it makes {', '.join(missing)}, but it does not.")
        for file in files:
            if (work / file).exists():
                shutil.copy(work / file, kept / file)
        size = sum((kept / file).stat().st_size for file in files if (kept / file).exists())
        print(f"{name}: ran in {time.monotonic() - began:.0f} s, {len(names)} artifacts, {size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
