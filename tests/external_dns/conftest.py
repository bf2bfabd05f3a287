"""The clusters of all tests, and the external-dns that they run."""

from __future__ import annotations

import pytest

from local import build, parts
from local.control_plane import ControlPlane
from local.emulator import Emulator
from tests.external_dns.clusters import Clusters


@pytest.fixture(scope="session")
def clusters(control_plane: ControlPlane, emulator: Emulator) -> Clusters:
    binary = build.ensure([parts.PARTS["external-dns"]], print)["external-dns"]
    return Clusters(control_plane, emulator, binary)
