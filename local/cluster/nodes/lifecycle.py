"""Starts and removes the nodes of the local cluster: one node a zone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from local.cluster import network, network_policies
from local.cluster.images import local_images
from local.cluster.model import KUBELET_ROOT, Network, Node, control_group, short_name, zones_of
from local.cluster.nodes import cgroups, config_files
from local.machine import procfs
from local.machine.commands import run as run_command
from local.machine.files import LocalError, Progress, source_digest, write_atomically
from local.machine.processes import NAME_VARIABLE, STATE_VARIABLE, Processes
from local.programs import catalog

PROGRAMS = (
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "runc",
    "kubelet",
    "kube-proxy",
    "ptp",
    "loopback",
    "host-local",
    "coredns",
)
LOADED = "loaded"
"""A file in a node's folder with the path of the archive of images that the node has imported."""
SOURCES = (
    "local/cluster/nodes/launch.py",
    "local/cluster/nodes/init.py",
    "local/cluster/model.py",
    "local/cluster/namespaces.py",
    "local/cluster/network_policies.py",
)
START_SECONDS = 30.0
POLL_SECONDS = 0.1


class NodeError(LocalError):
    """There is no such node, or the node failed; the message says why."""


def name_of(zone: str) -> str:
    """The name of a zone's node in Kubernetes, and of its process."""
    return f"node-{short_name(zone)}"


def start(
    state: Path,
    network_: Network,
    zones: Iterable[str],
    kubeconfig: Path,
    images: Iterable[str],
    progress: Progress,
    *,
    enforces: bool,
) -> None:
    """Start nodes that do not run, restart nodes whose sources or configuration changed, and import images.

    Of `images`, those that this machine makes are imported. `enforces`: network policies.
    """
    names = [*PROGRAMS, *([network_policies.PROGRAM] if enforces else [])]
    programs = catalog.binaries(names, progress)
    archive = local_images.make(images, progress)
    for zone in zones:
        node = Node(
            name=name_of(zone),
            zone=zone,
            folder=_folder(state, zone),
            cgroup=f"{control_group(state)}/{short_name(zone)}",
            network=network_,
            binaries={name: str(path) for name, path in programs.items()},
            kubeconfig=str(kubeconfig),
            authority=str(state.resolve() / "pki" / "ca.crt"),
            enforces=enforces,
        )
        _prepare(node, archive)
        run(state, zone, progress)
        _import_images(state, node, archive, progress)


def run(state: Path, zone: str, progress: Progress) -> None:
    """Start the zone's node, unless it runs from the same sources. Raises NodeError without a node."""
    node = load(state, zone)
    processes = Processes(state, progress)
    if not processes.alive(node.name):
        progress(f"starting {node.name}")
    module, environment = "local.cluster.nodes.launch", {"NODE_SOURCE": _source(node)}
    processes.start_module(node.name, module, [str(node.folder)], environment)


def load(state: Path, zone: str) -> Node:
    folder = _folder(state, zone)
    if not (folder / "node.json").exists():
        raise NodeError(f"zone {zone}: no node in {state}; nodes: {', '.join(_names(state)) or 'none'}")
    return Node.load(folder)


def zones_with_nodes(state: Path, region: str) -> tuple[str, ...]:
    return tuple(zone for zone in zones_of(region) if short_name(zone) in _names(state))


def clean(state: Path) -> None:
    """Remove network and control groups of the stopped nodes: they are outside the state folder."""
    network.remove(state)
    cgroups.remove(control_group(state))


def _folder(state: Path, zone: str) -> Path:
    return state.resolve() / "nodes" / short_name(zone)


def _names(state: Path) -> list[str]:
    return sorted(file.parent.name for file in (state / "nodes").glob("*/node.json"))


def _prepare(node: Node, archive: Path) -> None:
    node.save()
    config_files.write(node, node.folder / "bin")
    _link_programs(node)
    if not (node.folder / LOADED).exists():
        # Before the kubelet starts: a pod that starts earlier would wait for a registry.
        (node.folder / "load").mkdir(exist_ok=True)
        first = node.folder / "load" / "images.tar"
        first.unlink(missing_ok=True)
        _link(archive, first)
        write_atomically(node.folder / LOADED, str(archive))


def _link_programs(node: Node) -> None:
    folder = node.folder / "bin"
    folder.mkdir(exist_ok=True)
    for name, path in node.binaries.items():
        link = folder / name
        if not link.is_symlink() or os.readlink(link) != path:
            link.unlink(missing_ok=True)
            link.symlink_to(path)


def _link(archive: Path, target: Path) -> None:
    try:
        os.link(archive, target)
    except OSError:
        shutil.copyfile(archive, target)  # The cache is on another file system.


def _import_images(state: Path, node: Node, archive: Path, progress: Progress) -> None:
    """Import images that have changed since the node started."""
    if (node.folder / LOADED).read_text() == str(archive):
        return
    progress(f"{node.name} imports changed images")
    run_command([*node.image_import(_root(state, node)), str(archive)], NodeError)
    write_atomically(node.folder / LOADED, str(archive))


def _root(state: Path, node: Node) -> Path:
    """The root folder of a node, with the node's mounts. Waits until containerd runs and the kubelet's folder
    is mounted.
    """
    identity = {STATE_VARIABLE: str(state.resolve()), NAME_VARIABLE: node.name}
    ours, deadline = os.readlink("/proc/self/ns/mnt"), time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for pid, _, _ in procfs.find_by_environment(identity):
            root = Path(f"/proc/{pid}/root")
            with suppress(OSError):
                if (
                    os.readlink(f"/proc/{pid}/ns/mnt") != ours
                    and (root / KUBELET_ROOT.relative_to("/")).exists()
                ):
                    return root
        time.sleep(POLL_SECONDS)
    raise NodeError(f"{node.name} does not run: see {Processes(state).log(node.name)}")


def _source(node: Node) -> str:
    """A digest of the node's sources and configuration: a change restarts the node."""
    written = (node.folder / name for name in (*config_files.NAMES, "node.json"))
    return source_digest(SOURCES, *written)
