from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.reference_app.programs import AGENT, BRAIN, HEALTH_MONITOR, NODE

COMPONENTS = NODE.parents[2] / "components"


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(NODE), *arguments], capture_output=True, text=True)


def test_every_command_of_the_components_is_known() -> None:
    commands = re.findall(
        r'\["node", "([^"]+)"', "".join(file.read_text() for file in COMPONENTS.glob("*.py"))
    )
    assert {*commands} == {AGENT, BRAIN, HEALTH_MONITOR, "-e"}
    assert node("-e", (COMPONENTS / "links.js").read_text()).returncode == 0


@pytest.mark.parametrize(
    "arguments", [(), ("dist/other.js",), ("-e",), ("-e", "process.exit(0)"), ("--version",)]
)
def test_any_other_command_is_rejected(arguments: tuple[str, ...]) -> None:
    answer = node(*arguments)
    assert answer.returncode == 127
    assert "must be one of dist/daemon.js, dist/mcp_servers/brain/index.js" in answer.stderr
