"""What to do when the API refuses something for the sake of kept data: said beside the API's own words."""

from __future__ import annotations

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, ResourceHookBinding


class Advice:
    """The error hooks of a program's run: they explain, and never retry."""

    def __init__(self) -> None:
        self.volume = ResourceHookBinding(on_error=[ErrorHook("volume-is-fixed", _volume)])
        self.bucket = ResourceHookBinding(on_error=[ErrorHook("bucket-was-kept", _bucket)])


def _volume(args: ErrorHookArgs) -> bool:
    pulumi.log.error(
        f"{args.name}: an existing volume keeps its storage class and its access mode, and only grows."
        " This volume was not changed. Set storageClass, accessMode and storage back to what they were; to"
        " move the data, add a region with the new class and retire this one."
    )
    return False


def _bucket(args: ErrorHookArgs) -> bool:
    region, _, _ = args.name.partition("-replication")
    pulumi.log.error(
        f"{args.name}: if this bucket was kept when {region} left the stack, take it back with `adopt: true`"
        f" under digital-agency:regions, name: {region}."
    )
    return False
