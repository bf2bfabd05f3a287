"""The programs of `runtime/` as ConfigMaps, named by what they hold: another program rolls its pods."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
MOUNT = "/opt/agency"
"""Where the package `runtime` lies in a container; it is on PYTHONPATH there."""

ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/tmp",
    "PYTHONPATH": MOUNT,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program's modules: `runtime.<package>` and what all programs share."""

    package: str
    """`gate` or `controller`."""
    files: Mapping[str, str]
    """Source by path below MOUNT."""
    prefix: str

    @cached_property
    def name(self) -> str:
        """Of the ConfigMap: another content has another name."""
        digest = hashlib.sha256()
        for path, source in sorted(self.files.items()):
            digest.update(f"{path}\0{source}\0".encode())
        return f"{self.prefix}-{digest.hexdigest()[:8]}"

    def config_map(self, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": namespace, "labels": dict(labels)},
            # What never changes need not be watched by every kubelet.
            "immutable": True,
            "data": {_key(path): source for path, source in self.files.items()},
        }

    def volume(self, name: str) -> dict[str, Any]:
        """A pod's volume, with the modules where Python looks for them."""
        items = [{"key": _key(path), "path": path} for path in sorted(self.files)]
        return {"name": name, "configMap": {"name": self.name, "items": items}}


def _key(path: str) -> str:
    """A ConfigMap's keys have no slash."""
    return path.replace("/", ".")


@cache
def gate() -> Program:
    return _read("gate", prefix="gate")


@cache
def failover_controller() -> Program:
    return _read("controller", prefix="failover-controller")


def _read(package: str, *, prefix: str) -> Program:
    found = [*RUNTIME.glob("*.py"), *(RUNTIME / package).rglob("*.py")]
    files = {
        str(path.relative_to(RUNTIME.parent)): path.read_text(encoding="utf-8") for path in sorted(found)
    }
    return Program(package=package, files=files, prefix=prefix)
