"""`python -m ops <command>`.

Exit codes: 0 done; 1 AWS or a cluster failed; 2 the call or the stack file is wrong; 3 there is nothing to
restore; 4 not confirmed, nothing was done; 5 the gate has not carried out the request in time, the request
stays; 6 a check of `validate` or `doctor` failed, or a promise in a `drill`; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

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


COMMANDS = {
    "render": ("ops.render", "write the resources of a stack file to files; changes nothing else"),
    "restore": ("ops.restore", "restore a company's memory to a point in time"),
    "accept-shrink": ("ops.accept_shrink", "let checkpoints shrink, after a loss that was intended"),
    "move-zone": ("ops.move_zone", "bring a company up in another availability zone of its region"),
    "backfill": ("ops.backfill", "copy the objects that buckets had before a region joined"),
    "validate": ("ops.validate", "check a running platform: isolation, persistence, sidecars, pillars"),
    "doctor": ("ops.doctor.command", "check that clusters and account have what a stack needs"),
    "deployer-policy": ("ops.deployer_policy", "print the IAM policy that whoever deploys a stack needs"),
    "topology": ("ops.topology", "draw a stack: DNS, regions, clusters, companies, replication"),
    "pin-images": ("ops.pin_images", "write the digests of a stack's images into its stack file"),
    "import-values": (
        "ops.import_values",
        "make a stack file from the values of the application's Helm chart",
    ),
    "drill": ("ops.drill.command", "take a region down, measure the failover, and bring the region back"),
    "mcp": ("ops.mcp.command", "serve status, validation and outage drills to agents over MCP"),
}
"""The module of each command, with `add_arguments` and `run`, and its help."""


def parser() -> argparse.ArgumentParser:
    parser_ = argparse.ArgumentParser(
        prog="python -m ops", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser_.add_subparsers(required=True, metavar="command")
    for name, (path, help) in COMMANDS.items():
        module = import_module(path)
        command = commands.add_parser(name, help=help, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser_


if __name__ == "__main__":
    sys.exit(main())
