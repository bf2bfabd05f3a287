"""Starts the services of the stack `local`: AWS emulator, control plane, and nodes if possible."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local import access
from local.access import Access
from local.aws import emulator
from local.cluster import addons, control_plane, load_balancer_controller, network, network_policies
from local.cluster.accelerators import lifecycle as accelerators
from local.cluster.accelerators.addresses import network_of
from local.cluster.alb import lifecycle as balancers
from local.cluster.model import zones_of
from local.cluster.nodes import lifecycle, requirements
from local.kubernetes_api import KubernetesApi
from local.machine import ports
from local.machine.consent import Consent
from local.machine.files import Progress
from local.machine.processes import Processes
from settings import Settings
from settings.models import Manager

KUBECTL = "https://kubernetes.io/docs/tasks/tools/"


def prepare(state: Path, kubeconfig: Path | None, progress: Progress, consent: Consent) -> list[str]:
    """Install packages for nodes; return the requirements that this machine does not meet.

    An external cluster has no requirements.
    """
    missing = [] if _external(state, kubeconfig) else requirements.prepare(progress, consent)
    if missing:
        progress(_no_nodes(missing))
    return missing


def start(
    state: Path,
    settings: Settings,
    aws_region: str,
    kubeconfig: Path | None,
    missing: list[str],
    progress: Progress,
) -> Access:
    """Start the services that do not run. `aws_region`: the cluster's; `missing`: why there are no nodes."""
    external = _external(state, kubeconfig)
    regions = sorted(region.name for region in settings.regions)
    node_network = None if external or missing else network.ensure(state, regions)
    address = node_network.host if node_network else ports.LOOPBACK
    fixed = {"accelerators": network_of(node_network)} if node_network else {}
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(emulator.start, state, progress, address=address, **fixed)
        config = external or control_plane.start(state, progress, address=address).kubeconfig
        aws = starting.result()
    if external:
        access.remember(state, kubeconfig=str(external.resolve()))
    if node_network:
        images = [settings.agency_image, settings.images.python, settings.images.rclone]
        unenforced = network_policies.obstacle()
        access.remember(state, unenforced=unenforced)
        zones = [zone for region in regions for zone in zones_of(region)]
        lifecycle.start(state, node_network, zones, config, images, progress, enforces=not unenforced)
        addons.start(Processes(state, progress), config)
        balancers.start(state, node_network, regions, aws, aws_region, progress)
        if settings.load_balancing.manager is Manager.GLOBAL_ACCELERATOR:
            accelerators.start(state, node_network, aws, aws_region, progress)
        api = KubernetesApi(str(config), "", threading.Event(), progress)
        for manifest in addons.manifests(aws.url):
            api.apply(manifest, load_balancer_controller.FIELD_MANAGER)
    if settings.hosted_zone_id:
        emulator.ensure_hosted_zone(aws.url, settings.hosted_zone_id, settings.domain)
    if any(settings.ingress_of(region).makes_load_balancers for region in settings.regions):
        load_balancer_controller.start(state, config, aws, aws_region, progress, webhooks=not external)
    remembered = access.remembered(state)
    return Access(kubeconfig=config, aws=aws, missing=missing, unenforced=remembered.get("unenforced"))


def remarks(target: Access) -> list[str]:
    """Remarks for the user at the end of a deployment."""
    lines = [_no_nodes(target.missing)] if target.missing else []
    if target.unenforced:
        lines.append(f"network policies are not enforced here: {target.unenforced}")
    if shutil.which("kubectl") is None:
        lines.append(f"`kubectl` is not on PATH; get it from {KUBECTL}")
    return lines


def _external(state: Path, kubeconfig: Path | None) -> Path | None:
    """The kubeconfig of an external cluster, from the command line or from an earlier run."""
    remembered = access.remembered(state).get("kubeconfig")
    return kubeconfig or (Path(remembered) if remembered else None)


def _no_nodes(missing: Sequence[str]) -> str:
    return "no nodes, so pods stay pending: missing on this machine (required):\n  " + "\n  ".join(missing)
