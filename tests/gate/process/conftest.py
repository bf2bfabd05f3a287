"""Pods whose gates are ended with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate.process.pod import NAMESPACE, REGION, Pod
from tests.s3 import S3Service


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    """A Brain's, without replication."""
    pod = Pod(tmp_path / "brain")
    try:
        yield pod
    finally:
        pod.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Pod]:
    """An Agent's, without replication."""
    pod = Pod(tmp_path / "agent", component="agent")
    try:
        yield pod
    finally:
        pod.close()


@pytest.fixture
def replicated(pod: Pod, s3: S3Service, rclone: Path) -> Pod:
    """A Brain's whose volume is uploaded each second, by real rclone, with the role that it has on EKS."""
    pod.rclone = rclone
    pod.environment = s3.credentials(s3.sidecar(REGION, NAMESPACE))
    pod.configure(
        buckets=s3.buckets, order=[REGION, *(set(s3.buckets) - {REGION})], endpoint=s3.url, syncInterval=1
    )
    return pod
