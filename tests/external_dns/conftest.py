"""The clusters of all tests, and the external-dns that they run."""

from __future__ import annotations

import pytest

from local.aws.emulator import Emulator
from local.cluster.control_plane import ControlPlane
from local.programs import build, catalog
from tests.external_dns.clusters import Clusters


@pytest.fixture(scope="session")
def clusters(control_plane: ControlPlane, emulator: Emulator) -> Clusters:
    binary = build.ensure([catalog.PARTS["external-dns"]], print)["external-dns"]
    return Clusters(control_plane, emulator, binary)
