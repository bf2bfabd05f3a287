"""Looks for markers in what was set aside: `python3 search.py <pattern>`, in a Brain's container `gate`.

Prints each once, a line each.
"""

from __future__ import annotations

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
    for one in sorted(found):
        print(one.decode())


if __name__ == "__main__":
    main(sys.argv[1])
