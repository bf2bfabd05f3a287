"""What must be open is tried before what must be closed: pods that reach nothing are not isolated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.probing.failure import Failure
from tests.ops.snapshots import EU, US
from tests.s3 import S3Service
from tests.validation.fake_cluster import FakeStack
from tests.validation.fake_network import (
    CONNECTED,
    DROPPED,
    NAMESERVER,
    REFUSED,
)
from tests.validation.network_runs import (
    ACME_AGENT,
    ACME_BRAIN,
    NOT_FOUND,
    OWN_BRAIN,
    enforcing,
    judged,
    policies_hold,
)


@pytest.fixture
def fake(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[FakeStack]:
    with enforcing(tmp_path, s3, rclone) as fake_stack:
        yield fake_stack


@pytest.mark.parametrize("state", [DROPPED, REFUSED, NOT_FOUND])
@pytest.mark.parametrize("opening", [(OWN_BRAIN, 3002), (NAMESERVER, 53)])
def test_pods_that_reach_nothing_do_not_pass_for_isolated(
    fake: FakeStack, opening: tuple[str, int], state: tuple[str, str]
) -> None:
    with pytest.raises(Failure, match=rf"a required connection is closed: .*{opening[0]}:{opening[1]}"):
        judged(fake, {opening: state})


def test_a_brain_that_finds_no_name_does_not_pass_for_isolated(fake: FakeStack) -> None:
    with pytest.raises(
        Failure, match=rf"a required connection is closed: {ACME_BRAIN} does not connect to {OWN_BRAIN}"
    ):
        judged(fake, {(OWN_BRAIN, 3010): NOT_FOUND})


def test_a_bucket_that_cannot_be_reached_fails(fake: FakeStack) -> None:
    port = int(str(fake.stack.settings.replication.endpoint).rpartition(":")[2])
    with pytest.raises(Failure, match=r"closed: .*the bucket's endpoint"):
        judged(fake, {("127.0.0.1", port): DROPPED})


def test_a_load_balancer_that_does_not_reach_the_agent_fails(fake: FakeStack) -> None:
    health = {"type": "target-health.elbv2.k8s.aws/k8s-acme", "status": "True"}
    agent = fake.pod(fake.targets[0], "agent")
    agent.conditions = [health]
    assert "from the load balancer" in judged(fake).detail
    agent.conditions = [{**health, "status": "False", "message": "Target.Timeout"}]
    with pytest.raises(
        Failure, match=r"load balancer does not reach the Agent of acme in us-east-1: Target\.Timeout"
    ):
        judged(fake)


def test_a_controller_that_reaches_the_workloads_is_open_and_one_that_does_not_fails(
    tmp_path: Path, s3: S3Service, rclone: Path
) -> None:
    fake = FakeStack(tmp_path, s3, rclone, regions=(US, EU))
    try:
        fake.start(gates=False)
        agent = fake.cluster.network.address(ACME_AGENT)
        holds = policies_hold(fake, {})
        fake.cluster.network.rule = lambda source, *rest: (
            CONNECTED if source.startswith("digital-agency-system/") else holds(source, *rest)
        )
        with pytest.raises(Failure, match="no failover controller runs in cluster"):
            judged(fake)
        fake.cluster.network.controllers = ["failover-controller-1", "failover-controller-2"]
        assert "from the failover controller" in judged(fake).detail
        for controller in fake.cluster.network.controllers:
            tried = {one[2:] for one in fake.cluster.network.tried if one[0].endswith(controller)}
            assert {(agent, 3000), (agent, 3010)} <= tried
        fake.cluster.network.rule = holds
        with pytest.raises(Failure, match=r"closed: digital-agency-system/failover-controller-1 does not"):
            judged(fake)
    finally:
        fake.close()
