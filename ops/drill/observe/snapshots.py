"""The snapshots of a company's memory in another region's bucket, from where that region would restore it."""

from __future__ import annotations

from dataclasses import replace

from ops.aws import AwsAccess
from ops.checkpoints import CheckpointStore, Listing, Stored
from ops.drill.observe.clock import Clock
from ops.drill.observe.record import BucketSnapshot, Record
from ops.drill.scenario import Tenant
from ops.errors import OperatorError
from ops.memory import BRAIN, memory_in
from ops.stack import Stack
from runtime.gate.storage.keys import CheckpointId

EVERY_SECONDS = 2.0


class ScanningBucket:
    """A task that looks for newer snapshots."""

    every = EVERY_SECONDS

    def __init__(
        self, snapshots: BucketSnapshots, tenant: Tenant, region: str, clock: Clock, record: Record
    ) -> None:
        self._snapshots, self._tenant, self._region = snapshots, tenant, region
        self._clock, self._record = clock, record

    def turn(self) -> None:
        try:
            made = self._snapshots.newest(self._tenant, self._region)
        except OperatorError:
            return  # A snapshot that is not found in time is reported anyway.
        if made is not None:
            now, age = self._clock.now(), self._clock.utc() - made
            snapshot = BucketSnapshot(
                company=self._tenant.namespace, region=self._region, at=now, created=now - age
            )
            self._record.add(snapshot)


class BucketSnapshots:
    def __init__(self, stack: Stack, access: AwsAccess) -> None:
        self._stack, self._access = stack, access
        self._stores: dict[tuple[str, str], CheckpointStore] = {}
        self._complete: dict[tuple[str, str], CheckpointId] = {}
        """The newest complete checkpoint so far."""

    def newest(self, tenant: Tenant, region: str) -> float | None:
        """When the usual region created its newest snapshot that is complete in the region's bucket: UTC in
        seconds; None without one. Raises OperatorError."""
        key = tenant.namespace, region
        if key not in self._stores:
            self._stores[key] = store_of(
                self._stack, self._access, tenant.namespace, tenant.usual_region, region
            )
        store, known = self._stores[key], self._complete.get(key)
        newer = sorted((id for id in store.own_ids() if known is None or id > known), reverse=True)
        if newer:
            listing = store.list()
            known = next((id for id in newer if _is_complete(listing, tenant, id)), known)
        if known is None:
            return None
        self._complete[key] = known
        return known.at / 1000


def _is_complete(listing: Listing, tenant: Tenant, id: CheckpointId) -> bool:
    return listing.inspect(Stored(writer=tenant.usual_region, id=id)).complete


def store_of(stack: Stack, access: AwsAccess, namespace: str, writer: str, region: str) -> CheckpointStore:
    """The snapshots that the Brain of the region `writer` made, in the bucket of `region`."""
    memory = memory_in(stack, stack.company(namespace), BRAIN, writer)
    memory = replace(memory, bucket=stack.bucket(region), writers=(writer,))
    return CheckpointStore(access.client("s3", region), memory)
