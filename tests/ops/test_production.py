"""Commands for production do without the local target."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
IMPORT = re.compile(r"^\s*(?:from|import) local\b", re.MULTILINE)
COMMANDS = ("validate", "restore", "accept_shrink", "backfill", "doctor.command", "drill.drill", "topology")


def test_one_module_of_the_commands_imports_the_local_target() -> None:
    files = [file for file in (ROOT / "ops").rglob("*.py") if re.search(IMPORT, file.read_text())]
    assert [file.name for file in files] == ["local_target.py"]


def test_what_drill_and_validation_share_imports_neither_of_them() -> None:
    for file in (ROOT / "ops" / "probing").rglob("*.py"):
        assert not re.search(r"ops\.(drill|validation)\b", file.read_text()), file


@pytest.mark.services
def test_no_module_of_the_local_target_is_loaded() -> None:
    program = (
        f"import sys, {', '.join(f'ops.{name}' for name in COMMANDS)}\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'local'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
