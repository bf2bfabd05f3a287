"""The local target, for the stack `local`. No other module of `ops` imports `local`, and this module does so
only when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ops.errors import OperatorError
from ops.stack_file import PROGRAM
from ops.terminal import say

if TYPE_CHECKING:
    from local.access import Access

DEFAULT_STATE = PROGRAM.parent / ".local"
"""The state folder of this checkout's local target."""


def find(state: Path) -> Access | None:
    """None while it does not run."""
    from local import access

    return access.find(state)


def require(state: Path) -> Access:
    """Raises OperatorError while it does not run."""
    running = find(state)
    if running is None:
        raise not_running(state)
    return running


def not_running(state: Path) -> OperatorError:
    return OperatorError(f"the local target does not run ({state}): start it with `make up`")


def emulator_arguments(state: Path) -> Mapping[str, str] | None:
    """Arguments of AWS clients; None while the emulator does not run."""
    from local.aws import emulator

    running = emulator.find(state)
    return running.credentials() if running else None


def edges(regions: Sequence[str], state: Path) -> tuple[Mapping[str, str], Path]:
    """Addresses of the load balancers and accelerators by DNS name, and the CA of the certificates. Raises
    OperatorError.
    """
    from local.machine.pki import Pki

    running = require(state)
    if missing := [region for region in regions if region not in running.edges]:
        raise OperatorError(
            f"the local target has no load balancer for {', '.join(missing)}, so nothing serves there"
        )
    first = {name: addresses[0] for name, addresses in running.accelerators.items()}
    return {**running.balancers, **first}, Pki(folder=state / "pki").authority


def program(name: str) -> str:
    """The path of a program that is built from its Go module on first use."""
    from local.programs import catalog

    return str(catalog.binary(name, say))


@dataclass(frozen=True, kw_only=True)
class LocalNodes:
    """The nodes of a region, or the node of its zone `zone`. All methods but `zones` raise OperatorError."""

    state: Path
    region: str
    zone: str = ""

    def __str__(self) -> str:
        return f"the node of zone {self.zone}" if self.zone else f"the nodes of {self.region}"

    @property
    def zones(self) -> tuple[str, ...]:
        from local.cluster.nodes import lifecycle

        zones = lifecycle.zones_with_nodes(self.state, self.region)
        return tuple(zone for zone in zones if self.zone in ("", zone))

    def stop(self) -> None:
        with self._faults() as faults:
            faults.stop(self.state, self.zones)

    def start(self, progress: Callable[[str], None]) -> None:
        with self._faults() as faults:
            faults.start(self.state, self.zones, progress)

    def cut(self) -> None:
        """Cut the region's nodes, their pods and load balancers off from everything else."""
        with self._faults() as faults:
            faults.cut(self.state, self.region)

    def reconnect(self) -> None:
        with self._faults() as faults:
            faults.reconnect(self.state, self.region)

    @contextmanager
    def _faults(self) -> Iterator[ModuleType]:
        from local.cluster.nodes import faults
        from local.machine.files import LocalError

        try:
            yield faults
        except (LocalError, OSError) as error:
            raise OperatorError(f"{self}: {error}") from error
