"""What `python -m local` does with the stack `local`: start the services, deploy, remove everything."""

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

from engine.program import load_stack_file
from local import access
from local.access import Access
from local.aws import emulator
from local.cluster import addons, control_plane, load_balancer_controller, network
from local.cluster.alb import lifecycle as balancers
from local.cluster.nodes import lifecycle
from local.kubernetes_api import KubernetesApi
from local.machine.consent import ask
from local.machine.files import LocalError, Progress, locked
from local.machine.pki import Pki
from local.machine.processes import Processes
from local.pulumi import tools
from local.pulumi.stack import Stack
from local.up import readiness, services
from plan.names import LOCAL, host_of
from settings import from_config

PROGRAM: Final = tools.REPOSITORY / "__main__.py"
NOT_RUNNING: Final = (
    "nothing runs here yet: `make up` starts the cluster and deploys; `make preview OFFLINE=1` shows what it"
    " would create"
)


class Target:
    """The stack `local` and the state folder of its services. `yes` agrees to every question.

    Raises SettingsError or ValueError for an invalid stack file, before anything is started.
    """

    def __init__(self, state: Path, stack_file: Path, progress: Progress, *, yes: bool = False) -> None:
        self.state, self.stack_file, self.progress, self._yes = state, stack_file, progress, yes
        self.config, _ = load_stack_file(stack_file)
        self.settings = from_config(self.config, LOCAL)
        self._aws_region: str = self.config.get("aws:region", emulator.REGION)

    def up(self, kubeconfig: Path | None = None) -> None:
        """Start the services, deploy, and say how to reach what is there."""
        began = time.monotonic()
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked(), ThreadPoolExecutor(1) as pool:
            lacks = services.prepare(self.state, kubeconfig, self.progress, partial(ask, yes=self._yes))
            download = partial(ask, yes=self._yes, default=False)
            engine = tools.provide(self.state, self.progress, download, pool)
            target = services.start(
                self.state, self.settings, self._aws_region, kubeconfig, lacks, self.progress
            )
            engine.result()
            self._deploy(target)
            if network.load(self.state) and not target.lacks:
                api = KubernetesApi(str(target.kubeconfig), "", threading.Event(), self.progress)
                readiness.wait(api, self.progress)
        self._say_how_to_reach(target)
        self.progress(f"up in {time.monotonic() - began:.1f} s")

    def preview(self) -> None:
        """Show what `up` would do to what runs."""
        target = self._running()
        with self._locked():
            self.progress(self._stack(target).preview(refresh=True).summary)

    def destroy(self) -> None:
        """Delete what was deployed; the services go on."""
        target = self._running()
        with self._locked():
            self.progress(self._stack(target).destroy().summary)

    def _deploy(self, target: Access) -> None:
        """Preview, then do it: what is not allowed is rejected before anything is changed."""
        stack = self._stack(target)
        found = stack.preview(refresh=True, show=False)
        known = "outputs" in access.remembered(self.state)
        if found.steps or found.drift or found.new_outputs or not known:
            found = stack.up(len(found.steps), refresh=bool(found.drift))
            access.remember(self.state, outputs=stack.outputs())
        self.progress(found.summary)

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
        with locked(self.state / "deploy.lock", self.progress, f"it deploys from {self.state}"):
            yield

    def _say_how_to_reach(self, target: Access) -> None:
        outputs = access.remembered(self.state)["outputs"]
        shown = {name: value for name, value in outputs.items() if name != "readme"}
        self.progress(f"stack outputs:\n{json.dumps(shown, indent=2, sort_keys=True)}")
        for region, url in access.edges(self.state).items():
            self.progress(f"load balancer of {region}: {url}")
        self._say_how_to_ask()
        self.progress(f"AWS emulator: {target.aws.url}  (access key and secret key: local)")
        self.progress(f"kubeconfig: {target.kubeconfig}\n\n  export KUBECONFIG={target.kubeconfig}\n")
        for remark in services.remarks(target):
            self.progress(remark)

    def _say_how_to_ask(self) -> None:
        """A company's Agent, through the load balancer of its first region."""
        edges, authority = access.edges(self.state), Pki(folder=self.state / "pki").authority
        for company in self.settings.companies:
            host = host_of(company.namespace, self.settings.domain)
            url = edges.get(self.settings.regions_of(company)[0].name)
            if url:
                place = f"{host}:443:{urlsplit(url).hostname}"
                self.progress(f"  curl --resolve {place} --cacert {authority} https://{host}/health")


def status(state: Path, progress: Progress) -> None:
    """Say what of the local target runs."""
    processes = Processes(state)
    there = network.load(state)
    nodes = [lifecycle.name_of(region) for region in there.numbers] if there else []
    names = (
        *control_plane.PARTS,
        emulator.NAME,
        load_balancer_controller.NAME,
        *nodes,
        *((addons.PROVISIONER, *map(balancers.name_of, there.numbers)) if there else ()),
    )
    for name in names if state.exists() else ():
        found = processes.find(name)
        progress(
            f"{name}: "
            + (f"runs, process {found.pid}, log {processes.log(name)}" if found else "does not run")
        )
    progress("deployed" if access.remembered(state).get("outputs") else "nothing is deployed")


def down(state: Path, progress: Progress) -> None:
    """Stop every process of the state folder and remove it: all that was deployed lives in it."""
    existed = state.exists()
    elsewhere = access.remembered(state).get("kubeconfig")
    with locked(state / "deploy.lock", progress, f"it deploys from {state}"):
        stopped = Processes(state, progress).stop_all()
        lifecycle.clean(state)
        shutil.rmtree(state)
    if stopped:
        progress(f"stopped {', '.join(stopped)}")
    if elsewhere:
        progress(f"what was made in the cluster of {elsewhere} is still there: nothing manages it now")
    progress(f"removed {state}" if existed or stopped else "nothing runs here and nothing was left")
