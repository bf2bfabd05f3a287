"""What to do when the API rejects a change in order to keep data: logged beside the API's own error."""

from __future__ import annotations

import pulumi
from pulumi import ErrorHook, ErrorHookArgs, ResourceHookBinding


class Advice:
    """The error hooks of a program's run. They log what to do, and never retry."""

    def __init__(self) -> None:
        self.volume = ResourceHookBinding(on_error=[ErrorHook("volume-is-fixed", _volume)])
        self.bucket = ResourceHookBinding(on_error=[ErrorHook("bucket-was-kept", _bucket)])


def _volume(args: ErrorHookArgs) -> bool:
    pulumi.log.error(
        f"{args.name}: an existing volume keeps its storage class and its access mode, and cannot shrink."
        " This volume was not changed. Set storageClass, accessMode and storage back to their former values."
        " To move the data, add a region with the new class and retire this one."
    )
    return False


def _bucket(args: ErrorHookArgs) -> bool:
    region = (args.new_inputs or args.old_inputs or {})["region"]
    pulumi.log.error(
        f"{args.name}: if this bucket was kept when {region} left the stack, adopt it with `adopt: true`"
        f" under digital-agency:regions, name: {region}."
    )
    return False
