"""A company for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.stacks import US
from tests.gate.snapshot.company import Company, QuickCompany, be
from tests.s3 import S3Service


@pytest.fixture
def company(
    s3: S3Service,
    rclone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Company:
    """Named acme, or as an indirect parameter says."""
    namespace = getattr(request, "param", "acme")
    be(monkeypatch, s3, s3.sidecar(US, namespace))
    root = tmp_path / "volume"
    root.mkdir()
    return Company(s3=s3, rclone=rclone, root=root, namespace=namespace)


@pytest.fixture
def quick(tmp_path: Path) -> QuickCompany:
    """One whose bucket is in this process."""
    root = tmp_path / "volume"
    root.mkdir()
    return QuickCompany(root=root)
