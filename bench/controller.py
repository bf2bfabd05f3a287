"""What one failover controller costs: the process itself, against a real API server and pretended workloads.

It leads, so it does all that a controller does while nothing fails: it probes, renews its Lease, reads the
flags, looks at a few companies and gates in turn.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.cluster import control_plane
from local.machine.processes import Processes
from runtime.controller.config import load_config
from runtime.controller.survey import IN_TURN
from tests.controller.acting.deployed import Cluster
from tests.controller.acting.replicas import SECRET, Controllers, Replica, controllers
from tests.controller.acting.workloads import pretended
from tests.services import until

COMPANIES = 500
REGIONS = ("ap-southeast-1", "eu-west-1", "sa-east-1", "us-east-1", "us-west-2")
SECONDS = 60.0
MOST_MEGABYTES, MOST_PERCENT = 40, 2
"""Limits: of memory, and of one core."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    probes: int
    """In a round."""
    rounds: int
    megabytes: float
    """Resident at most, since it was started."""
    percent: float
    """Of one core."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, _started(Path(folder)) as found:
        leader = found.replicas[0]
        until(lambda: leader.leads() and _rounds(leader) > 1, "it leads")
        until(lambda: leader.status()["pending"] == 0, "it has seen every company")
        cost = measure(leader, SECONDS)
    print(
        f"controller, {COMPANIES} companies × {len(REGIONS)} regions, {cost.probes} probes a round, over"
        f" {SECONDS:.0f} s ({cost.rounds} rounds): {cost.megabytes:.1f} MB, {cost.percent:.2f} % of a core",
        flush=True,
    )
    print(f"to hold: under {MOST_MEGABYTES} MB, under {MOST_PERCENT} % of a core")


@contextmanager
def _started(folder: Path) -> Iterator[Controllers]:
    """A controller at its default settings; its companies exist, and those that it asks answer."""
    try:
        cluster = Cluster(control_plane.start(folder / "cluster", lambda line: None))
        names = cluster.fresh(COMPANIES, "bench")
        cluster.add(names, pods=0)
        companies = {name: {"regions": REGIONS} for name in names}
        settings = {"regions": REGIONS, "all": REGIONS, "intervalSeconds": 5, "timeoutSeconds": 1}
        with (
            pretended(folder) as workloads,
            controllers(cluster, folder / "controller", workloads.hosts, companies, **settings) as found,
        ):
            samples = load_config(folder / "controller" / "settings", SECRET).samples
            for region, sample in samples.items():
                for name in sample:
                    workloads.add(region, name)
            found.start("bench")
            yield found
    finally:
        Processes(folder / "cluster").stop_all()


def measure(replica: Replica, seconds: float) -> Cost:
    began, before, first = time.monotonic(), _cpu_seconds(replica), _rounds(replica)
    time.sleep(seconds)
    percent = 100 * (_cpu_seconds(replica) - before) / (time.monotonic() - began)
    regions = replica.status()["round"]["regions"].values()
    assert all(one["serving"] and not one["failed"] for one in regions), "something did not answer"
    return Cost(
        probes=2 * sum(one["sampled"] + IN_TURN for one in regions),
        rounds=_rounds(replica) - first,
        megabytes=_peak_megabytes(replica),
        percent=percent,
    )


def _rounds(replica: Replica) -> int:
    """How many rounds it has made."""
    text = replica.get("/metrics", inside=True)[1]
    found = [line for line in text.splitlines() if line.startswith("agency_controller_rounds_total ")]
    return int(float(found[0].split()[1])) if found else 0


def _cpu_seconds(replica: Replica) -> float:
    """In user and in kernel mode (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{replica.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_megabytes(replica: Replica) -> float:
    lines = Path(f"/proc/{replica.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main()
