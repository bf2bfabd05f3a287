"""Shows the engine's events as lines for the user, and collects them by resource."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import DiagnosticEvent, PolicyEvent, StepEventMetadata

from local.machine.files import Progress

SIGNS: Final[Mapping[str, str]] = {
    OpType.CREATE: "+",
    OpType.IMPORT: "=",
    OpType.UPDATE: "~",
    OpType.REPLACE: "±",
    OpType.DELETE: "-",
}
"""Operations that are shown. The engine also reports the parts of a replacement, which are not shown."""
WORDS: Final[Mapping[str, str]] = {
    OpType.CREATE: "created",
    OpType.IMPORT: "imported",
    OpType.UPDATE: "updated",
    OpType.REPLACE: "replaced",
    OpType.DELETE: "deleted",
}
RETAINED: Final = "  (retained: deleted from the stack only)"
STACK: Final = "pulumi:pulumi:Stack"
MANDATORY: Final = ("mandatory", "remediate")
HEARTBEAT_SECONDS: Final = 20.0
SHOWN_WAITING: Final = 3


@dataclass(frozen=True)
class Step:
    """What the engine does, or would do, to a resource."""

    op: str
    urn: str
    type: str
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    """Inputs before and after; secrets are masked."""
    diff: Mapping[str, str] = field(default_factory=dict)
    """Property path → kind of change by the provider: `update`, `add-replace`, …"""
    kept: bool = False
    """Deleted from the stack, but not from its cluster or account (`retain_on_delete`)."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    def __str__(self) -> str:
        return f"{SIGNS[self.op]} {self.op:<8} {self.type}  {self.name}{RETAINED if self.kept else ''}"


@dataclass
class Display:
    """Collects the events of one operation and shows them.

    `planned` shows each resource with its changes. `done` shows each resource when it is done, as number n of
    `expected`. Without both, only drift, warnings and errors are shown.
    """

    progress: Progress
    planned: bool = False
    done: bool = False
    expected: int = 0
    steps: list[Step] = field(default_factory=list)
    drift: list[Step] = field(default_factory=list)
    """Resources that were changed or deleted outside Pulumi."""
    errors: list[str] = field(default_factory=list)
    unchanged: int = 0
    new_outputs: bool = False
    """Whether a stack output changes."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """Name → version of each policy pack that checked the resources."""
    began: float = field(default_factory=time.monotonic)
    _running: dict[str, tuple[Step, float]] = field(default_factory=dict)
    """By URN: what the engine is doing, and since when."""

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Show meanwhile what the engine has been waiting for."""
        ended = threading.Event()
        thread = threading.Thread(target=self._report_waiting, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _report_waiting(self, ended: threading.Event) -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            now = time.monotonic()
            for step, since in sorted(self._running.values(), key=lambda each: each[1])[:SHOWN_WAITING]:
                if now - since >= HEARTBEAT_SECONDS:
                    self.progress(f"  waiting for {step}  ({now - since:.0f} s)")

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event and self.done:
            metadata = event.resource_pre_event.metadata
            if metadata.op in SIGNS:
                self._running[metadata.urn] = (_step(metadata), time.monotonic())
        elif event.resource_pre_event:
            self._add_step(event.resource_pre_event.metadata)
        elif event.res_outputs_event and event.res_outputs_event.metadata.op == OpType.REFRESH:
            self._add_drift(event.res_outputs_event.metadata)
        elif event.res_outputs_event:
            self._end(event.res_outputs_event.metadata)
        elif event.diagnostic_event:
            self._add_diagnostic(event.diagnostic_event)
        elif event.policy_event:
            self._add_policy_result(event.policy_event)
        elif event.summary_event:
            self.policies = event.summary_event.policy_packs

    @property
    def summary(self) -> str:
        """The number of resources by operation, and the policy packs that hold."""
        packs = (f"{key.partition('|')[0]} {version}" for key, version in self.policies.items())
        return "".join([self._counts(), *(f"; policy pack {pack} holds" for pack in packs)])

    def _counts(self) -> str:
        counted = Counter(step.op for step in self.steps)
        if not counted:
            return f"nothing changed: {self.unchanged} resources are up to date"
        words = {op: f"to {OpType(op).value}" for op in WORDS} if self.planned else WORDS
        parts = [f"{SIGNS[op]} {counted[op]} {words[op]}" for op in SIGNS if counted[op]]
        kept = sum(step.kept for step in self.steps)
        retained = f"; {kept} of the deleted resources are retained" if kept else ""
        return ", ".join([*parts, f"{self.unchanged} unchanged"]) + retained

    def _add_step(self, metadata: StepEventMetadata) -> None:
        if metadata.op == OpType.SAME:
            self.unchanged += 1
        elif metadata.op in SIGNS:
            step = _step(metadata)
            self.steps.append(step)
            if self.done:
                seconds = time.monotonic() - self.began
                self.progress(f"{step}  ({len(self.steps)} of {self.expected}, {seconds:.1f} s)")
            elif self.planned:
                self.progress("\n".join([str(step), *_differences(step)]))

    def _end(self, metadata: StepEventMetadata) -> None:
        self._running.pop(metadata.urn, None)
        if metadata.type == STACK and metadata.old and metadata.new:
            self.new_outputs = metadata.old.outputs != metadata.new.outputs
        if self.done:
            self._add_step(metadata)

    def _add_drift(self, metadata: StepEventMetadata) -> None:
        step = _step(metadata)
        if metadata.new and not step.diff:
            return
        self.drift.append(step)
        changed = f"changed outside Pulumi: {', '.join(step.diff)}"
        reason = changed if metadata.new else "deleted outside Pulumi"
        self.progress(f"! drift    {step.type}  {step.name}  ({reason})")

    def _add_diagnostic(self, event: DiagnosticEvent) -> None:
        text = event.message.strip()
        if not text or event.ephemeral or event.severity == "debug":
            return
        if event.severity == "error":
            self.errors.append(f"{event.urn.rpartition('::')[2]}: {text}" if event.urn else text)
        else:
            self.progress(f"{event.severity.partition('#')[0]}: {text}")

    def _add_policy_result(self, event: PolicyEvent) -> None:
        text = f"{event.policy_name} ({event.enforcement_level}): {event.message.strip()}"
        if event.enforcement_level in MANDATORY:
            self.errors.append(text)
        else:
            self.progress(text)


def _step(metadata: StepEventMetadata) -> Step:
    state = metadata.new or metadata.old
    return Step(
        op=metadata.op.value,
        urn=metadata.urn,
        type=metadata.type,
        old=(metadata.old.inputs if metadata.old else None) or {},
        new=(metadata.new.inputs if metadata.new else None) or {},
        diff={path: change.diff_kind.value for path, change in (metadata.detailed_diff or {}).items()},
        kept=metadata.op == OpType.DELETE and bool(state and getattr(state, "retain_on_delete", False)),
    )


def _differences(step: Step) -> Iterator[str]:
    for path, kind in step.diff.items():
        yield f"             {path}: {kind}"
