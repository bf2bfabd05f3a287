"""The programs of `runtime/` as ConfigMaps. The name has a digest of the content: a change rolls the pods."""

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

from plan.names import PROGRAMS_FOLDER
from runtime.start import PACKED

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
START = "start.py"
"""The module of `runtime/` that lies beside the packed programs and imports them."""

ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program's modules: `runtime.<package>`, and those that all programs share."""

    package: str
    """`gate` or `controller`."""
    files: Mapping[str, str]
    """Sources by path."""
    prefix: str

    @cached_property
    def name(self) -> str:
        """The ConfigMap's name, with a digest of its content."""
        digest = hashlib.sha256()
        for path, source in sorted({**self.files, START: _starter()}.items()):
            digest.update(f"{path}\0{source}\0".encode())
        return f"{self.prefix}-{digest.hexdigest()[:8]}"

    def config_map(self, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": namespace, "labels": dict(labels)},
            # The kubelets need not watch an immutable ConfigMap.
            "immutable": True,
            "data": {START: _starter()},
            "binaryData": {PACKED: self._packed},
        }

    def volume(self, name: str) -> dict[str, Any]:
        return {"name": name, "configMap": {"name": self.name}}

    @cached_property
    def _packed(self) -> str:
        """Packed by bzip2, whose output is the same everywhere: zlib's differs between builds."""
        packed = bz2.compress(json.dumps(self.files, sort_keys=True).encode())
        return base64.b64encode(packed).decode()


def command(module: str) -> list[str]:
    """The command of a container that mounts the volume at PROGRAMS_FOLDER."""
    return ["python3", f"{PROGRAMS_FOLDER}/{START}", module]


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
    shared = [*RUNTIME.glob("*.py"), *RUNTIME.glob("contracts/*.py")]
    files = {
        str(path.relative_to(RUNTIME.parent)): path.read_text(encoding="utf-8")
        for path in sorted([*shared, *(RUNTIME / package).rglob("*.py")])
        if path != RUNTIME / START
    }
    return Program(package=package, files=files, prefix=prefix)
