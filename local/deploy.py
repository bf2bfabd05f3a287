"""What `python -m local` does: services up, the program on them, what would change, all of it gone."""

from __future__ import annotations

import json
import runpy
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.program import load_stack_file, run_program
from engine.recorder import COMPUTED, Secret
from local import build, control_plane, emulator, pulumi_cli
from local.embedded.deployment import Deployment
from local.embedded.state import State
from local.emulator import Emulator
from local.files import LocalError, Progress, locked, write_atomically
from local.processes import Processes
from settings import from_config

LOCAL: Final = "local"
PROGRAM: Final = pulumi_cli.REPOSITORY / "__main__.py"
WORKERS: Final = 16
EMBEDDED: Final = "embedded"
CLI_DOWNLOAD: Final = "https://www.pulumi.com/docs/iac/download-install/"


@dataclass(frozen=True, kw_only=True)
class Services:
    """What a deployment is made on. Both None: nothing runs, and nobody is called."""

    kubeconfig: Path | None = None
    emulator: Emulator | None = None

    def environment(self, region: str) -> dict[str, str]:
        found = self.emulator.environment(region) if self.emulator else {}
        return found | ({"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {})


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

    def up(self, kubeconfig: Path | None = None) -> int:
        """Start the services, deploy, and say how to reach what is there."""
        if self.stack != LOCAL:
            return self._pulumi_up()
        began = time.monotonic()
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.state / "deploy.lock", self.progress, f"it deploys from {self.state}"):
            services = self._start(kubeconfig)
            command = self._engine()
            if command:
                # With its preview: that is where the CLI refuses what is protected, before anything is done.
                failed = self._project(command, services).run("up", "--yes", *self._refresh(services))
                if failed:
                    return failed
            else:
                self._deploy(services)
            self._remember(instance=services.emulator and services.emulator.instance)
        self._say_how_to_reach(services)
        self.progress(f"up in {time.monotonic() - began:.1f} s")
        return 0

    def preview(self) -> int:
        """Show what `up` would do. Starts nothing; without running services it calls nobody."""
        command = pulumi_cli.installed()
        if self.stack != LOCAL and command and pulumi_cli.knows(command, self.stack):
            pulumi_cli.become(command, "preview", "--stack", self.stack)
        services = self._running() if self.stack == LOCAL else Services()
        remembered = _read(self.state).get("engine", EMBEDDED) if self.stack == LOCAL else EMBEDDED
        if remembered != EMBEDDED and services.emulator:
            return self._project(Path(remembered), services).run("preview", "--diff")
        self.progress(f"{pulumi_cli.STAND_IN} in this preview")
        planned = self._run(services, self.progress, dry_run=True)
        if services.emulator is None:
            kinds = Counter(step.entry["type"] for step in planned.steps)
            self.progress("\n".join(f"{count:>6}  {kind}" for kind, count in sorted(kinds.items())))
        self.progress(planned.summary().replace("Resources:", "Would be:"))
        return self._refused(planned)

    # The embedded engine.

    def _deploy(self, services: Services) -> None:
        """Plan all of it, then do it: what must not be done is refused before anything is."""
        planned = self._run(services, lambda line: None, dry_run=True)
        if self._refused(planned):
            raise LocalError("nothing was changed")
        done = self._run(services, self.progress, dry_run=False)
        self.progress(done.summary())

    def _run(self, services: Services, progress: Progress, *, dry_run: bool) -> Deployment:
        state = State(self.state / f"{self.stack}.json")
        deployment = Deployment(state, progress, services.kubeconfig, services.emulator)
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
            self._remember(outputs=_plain(outputs))
        return deployment

    def _refused(self, planned: Deployment) -> int:
        for refusal in planned.refusals:
            self.progress(f"refused: {refusal}")
        return 1 if planned.refusals else 0

    # The CLI.

    def _pulumi_up(self) -> int:
        command = pulumi_cli.installed()
        if command:
            pulumi_cli.become(command, "up", "--stack", self.stack)
        self.progress(
            f"stack {self.stack} is on AWS, and only the pulumi CLI deploys there: install it from"
            f" {CLI_DOWNLOAD}, then run `pulumi up --stack {self.stack}`"
        )
        return 2

    def _engine(self) -> Path | None:
        """The engine of this state folder: the one that was chosen first, until `down`."""
        remembered = _read(self.state).get("engine")
        if remembered is None:
            found = pulumi_cli.find(build.cache(), self.progress)
            self._remember(engine=str(found) if found else EMBEDDED)
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

    def _project(self, command: Path, services: Services) -> pulumi_cli.Project:
        environment = services.environment(self.config.get("aws:region", emulator.REGION))
        project = pulumi_cli.Project(command, self.state, self.stack, environment)
        project.prepare(self.stack_file)
        return project

    def _refresh(self, services: Services) -> list[str]:
        """An emulator that was started anew is empty: the CLI has to look before it plans."""
        known = _read(self.state).get("instance")
        return ["--refresh"] if services.emulator and known not in (None, services.emulator.instance) else []

    # The services.

    def _start(self, kubeconfig: Path | None) -> Services:
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(emulator.start, self.state, self.progress)
            given = kubeconfig or _read(self.state).get("kubeconfig")
            found = Path(given) if given else control_plane.start(self.state, self.progress).kubeconfig
            aws = starting.result()
        if given:
            self._remember(kubeconfig=str(Path(given).resolve()))
        if self.settings.hosted_zone_id:
            emulator.ensure_hosted_zone(aws.url, self.settings.hosted_zone_id, self.settings.domain)
        return Services(kubeconfig=found, emulator=aws)

    def _running(self) -> Services:
        """The services, if they run."""
        if not self.state.exists():
            return Services()
        processes = Processes(self.state)
        needed = [emulator.NAME, *(() if _read(self.state).get("kubeconfig") else control_plane.PARTS)]
        return self._start(None) if all(map(processes.alive, needed)) else Services()

    def _remember(self, **values: Any) -> None:
        write_atomically(self.state / "target.json", json.dumps(_read(self.state) | values))

    def _say_how_to_reach(self, services: Services) -> None:
        outputs = {
            name: value for name, value in _read(self.state).get("outputs", {}).items() if name != "readme"
        }
        if outputs:
            self.progress(f"stack outputs:\n{json.dumps(outputs, indent=2, sort_keys=True)}")
        if services.emulator:
            self.progress(f"AWS emulator: {services.emulator.url}  (access key and secret key: local)")
        self.progress(f"kubeconfig: {services.kubeconfig}\n\n  export KUBECONFIG={services.kubeconfig}\n")


def status(state: Path, progress: Progress) -> int:
    """Say what of the local target is there."""
    processes = Processes(state)
    for name in (*control_plane.PARTS, emulator.NAME) if state.exists() else ():
        found = processes.find(name)
        progress(
            f"{name}: "
            + (f"runs, process {found.pid}, log {processes.log(name)}" if found else "does not run")
        )
    if engine := _read(state).get("engine"):
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
    elsewhere = _read(state).get("kubeconfig")
    with locked(state / "deploy.lock", progress, f"it deploys from {state}"):
        stopped = Processes(state, progress).stop_all()
        shutil.rmtree(state)
    if stopped:
        progress(f"stopped {', '.join(stopped)}")
    if elsewhere:
        progress(f"what was made in the cluster of {elsewhere} is still there: nothing manages it now")
    progress(f"removed {state}" if existed or stopped else "nothing runs here and nothing was left")
    return 0


def _read(state: Path) -> dict[str, Any]:
    """What a state folder remembers until `down`: engine, outputs, emulator, a cluster that is not ours."""
    file = state / "target.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _plain(value: Any) -> Any:
    """Outputs as they may be shown and stored: secrets masked."""
    if isinstance(value, Secret) or value is COMPUTED:
        return repr(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
