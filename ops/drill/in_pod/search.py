"""Searches diverged files for markers: `python3 search.py <pattern>`, in a Brain's container `gate`.

Prints the markers as a JSON list.
"""

from __future__ import annotations

import json
import os
import re
import sys


def main(pattern: str) -> None:
    root = os.path.join(os.environ["GATE_VOLUME"], "diverged")
    found = set()
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as stream:
                    found.update(re.findall(pattern.encode(), stream.read()))
            except OSError:
                continue
    print(json.dumps(sorted(one.decode() for one in found)))


if __name__ == "__main__":
    main(sys.argv[1])
