"""What happens to a company in two regions."""

from __future__ import annotations

from tests.gate.handover.buckets import Buckets
from tests.gate.handover.gates import Gate
from tests.gate.handover.memories import EU, US

ORDER = (US, EU)


def flag(region: str, *gates: Gate) -> None:
    for gate in gates:
        gate.flags |= {region}


def clear(region: str, *gates: Gate) -> None:
    for gate in gates:
        gate.flags -= {region}


def both(us: Gate, eu: Gate, buckets: Buckets, times: int = 1) -> None:
    for _ in range(times):
        us.round()
        buckets.replicate()
        eu.round()
        buckets.replicate()


def failover(us: Gate, eu: Gate, buckets: Buckets) -> None:
    flag(US, us, eu)
    us.round()
    eu.round(2)
    assert eu.ready and not us.ready
    buckets.replicate()


def failback(us: Gate, eu: Gate, buckets: Buckets) -> None:
    clear(US, us, eu)
    assert not us.ready
    eu.round()
    us.round(3)
    assert us.ready
    buckets.replicate()
