"""`{"count": […], "remove": […], "prune": […]}`, folders of the gate's volume: removes those to remove, and
those to prune that contain no file; prints how many files each folder has then.
"""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def main() -> None:
    request, root = json.loads(sys.argv[1]), Path(os.environ["GATE_VOLUME"])
    if not root.is_dir():
        sys.exit(f"{root} is no folder: its files cannot be counted")
    for name in request.get("remove", ()):
        shutil.rmtree(root / name, ignore_errors=True)
    for name in request.get("prune", ()):
        if not files(root / name):
            for folder in (*sorted((root / name).rglob("*"), reverse=True), root / name):
                # Never more than an empty folder: the application may write there at this very moment.
                with suppress(OSError):
                    folder.rmdir()
    named = [name for names in request.values() for name in names]
    print(json.dumps({name: files(root / name) for name in named}))


main()
