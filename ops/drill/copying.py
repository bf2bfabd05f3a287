"""The copies of a company's memory in the bucket of another region, where it would be taken from."""

from __future__ import annotations

from typing import Protocol

from ops.aws import Reach
from ops.drill.record import Copied, Record
from ops.drill.scene import Tenant
from ops.drill.watching import Stage
from ops.errors import OperatorError
from ops.memory import BRAIN, Memory
from ops.stack import Stack
from ops.vault import Stored, Vault
from runtime.gate.storage.keys import CheckpointId

LOOK_SECONDS = 2.0


class Copies(Protocol):
    def newest(self, tenant: Tenant, region: str) -> float | None:
        """When the newest whole copy of what the tenant's home region wrote was made, of those in the
        region's bucket: UTC in seconds; None: there is none. Raises OperatorError.
        """


class Copying:
    """Looks for copies, time and again."""

    every = LOOK_SECONDS

    def __init__(self, copies: Copies, tenant: Tenant, region: str, stage: Stage, record: Record) -> None:
        self._copies, self._tenant, self._region = copies, tenant, region
        self._stage, self._record = stage, record

    def turn(self) -> None:
        try:
            made = self._copies.newest(self._tenant, self._region)
        except OperatorError:
            return  # What is not seen in time is told as such.
        if made is not None:
            now, utc = self._stage.now(), self._stage.utc()
            self._record.add(
                Copied(company=self._tenant.namespace, region=self._region, at=now, made=now - (utc - made))
            )


class BucketCopies:
    def __init__(self, stack: Stack, reach: Reach) -> None:
        self._stack, self._reach = stack, reach
        self._vaults: dict[tuple[str, str], Vault] = {}
        self._whole: dict[tuple[str, str], CheckpointId] = {}
        """The newest that was found to be whole."""

    def newest(self, tenant: Tenant, region: str) -> float | None:
        key = tenant.namespace, region
        vault = self._vaults.get(key)
        if vault is None:
            vault = self._vaults[key] = self._vault(tenant, region)
        known = self._whole.get(key)
        newer = sorted((id for id in vault.own_ids() if known is None or id > known), reverse=True)
        if newer:
            listing = vault.list()
            for id in newer:
                if listing.judge(Stored(writer=tenant.home, id=id)).whole:
                    self._whole[key] = known = id
                    break
        return None if known is None else known.at / 1000

    def _vault(self, tenant: Tenant, region: str) -> Vault:
        memory = Memory(
            company=tenant.name,
            namespace=tenant.namespace,
            component=BRAIN,
            region=tenant.home,
            chosen="",
            bucket=self._stack.bucket(region),
            writers=(tenant.home,),
        )
        return Vault(self._reach.client("s3", region), memory)
