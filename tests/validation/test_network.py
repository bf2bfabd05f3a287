"""The check of the network, on pods whose network is the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.validation import network
from ops.validation.pod_facts import link_local
from ops.validation.run import Run
from ops.validation.verdicts import Failure, Status, Verdict
from settings.models import ExtraEgress
from tests.ops.copies import EU, US
from tests.s3 import S3Service
from tests.validation.box import LIMITS, Boxed
from tests.validation.box_network import (
    CONNECTED,
    DROPPED,
    GATEWAY_MAC,
    NAMESERVER,
    NO_ROUTE,
    NODE,
    REFUSED,
    Rule,
)

ACME_BRAIN, ACME_AGENT = "acme/brain-us-east-1-0", "acme/agent-us-east-1-0"
BRAIN, AGENT = "globex-corp/brain-us-east-1-0", "globex-corp/agent-us-east-1-0"
BRAIN_SERVICE, OWN_BRAIN = "brain-us-east-1.globex-corp.svc", "brain-us-east-1.acme.svc"
NOT_FOUND = ("untried", "Name or service not known")

States = Mapping[tuple[str, int], tuple[str, str]]


@pytest.fixture
def boxed(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[Boxed]:
    made = Boxed(tmp_path, s3, rclone)
    made.start(gates=False)
    made.box.network.rule = policies_hold(made, {})
    try:
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


def test_where_policies_hold_every_pod_tried_every_address_name_and_port(boxed: Boxed) -> None:
    boxed.box.network.listening = [9999]
    verdict = judged(boxed)
    assert verdict.status is Status.PASSED
    assert "from 2 pods: none reaches one of 2 pods of other companies" in verdict.detail
    fake = boxed.box.network
    for source in (ACME_BRAIN, ACME_AGENT):
        tried = {(host, port, protocol) for by, protocol, host, port in fake.tried if by == source}
        for pod, ports in ((BRAIN, (3002, 3010)), (AGENT, (3000, 3004, 3010))):
            service = f"{pod.partition('/')[2].removesuffix('-0')}.globex-corp.svc"
            headless = service.replace(".", "-headless.", 1)
            dashed = fake.address(pod).replace(".", "-")
            names = {f"{dashed}.globex-corp.pod", f"{pod.partition('/')[2]}.{headless}", service, headless}
            assert {(name, port, "TCP") for name in names for port in ports} <= tried
            for address in (fake.address(pod), fake.link_local(pod)):
                assert {(address, port, "TCP") for port in (*ports, 9999, 22, 443, 10250, 10255)} <= tried
                assert {(address, port, "UDP") for port in ports} <= tried
        for host in (NODE, link_local(GATEWAY_MAC)):
            assert {(host, 10250, "TCP"), (host, 10255, "TCP"), (host, 10250, "UDP")} <= tried
        assert {
            ("169.254.169.254", 80, "TCP"),
            ("fd00:ec2::254", 80, "TCP"),
            ("10.0.9.9", 6443, "TCP"),
        } <= tried
        assert ("10.1.0.1", 3002, "TCP") in tried, "the address of a Service"


HOLES: dict[str, tuple[Callable[[Boxed], str], int]] = {
    "pods of other companies": (lambda boxed: boxed.box.network.address(AGENT), 3004),
    "IPv6 link-local addresses": (lambda boxed: boxed.box.network.link_local(BRAIN), 3010),
    "IPv6 link-local addresses, ": (lambda boxed: link_local(GATEWAY_MAC), 10250),
    "Services of other companies": (lambda boxed: BRAIN_SERVICE, 3002),
    "nodes": (lambda boxed: NODE, 10250),
    "the instance metadata service": (lambda boxed: "169.254.169.254", 80),
    "the API server": (lambda boxed: "10.0.9.9", 6443),
}


@pytest.mark.parametrize("kind", HOLES)
def test_one_port_that_is_reached_fails_and_is_named_by_its_kind(boxed: Boxed, kind: str) -> None:
    host, port = HOLES[kind][0](boxed), HOLES[kind][1]
    with pytest.raises(Failure) as failed:
        judged(boxed, {(host, port): CONNECTED})
    shown = f"[{host}]" if ":" in host else host
    assert f"{kind.removesuffix(', ')}: acme/" in str(failed.value)
    assert f"{ACME_BRAIN} connects to {shown}:{port} of " in str(failed.value)
    assert "docs/network-isolation.md" in failed.value.look


def test_a_pod_that_answers_over_udp_alone_fails(boxed: Boxed) -> None:
    address = boxed.box.network.address(BRAIN)
    with pytest.raises(Failure, match=rf"{ACME_BRAIN} connects to {address}:3002 \(UDP\) of {BRAIN}"):
        judged(boxed, {(address, 3002): CONNECTED}, protocol="UDP")


def test_a_refusal_where_denied_packets_get_no_answer_comes_from_the_pod_and_fails(boxed: Boxed) -> None:
    address, own = boxed.box.network.address(BRAIN), boxed.box.network.address(ACME_AGENT)
    with pytest.raises(Failure, match=f"{ACME_BRAIN} connects to {address}:22"):
        judged(boxed, {(address, 22): REFUSED})
    assert judged(boxed, {(address, 22): REFUSED, (own, 3000): REFUSED}).status is Status.PASSED


def test_a_report_of_many_holes_shows_some_of_each_kind_and_counts_the_rest(boxed: Boxed) -> None:
    address = boxed.box.network.address(BRAIN)
    with pytest.raises(Failure, match=r"pods of other companies: .* and 7 more; nodes: ") as failed:
        judged(
            boxed,
            {
                **{(address, port): CONNECTED for port in (22, 443, 3002, 3010, 10250, 10255)},
                (NODE, 22): CONNECTED,
            },
        )
    assert str(failed.value).count(f"connects to {address}") == 5


@pytest.mark.parametrize("name", [BRAIN_SERVICE, "brain-us-east-1-headless.globex-corp.svc"])
def test_a_name_that_is_not_found_is_no_proof(boxed: Boxed, name: str) -> None:
    with pytest.raises(
        Failure, match=rf"cannot be judged: .*{ACME_BRAIN} to {name} \(Name or service not known\)"
    ):
        judged(boxed, {(name, 3002): NOT_FOUND})


def test_an_address_without_a_route_is_no_proof(boxed: Boxed) -> None:
    address = boxed.box.network.address(AGENT)
    with pytest.raises(Failure, match=rf"cannot be judged: .*{address} \(Network is unreachable\)"):
        judged(boxed, {(address, 3004): NO_ROUTE})


def test_what_a_pod_has_besides_and_cannot_be_tried_is_told_and_not_counted(boxed: Boxed) -> None:
    address = boxed.box.network.link_local(AGENT)
    ports = (22, 443, 3000, 3004, 3010, 10250, 10255)
    every = int(judged(boxed).detail.partition(" ")[0])
    verdict = judged(boxed, {(address, port): NO_ROUTE for port in ports})
    assert verdict.status is Status.PASSED
    assert verdict.detail.startswith(f"{every - 2 * len(ports)} attempts")
    assert f"not tried: {address} (Network is unreachable);" in verdict.detail


@pytest.mark.parametrize("state", [DROPPED, REFUSED, NOT_FOUND])
@pytest.mark.parametrize("opening", [(OWN_BRAIN, 3002), (NAMESERVER, 53)])
def test_pods_that_reach_nothing_do_not_pass_for_isolated(
    boxed: Boxed, opening: tuple[str, int], state: tuple[str, str]
) -> None:
    with pytest.raises(Failure, match=rf"what must be open is closed: .*{opening[0]}:{opening[1]}"):
        judged(boxed, {opening: state})


def test_a_brain_that_finds_no_name_does_not_pass_for_isolated(boxed: Boxed) -> None:
    with pytest.raises(
        Failure, match=rf"what must be open is closed: {ACME_BRAIN} does not connect to {OWN_BRAIN}"
    ):
        judged(boxed, {(OWN_BRAIN, 3010): NOT_FOUND})


def test_a_bucket_that_cannot_be_reached_fails(boxed: Boxed) -> None:
    port = int(str(boxed.stack.settings.replication.endpoint).rpartition(":")[2])
    with pytest.raises(Failure, match=r"closed: .*the bucket's endpoint"):
        judged(boxed, {("127.0.0.1", port): DROPPED})


def test_a_load_balancer_that_does_not_reach_the_agent_fails(boxed: Boxed) -> None:
    health = {"type": "target-health.elbv2.k8s.aws/k8s-acme", "status": "True"}
    agent = boxed.pod(boxed.sites[0], "agent")
    agent.conditions = [health]
    assert "from the load balancer" in judged(boxed).detail
    agent.conditions = [{**health, "status": "False", "message": "Target.Timeout"}]
    with pytest.raises(
        Failure, match=r"load balancer does not reach the Agent of acme in us-east-1: Target\.Timeout"
    ):
        judged(boxed)


def test_a_control_that_was_not_tried_is_no_enforcement(boxed: Boxed) -> None:
    own = boxed.box.network.address(ACME_AGENT)
    with pytest.raises(Failure, match=rf"cannot be judged: .*{own}"):
        judged(boxed, {(own, 3000): NO_ROUTE})


def test_a_cluster_that_enforces_nothing_is_told_from_one_with_a_hole(boxed: Boxed) -> None:
    own = boxed.box.network.address(ACME_AGENT)
    verdict = judged(boxed, {(own, 3000): CONNECTED, (BRAIN_SERVICE, 3002): CONNECTED})
    assert verdict.status is Status.NOT_ENFORCED
    assert verdict.detail.startswith("brain-us-east-1-0 reaches agent-us-east-1-0:3000 of the same company")


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (("DaemonSet", "aws-node"), {}),
        (("Node", "node-1"), {"metadata": {"labels": {"eks.amazonaws.com/compute-type": "auto"}}}),
    ],
    ids=["add-on", "Auto Mode"],
)
def test_the_vpc_cni_opens_a_pod_s_own_node_but_neither_the_read_only_kubelet_nor_ipv6(
    boxed: Boxed, kind: tuple[str, str], found: Mapping[str, Any]
) -> None:
    """Its policy agent lets every pod and its own node talk (`docs/network-isolation.md`)."""
    boxed.box.network.others = {kind: dict(found)}
    verdict = judged(boxed, {(NODE, 10250): CONNECTED, (NODE, 22): REFUSED})
    assert verdict.status is Status.PASSED
    assert f"open to every pod by the VPC CNI: {ACME_BRAIN} connects to {NODE}:22" in verdict.detail
    with pytest.raises(Failure, match=rf"nodes: {ACME_BRAIN} connects to {NODE}:10255"):
        judged(boxed, {(NODE, 10250): CONNECTED, (NODE, 10255): CONNECTED})
    with pytest.raises(Failure, match="IPv6 link-local addresses: "):
        judged(boxed, {(link_local(GATEWAY_MAC), 22): REFUSED})


def test_policies_that_are_missing_are_not_taken_for_a_cluster_that_enforces_none(boxed: Boxed) -> None:
    boxed.box.policies["globex-corp"] = []
    with pytest.raises(Failure, match="the namespace globex-corp has no NetworkPolicy default-deny"):
        judged(boxed)


def test_a_port_where_nothing_listens_is_no_proof(boxed: Boxed) -> None:
    boxed.pod(boxed.sites[1], "brain").servers[3002].kill()
    with pytest.raises(
        Failure, match="whether the brain of Globex_Corp in us-east-1 can be reached cannot be judged"
    ):
        judged(boxed)


def test_a_pod_that_does_not_run_is_no_proof(boxed: Boxed) -> None:
    del boxed.box.pods["globex-corp", "agent-us-east-1-0"]
    with pytest.raises(
        Failure, match="whether the agent of Globex_Corp in us-east-1 can be reached cannot be judged"
    ):
        judged(boxed)


def test_an_api_server_on_the_port_of_https_is_not_denied(boxed: Boxed) -> None:
    boxed.box.network.api_port = 443
    assert judged(boxed, {("10.0.9.9", 443): CONNECTED}).status is Status.PASSED


def test_a_controller_that_reaches_the_workloads_is_open_and_one_that_does_not_fails(
    tmp_path: Path, s3: S3Service, rclone: Path
) -> None:
    boxed = Boxed(tmp_path, s3, rclone, regions=(US, EU))
    try:
        boxed.start(gates=False)
        agent = boxed.box.network.address(ACME_AGENT)
        holds = policies_hold(boxed, {})
        boxed.box.network.rule = lambda source, *rest: (
            CONNECTED if source.startswith("digital-agency-system/") else holds(source, *rest)
        )
        with pytest.raises(Failure, match="no failover controller runs in box"):
            judged(boxed)
        boxed.box.network.controllers = ["failover-controller-1", "failover-controller-2"]
        assert "from the failover controller" in judged(boxed).detail
        for controller in boxed.box.network.controllers:
            tried = {one[2:] for one in boxed.box.network.tried if one[0].endswith(controller)}
            assert {(agent, 3000), (agent, 3010)} <= tried
        boxed.box.network.rule = holds
        with pytest.raises(Failure, match=r"closed: digital-agency-system/failover-controller-1 does not"):
            judged(boxed)
    finally:
        boxed.close()


def test_what_the_stack_file_opens_is_not_denied(boxed: Boxed) -> None:
    settings = boxed.stack.settings
    opened = settings.network.model_copy(update={"extra_egress": (ExtraEgress(cidr=f"{NODE}/32", port=22),)})
    known = replace(boxed.stack, settings=settings.model_copy(update={"network": opened}))
    for site in boxed.sites:
        site.stack = known
    assert judged(boxed, {(NODE, 22): CONNECTED}).status is Status.PASSED
    with pytest.raises(Failure, match=f"nodes: .*{NODE}:10250"):
        judged(boxed, {(NODE, 22): CONNECTED, (NODE, 10250): CONNECTED})
