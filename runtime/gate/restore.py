"""`python -m runtime.gate.restore`, the init container: nothing of the application runs yet.

An exchange that was broken off is finished; an empty volume is filled from the best checkpoint that is whole;
a `graph.json` that does not parse is put back. Ends with 1, and lines that say why, when that cannot be done:
the kubelet tries again.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runtime.gate import durable
from runtime.gate.application import Application
from runtime.gate.checkpoint import Checkpoint, StoredFile
from runtime.gate.choosing import best_first, descends
from runtime.gate.durable import sync_folder
from runtime.gate.memory import Memory, State, point, standing
from runtime.gate.settings import GateSettings, environment, load_settings
from runtime.gate.sources import Found, Look, Sources, Stores, pairs
from runtime.gate.standby import Standby, holds
from runtime.gate.store import Interrupted, StoreError
from runtime.gate.stores import BucketStores
from runtime.gate.swap import Swap
from runtime.gate.taking import BROKEN_MARK, Parts, build, line_is_held, state_after
from runtime.gate.volume import GATE, GRAPH, Volume, parses_graph
from runtime.logs import log

PEER_SECONDS = 15.0
"""For each look at another region's bucket."""


class Refusal(Exception):
    """The volume cannot be made right; the message has a line for each thing that is missing."""


def restore(volume: Volume, settings: GateSettings, stores: Stores) -> None:
    """Raises Refusal, and OSError for the volume's sake."""
    parts = _parts(volume, settings, stores)
    if parts.swap.unfinished:
        log("restore", message="an exchange of the memory was broken off: it is finished now")
    parts.swap.place()
    parts.swap.settle()
    parts.standby.tidy()
    if not settings.buckets:
        return
    if volume.empty():
        _fill(parts, settings)
    else:
        _mend(parts, settings)


def main() -> int:
    told = environment()
    interrupt = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: interrupt.set())
    try:
        settings = load_settings(told.settings)
        stores = BucketStores(told.rclone, lambda: settings, interrupt)
        restore(Volume(told.volume, settings.component), settings, stores)
    except (Refusal, OSError, ValueError, KeyError) as error:
        for line in str(error).splitlines() or [repr(error)]:
            log("restore", level="error", message=line)
        return 1
    except Interrupted:
        log("restore", level="warning", message="told to stop; it goes on where it was")
        return 1
    return 0


def _parts(volume: Volume, settings: GateSettings, stores: Stores) -> Parts:
    nobody = Application(())
    return Parts(
        volume=volume,
        memory=Memory(volume.root),
        standby=Standby(volume, settings.component),
        swap=Swap(volume, component=settings.component, region=settings.region, application=nobody),
        sources=Sources(stores),
        stores=stores,
        record=_record,
    )


def _fill(parts: Parts, settings: GateSettings) -> None:
    """An empty volume: from the best whole checkpoint, or a new company's beginning."""
    look = _look(parts, settings)
    best = best_first(settings, look.found.values())
    if not best and any(look.listed.values()):
        raise Refusal("\n".join(["there are checkpoints, and none is whole:", *look.broken, *_unread(look)]))
    if not best:
        for line in _unread(look):
            log("restore", level="warning", message=f"{line}; the company begins anew if it has none there")
        log("restore", message="no bucket has a checkpoint: a new company")
        parts.memory.save(State(ranked=settings.ranked))
        return
    while not any(_take(parts, settings, look, found) for found in best):
        again = _look(parts, settings)
        if not again.found or again.found == look.found:
            told = ["no whole checkpoint could be read:", *look.broken, *again.broken, *_unread(again)]
            raise Refusal("\n".join(told))
        # What turned out to be damaged is passed over now.
        look, best = again, best_first(settings, again.found.values())


def _take(parts: Parts, settings: GateSettings, look: Look, found: Found) -> bool:
    if not build(parts, found):
        return False
    _put(parts, settings, look, found)
    return True


def _put(parts: Parts, settings: GateSettings, look: Look, found: Found) -> None:
    before = parts.memory.load() or State(seen=look.highest)
    winner = found.checkpoint
    after = state_after(settings, replace(before, generation=0, base=None), winner, clock=time.time)
    after = replace(after, swapped_at=None, seen=max(after.seen, look.highest))
    own = look.found.get(settings.region)
    line = None if own is None or _is_covered(parts, own.checkpoint, winner) else own.checkpoint
    parts.swap.begin(winner, before=before, after=after, known=None, line=line)
    parts.swap.place()
    parts.swap.settle()
    log("restore", message=f"the memory is {winner.region}'s checkpoint {winner.id}", files=len(winner.files))


def _is_covered(parts: Parts, own: Checkpoint, winner: Checkpoint) -> bool:
    """Whether all that this region has copied last is in the winner, or was."""
    if point(own) == point(winner) or line_is_held(own, winner):
        return True
    if not descends(winner, standing(own), parts.sources.at):
        return False
    return standing(own) == point(own) or line_is_held(own, parts.sources.at(standing(own)))


def _look(parts: Parts, settings: GateSettings) -> Look:
    """At all writers in all buckets. Raises Refusal when the own bucket cannot be read."""
    own = settings.region
    writers = list(dict.fromkeys([own, *settings.follows]))
    asked = pairs(settings, writers, list(settings.buckets))
    timeouts = {region: PEER_SECONDS for region in settings.buckets if region != own}
    look = parts.sources.look(asked, own=own, timeouts=timeouts)
    if own in look.errors:
        raise Refusal(f"the own bucket cannot be read: {look.errors[own]}")
    return look


def _unread(look: Look) -> list[str]:
    return [f"the bucket of {region} could not be read: {error}" for region, error in look.errors.items()]


def _mend(parts: Parts, settings: GateSettings) -> None:
    """Put back graphs that do not parse; the Brain would take them for empty and write that down."""
    broken = [
        path
        for path in parts.volume.scan()
        if path.endswith(f"/{GRAPH}") and not parses_graph(parts.volume.root / path)
    ]
    if not broken:
        return
    look = _look(parts, settings)
    own = [found for writer, found in look.found.items() if writer == settings.region]
    others = best_first(settings, [found for found in look.found.values() if found not in own])
    for path in broken:
        if not any(_put_back(parts, path, file, found) for found, file in _naming(path, [*own, *others])):
            told = f"{path} does not parse, and no checkpoint that is whole names it: it stays as it is"
            log("restore", level="warning", message=told)


def _naming(path: str, found: list[Found]) -> Iterator[tuple[Found, StoredFile]]:
    return ((one, file) for one in found if (file := one.checkpoint.files.get(path)) is not None)


def _put_back(parts: Parts, path: str, file: StoredFile, found: Found) -> bool:
    target = parts.volume.root / path
    fetched = parts.volume.root / GATE / "mended"
    for bucket in found.buckets:
        try:
            parts.stores(bucket, found.checkpoint.region).download([file.key], fetched)
        except StoreError as error:
            log("restore", level="warning", message=f"{path} could not be read: {error}")
            continue
        if not holds(fetched / file.key, file) or not parses_graph(fetched / file.key):
            continue
        durable.sync_file(fetched / file.key)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        _keep(target, target.with_name(f"{target.name}{BROKEN_MARK}{stamp}"))
        os.replace(fetched / file.key, target)
        sync_folder(target.parent)
        durable.remove(fetched)
        told = (
            f"{path} did not parse: it is as in {found.checkpoint.region}'s checkpoint {found.checkpoint.id}"
        )
        log("restore", level="warning", message=f"{told}; the broken one is beside it")
        return True
    return False


def _keep(broken: Path, beside: Path) -> None:
    """There is always a file of the name."""
    if not beside.exists():
        shutil.copyfile(broken, beside)
        durable.sync_file(beside)


def _record(reason: str, message: str, warning: bool = False) -> None:
    log("restore", level="warning" if warning else "info", reason=reason, message=message)


if __name__ == "__main__":
    sys.exit(main())
