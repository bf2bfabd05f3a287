"""Runs of the network check on a box whose network policies hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ops.validation import network
from ops.validation.run import Run
from ops.validation.verdicts import Verdict
from tests.s3 import S3Service
from tests.validation.box import LIMITS, Boxed
from tests.validation.box_network import CONNECTED, DROPPED, NAMESERVER, Rule

ACME_BRAIN, ACME_AGENT = "acme/brain-us-east-1-0", "acme/agent-us-east-1-0"
BRAIN, AGENT = "globex-corp/brain-us-east-1-0", "globex-corp/agent-us-east-1-0"
BRAIN_SERVICE, OWN_BRAIN = "brain-us-east-1.globex-corp.svc", "brain-us-east-1.acme.svc"
NOT_FOUND = ("untried", "Name or service not known")

States = Mapping[tuple[str, int], tuple[str, str]]


@contextmanager
def enforcing(folder: Path, s3: S3Service, rclone: Path) -> Iterator[Boxed]:
    made = Boxed(folder, s3, rclone)
    try:
        made.start(gates=False)
        made.box.network.rule = policies_hold(made, {})
        yield made
    finally:
        made.close()


def policies_hold(boxed: Boxed, but: States, *, protocol: str = "TCP") -> Rule:
    """Only what must be open is. `but` says otherwise of a protocol's hosts and ports."""
    bucket = boxed.stack.settings.replication.endpoint
    assert bucket is not None
    port = int(bucket.rpartition(":")[2])

    def rule(source: str, by: str, host: str, to: int) -> tuple[str, str]:
        if by == protocol and (host, to) in but:
            return but[host, to]
        is_open = (host, to) in {(OWN_BRAIN, 3002), (NAMESERVER, 53), ("127.0.0.1", port)}
        return CONNECTED if is_open and by == "TCP" else DROPPED

    return rule


def judged(boxed: Boxed, but: States | None = None, *, protocol: str = "TCP") -> Verdict:
    if but is not None:
        boxed.box.network.rule = policies_hold(boxed, but, protocol=protocol)
    return network.judge(Run(id="abc123", sites=boxed.sites, limits=LIMITS), boxed.sites[0])
