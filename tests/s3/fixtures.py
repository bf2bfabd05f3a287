"""Fixtures: an S3 for each test, and the rclone that the gates run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.programs import catalog
from tests.s3.service import REGIONS, S3Service


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Iterator[S3Service]:
    """Buckets in three regions, or in those of an indirect parameter."""
    service = S3Service(getattr(request, "param", REGIONS))
    try:
        yield service
    finally:
        service.close()


@pytest.fixture(scope="session")
def rclone() -> Path:
    """Rclone as in the image that settings/models.py names."""
    return catalog.binary("rclone", print)
