"""`python -m ops <command>`.

Exit codes: 0 done; 1 AWS or a cluster failed; 2 the call or the stack file is wrong; 3 there is nothing to
restore; 4 not confirmed, nothing was done; 5 the gate has not carried out the request in time, the request
stays; 6 a check of `validate` or `doctor` failed, or a promise in a `drill`; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ops.errors import INTERRUPTED, WRONG_CALL, OperatorError
from ops.stack_file import StackFileError
from ops.terminal import complain


def main(argv: list[str] | None = None) -> int:
    try:
        arguments = parser().parse_args(argv)
        return int(arguments.run(arguments))
    except StackFileError as error:
        complain(error)
        return WRONG_CALL
    except OperatorError as error:
        complain(f"error: {error}")
        return error.code
    except KeyboardInterrupt:
        print("interrupted; a request that was already sent, or a job, stays", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    from ops import (
        accept_shrink,
        backfill,
        deployer_policy,
        import_values,
        move_zone,
        pin_images,
        restore,
        topology,
        validate,
    )
    from ops.doctor import command as doctor
    from ops.drill import command as drill
    from ops.mcp import command as mcp

    parser_ = argparse.ArgumentParser(
        prog="python -m ops", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser_.add_subparsers(required=True, metavar="command")
    command = commands.add_parser(
        "render", help="write the resources of a stack file to files; changes nothing else"
    )
    command.add_argument("--config", type=Path, required=True, help="a stack file, such as Pulumi.prod.yaml")
    command.add_argument("--out", type=Path, required=True, help="the folder for the files")
    command.add_argument("--stack", help="default: <stack> of Pulumi.<stack>.yaml, else dev")
    command.set_defaults(run=_render)
    for name, module, help in (
        ("restore", restore, "restore a company's memory to a point in time"),
        (
            "accept-shrink",
            accept_shrink,
            "let checkpoints shrink, after a loss that was intended",
        ),
        ("move-zone", move_zone, "bring a company up in another availability zone of its region"),
        ("backfill", backfill, "copy the objects that buckets had before a region joined"),
        ("validate", validate, "check a running platform: isolation, persistence, sidecars, pillars"),
        ("doctor", doctor, "check that clusters and account have what a stack needs"),
        ("deployer-policy", deployer_policy, "print the IAM policy that whoever deploys a stack needs"),
        ("topology", topology, "draw a stack: DNS, regions, clusters, companies, replication"),
        ("pin-images", pin_images, "write the digests of a stack's images into its stack file"),
        ("import-values", import_values, "make a stack file from the values of the application's Helm chart"),
        ("drill", drill, "take a region down, measure the failover, and bring the region back"),
        ("mcp", mcp, "serve status, validation and outage drills to agents over MCP"),
    ):
        command = commands.add_parser(name, help=help, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser_


def _render(arguments: argparse.Namespace) -> int:
    from ops.render import render
    from ops.stack_file import record, stack_of

    stack = stack_of(arguments.config, arguments.stack)
    print(f"rendering {arguments.config} as stack {stack} …", flush=True)
    recorder = record(arguments.config, stack)
    for severity, text, _ in recorder.messages:
        complain(f"{severity}: {text}")
    objects, resources = render(recorder, arguments.out)
    print(f"{objects} Kubernetes objects and {resources} AWS resources in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
