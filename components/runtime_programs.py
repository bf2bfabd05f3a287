"""The programs of `runtime/` as ConfigMaps, named by what they hold: another program rolls its pods."""

from __future__ import annotations

import base64
import bz2
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from runtime.start import PACKED

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
START = "start.py"
"""Of `runtime/`: stands beside the packed programs, and imports them from there."""
MOUNT = "/opt/agency"

ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program's modules: `runtime.<package>` and what all programs share."""

    package: str
    """`gate` or `controller`."""
    files: Mapping[str, str]
    """Sources by path."""
    prefix: str

    @cached_property
    def name(self) -> str:
        """Of the ConfigMap: another content has another name."""
        digest = hashlib.sha256()
        for path, source in sorted({**self.files, START: _starter()}.items()):
            digest.update(f"{path}\0{source}\0".encode())
        return f"{self.prefix}-{digest.hexdigest()[:8]}"

    def config_map(self, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": namespace, "labels": dict(labels)},
            # What never changes need not be watched by every kubelet.
            "immutable": True,
            "data": {START: _starter()},
            "binaryData": {PACKED: self._packed},
        }

    def volume(self, name: str) -> dict[str, Any]:
        return {"name": name, "configMap": {"name": self.name}}

    @cached_property
    def _packed(self) -> str:
        """By bzip2, whose output is the same everywhere: zlib's differs from build to build."""
        packed = bz2.compress(json.dumps(self.files, sort_keys=True).encode())
        return base64.b64encode(packed).decode()


def command(module: str) -> list[str]:
    """Of a container that has the volume mounted at MOUNT."""
    return ["python3", f"{MOUNT}/{START}", module]


@cache
def gate() -> Program:
    return _read("gate", prefix="gate")


@cache
def failover_controller() -> Program:
    return _read("controller", prefix="failover-controller")


@cache
def _starter() -> str:
    return (RUNTIME / START).read_text(encoding="utf-8")


def _read(package: str, *, prefix: str) -> Program:
    shared = [path for path in RUNTIME.glob("*.py") if path.name != START]
    files = {
        str(path.relative_to(RUNTIME.parent)): path.read_text(encoding="utf-8")
        for path in sorted([*shared, *(RUNTIME / package).rglob("*.py")])
    }
    return Program(package=package, files=files, prefix=prefix)
