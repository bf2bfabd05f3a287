"""A pattern: searches the diverged files of the gate's volume. Prints the matches as a list."""

import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    pattern, matches = json.loads(sys.argv[1]).encode(), set()
    for path in Path(os.environ["GATE_VOLUME"], "diverged").rglob("*"):
        with suppress(OSError):
            matches.update(re.findall(pattern, path.read_bytes()))
    print(json.dumps(sorted(match.decode() for match in matches)))


main()
