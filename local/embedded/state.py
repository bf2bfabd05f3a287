"""What the embedded engine made: a file that is whole after a crash at any moment."""

from __future__ import annotations

import json
import secrets
import threading
from pathlib import Path
from typing import Any

from local.files import write_atomically

Entry = dict[str, Any]
"""A resource: urn, type, name, id, inputs (without secrets), outputs, home, provider, dependencies, protect,
retain; `pending` ("create", "update") while a call is under way; `token` names a creation to the API."""


class State:
    """Entries by URN. `doomed` are those that were replaced and are still to be deleted.

    What is put or dropped is on the disk when the method returns. Changes that arrive while the file is being
    written go together in the next write.
    """

    def __init__(self, path: Path) -> None:
        held = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.path = path
        self.salt: str = held.get("salt") or secrets.token_hex(16)
        self.resources: dict[str, Entry] = held.get("resources", {})
        self.doomed: list[Entry] = held.get("doomed", [])
        self._lock, self._writing = threading.RLock(), threading.Lock()
        self._changed = self._written = 0

    def find(self, urn: str, aliases: tuple[str, ...]) -> Entry | None:
        """The entry of `urn`; else of the first alias that has one, which from now on has `urn`."""
        with self._lock:
            for alias in aliases:
                if urn not in self.resources and alias in self.resources:
                    self.resources[urn] = self.resources.pop(alias) | {"urn": urn}
            return self.resources.get(urn)

    def put(self, entry: Entry, doomed: Entry | None = None, *, save: bool = True) -> Entry:
        """Keep `entry`, and `doomed` if it replaces that, in one step; returns it."""
        with self._lock:
            self.resources[entry["urn"]] = entry
            self.doomed += [doomed] if doomed else []
        if save:
            self.save()
        return entry

    def drop(self, entry: Entry) -> None:
        """Forget what was deleted or left alone."""
        with self._lock:
            if self.resources.get(entry["urn"]) is entry:
                del self.resources[entry["urn"]]
            self.doomed = [one for one in self.doomed if one is not entry]
        self.save()

    def save(self) -> None:
        """Write what was changed until now."""
        with self._lock:
            self._changed += 1
            wanted = self._changed
        with self._writing:
            if self._written >= wanted:
                return
            with self._lock:
                current = self._changed
                held = {"salt": self.salt, "resources": self.resources, "doomed": self.doomed}
                text = json.dumps(held, separators=(",", ":"))
            write_atomically(self.path, text)
            self._written = current
