"""A stack whose AWS is the test S3, for commands with credentials from the environment; a gate of it;
`import-values`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate.process.pod import NAMESPACE, REGION, Pod
from tests.ops.importing import Import
from tests.ops.snapshots import EU, US, Snapshots
from tests.s3 import ADMIN, S3Service


@pytest.fixture
def snapshots(s3: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    for name, value in s3.credentials(ADMIN).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Snapshots(s3, tmp_path)


@pytest.fixture
def importing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    return Import(tmp_path, capsys)


@pytest.fixture
def pod(s3: S3Service, rclone: Path, tmp_path: Path) -> Iterator[Pod]:
    """A Brain's, uploaded each second with the role that it has on EKS; first by its company's priority."""
    pod = Pod(tmp_path / "pod")
    pod.rclone = rclone
    pod.environment = s3.credentials(s3.sidecar(REGION, NAMESPACE))
    pod.configure(
        buckets=s3.buckets,
        order=[REGION, US, EU],
        follows=[US, EU],
        ranked=True,
        endpoint=s3.url,
        syncInterval=1,
    )
    try:
        yield pod
    finally:
        pod.close()


@pytest.fixture
def stack(snapshots: Snapshots) -> Snapshots:
    snapshots.regions = [REGION, US, EU]
    return snapshots
