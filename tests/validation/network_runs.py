"""Runs of the network check on a fake cluster whose network policies hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ops.validation.checks import network
from ops.validation.results import Verdict
from ops.validation.run import Run
from tests.s3 import S3Service
from tests.validation.fake_cluster import LIMITS, FakeStack
from tests.validation.fake_network import CONNECTED, DROPPED, NAMESERVER, Rule

ACME_BRAIN, ACME_AGENT = "acme/brain-us-east-1-0", "acme/agent-us-east-1-0"
BRAIN, AGENT = "globex-corp/brain-us-east-1-0", "globex-corp/agent-us-east-1-0"
BRAIN_SERVICE, OWN_BRAIN = "brain-us-east-1.globex-corp.svc", "brain-us-east-1.acme.svc"
NOT_FOUND = ("untried", "Name or service not known")

States = Mapping[tuple[str, int], tuple[str, str]]


@contextmanager
def enforcing(folder: Path, s3: S3Service, rclone: Path) -> Iterator[FakeStack]:
    fake = FakeStack(folder, s3, rclone)
    try:
        fake.start(gates=False)
        fake.cluster.network.rule = policies_hold(fake, {})
        yield fake
    finally:
        fake.close()


def policies_hold(fake: FakeStack, but: States, *, protocol: str = "TCP") -> Rule:
    """Only what must be open is. `but` says otherwise of a protocol's hosts and ports."""
    bucket = fake.stack.settings.replication.endpoint
    assert bucket is not None
    port = int(bucket.rpartition(":")[2])

    def rule(source: str, by: str, host: str, to: int) -> tuple[str, str]:
        if by == protocol and (host, to) in but:
            return but[host, to]
        is_open = (host, to) in {(OWN_BRAIN, 3002), (NAMESERVER, 53), ("127.0.0.1", port)}
        return CONNECTED if is_open and by == "TCP" else DROPPED

    return rule


def judged(fake: FakeStack, but: States | None = None, *, protocol: str = "TCP") -> Verdict:
    if but is not None:
        fake.cluster.network.rule = policies_hold(fake, but, protocol=protocol)
    return network.check(Run(id="abc123", targets=fake.targets, limits=LIMITS), fake.targets[0])
