"""A cluster's addresses: chosen once, and never a region's that another one had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.cluster import egress, network
from local.cluster.network import NetworkError


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
    assert (second.host, second.node("us-east-1"), second.pods("us-east-1")) == (
        "10.88.0.1",
        "10.88.0.12",
        "10.88.2.0/24",
    )
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
    assert len(f"{each}n12") <= 15
