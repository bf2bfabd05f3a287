"""What `python -m local` does: services up, the program on them, what would change, all of it gone."""

from __future__ import annotations

import json
import runpy
import shutil
import threading
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.program import load_stack_file, run_program
from engine.recorder import COMPUTED, Secret
from local import access, build, control_plane, emulator, pulumi_cli, readiness, services
from local.access import Access
from local.consent import ask
from local.embedded.deployment import Deployment
from local.embedded.state import State
from local.files import LocalError, Progress, locked
from local.kubernetes_api import KubernetesApi
from local.nodes import addons, cluster, network
from local.processes import Processes
from plan.names import LOCAL
from policy import running as policies
from settings import from_config

PROGRAM: Final = pulumi_cli.REPOSITORY / "__main__.py"
WORKERS: Final = 16
EMBEDDED: Final = "embedded"
CLI_DOWNLOAD: Final = "https://www.pulumi.com/docs/iac/download-install/"


class Target:
    """A stack and the state folder of its local services. All messages go to `progress`.

    Raises SettingsError or ValueError for a broken stack file, before anything is started.
    """

    def __init__(
        self, state: Path, stack: str, stack_file: Path, progress: Progress, program: Path = PROGRAM
    ) -> None:
        self.state, self.stack, self.stack_file = state, stack, stack_file
        self.progress, self.program = progress, program
        self.config, self.secret_keys = load_stack_file(stack_file)
        self.settings = from_config(self.config, stack)

    def up(self, kubeconfig: Path | None = None, *, yes: bool = False) -> int:
        """Start the services, deploy, and say how to reach what is there. `yes` agrees to every question."""
        if self.stack != LOCAL:
            return self._pulumi_up()
        began = time.monotonic()
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.state / "deploy.lock", self.progress, f"it deploys from {self.state}"):
            install = partial(ask, yes=yes)
            target = services.start(self.state, self.settings, kubeconfig, self.progress, install)
            command = self._engine()
            if command:
                # With its preview: that is where the CLI refuses what is protected, before anything is done.
                arguments = ("up", "--yes", *pulumi_cli.POLICIES, *self._refresh(target))
                failed = self._project(command, target).run(*arguments)
                if failed:
                    return failed
            else:
                self._deploy(target)
            access.remember(self.state, instance=target.aws.instance)
            if target.edges:
                api = KubernetesApi(str(target.kubeconfig), "", threading.Event(), self.progress)
                readiness.wait(api, self.progress)
        self._say_how_to_reach(target)
        self.progress(f"up in {time.monotonic() - began:.1f} s")
        return 0

    def preview(self) -> int:
        """Show what `up` would do. Starts nothing; without running services it calls nobody."""
        command = pulumi_cli.installed()
        if self.stack != LOCAL and command and pulumi_cli.knows(command, self.stack):
            pulumi_cli.become(command, "preview", "--stack", self.stack, *pulumi_cli.POLICIES)
        target = access.find(self.state) if self.stack == LOCAL else None
        engine = access.remembered(self.state).get("engine", EMBEDDED)
        if target and engine != EMBEDDED:
            return self._project(Path(engine), target).run("preview", "--diff", *pulumi_cli.POLICIES)
        self.progress(f"{pulumi_cli.STAND_IN} in this preview")
        planned = self._run(target, self.progress, dry_run=True)
        if target is None:
            kinds = Counter(step.entry["type"] for step in planned.steps)
            self.progress("\n".join(f"{count:>6}  {kind}" for kind, count in sorted(kinds.items())))
        self.progress(planned.summary().replace("Resources:", "Would be:"))
        return self._refused(planned)

    # The embedded engine.

    def _deploy(self, target: Access) -> None:
        """Plan all of it, then do it: what must not be done is refused before anything is."""
        planned = self._run(target, lambda line: None, dry_run=True)
        if self._refused(planned):
            raise LocalError("nothing was changed")
        done = self._run(target, self.progress, dry_run=False)
        self.progress(done.summary())

    def _run(self, target: Access | None, progress: Progress, *, dry_run: bool) -> Deployment:
        state = State(self.state / f"{self.stack}.json")
        kubeconfig, aws = (target.kubeconfig, target.aws) if target else (None, None)
        deployment = Deployment(state, progress, kubeconfig, aws)
        try:
            outputs = run_program(
                lambda: runpy.run_path(str(self.program), run_name="__main__"),
                monitor=deployment,
                stack=self.stack,
                config=self.config,
                secret_keys=self.secret_keys,
                dry_run=dry_run,
                workers=WORKERS,
            )
            deployment.finish()
        except Exception as error:
            raise deployment.failure or error from error
        if dry_run:
            for severity, text, _ in deployment.messages:
                self.progress(f"{severity}: {text}")
        else:
            access.remember(self.state, outputs=_plain(outputs))
        return deployment

    def _refused(self, planned: Deployment) -> int:
        broken = policies.run(planned.registrations).violations
        for refusal in (*planned.refusals, *broken):
            self.progress(f"refused: {refusal}")
        return 1 if planned.refusals or broken else 0

    # The CLI.

    def _pulumi_up(self) -> int:
        command = pulumi_cli.installed()
        if command:
            pulumi_cli.become(command, "up", "--stack", self.stack, *pulumi_cli.POLICIES)
        self.progress(
            f"stack {self.stack} is on AWS, and only the pulumi CLI deploys there: install it from"
            f" {CLI_DOWNLOAD}, then run `pulumi up --stack {self.stack}`"
        )
        return 2

    def _engine(self) -> Path | None:
        """The engine of this state folder: the one that was chosen first, until `down`."""
        remembered = access.remembered(self.state).get("engine")
        if remembered is None:
            found = pulumi_cli.find(build.cache(), self.progress)
            access.remember(self.state, engine=str(found) if found else EMBEDDED)
            return found
        if remembered == EMBEDDED:
            self.progress(f"{pulumi_cli.STAND_IN}, as in the run before")
            return None
        if not Path(remembered).exists():
            raise LocalError(
                f"this was deployed with {remembered}, which is gone: put it back, or run `down` first"
            )
        self.progress(f"using the pulumi CLI {remembered}")
        return Path(remembered)

    def _project(self, command: Path, target: Access) -> pulumi_cli.Project:
        environment = target.environment(self.config.get("aws:region", emulator.REGION))
        project = pulumi_cli.Project(command, self.state, self.stack, environment)
        project.prepare(self.stack_file)
        return project

    def _refresh(self, target: Access) -> list[str]:
        """An emulator that was started anew is empty: the CLI has to look before it plans."""
        known = access.remembered(self.state).get("instance")
        return ["--refresh"] if known not in (None, target.aws.instance) else []

    def _say_how_to_reach(self, target: Access) -> None:
        outputs = {
            name: value
            for name, value in access.remembered(self.state).get("outputs", {}).items()
            if name != "readme"
        }
        if outputs:
            self.progress(f"stack outputs:\n{json.dumps(outputs, indent=2, sort_keys=True)}")
        for region, url in target.edges.items():
            self.progress(f"edge of {region}: {url}")
        self.progress(f"AWS emulator: {target.aws.url}  (access key and secret key: local)")
        self.progress(f"kubeconfig: {target.kubeconfig}\n\n  export KUBECONFIG={target.kubeconfig}\n")
        for remark in services.remarks(target):
            self.progress(remark)


def status(state: Path, progress: Progress) -> int:
    """Say what of the local target is there."""
    processes = Processes(state)
    there = network.load(state)
    nodes = [cluster.name_of(region) for region in there.numbers] if there else []
    names = (*control_plane.PARTS, emulator.NAME, *nodes, *(addons.DAEMONS if there else ()))
    for name in names if state.exists() else ():
        found = processes.find(name)
        progress(
            f"{name}: "
            + (f"runs, process {found.pid}, log {processes.log(name)}" if found else "does not run")
        )
    if engine := access.remembered(state).get("engine"):
        progress(f"engine: {engine}")
    file = state / f"{LOCAL}.json"
    progress(
        f"resources made by the embedded engine: {len(State(file).resources)}"
        if file.exists()
        else "nothing is deployed"
    )
    return 0


def down(state: Path, progress: Progress) -> int:
    """Stop every process of the state folder and remove it: all that was deployed lives in it."""
    existed = state.exists()
    elsewhere = access.remembered(state).get("kubeconfig")
    with locked(state / "deploy.lock", progress, f"it deploys from {state}"):
        stopped = Processes(state, progress).stop_all()
        cluster.clean(state)
        shutil.rmtree(state)
    if stopped:
        progress(f"stopped {', '.join(stopped)}")
    if elsewhere:
        progress(f"what was made in the cluster of {elsewhere} is still there: nothing manages it now")
    progress(f"removed {state}" if existed or stopped else "nothing runs here and nothing was left")
    return 0


def _plain(value: Any) -> Any:
    """Outputs as they may be shown and stored: secrets masked."""
    if isinstance(value, Secret) or value is COMPUTED:
        return repr(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
