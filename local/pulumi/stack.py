"""Deploys a stack from this process with the Automation API. Project and state are in the state folder."""

from __future__ import annotations

import os
import re
import runpy
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pulumi import automation
from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from engine.stack_file import read_document
from local.kubernetes_api import KubernetesApi
from local.machine.files import REPOSITORY, LocalError, Progress, write_atomically
from local.machine.processes import NAME_VARIABLE, STATE_VARIABLE, Processes
from local.pulumi import tools
from local.pulumi.display import Display, Step
from local.pulumi.interrupted import delete_unrecorded, note

ENGINE: Final = "pulumi"
"""Process name of the engine and its plugins."""
SALT: Final = "encryptionsalt"
_BEGINNING: Final = re.compile(r"(?:[%#][^\n]*\n|[ \t]*\n)*---[ \t]*(?:#[^\n]*)?\n")
"""What precedes the first key of a file with `---`."""
SHOWN_ONCE: Final = ("warning: ", "! drift ")
CONTINUE: Final = "Run the same command again, and it continues from here"

T = TypeVar("T")


class Stack:
    """A stack. `program` runs in this process, the engine is the `pulumi` command in `<state>/bin`.

    `services` is the environment for the cluster and the AWS account. The caller holds a lock: one operation
    runs at a time. Every operation raises LocalError with the engine's message.
    """

    def __init__(
        self, state: Path, name: str, program: Path, services: Mapping[str, str], progress: Progress
    ) -> None:
        self.name, self._state, self._progress, self._services = name, state, progress, services
        self._shown = set[str]()
        self._project, self._backend, self._scratch = state / "project", state / "backend", state / "tmp"
        for folder in (self._project, self._backend, self._scratch):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._creating = state / "creating.json"
        self._processes, self._command = Processes(state, progress), Command(state)
        self._hooks = {**services, "PATH": _path(self._command.command)}
        """The environment of the program's hooks."""
        workspace = automation.LocalWorkspace(
            work_dir=str(self._project),
            pulumi_home=str(state / tools.HOME),
            program=lambda: _run(program),
            env_vars={**services, **self._environment()},
            pulumi_command=self._command,
        )
        self._select = lambda: automation.Stack.create_or_select(name, workspace)

    def prepare(self, stack_file: Path) -> None:
        """Copy the stack file, and clean up after a run that was killed."""
        self._processes.stop([ENGINE])
        for left in self._scratch.glob("kubeconfig*"):
            left.unlink()
        project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text(encoding="utf-8"))
        write_atomically(self._project / "Pulumi.yaml", yaml.safe_dump(project, sort_keys=False))
        self._write_config(stack_file)
        self._stack = self._operate(self._select)
        if any(self._backend.glob(".pulumi/locks/**/*.json")):
            self._operate(self._stack.cancel)
        if self._creating.exists():
            api = KubernetesApi(self._services["KUBECONFIG"])
            delete_unrecorded(self._creating, self.resources(), api, self._progress)
        if pending := self._deployment().get("pending_operations"):
            self._progress(f"the last run was interrupted at {len(pending)} resources: refreshing the state")
            self._operate(lambda: self._stack.refresh(clear_pending_creates=True))

    def preview(self, *, refresh: bool = False, show: bool = True) -> Display:
        """What `up` would do. With `refresh` the engine first reads the resources."""
        display = Display(self._show, planned=show)

        def operation() -> object:
            return self._stack.preview(on_event=display, refresh=refresh, policy_packs=self.policy_packs)

        return self._run_operation(display, operation)

    def up(self, planned: Collection[Step] = (), *, refresh: bool = False) -> Display:
        """Deploy; `planned` are the changes in the preview."""
        display = Display(self._show, done=True, expected=len(planned))

        def operation() -> object:
            return self._stack.up(on_event=display, refresh=refresh, policy_packs=self.policy_packs)

        note(self._creating, planned)
        done = self._run_operation(display, operation)
        self._creating.unlink()
        return done

    def destroy(self) -> Display:
        """Delete every resource except retained ones. Nothing is deleted while a resource is protected."""
        protected = [resource["urn"] for resource in self.resources() if resource.get("protect")]
        if protected:
            names = sorted(urn.rpartition("::")[2] for urn in protected)
            raise LocalError(
                f"nothing is deleted: {len(names)} resources are protected, such as {names[0]}. Set"
                " `protect: false` for their companies in the stack file, run `make up`, and repeat"
            )
        display = Display(self._show, done=True, expected=len(self.resources()))
        return self._run_operation(display, lambda: self._stack.destroy(on_event=display))

    def outputs(self) -> dict[str, Any]:
        """Stack outputs; secrets are masked."""
        outputs = self._operate(self._stack.outputs)
        return {key: "[secret]" if output.secret else output.value for key, output in outputs.items()}

    def resources(self) -> list[dict[str, Any]]:
        """All resources in the state."""
        return list(self._deployment().get("resources") or [])

    def _show(self, line: str) -> None:
        """Show a line. A preview and the deployment after it give the same warnings, which are shown once."""
        if not (line.startswith(SHOWN_ONCE) and line in self._shown):
            self._progress(line)
        self._shown.add(line)

    def _deployment(self) -> dict[str, Any]:
        return dict(self._operate(self._stack.export_stack).deployment or {})

    @property
    def policy_packs(self) -> list[str]:
        """What judges each preview and each deployment."""
        return [str(self._state / "bin" / tools.POLICY_PACK)]

    def _environment(self) -> dict[str, str]:
        return {
            STATE_VARIABLE: str(self._state.resolve()),
            NAME_VARIABLE: ENGINE,
            # The Kubernetes provider leaves a kubeconfig with a key there in every run.
            "TMPDIR": str(self._scratch),
            # No metadata files: they are not written atomically, and a killed engine leaves them empty.
            "PULUMI_BACKEND_URL": f"file://{self._backend}?metadata=skip",
            # The state folder is private; a passphrase beside the state would not protect more.
            "PULUMI_CONFIG_PASSPHRASE": os.environ.get("PULUMI_CONFIG_PASSPHRASE", "local"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def _write_config(self, stack_file: Path) -> None:
        """Write a copy: the engine writes its encryption salt into the stack file."""
        copy = self._project / f"Pulumi.{self.name}.yaml"
        salt = read_document(copy).get(SALT) if copy.exists() else None
        text = with_salt(stack_file, salt)
        write_atomically(copy, text)

    def _run_operation(self, display: Display, operation: Callable[[], object]) -> Display:
        """Run an operation; raises LocalError with the errors that the display collected."""
        try:
            with display.heartbeat(), _environment_of(self._hooks):
                operation()
        except automation.CommandError as error:
            if signalled := self._command.killed_by:
                raise LocalError(f"the engine was ended by signal {signalled}. {CONTINUE}") from None
            raise LocalError("\n".join(display.errors) or str(error)) from None
        finally:
            self._processes.stop([ENGINE])
        return display

    def _operate(self, operation: Callable[[], T]) -> T:
        try:
            return operation()
        except automation.CommandError as error:
            raise LocalError(str(error)) from None


def with_salt(stack_file: Path, salt: str | None) -> str:
    """The text of a stack file, with the salt if it has none."""
    text = stack_file.read_text(encoding="utf-8-sig")
    if salt is None or SALT in read_document(stack_file):
        return text
    begun = _BEGINNING.match(text)
    at = begun.end() if begun else 0
    return f"{text[:at]}{SALT}: {salt}\n{text[at:]}"


class Command(PulumiCommand):
    """The `pulumi` command in its own session: an interrupt reaches it once, and it ends in order."""

    killed_by: int | None = None
    """The signal that ended its last run."""

    def __init__(self, state: Path) -> None:
        # Not the base class's: that runs the command, which `tools` has checked, with another Pulumi home.
        self.command, self.version = str(state / "bin" / "pulumi"), tools.OLDEST

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> CommandResult:
        # Otherwise a preview assembles the whole state after every resource, and discards it.
        skip = {"PULUMI_SKIP_CHECKPOINTS": "true"} if args[0] == "preview" else {}
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env={
                **os.environ,
                **additional_env,
                **skip,
                "PULUMI_AUTOMATION_API": "true",
                "PATH": _path(self.command),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate()
        except BaseException:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
        self.killed_by = -process.returncode if process.returncode < 0 else None
        result = CommandResult(out, err, process.returncode)
        if process.returncode:
            raise create_command_error(result)
        return result


def _path(command: str) -> str:
    """The folder of the command first: the engine looks for plugins there."""
    return os.pathsep.join([str(Path(command).parent), os.environ["PATH"]])


@contextmanager
def _environment_of(services: Mapping[str, str]) -> Iterator[None]:
    """The program's hooks run in this process, and connect to the same services as the engine's plugins."""
    former = {name: os.environ.get(name) for name in services}
    os.environ.update(services)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")
