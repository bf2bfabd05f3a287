"""Recordings that many tests only read, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.stacks import many_companies
from tests.recording import ROOT, Recording, record, record_file

COMMITTED = sorted(ROOT.glob("Pulumi.*.yaml"))


@pytest.fixture(scope="session", params=COMMITTED, ids=lambda path: path.name)
def committed_file(request: pytest.FixtureRequest) -> Path:
    """Each stack file of the repository, in turn."""
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def committed(committed_file: Path) -> Recording:
    return record_file(committed_file)


@pytest.fixture(scope="session")
def prod() -> Recording:
    return record_file(ROOT / "Pulumi.prod.yaml")


@pytest.fixture(scope="session")
def many() -> Recording:
    """Three regions in two clusters, six companies with awkward names."""
    return record(many_companies())
