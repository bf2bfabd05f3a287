"""What a machine looks like from outside: whatever a cluster of nodes could leave on it."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import suppress
from pathlib import Path

from local.cluster import network_policies
from local.cluster.control_plane import KUBECONFIG
from local.cluster.nodes import lifecycle

COUNTERS = re.compile(r" \[\d+:\d+\]$")
RULE = re.compile(r"-A|:\S+ - ")
"""A rule, or a chain of a program, in any table."""
SETTINGS = (
    "ipv4/ip_forward",
    "ipv4/conf/all/rp_filter",
    "ipv6/conf/all/disable_ipv6",
    "bridge/bridge-nf-call-iptables",
)


def seen() -> dict[str, set[str]]:
    """Mounts, interfaces, addresses, routes, packet filter rules, control groups, sockets and settings."""
    return {
        "mounts": set(Path("/proc/self/mounts").read_text().splitlines()),
        "links": {each["ifname"] for each in _ip("link")},
        "routes": {f"{each['dst']} {each.get('dev')}" for each in _ip("route")},
        "rules": set(_rules()),
        "control groups": {str(path) for path in Path("/sys/fs/cgroup").glob("*/*") if path.is_dir()},
        "run": {str(path) for path in Path("/run").glob("*")},
        "settings": {f"{each} {_setting(each)}" for each in SETTINGS},
    }


def left(before: dict[str, set[str]]) -> dict[str, set[str]]:
    """The differences between now and before, in both directions."""
    now = seen()
    return {what: now[what] ^ before[what] for what in now if now[what] != before[what]}


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that were started for a state folder, as far as they can be read."""
    command_lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            process_data = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in process_data:
            command_lines.append(
                process_data.partition(b"\0\0")[0].replace(b"\0", b" ").decode(errors="replace")[:200]
            )
    return command_lines


def decider_of(state: Path, zone: str) -> int:
    """The process that decides about packets on a zone's node."""
    wanted = {f"--node={lifecycle.name_of(zone)}", f"--kubeconfig={state.resolve() / KUBECONFIG}"}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = process.joinpath("cmdline").read_text(errors="replace").split("\0")
            if words[0].endswith(network_policies.PROGRAM) and wanted <= set(words):
                return int(process.name)
    raise AssertionError(f"nobody decides on the node of {zone}")


def _ip(what: str) -> list[dict[str, str]]:
    answer = subprocess.run(["ip", "-json", what], capture_output=True, text=True, check=True)
    return list(json.loads(answer.stdout or "[]"))


def _setting(name: str) -> str:
    file = Path("/proc/sys/net", name)
    return file.read_text() if file.exists() else ""


def _rules() -> list[str]:
    lines: list[str] = []
    for program in ("iptables-save", "ip6tables-save"):
        saved = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
        lines += [f"{program} {COUNTERS.sub('', line)}" for line in saved if RULE.match(line)]
    return lines
