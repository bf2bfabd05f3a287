"""`python -m local up|preview|destroy|down|status`: the platform on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

import pulumi

from engine.program import load_stack_file
from local.machine.files import DEFAULT_STATE, LocalError
from local.pulumi import tools
from local.up import deploy, offline_preview
from plan.names import LOCAL
from settings import SettingsError, from_config


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0: done; 1: it failed; 2: the stack file or the call is at fault; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["up", "preview", "destroy", "down", "status"])
    parser.add_argument("--stack", default=LOCAL, help="environment (default: local)")
    parser.add_argument("--config", type=Path, help="stack file (default: Pulumi.<stack>.yaml)")
    parser.add_argument("--kubeconfig", type=Path, help="deploy to this cluster instead of one of our own")
    parser.add_argument(
        "--state", type=Path, default=DEFAULT_STATE, help="folder of all that is started and made"
    )
    parser.add_argument("--yes", action="store_true", help="agree to install packages and to download pulumi")
    parser.add_argument(
        "--offline", action="store_true", help="preview without credentials, cluster and the pulumi command"
    )
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(given)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (LocalError, pulumi.RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "interrupted; what was done is remembered: the same command goes on from there", file=sys.stderr
        )
        return 130


def _run(given: argparse.Namespace) -> int:
    state = given.state.resolve()
    if given.command == "down":
        deploy.down(state, _say)
    elif given.command == "status":
        deploy.status(state, _say)
    else:
        return _on_stack(given, state)
    return 0


def _on_stack(given: argparse.Namespace, state: Path) -> int:
    """A command that reads the stack file."""
    file = given.config or tools.REPOSITORY / f"Pulumi.{given.stack}.yaml"
    try:
        config, secret_keys = load_stack_file(file)
        from_config(config, given.stack)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.command == "preview" and given.offline:
        return offline_preview.preview(given.stack, config, secret_keys, deploy.PROGRAM, _say)
    if given.stack != LOCAL:
        tools.become_pulumi(given.command, given.stack)
    target = deploy.Target(state, file, _say, yes=given.yes)
    if given.command == "up":
        target.up(given.kubeconfig)
    elif given.command == "preview":
        target.preview()
    else:
        target.destroy()
    return 0


def _say(line: str) -> None:
    print(f"{line}\n", end="", flush=True)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
