"""A cluster's addresses: chosen once, and never a region's that another one had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.cluster import egress, network
from local.cluster.model import Network, Node, region_of, short_name, zones_of
from local.cluster.network import NetworkError
from local.cluster.nodes import lifecycle


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    commands: list[str] = []
    monkeypatch.setattr(network, "ip", commands.append)
    monkeypatch.setattr(egress, "open_for", lambda *_: None)
    return commands


def routes(monkeypatch: pytest.MonkeyPatch, *destinations: str) -> None:
    listed: list[dict[str, Any]] = [{"dst": each} for each in ("default", *destinations)]
    monkeypatch.setattr(network, "_routes", lambda: listed)


def test_a_region_keeps_its_number_when_others_come(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    routes(monkeypatch, "10.1.0.0/16")
    first = network.ensure(tmp_path, ["us-east-1", "eu-west-1"])
    second = network.ensure(tmp_path, ["ap-southeast-1", "us-east-1"])

    assert first.numbers == {"eu-west-1": 1, "us-east-1": 2}
    assert second.numbers == {**first.numbers, "ap-southeast-1": 3}
    assert second.host == "10.88.0.1"
    zones = {zone: (second.node(zone), second.pods(zone)) for zone in zones_of("us-east-1")}
    assert zones == {
        "us-east-1a": ("10.88.0.12", "10.88.2.0/24"),
        "us-east-1b": ("10.88.0.112", "10.88.102.0/24"),
    }
    assert network.load(tmp_path) == second


def test_a_network_that_this_machine_uses_is_not_taken(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    routes(monkeypatch, "10.88.4.0/24", "10.89.0.0/16")

    assert network.ensure(tmp_path, ["us-east-1"]).prefix == "10.90"
    assert f"addr replace 10.90.0.1/16 dev {network.bridge_name(tmp_path)}" in commands


def test_without_an_unused_network_the_error_says_so(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    routes(monkeypatch, "10.0.0.0/8")

    with pytest.raises(
        NetworkError, match=r"every network from 10\.88\.0\.0/16 to 10\.119\.0\.0/16 is in use"
    ):
        network.ensure(tmp_path, ["us-east-1"])


def test_two_state_folders_have_two_bridges_with_names_that_the_kernel_takes(tmp_path: Path) -> None:
    each, other = (network.bridge_name(tmp_path / name) for name in ("a", "b"))

    assert each != other
    assert len(Network(prefix="10.88", bridge=each, numbers={"us-east-1": 99}).veth("us-east-1b")) <= 15


def test_two_zones_of_a_region_share_no_address_with_another_region(tmp_path: Path) -> None:
    regions = [f"us-east-{number}" for number in range(1, 34)]
    net = Network(prefix="10.88", bridge="da0", numbers={each: n for n, each in enumerate(regions, start=1)})
    zones = [zone for region in regions for zone in zones_of(region)]

    for of_zone in (net.node, net.pods, net.veth):
        assert len({of_zone(zone) for zone in zones}) == len(zones)
    assert {region_of(zone) for zone in zones} == set(regions)


def test_cut_takes_the_cables_of_all_nodes_and_of_the_load_balancers(commands: list[str]) -> None:
    net = Network(prefix="10.88", bridge="da0", numbers={"us-east-1": 1})

    network.cut(net, "us-east-1", zones_of("us-east-1"))

    assert commands == [f"link set da0{veth} down" for veth in ("n1", "n101", "b1")]


def test_a_node_of_a_version_with_one_zone_is_that_of_the_first_zone(tmp_path: Path) -> None:
    """Its folder and its name stay: volumes have affinity to the name."""
    folder = tmp_path / "nodes" / "us-east-1"
    net = {"prefix": "10.88", "bridge": "da0", "numbers": {"us-east-1": 1}}
    texts = dict.fromkeys(("cgroup", "kubeconfig", "authority"), "one")
    written = {"name": "node-us-east-1", "region": "us-east-1", "network": net, "binaries": {}, **texts}
    folder.mkdir(parents=True)
    (folder / "node.json").write_text(json.dumps({**written, "folder": str(folder), "enforces": True}))

    node = lifecycle.load(tmp_path, "us-east-1a")

    assert (node.zone, node.address) == ("us-east-1a", "10.88.0.11")
    assert node.name == lifecycle.name_of("us-east-1a") == f"node-{short_name('us-east-1a')}"
    assert lifecycle.zones_with_nodes(tmp_path, "us-east-1") == ("us-east-1a",)
    node.save()
    assert Node.load(folder) == node
