"""The kinds of faults that a drill can inject into a region."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

RETRY_SECONDS = 60.0
PAUSE_SECONDS = 1.0


class FaultKind(StrEnum):
    """The values are those of `--way`."""

    SCALE = "scale"
    NODE = "node"
    ZONE = "zone"
    NETWORK = "network"
    GRAY = "gray"


LOCAL_FAULTS = (FaultKind.NODE, FaultKind.ZONE, FaultKind.NETWORK)
"""Only on the local target."""
NAMES: Mapping[FaultKind, str] = {
    FaultKind.SCALE: "workloads scaled away",
    FaultKind.NODE: "nodes stopped",
    FaultKind.ZONE: "zone lost",
    FaultKind.NETWORK: "network cut",
    FaultKind.GRAY: "gray failure",
}
DESCRIPTIONS: Mapping[FaultKind, str] = {
    **NAMES,
    FaultKind.ZONE: "availability zone lost: its node is stopped, its companies move to another zone",
    FaultKind.GRAY: "gray failure: it accepts connections and does not answer",
}


class Fault(Protocol):
    """A change that would outlive the drill is in the journal before it is made. Removing a fault twice does
    no harm."""

    @property
    def cut_off(self) -> bool:
        """Whether the region's nodes cannot learn of its flag meanwhile."""

    def prepare(self) -> None:
        """Do what takes time and changes nothing. Raises OperatorError."""

    def inject(self) -> str:
        """Take the region down; returns what was done. Raises OperatorError."""

    def bring_back(self) -> str:
        """While the fault lasts: bring back what its end does not; returns what was done, empty for nothing.
        Raises OperatorError.
        """

    def remove(self) -> str:
        """Put everything back, also after half an injection; returns what was done. Raises OperatorError with
        what is left to do."""


def retried(job: Callable[[], None]) -> str:
    """Do the job, again for RETRY_SECONDS while it fails; returns the last problem, empty when it is done."""
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            job()
            return ""
        except Exception as error:
            if time.monotonic() >= deadline:
                return str(error)
        time.sleep(PAUSE_SECONDS)
