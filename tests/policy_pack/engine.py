"""The real engine with the policy pack, on registrations instead of the program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from engine.recorder import Registration
from local.machine.files import LocalError
from local.machine.processes import Processes
from local.pulumi import tools
from local.pulumi.display import Display
from local.pulumi.stack import Stack
from tests.policy_pack import provider, replay

STACK = "dev"
"""The stack of the recordings: their URNs name it."""
ONE_CHECKPOINT = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""The state is written at the end of a deployment, not after each resource: half of the time."""
VIOLATION = re.compile(r"^(?P<policy>[a-z-]+) \(mandatory\): [^\n]*\n(?P<message>[^\n]*)$", re.MULTILINE)


class Engine:
    """Previews and deploys registrations; each call returns the violations of mandatory policies."""

    def __init__(self, state: Path, port: int) -> None:
        self.lines: list[str] = []
        """The engine's output of a run without an error."""
        self._resources, stack_file = state / "resources.json", state / "stack.yaml"
        stack_file.write_text(yaml.safe_dump({"config": {"replay:resources": str(self._resources)}}))
        providers = ",".join(f"{package}:{port}" for package in ("aws", "kubernetes"))
        environment = {"PULUMI_DEBUG_PROVIDERS": providers, **ONE_CHECKPOINT}
        self._stack = Stack(state, STACK, Path(replay.__file__), environment, self.lines.append)
        self._stack.prepare(stack_file)

    def preview(self, registrations: Mapping[str, Registration]) -> list[tuple[str, str]]:
        return self._run(registrations, self._stack.preview)

    def up(self, registrations: Mapping[str, Registration]) -> list[tuple[str, str]]:
        return self._run(registrations, lambda: self._stack.up())

    def inputs(self, type_: str) -> list[dict[str, Any]]:
        """Inputs of the deployed resources of a type."""
        return [resource["inputs"] for resource in self._stack.resources() if resource["type"] == type_]

    def _run(
        self, registrations: Mapping[str, Registration], operation: Callable[[], Display]
    ) -> list[tuple[str, str]]:
        replay.write(self._resources, registrations)
        self.lines.clear()
        try:
            display = operation()
        except LocalError as error:
            output = str(error)
        else:
            assert display.policies, "no policy pack has checked the resources"
            return []
        violations = sorted((match["policy"], match["message"]) for match in VIOLATION.finditer(output))
        assert violations, output
        return violations


@contextmanager
def started(state: Path) -> Iterator[Engine]:
    try:
        with ThreadPoolExecutor(1) as pool, provider.serving() as port:
            tools.provide(state, print, lambda question: False, pool).result()
            yield Engine(state, port)
    finally:
        Processes(state).stop_all()
