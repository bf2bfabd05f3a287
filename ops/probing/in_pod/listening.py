"""Prints about this pod `{"addresses": […], "tcp": [port, …], "udp": [port, …], "nameservers": [address, …],
"neighbours": [MAC address, …]}`. The ports are those at which any of its containers listens, beyond loopback.
"""

import ipaddress
import json
from pathlib import Path

NET = Path("/proc/net")
LISTENING = {"tcp": "0A", "udp": "07"}


def rows(name: str) -> list[list[str]]:
    """Empty for a file of IPv6 that a kernel without IPv6 does not have."""
    file = NET / name
    if not file.exists() and name.endswith("6"):
        return []
    return [line.split() for line in file.read_text().splitlines()]


def is_loopback(hexadecimal: str) -> bool:
    """As the kernel writes addresses: words of 32 bits, each in the machine's order."""
    words = [bytes.fromhex(hexadecimal[at : at + 8])[::-1] for at in range(0, len(hexadecimal), 8)]
    ip = ipaddress.ip_address(b"".join(words))
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def ports(protocol: str) -> list[int]:
    open_ports = set()
    for fields in [*rows(protocol)[1:], *rows(f"{protocol}6")[1:]]:
        address, _, port = fields[1].partition(":")
        if fields[3] == LISTENING[protocol] and not is_loopback(address):
            open_ports.add(int(port, 16))
    return sorted(open_ports)


def addresses() -> list[str]:
    own, last = [], ""
    for fields in rows("fib_trie"):
        if fields[0] == "|--":
            last = fields[1]
        elif fields[:3] == ["/32", "host", "LOCAL"] and not last.startswith("127."):
            own.append(last)
    sixes = [str(ipaddress.ip_address(bytes.fromhex(fields[0]))) for fields in rows("if_inet6")]
    return sorted({*own, *sixes} - {"::1"})


def neighbours() -> list[str]:
    return sorted({fields[3] for fields in rows("arp")[1:]} - {"00:00:00:00:00:00"})


def nameservers() -> list[str]:
    lines = map(str.split, Path("/etc/resolv.conf").read_text().splitlines())
    return [fields[1] for fields in lines if fields[:1] == ["nameserver"]]


report = {"addresses": addresses(), "tcp": ports("tcp"), "udp": ports("udp")}
print(json.dumps({**report, "nameservers": nameservers(), "neighbours": neighbours()}))
