"""Deploys the assorted program and kills its own process, as `kill -9` does, at a given point.

Arguments: a JSON object with the stage, `at` ("before" or "after" a call, or "save"), `which` (the number of
that call) and `program` ("assorted" or "nothing").
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.embedded.aws import Aws
from local.embedded.driver import Driver
from local.embedded.kubernetes import Kubernetes
from local.embedded.state import State
from local.emulator import Emulator
from tests.engine.stage import Program, Stage, assorted


def kill_at(owner: type, method: str, at: str, count: Callable[[], int], which: int) -> None:
    """Let the call number `which` of a method, over all owners, be the last thing that happens."""
    original: Callable[..., Any] = getattr(owner, method)

    def call(*args: Any, **kwargs: Any) -> Any:
        last = count() == which
        if last and at == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, method, call)


def main(given: dict[str, Any]) -> None:
    emulator = Emulator(url=given["url"], instance=given["instance"], profile=Path(os.devnull))
    stage = Stage(Path(given["state"]), given["name"], Path(given["kubeconfig"]), emulator)
    calls = itertools.count(1)
    owners: list[type] = [State] if given["method"] == "save" else [Aws, Kubernetes, Driver]
    for owner in owners:
        if given["method"] in vars(owner):
            kill_at(owner, given["method"], given["at"], lambda: next(calls), given["which"])
    program: Program = (
        assorted(stage.name, zone=given["zone"], **given["variant"])
        if given["variant"] is not None
        else lambda: None
    )
    # One call at a time: what the emulator is still at when its caller dies, it knows again only when done.
    stage.run(program, workers=1)
    sys.exit("nothing killed it")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
