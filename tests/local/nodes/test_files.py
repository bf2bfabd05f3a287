"""The files of a node's programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.cluster.model import Network, Node
from local.cluster.nodes import config_files

STUB = "nameserver 127.0.0.53\noptions edns0\n"


def written(folder: Path, *, enforces: bool = True) -> dict[str, str]:
    network = Network(prefix="10.88", bridge="da0", numbers={"us-east-1": 1})
    node = Node(
        name="node-us-east-1",
        zone="us-east-1a",
        folder=folder,
        cgroup="group",
        network=network,
        binaries={"runc": "/runc"},
        kubeconfig="/kubeconfig",
        authority="/ca.crt",
        enforces=enforces,
    )
    config_files.write(node, folder / "bin")
    return {name: (folder / name).read_text() for name in config_files.NAMES}


@pytest.mark.parametrize(
    ("own", "of_systemd", "servers"),
    [
        ("nameserver 10.0.0.2\nsearch example.com\nnameserver 10.0.0.3\n", "", "10.0.0.2 10.0.0.3"),
        (STUB, "nameserver 192.0.2.1\n", "192.0.2.1"),
        ("nameserver fe80::1\nnameserver 10.0.0.2\n", "", "10.0.0.2"),
    ],
)
def test_other_names_are_asked_of_the_servers_that_a_node_reaches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str, of_systemd: str, servers: str
) -> None:
    monkeypatch.setattr(config_files, "RESOLVERS", (tmp_path / "own", tmp_path / "systemd"))
    config_files.RESOLVERS[0].write_text(own)
    config_files.RESOLVERS[1].write_text(of_systemd)

    assert f"    forward . {servers}\n" in written(tmp_path)["Corefile"]


@pytest.mark.parametrize("own", ["", STUB, "nameserver ::1\n", None])
def test_a_machine_without_a_server_that_a_node_reaches_is_asked_for_no_other_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str | None
) -> None:
    monkeypatch.setattr(config_files, "RESOLVERS", (tmp_path / "own", tmp_path / "systemd"))
    if own is not None:
        config_files.RESOLVERS[0].write_text(own)

    assert "forward" not in written(tmp_path)["Corefile"]


def test_containerd_starts_no_container_without_the_enforcer_where_there_should_be_one(
    tmp_path: Path,
) -> None:
    required = 'required_plugins = ["kube-network-policies"]'

    assert required in written(tmp_path)["containerd.toml"]
    assert required not in written(tmp_path, enforces=False)["containerd.toml"]
