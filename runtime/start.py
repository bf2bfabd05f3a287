"""Runs a module of the programs that are packed beside it: `python3 start.py runtime.gate`.

A ConfigMap with a program stands in every company's namespace and twice in the stack's state, so it is
packed. The modules are imported from memory: nothing that shares the pod's `/tmp` can change them.
"""

from __future__ import annotations

import bz2
import json
import runpy
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

PACKED = "programs"


class Programs(MetaPathFinder, ExecutionLoader):
    """Finds and loads modules from `sources`: texts by path, with `/`."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if self._path(fullname) in self._sources else None

    def is_package(self, fullname: str) -> bool:
        return self._path(fullname).endswith("/__init__.py")

    def get_filename(self, fullname: str) -> str:
        return self._path(fullname)

    def get_source(self, fullname: str) -> str:
        try:
            return self._sources[self._path(fullname)]
        except KeyError:
            raise ImportError(f"no {fullname} in {PACKED}") from None

    def _path(self, name: str) -> str:
        path = name.replace(".", "/")
        package = f"{path}/__init__.py"
        return package if package in self._sources else f"{path}.py"


def main() -> None:
    packed = Path(__file__).with_name(PACKED).read_bytes()
    sys.meta_path.insert(0, Programs(json.loads(bz2.decompress(packed))))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
