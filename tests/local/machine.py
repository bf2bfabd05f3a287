"""A PATH with a fake apt-get that installs fake programs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from local.packages import LIBRARIES, PROGRAMS

ALL = sorted({*PROGRAMS.values(), *LIBRARIES})
APT_GET = """#!{python}
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(os.environ["DEBIAN_FRONTEND"], *sys.argv[1:], file=calls)
replies = json.loads((here / "replies").read_text())
(here / "replies").write_text(json.dumps(replies[1:]))
if replies and replies[0]:
    print(replies[0])
    sys.exit(100)
time.sleep({seconds})
packages = sys.argv[sys.argv.index("install") + 1 :] if "install" in sys.argv else []
for name in packages:
    (here / f"installed-{{name}}").touch()
    for program in {programs}.get(name, []):
        (here / program).write_text({script!r})
        (here / program).chmod(0o755)
"""
SCRIPT = """#!/bin/sh
case "$0" in
    */gcc) [ -e "${0%/*}/installed-libc6-dev" ] ;;
    */pkg-config) [ -e "${0%/*}/installed-libseccomp-dev" ] ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """`folder` is all of PATH. Nothing is installed at first."""

    folder: Path

    def write_apt_get(self, *replies: str, seconds: float = 0) -> None:
        """One reply for each call: "" succeeds, other text is a failure. Further calls succeed."""
        programs = {package: [program] for program, package in PROGRAMS.items()}
        text = APT_GET.format(python=sys.executable, seconds=seconds, programs=programs, script=SCRIPT)
        self.write("apt-get", text)
        (self.folder / "replies").write_text(json.dumps(replies))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def calls(self) -> list[list[str]]:
        """Environment and arguments of each call of apt-get."""
        file = self.folder / "calls"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []
