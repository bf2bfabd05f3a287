from __future__ import annotations

from pathlib import Path

import pytest

from tests.mcp.servers import Simulated


@pytest.fixture
def simulated(tmp_path: Path) -> Simulated:
    return Simulated(tmp_path)
