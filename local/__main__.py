"""`python -m local up|preview|destroy|down|status`: the platform on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

import pulumi

from engine.stack_file import load_stack_file, unknown_environment
from local.machine.files import DEFAULT_STATE, REPOSITORY, LocalError
from local.pulumi import tools
from local.up import deploy, offline_preview
from plan.names import LOCAL
from settings import SettingsError, from_config


def main(arguments: list[str] | None = None) -> int:
    """0: done; 1: failed; 2: invalid stack file or arguments; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=["up", "preview", "destroy", "down", "status"])
    parser.add_argument("--stack", default=LOCAL, help="environment (default: local)")
    parser.add_argument("--config", type=Path, help="stack file (default: Pulumi.<stack>.yaml)")
    parser.add_argument("--kubeconfig", type=Path, help="deploy to this running cluster, do not start one")
    parser.add_argument(
        "--state", type=Path, default=DEFAULT_STATE, help="folder for everything that is started and deployed"
    )
    parser.add_argument("--yes", action="store_true", help="install and download without asking")
    parser.add_argument(
        "--offline", action="store_true", help="preview without credentials, a cluster and the pulumi command"
    )
    args = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(args)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (LocalError, pulumi.RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the same command again, and it continues from here", file=sys.stderr)
        return 130


def _run(args: argparse.Namespace) -> int:
    state = args.state.resolve()
    if args.command == "down":
        deploy.down(state, _say)
    elif args.command == "status":
        deploy.status(state, _say)
    else:
        return _on_stack(args, state)
    return 0


def _on_stack(args: argparse.Namespace, state: Path) -> int:
    """A command that reads the stack file."""
    file = args.config or REPOSITORY / f"Pulumi.{args.stack}.yaml"
    try:
        config, secret_keys = load_stack_file(file)
        if unknown := unknown_environment(file):
            _say(unknown)
        from_config(config, args.stack)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.command == "preview" and args.offline:
        return offline_preview.preview(args.stack, config, secret_keys, deploy.PROGRAM, _say)
    if args.stack != LOCAL:
        tools.become_pulumi(args.command, args.stack)
    deployment = deploy.Deployment(state, file, _say, yes=args.yes)
    if args.command == "up":
        deployment.up(args.kubeconfig)
    elif args.command == "preview":
        deployment.preview()
    else:
        deployment.destroy()
    return 0


def _say(line: str) -> None:
    print(f"{line}\n", end="", flush=True)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
