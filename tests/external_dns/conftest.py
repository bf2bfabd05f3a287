"""The clusters of all tests, and the external-dns that they run."""

from __future__ import annotations

import pytest

from local.aws.emulator import Emulator
from local.cluster.control_plane import ControlPlane
from local.programs import catalog
from tests.external_dns.clusters import Clusters


@pytest.fixture(scope="session")
def clusters(control_plane: ControlPlane, emulator: Emulator) -> Clusters:
    binary = catalog.binary("external-dns", print)
    return Clusters(control_plane, emulator, binary)
