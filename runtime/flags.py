"""The flags as the controller writes and the gates read them: failed regions, exact names, one a line."""

from __future__ import annotations

CONFIG_MAP = "failed-regions"
"""In the system namespace, and in that of each company."""
KEY = "failedRegions"
ANNOTATION = "agency.global/failed-regions"
"""A pod's flags when it was touched last. Its change makes the kubelet renew the mounted ConfigMap."""


def parse(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.splitlines() if line.strip())
