"""The rules of the kernel's packet filter that pass connections on (iptables-extensions, DNAT and SNAT).

The kernel decides by a connection's first packet, and remembers the decision: other rules apply to new
connections alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.cluster.accelerators.routes import Route
from local.cluster.model import INTERFACE
from local.machine.commands import run


def prepare() -> None:
    """Let this network namespace forward packets, and tell no sender of a shorter way."""
    settings = Path("/proc/sys/net/ipv4")
    settings.joinpath("ip_forward").write_text("1")
    for interface in ("all", INTERFACE):
        settings.joinpath("conf", interface, "send_redirects").write_text("0")


def apply(routes: Mapping[Route, str], source: str) -> None:
    """Replace all rules at once. `source`: the address from which load balancers get packets."""
    run(["iptables-restore", "--wait"], input=rules(routes, source))


def rules(routes: Mapping[Route, str], source: str) -> str:
    """The input of `iptables-restore`."""
    passed = [
        f"-A PREROUTING -d {address}/32 -p tcp -m tcp --dport {first}:{last}"
        f" -j DNAT --to-destination {target}"
        for (address, first, last), target in sorted(routes.items())
    ]
    lines = [
        "*nat",
        ":PREROUTING ACCEPT",
        ":POSTROUTING ACCEPT",
        *passed,
        f"-A POSTROUTING -m conntrack --ctstate DNAT -j SNAT --to-source {source}",
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"
