"""The check of the network, on pods whose network is the test's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.probing.failure import Failure
from ops.validation.checks import network
from ops.validation.network.pod_facts import link_local
from ops.validation.results import Status
from plan.names import LOCAL
from settings.network import ExtraEgress
from tests.s3 import S3Service
from tests.validation.fake_cluster import FakeStack
from tests.validation.fake_network import (
    CONNECTED,
    GATEWAY_MAC,
    NO_ROUTE,
    NODE,
    REFUSED,
)
from tests.validation.network_runs import (
    ACME_AGENT,
    ACME_BRAIN,
    AGENT,
    BRAIN,
    BRAIN_SERVICE,
    NOT_FOUND,
    enforcing,
    judged,
)


@pytest.fixture
def fake(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[FakeStack]:
    with enforcing(tmp_path, s3, rclone) as fake_stack:
        yield fake_stack


def test_where_policies_hold_every_pod_tried_every_address_name_and_port(fake: FakeStack) -> None:
    fake.cluster.network.listening = [9999]
    verdict = judged(fake)
    assert verdict.status is Status.PASSED
    assert "from 2 pods: none reaches one of 2 pods of other companies" in verdict.detail
    fake = fake.cluster.network
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


HOLES: dict[str, tuple[Callable[[FakeStack], str], int]] = {
    "pods of other companies": (lambda fake: fake.cluster.network.address(AGENT), 3004),
    "IPv6 link-local addresses": (lambda fake: fake.cluster.network.link_local(BRAIN), 3010),
    "IPv6 link-local addresses, ": (lambda fake: link_local(GATEWAY_MAC), 10250),
    "Services of other companies": (lambda fake: BRAIN_SERVICE, 3002),
    "nodes": (lambda fake: NODE, 10250),
    "the instance metadata service": (lambda fake: "169.254.169.254", 80),
    "the API server": (lambda fake: "10.0.9.9", 6443),
}


@pytest.mark.parametrize("kind", HOLES)
def test_one_port_that_is_reached_fails_and_is_named_by_its_kind(fake: FakeStack, kind: str) -> None:
    host, port = HOLES[kind][0](fake), HOLES[kind][1]
    with pytest.raises(Failure) as failed:
        judged(fake, {(host, port): CONNECTED})
    shown = f"[{host}]" if ":" in host else host
    assert f"{kind.removesuffix(', ')}: acme/" in str(failed.value)
    assert f"{ACME_BRAIN} connects to {shown}:{port} of " in str(failed.value)
    assert "docs/network-isolation.md" in failed.value.look


def test_a_pod_that_answers_over_udp_alone_fails(fake: FakeStack) -> None:
    address = fake.cluster.network.address(BRAIN)
    with pytest.raises(Failure, match=rf"{ACME_BRAIN} connects to {address}:3002 \(UDP\) of {BRAIN}"):
        judged(fake, {(address, 3002): CONNECTED}, protocol="UDP")


def test_a_refusal_where_denied_packets_get_no_answer_comes_from_the_pod_and_fails(fake: FakeStack) -> None:
    address, own = fake.cluster.network.address(BRAIN), fake.cluster.network.address(ACME_AGENT)
    with pytest.raises(Failure, match=f"{ACME_BRAIN} connects to {address}:22"):
        judged(fake, {(address, 22): REFUSED})
    assert judged(fake, {(address, 22): REFUSED, (own, 3000): REFUSED}).status is Status.PASSED


def test_a_report_of_many_holes_shows_some_of_each_kind_and_counts_the_rest(fake: FakeStack) -> None:
    address = fake.cluster.network.address(BRAIN)
    with pytest.raises(Failure, match=r"pods of other companies: .* and 7 more; nodes: ") as failed:
        judged(
            fake,
            {
                **{(address, port): CONNECTED for port in (22, 443, 3002, 3010, 10250, 10255)},
                (NODE, 22): CONNECTED,
            },
        )
    assert str(failed.value).count(f"connects to {address}") == 5


@pytest.mark.parametrize("name", [BRAIN_SERVICE, "brain-us-east-1-headless.globex-corp.svc"])
def test_a_name_that_is_not_found_is_no_proof(fake: FakeStack, name: str) -> None:
    with pytest.raises(
        Failure, match=rf"cannot be judged: .*{ACME_BRAIN} to {name} \(Name or service not known\)"
    ):
        judged(fake, {(name, 3002): NOT_FOUND})


def test_an_address_without_a_route_is_no_proof(fake: FakeStack) -> None:
    address = fake.cluster.network.address(AGENT)
    with pytest.raises(Failure, match=rf"cannot be judged: .*{address} \(Network is unreachable\)"):
        judged(fake, {(address, 3004): NO_ROUTE})


def test_what_a_pod_has_besides_and_cannot_be_tried_is_reported_and_not_counted(fake: FakeStack) -> None:
    address = fake.cluster.network.link_local(AGENT)
    ports = (22, 443, 3000, 3004, 3010, 10250, 10255)
    every = int(judged(fake).detail.partition(" ")[0])
    verdict = judged(fake, {(address, port): NO_ROUTE for port in ports})
    assert verdict.status is Status.PASSED
    assert verdict.detail.startswith(f"{every - 2 * len(ports)} attempts")
    assert f"not tried: {address} (Network is unreachable);" in verdict.detail


def test_a_control_that_was_not_tried_is_no_enforcement(fake: FakeStack) -> None:
    own = fake.cluster.network.address(ACME_AGENT)
    with pytest.raises(Failure, match=rf"cannot be judged: .*{own}"):
        judged(fake, {(own, 3000): NO_ROUTE})


@pytest.mark.parametrize(
    ("unenforced", "end"), [(None, "this cluster enforces none"), ("no NFQUEUE", "none (no NFQUEUE)")]
)
def test_nodes_of_make_up_that_cannot_enforce_say_why(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, unenforced: str | None, end: str
) -> None:
    on_local_nodes(fake, monkeypatch, unenforced)
    own = fake.cluster.network.address(ACME_AGENT)
    verdict = judged(fake, {(own, 3000): CONNECTED})
    assert verdict.status is Status.NOT_ENFORCED and verdict.detail.endswith(end)


def test_nodes_of_make_up_that_stopped_to_enforce_fail(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_local_nodes(fake, monkeypatch, "")
    own = fake.cluster.network.address(ACME_AGENT)
    with pytest.raises(Failure, match="enforces none, although the nodes of `make up` were started to"):
        judged(fake, {(own, 3000): CONNECTED})


def on_local_nodes(fake: FakeStack, monkeypatch: pytest.MonkeyPatch, unenforced: str | None) -> None:
    found = SimpleNamespace(unenforced=unenforced)
    monkeypatch.setattr("local.access.find", lambda state: found)
    for target in fake.targets:
        target.stack = replace(fake.stack, name=LOCAL)


def test_a_cluster_that_enforces_nothing_is_distinguished_from_one_with_a_hole(fake: FakeStack) -> None:
    own = fake.cluster.network.address(ACME_AGENT)
    verdict = judged(fake, {(own, 3000): CONNECTED, (BRAIN_SERVICE, 3002): CONNECTED})
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
    fake: FakeStack, kind: tuple[str, str], found: Mapping[str, Any]
) -> None:
    """Its policy agent lets every pod and its own node talk (`docs/network-isolation.md`)."""
    fake.cluster.network.others = {kind: dict(found)}
    verdict = judged(fake, {(NODE, 10250): CONNECTED, (NODE, 22): REFUSED})
    assert verdict.status is Status.PASSED
    assert f"open to every pod by the VPC CNI: {ACME_BRAIN} connects to {NODE}:22" in verdict.detail
    with pytest.raises(Failure, match=rf"nodes: {ACME_BRAIN} connects to {NODE}:10255"):
        judged(fake, {(NODE, 10250): CONNECTED, (NODE, 10255): CONNECTED})
    with pytest.raises(Failure, match="IPv6 link-local addresses: "):
        judged(fake, {(link_local(GATEWAY_MAC), 22): REFUSED})


def test_policies_that_are_missing_are_not_taken_for_a_cluster_that_enforces_none(fake: FakeStack) -> None:
    fake.cluster.policies["globex-corp"] = []
    with pytest.raises(Failure, match="the namespace globex-corp has no NetworkPolicy default-deny"):
        judged(fake)


def test_a_port_where_nothing_listens_is_no_proof(fake: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LISTENING_SECONDS", 0.0)
    fake.pod(fake.targets[1], "brain").servers[3002].kill()
    with pytest.raises(
        Failure, match="whether the brain of Globex_Corp in us-east-1 can be reached cannot be judged"
    ):
        judged(fake)


def test_an_application_that_starts_again_is_waited_for(fake: FakeStack) -> None:
    fake.cluster.network.silent.add(3002)
    listens = threading.Timer(1.0, fake.cluster.network.silent.clear)
    listens.start()
    assert judged(fake).status is Status.PASSED
    listens.join()


def test_a_pod_that_does_not_run_is_no_proof(fake: FakeStack) -> None:
    fake.cluster.pods.pop(("globex-corp", "agent-us-east-1-0")).close()
    with pytest.raises(
        Failure, match="whether the agent of Globex_Corp in us-east-1 can be reached cannot be judged"
    ):
        judged(fake)


def test_a_private_api_server_is_denied_on_the_port_of_https_too(fake: FakeStack) -> None:
    fake.cluster.network.api_port = 443
    with pytest.raises(Failure, match=r"the API server: .*10\.0\.9\.9:443"):
        judged(fake, {("10.0.9.9", 443): CONNECTED})


def test_a_public_api_server_on_the_port_of_https_is_not_denied(fake: FakeStack) -> None:
    fake.cluster.network.api_port, fake.cluster.network.api_address = 443, "52.1.2.3"
    assert judged(fake, {("52.1.2.3", 443): CONNECTED}).status is Status.PASSED


def test_what_the_stack_file_opens_is_not_denied(fake: FakeStack) -> None:
    settings = fake.stack.settings
    opened = settings.network.model_copy(update={"extra_egress": (ExtraEgress(cidr=f"{NODE}/32", port=22),)})
    known = replace(fake.stack, settings=settings.model_copy(update={"network": opened}))
    for target in fake.targets:
        target.stack = known
    assert judged(fake, {(NODE, 22): CONNECTED}).status is Status.PASSED
    with pytest.raises(Failure, match=f"nodes: .*{NODE}:10250"):
        judged(fake, {(NODE, 22): CONNECTED, (NODE, 10250): CONNECTED})
