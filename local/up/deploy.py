"""Deploys the stack `local`: starts the services, runs Pulumi, removes everything."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from engine.stack_file import load_stack_file
from local import access
from local.access import Access
from local.aws import emulator
from local.aws.emulator import Emulator
from local.cluster import addons, control_plane, load_balancer_controller, network
from local.cluster.accelerators import addresses as accelerators
from local.cluster.accelerators import lifecycle as accelerators_process
from local.cluster.alb import lifecycle as balancers
from local.cluster.nodes import lifecycle
from local.kubernetes_api import KubernetesApi
from local.machine.consent import ask
from local.machine.files import REPOSITORY, LocalError, Progress, locked
from local.machine.pki import Pki
from local.machine.processes import Processes
from local.pulumi import tools
from local.pulumi.stack import Stack
from local.up import readiness, services
from local.up.accelerated import company_addresses
from plan.names import LOCAL, host_of
from settings import from_config

PROGRAM: Final = REPOSITORY / "__main__.py"
NOT_RUNNING: Final = (
    "nothing runs here: `make up` starts the cluster and deploys,"
    " `make preview OFFLINE=1` shows the resources of the stack"
)


class Deployment:
    """The stack `local` with its state folder. `yes` answers every question.

    Raises SettingsError or ValueError for an invalid stack file, before anything is started.
    """

    def __init__(self, state: Path, stack_file: Path, progress: Progress, *, yes: bool = False) -> None:
        self.state, self.stack_file, self.progress, self._yes = state, stack_file, progress, yes
        self.config, _ = load_stack_file(stack_file)
        self.settings = from_config(self.config, LOCAL)
        self._aws_region: str = self.config.get("aws:region", emulator.REGION)

    def up(self, kubeconfig: Path | None = None) -> None:
        """Start the services, deploy, and show how to reach them."""
        began = time.monotonic()
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked(), ThreadPoolExecutor(1) as pool:
            missing = services.prepare(self.state, kubeconfig, self.progress, partial(ask, yes=self._yes))
            download = partial(ask, yes=self._yes, default=False)
            engine = tools.provide(self.state, self.progress, download, pool)
            target = services.start(
                self.state, self.settings, self._aws_region, kubeconfig, missing, self.progress
            )
            engine.result()
            self._deploy(target)
            if network.load(self.state) and not target.missing:
                api = KubernetesApi(str(target.kubeconfig), "", threading.Event(), self.progress)
                readiness.wait(api, self.progress)
        self._show_addresses(target)
        self.progress(f"up in {time.monotonic() - began:.1f} s")

    def preview(self) -> None:
        """Show what `up` would change."""
        target = self._running()
        with self._locked():
            self.progress(self._stack(target).preview(refresh=True).summary)

    def destroy(self) -> None:
        """Delete all resources; the services keep running."""
        target = self._running()
        with self._locked():
            self.progress(self._stack(target).destroy().summary)
            access.remember(self.state, outputs=None)

    def _deploy(self, target: Access) -> None:
        """Preview, then deploy: a broken policy is reported before anything is changed."""
        stack = self._stack(target)
        result = stack.preview(refresh=True, show=False)
        deployed = access.remembered(self.state).get("outputs")
        if result.steps or result.drift or result.new_outputs or not deployed:
            result = stack.up(result.steps, refresh=bool(result.drift))
            access.remember(self.state, outputs=stack.outputs())
        self.progress(result.summary)

    def _stack(self, target: Access) -> Stack:
        services = target.environment(self._aws_region)
        stack = Stack(self.state, LOCAL, PROGRAM, services, self.progress)
        stack.prepare(self.stack_file)
        return stack

    def _running(self) -> Access:
        target = access.find(self.state)
        if target is None or not (self.state / "bin").exists():
            raise LocalError(NOT_RUNNING)
        return target

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.state / "deploy.lock", self.progress, f"it uses {self.state}"):
            yield

    def _show_addresses(self, target: Access) -> None:
        outputs = access.remembered(self.state)["outputs"]
        shown = {name: value for name, value in outputs.items() if name != "readme"}
        self.progress(f"stack outputs:\n{json.dumps(shown, indent=2, sort_keys=True)}")
        for region, url in access.edges(self.state).items():
            self.progress(f"load balancer of {region}: {url}")
        self._show_curl_commands(target.aws)
        self.progress(f"AWS emulator: {target.aws.url}  (access key and secret key: local)")
        self.progress(f"kubeconfig: {target.kubeconfig}\n\n  export KUBECONFIG={target.kubeconfig}\n")
        for remark in services.remarks(target):
            self.progress(remark)

    def _show_curl_commands(self, aws: Emulator) -> None:
        """Show how to reach each company's Agent through its accelerator, or the load balancer of its first
        region.
        """
        edges, authority = access.edges(self.state), Pki(folder=self.state / "pki").authority
        accelerated = company_addresses(self.settings, aws)
        for company in self.settings.companies:
            host = host_of(company.namespace, self.settings.domain)
            url = edges.get(self.settings.regions_of(company)[0].name)
            if not url:
                continue
            addresses = accelerated.get(company.namespace) or [str(urlsplit(url).hostname)]
            resolve = f"{host}:443:{','.join(addresses)}"
            self.progress(f"  curl --resolve {resolve} --cacert {authority} https://{host}/health")


def status(state: Path, progress: Progress) -> None:
    """Show which processes run, and whether anything is deployed."""
    processes = Processes(state)
    of_nodes = network.load(state)
    names = [*control_plane.PROGRAMS, emulator.NAME, load_balancer_controller.NAME]
    if accelerators.find(state):
        names.append(accelerators_process.NAME)
    if of_nodes:
        zones = [zone for region in of_nodes.numbers for zone in lifecycle.zones_with_nodes(state, region)]
        names += [*map(lifecycle.name_of, zones), addons.PROVISIONER]
        names += map(balancers.name_of, of_nodes.numbers)
    for name in names if state.exists() else ():
        running = processes.find(name)
        text = f"runs, process {running.pid}, log {processes.log(name)}" if running else "does not run"
        progress(f"{name}: {text}")
    progress("deployed" if access.remembered(state).get("outputs") else "nothing is deployed")


def down(state: Path, progress: Progress) -> None:
    """Stop every process of the state folder, then remove the folder with everything that was deployed."""
    existed = state.exists()
    external = access.remembered(state).get("kubeconfig")
    with locked(state / "deploy.lock", progress, f"it uses {state}"):
        stopped = Processes(state, progress).stop_all()
        lifecycle.clean(state)
        shutil.rmtree(state)
    if stopped:
        progress(f"stopped {', '.join(stopped)}")
    if external:
        progress(
            f"the resources in the cluster of {external} still exist, but Pulumi's state of them is deleted:"
            " remove them with kubectl"
        )
    progress(f"removed {state}" if existed or stopped else "nothing runs here, nothing to remove")
