"""The `pulumi` command: found, installed where its download answers, run on the local services."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

import yaml

from local.files import LocalError, Progress, write_atomically

REPOSITORY: Final = Path(__file__).resolve().parent.parent
INSTALLER: Final = "https://get.pulumi.com/install.sh"
REACH_SECONDS: Final = 3.0
POLICIES: Final = ("--policy-pack", str(REPOSITORY / "policy"))
STAND_IN: Final = "the embedded engine stands in for the `pulumi` CLI"


def installed() -> Path | None:
    """The CLI on PATH."""
    found = shutil.which("pulumi")
    return Path(found) if found else None


def find(cache: Path, progress: Progress) -> Path | None:
    """The CLI on PATH, or one of its official installer in `cache`; None: use the embedded engine."""
    if found := installed():
        progress(f"using the pulumi CLI {found}")
        return found
    cached = cache / "pulumi" / "bin" / "pulumi"
    if not cached.exists():
        if reason := _unreachable():
            progress(f"{STAND_IN}: it is not on PATH, and {INSTALLER} can't be reached ({reason})")
            return None
        try:
            # Imported here: it takes most of a second, and only who installs pays for it.
            from pulumi.automation import PulumiCommand

            progress(f"installing the pulumi CLI from {INSTALLER} into {cached.parent.parent}")
            PulumiCommand.install(root=str(cached.parent.parent))
        except (subprocess.CalledProcessError, OSError, RuntimeError) as error:
            progress(f"{STAND_IN}: its installer failed ({error})")
            return None
    progress(f"using the pulumi CLI {cached}")
    return cached


def _unreachable() -> str:
    """Why the installer can't be had; "" if it can. In a thread: no timeout holds for a name's look-up."""
    reasons = [f"no answer in {REACH_SECONDS:.0f} s"]

    def ask() -> None:
        try:
            urllib.request.urlopen(INSTALLER, timeout=REACH_SECONDS).close()
            reasons.append("")
        except OSError as error:
            reasons.append(str(getattr(error, "reason", error)))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(REACH_SECONDS)
    return reasons[-1]


def knows(command: Path, stack: str) -> bool:
    """Whether the user's backend can be reached and has the stack."""
    asked = [str(command), "stack", "--stack", stack, "--show-name", "--non-interactive"]
    return subprocess.run(asked, cwd=REPOSITORY, capture_output=True, check=False).returncode == 0


def become(command: Path, *arguments: str) -> NoReturn:
    """Go on as the CLI, in the repository: for a user's own stack, with its questions and its exit code."""
    sys.stdout.flush()
    os.chdir(REPOSITORY)
    os.execv(command, [str(command), *arguments])


class Project:
    """A project of our own in the state folder, whose program is the repository's.

    The CLI writes into the folder of its project (a stack file gets an encryption salt): in the repository's
    it would leave changes behind.
    """

    def __init__(self, command: Path, state: Path, stack: str, services: Mapping[str, str]) -> None:
        self.command, self.stack, self.folder = command, stack, state / "project"
        backend = state / "backend"
        backend.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.environment = {
            **services,
            "PULUMI_BACKEND_URL": f"file://{backend}",
            # The state folder is what keeps others out; a passphrase beside the state would not.
            "PULUMI_CONFIG_PASSPHRASE": os.environ.get("PULUMI_CONFIG_PASSPHRASE", "local"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def prepare(self, stack_file: Path) -> None:
        """Write the project with the stack file as it is now, and select the stack."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "program"
        if not program.is_symlink():
            program.symlink_to(REPOSITORY)
        project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text(encoding="utf-8"))
        project |= {"main": "program", "runtime": {"name": "python", "options": {"virtualenv": sys.prefix}}}
        write_atomically(self.folder / "Pulumi.yaml", yaml.safe_dump(project, sort_keys=False))
        copy, text = self.folder / f"Pulumi.{self.stack}.yaml", stack_file.read_text(encoding="utf-8")
        salt = (
            yaml.safe_load(copy.read_text(encoding="utf-8")).get("encryptionsalt") if copy.exists() else None
        )
        if salt and "encryptionsalt:" not in text:
            text = f"encryptionsalt: {salt}\n{text}"
        write_atomically(copy, text)
        if self.run("stack", "select", self.stack, "--create"):
            raise LocalError(f"`pulumi stack select {self.stack} --create` failed in {self.folder}")

    def run(self, *arguments: str) -> int:
        """Run the CLI on our project; its exit code. An interrupt lets it stop in an orderly way."""
        asked = [str(self.command), *arguments, "--non-interactive"]
        # A session of its own: what a terminal sends must reach it once, and from us.
        process = subprocess.Popen(
            asked, cwd=self.folder, env={**os.environ, **self.environment}, start_new_session=True
        )
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
