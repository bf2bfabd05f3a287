"""Starts what a deployment on this machine stands on: an AWS emulator, a control plane, and nodes where this
machine can have them.
"""

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
from local.cluster.alb import lifecycle as balancers
from local.cluster.nodes import lifecycle, requirements
from local.kubernetes_api import KubernetesApi
from local.machine import ports
from local.machine.consent import Consent
from local.machine.files import Progress
from local.machine.processes import Processes
from settings import Settings

KUBECTL = "https://kubernetes.io/docs/tasks/tools/"


def prepare(state: Path, kubeconfig: Path | None, progress: Progress, consent: Consent) -> list[str]:
    """Install what nodes need; return what this machine still lacks for them.

    Nothing is needed where `kubeconfig`, given now or before, is of a cluster that is there already.
    """
    lacks = [] if _given(state, kubeconfig) else requirements.prepare(progress, consent)
    if lacks:
        progress(_no_nodes(lacks))
    return lacks


def start(
    state: Path,
    settings: Settings,
    aws_region: str,
    kubeconfig: Path | None,
    lacks: list[str],
    progress: Progress,
) -> Access:
    """Start what does not run yet. `aws_region`: the cluster's; `lacks`: why there are no nodes."""
    given = _given(state, kubeconfig)
    regions = sorted(region.name for region in settings.regions)
    planned = None if given or lacks else network.ensure(state, regions)
    address = planned.host if planned else ports.LOOPBACK
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(emulator.start, state, progress, address=address)
        config = given or control_plane.start(state, progress, address=address).kubeconfig
        aws = starting.result()
    if given:
        access.remember(state, kubeconfig=str(given.resolve()))
    if planned:
        images = [settings.agency_image, settings.images.python, settings.images.rclone]
        unenforced = network_policies.obstacle()
        access.remember(state, unenforced=unenforced)
        lifecycle.start(state, planned, regions, config, images, progress, enforces=not unenforced)
        addons.start(Processes(state, progress), config)
        balancers.start(state, regions, aws, aws_region, progress)
        api = KubernetesApi(str(config), "", threading.Event(), progress)
        for manifest in addons.manifests(aws.url):
            api.apply(manifest, load_balancer_controller.FIELD_MANAGER)
    if settings.hosted_zone_id:
        emulator.ensure_hosted_zone(aws.url, settings.hosted_zone_id, settings.domain)
    if any(settings.ingress_of(region).makes_load_balancers for region in settings.regions):
        load_balancer_controller.start(state, config, aws, aws_region, progress, webhooks=not given)
    told = access.remembered(state).get("unenforced")
    return Access(kubeconfig=config, aws=aws, lacks=lacks, unenforced=told)


def remarks(target: Access) -> list[str]:
    """What the user should know at the end of a deployment: why pods stay pending, where to get `kubectl`."""
    found = [_no_nodes(target.lacks)] if target.lacks else []
    if target.unenforced:
        found.append(f"network policies are not enforced here: {target.unenforced}")
    if shutil.which("kubectl") is None:
        found.append(f"`kubectl` is not on PATH; get it from {KUBECTL}")
    return found


def _given(state: Path, kubeconfig: Path | None) -> Path | None:
    """The kubeconfig of a cluster that is not one of ours."""
    remembered = access.remembered(state).get("kubeconfig")
    return kubeconfig or (Path(remembered) if remembered else None)


def _no_nodes(lacks: Sequence[str]) -> str:
    return "no nodes, so pods stay pending: this machine lacks\n  " + "\n  ".join(lacks)
