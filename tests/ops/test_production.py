"""Commands for production do without the local target."""

from __future__ import annotations

import subprocess
import sys

COMMANDS = ("validate", "restore", "accept_shrink", "backfill", "doctor.command")


def test_no_module_of_the_local_target_is_loaded() -> None:
    program = (
        f"import sys, {', '.join(f'ops.{name}' for name in COMMANDS)}\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'local'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
