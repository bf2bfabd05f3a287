"""The checkpoints of a site's volumes, as its own region wrote them into its own bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.validation.verdicts import Failure
from ops.vault import Stored, Vault
from runtime.gate.snapshot.checkpoint import Checkpoint
from runtime.gate.storage.keys import CheckpointId

if TYPE_CHECKING:
    from ops.validation.pod_sites import PodSite


def newest(site: PodSite, vault: Vault) -> Checkpoint | None:
    """The newest one; None where there is none yet. Raises as `read` does."""
    id = vault.newest()
    return None if id is None else read(site, vault, id)


def read(site: PodSite, vault: Vault, id: CheckpointId) -> Checkpoint:
    """Raises Failure for one that is none, OperatorError when S3 does not answer."""
    try:
        return vault.read(Stored(writer=vault.memory.region, id=id))
    except ValueError as error:
        raise Failure(f"{vault.memory.name}: {error}", site.look("gate")) from error
