"""A stage of one test's own on the local services."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from local.control_plane import ControlPlane
from local.emulator import Emulator
from tests.engine.stage import Stage


@pytest.fixture
def stage(tmp_path: Path, control_plane: ControlPlane, emulator: Emulator) -> Stage:
    """A state file and a name that no other test has, on the running services."""
    return Stage(tmp_path / "state.json", f"t{uuid.uuid4().hex[:10]}", control_plane.kubeconfig, emulator)
