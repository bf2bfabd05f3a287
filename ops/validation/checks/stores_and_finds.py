"""A Brain stores a memory on its own volume, and finds it."""

from __future__ import annotations

import time

from ops.probing.containers import BRAIN
from ops.probing.test_data import STORE
from ops.validation.results import Verdict, passed
from ops.validation.run import Run, shown
from ops.validation.target import Target


def check(run: Run, target: Target) -> Verdict:
    """Store the run's marker, as the company `Marker.folder` inside the tenant's Brain."""
    marker = run.marker(target)
    answer = run.ask_brain(target, STORE, marker.memory)
    run.stored_at[target] = time.monotonic()
    stored = (
        f"the Brain of {target.name} does not find what it has just stored (brain_store: {shown(answer)})"
    )
    run.require_marker(target, stored)
    if not (files := target.count_files(marker.folder)):
        raise target.failure(
            BRAIN,
            f"the Brain of {target.name} stored a memory, but not on its volume in the company's folder:"
            f" there is no {marker.folder} in .agent/brain. The Brain mixes companies, or stores elsewhere",
        )
    run.proofs["memory", target] = True
    return passed(f"a memory is stored as {marker.folder} ({files} files on the volume), and found")
