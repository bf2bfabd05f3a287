"""Provides the `pulumi` command and its plugins: installed, downloaded with consent, or built."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Final, NoReturn

from pulumi.automation import InvalidVersionError, PulumiCommand
from semver import VersionInfo

from local.machine.consent import Consent
from local.machine.files import REPOSITORY, LocalError, Progress, write_atomically
from local.programs import build, catalog

DOWNLOAD_PAGE: Final = "https://www.pulumi.com/docs/iac/download-install/"
INSTALLER: Final = "https://get.pulumi.com/install.sh"
REACH_SECONDS: Final = 3.0
OLDEST: Final = VersionInfo(3, 274)
"""Older commands do not accept an executable as a policy pack."""
COMMAND: Final = "pulumi"
KUBERNETES: Final = "pulumi-resource-kubernetes"
HOME: Final = "pulumi-home"
POLICY_PACK: Final = "policy-pack"
PACK_FILE: Final = "PulumiPolicy.yaml"
SCRIPT: Final = "#!/bin/sh\nPYTHONPATH={repository} exec {python} -P -m {module}\n"


def provide(state: Path, progress: Progress, consent: Consent, pool: Executor) -> Future[None]:
    """Put the command and the policy pack into `<state>/bin`, the plugins into `<state>/pulumi-home`.

    Questions and downloads are finished when this returns; builds continue in `pool`. The future raises
    LocalError when a build fails.
    """
    command, kubernetes = _installed(progress)
    if not (command and kubernetes) and _may_download(progress, consent):
        command, kubernetes = _download(command, kubernetes, progress)
    return pool.submit(_fill, state, command, kubernetes, progress)


def _fill(state: Path, command: Path | None, kubernetes: Path | None, progress: Progress) -> None:
    missing = [name for name, path in ((COMMAND, command), (KUBERNETES, kubernetes)) if path is None]
    built = catalog.binaries(missing, progress)
    _link(state / "bin" / COMMAND, command or built[COMMAND])
    _link(plugin_path(state / HOME, "kubernetes"), kubernetes or built[KUBERNETES])
    _write_script(plugin_path(state / HOME, "aws"), "local.aws.provider")
    pack = REPOSITORY / "policy_pack"
    _write_script(state / "bin" / POLICY_PACK, f'pulumi.policy "$1" {shlex.quote(str(pack))}')
    _link(state / "bin" / PACK_FILE, pack / PACK_FILE)  # the engine reads the pack's version there


def become_pulumi(operation: str, stack: str) -> NoReturn:
    """Replace this process by the user's `pulumi` command, for a stack that is not `local`.

    Raises LocalError when there is no `pulumi` on PATH.
    """
    command = on_path()
    if command is None:
        raise LocalError(
            f"stack {stack} is on AWS, and `pulumi` is not on PATH: install it from {DOWNLOAD_PAGE};"
            f" `make preview STACK={stack} OFFLINE=1` shows the resources without `pulumi`"
        )
    policies = () if operation == "destroy" else ("--policy-pack", str(REPOSITORY / "policy_pack"))
    sys.stdout.flush()
    os.chdir(REPOSITORY)
    os.execv(command, [str(command), operation, "--stack", stack, *policies])


def on_path() -> Path | None:
    """The `pulumi` command on PATH, whatever its version."""
    path = shutil.which(COMMAND)
    return Path(path) if path else None


def _installed(progress: Progress) -> tuple[Path | None, Path | None]:
    """The `pulumi` command and the Kubernetes provider, None for what this machine does not have."""
    built = build.locate([catalog.PROGRAMS[COMMAND], catalog.PROGRAMS[KUBERNETES]])
    command = _suitable(progress) or _existing(_downloads() / "bin" / COMMAND, built[COMMAND])
    return command, _existing(
        plugin_path(_home(), "kubernetes"), plugin_path(_downloads(), "kubernetes"), built[KUBERNETES]
    )


def _suitable(progress: Progress) -> Path | None:
    """The command on PATH, unless it is too old."""
    command = on_path()
    if command is None:
        return None
    try:
        PulumiCommand(version=OLDEST)
    except (InvalidVersionError, subprocess.CalledProcessError, OSError) as error:
        progress(f"{command} is not used: {error}")
        return None
    return command


def _existing(*binaries: Path) -> Path | None:
    return next((binary for binary in binaries if binary.exists()), None)


def _home() -> Path:
    """The user's own Pulumi folder."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def _downloads() -> Path:
    return build.cache() / "pulumi"


def plugin_path(home: Path, provider: str) -> Path:
    """The path of a provider in a Pulumi home, in the version of its SDK."""
    return home / "plugins" / f"resource-{provider}-v{sdk_version(provider)}" / f"pulumi-resource-{provider}"


def sdk_version(provider: str) -> str:
    return importlib.metadata.version(f"pulumi-{provider}")


def _may_download(progress: Progress, consent: Consent) -> bool:
    if reason := unreachable():
        progress(f"the Pulumi engine is built from source: {INSTALLER} cannot be reached ({reason})")
        return False
    wanted = f"pulumi {OLDEST} and its Kubernetes provider {sdk_version('kubernetes')}"
    return consent(
        f"Download {wanted} from get.pulumi.com and github.com into {_downloads()} (about 150 MB)?"
        " Otherwise both are built from source in about 15 minutes."
    )


def _download(
    command: Path | None, kubernetes: Path | None, progress: Progress
) -> tuple[Path | None, Path | None]:
    """Download what is None; None again where the download fails."""
    root = _downloads()
    try:
        if command is None:
            progress(f"downloading pulumi {OLDEST} with {INSTALLER}")
            command = Path(PulumiCommand.install(root=str(root), version=OLDEST).command)
        if kubernetes is None:
            version = sdk_version("kubernetes")
            progress(f"downloading the Kubernetes provider {version}")
            install = [str(command), "plugin", "install", "resource", "kubernetes", version]
            subprocess.run(install, env={**os.environ, "PULUMI_HOME": str(root)}, check=True)
            kubernetes = _existing(plugin_path(root, "kubernetes"))
    except (subprocess.CalledProcessError, OSError, RuntimeError) as error:
        progress(f"the download failed, so the rest is built from source: {error}")
    return command, kubernetes


def unreachable() -> str:
    """Why the installer cannot be reached; "" if it can. In a thread: a DNS lookup has no timeout."""
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


def _link(path: Path, binary: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.symlink_to(binary)


def _write_script(path: Path, module: str) -> None:
    """An executable that runs a Python module of the repository."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    repository, python = shlex.quote(str(REPOSITORY)), shlex.quote(sys.executable)
    text = SCRIPT.format(repository=repository, python=python, module=module)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text, mode=0o700)
