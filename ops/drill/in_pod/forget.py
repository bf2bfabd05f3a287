"""Removes the memories that a drill stored: `python3 forget.py <folder> …`, in a Brain's container `gate`.

The folders are the drill's companies, directly below the volume. Prints the remaining tables as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

PREFIX = "drill-"
TABLE = ".lance"


def tables(root: str) -> list[str]:
    """Paths of the Lance tables below the volume, as checkpoints name them, without hidden folders."""
    found = []
    for folder, names, _ in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".") and name != "diverged"]
        for name in [name for name in names if name.endswith(TABLE)]:
            names.remove(name)
            if any(files for _, _, files in os.walk(os.path.join(folder, name))):
                found.append(os.path.relpath(os.path.join(folder, name), root))
    return sorted(found)


def main(folders: list[str]) -> None:
    root = os.environ["GATE_VOLUME"]
    for name in folders:
        if not name.startswith(PREFIX) or "/" in name:
            raise SystemExit(f"{name}: not a drill's folder")
        shutil.rmtree(os.path.join(root, name), ignore_errors=True)
    left = [name for name in folders if os.path.exists(os.path.join(root, name))]
    if left:
        raise SystemExit(f"could not be removed: {', '.join(left)}")
    print(json.dumps(tables(root)))


if __name__ == "__main__":
    main(sys.argv[1:])
