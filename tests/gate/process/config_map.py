"""A folder that changes as the kubelet changes a mounted ConfigMap: all of it at one moment."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path


class ConfigMapFolder:
    """Its names are links into `..data`, a link to a folder that is never changed, only replaced."""

    def __init__(self, path: Path, data: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._numbers = itertools.count(1)
        self.replace(data or {})

    def replace(self, data: Mapping[str, str]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        version = self.path / f"..version_{next(self._numbers)}"
        version.mkdir()
        for name, text in data.items():
            (version / name).write_text(text)
        now = self.path / "..data"
        before = now.resolve() if now.exists() else None
        beside = self.path / "..data_tmp"
        beside.symlink_to(version.name)
        beside.rename(now)
        for name in data:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        for entry in self.path.iterdir():
            if not entry.name.startswith("..") and entry.name not in data:
                entry.unlink()
        if before is not None:
            shutil.rmtree(before)
