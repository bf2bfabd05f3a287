"""Files to be uploaded together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runtime.gate.snapshot.hashes import Stat

COPIES_BYTES = 64 << 20
"""Local copies that wait for their upload."""
MOST_FILES = 2000


@dataclass(kw_only=True)
class Batch:
    files: dict[str, Path] = field(default_factory=dict)
    """By key."""
    sizes: dict[str, int] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    """Hash by path, of files that go to their own path."""
    direct: dict[str, tuple[str, Stat]] = field(default_factory=dict)
    """Key and state by path, of files that are uploaded without a copy."""
    copied_bytes: int = 0
    """Of local copies."""

    def clear(self) -> None:
        for each in (self.files, self.sizes, self.bound, self.direct):
            each.clear()
        self.copied_bytes = 0

    @property
    def is_full(self) -> bool:
        return len(self.files) >= MOST_FILES or self.copied_bytes >= COPIES_BYTES
