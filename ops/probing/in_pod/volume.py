"""`{"count": [path, …], "remove": [path, …], "prune": [path, …]}`, below the gate's volume: removes test
data, and folders to prune that contain no file. Prints `{"files": {path: number}, "tables": [path, …]}`: how
many files each path has then, and, after a removal, the volume's Lance tables.
"""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

TEST_DATA = ("drill-", "validation-")
"""Names of test data begin so: nothing else is ever removed."""
TABLE = ".lance"


def files(path: Path) -> int:
    return sum(file.is_file() for file in (path, *path.rglob("*")))


def tables(root: Path) -> list[str]:
    """Paths as checkpoints name them: without hidden folders and diverged files."""
    paths = []
    for folder, names, _ in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".") and name != "diverged"]
        for name in [name for name in names if name.endswith(TABLE)]:
            names.remove(name)
            if files(Path(folder, name)):
                paths.append(str(Path(folder, name).relative_to(root)))
    return sorted(paths)


def remove(root: Path, name: str) -> None:
    path = Path(name)
    if not path.name.startswith(TEST_DATA) or path.is_absolute() or ".." in path.parts:
        sys.exit(f"{name}: no test data of a drill or a validation")
    shutil.rmtree(root / name, ignore_errors=True)
    with suppress(OSError):
        (root / name).unlink()
    if (root / name).exists():
        sys.exit(f"{root / name} could not be removed: remove it by hand")


def prune(folder: Path) -> None:
    for each in (*sorted(folder.rglob("*"), reverse=True), folder):
        # Never more than an empty folder: the application may write there at this very moment.
        with suppress(OSError):
            each.rmdir()


def main() -> None:
    request, root = json.loads(sys.argv[1]), Path(os.environ["GATE_VOLUME"])
    if not root.is_dir():
        sys.exit(f"{root} is no folder: its files cannot be counted")
    for name in request.get("remove", ()):
        remove(root, name)
    for name in request.get("prune", ()):
        if not files(root / name):
            prune(root / name)
    counted = {name: files(root / name) for names in request.values() for name in names}
    print(json.dumps({"files": counted, "tables": tables(root) if "remove" in request else []}))


main()
