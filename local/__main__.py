"""`python -m local up|preview|down|status`: the platform on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

import pulumi

from local import deploy
from local.files import DEFAULT_STATE, LocalError
from local.pulumi_cli import REPOSITORY
from plan.names import LOCAL
from settings import SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0: done; 1: it failed; 2: the stack file or the call is at fault; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["up", "preview", "down", "status"])
    parser.add_argument("--stack", default=LOCAL, help="environment (default: local)")
    parser.add_argument("--config", type=Path, help="stack file (default: Pulumi.<stack>.yaml)")
    parser.add_argument("--kubeconfig", type=Path, help="deploy to this cluster instead of one of our own")
    parser.add_argument(
        "--state", type=Path, default=DEFAULT_STATE, help="folder of all that is started and made"
    )
    parser.add_argument("--yes", action="store_true", help="agree to install packages that are missing")
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
        return deploy.down(state, _say)
    if given.command == "status":
        return deploy.status(state, _say)
    stack_file = given.config or REPOSITORY / f"Pulumi.{given.stack}.yaml"
    try:
        target = deploy.Target(state, given.stack, stack_file, _say)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.command == "up":
        return target.up(given.kubeconfig, yes=given.yes)
    return target.preview()


def _say(line: str) -> None:
    print(f"{line}\n", end="", flush=True)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
