"""Distributes the flags to the companies: into the ConfigMap of each, then to its pods."""

from __future__ import annotations

import hashlib
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from runtime.controller.acknowledgements import Acknowledgements
from runtime.controller.kubernetes import (
    MERGE_PATCH,
    METADATA,
    METADATA_LIST,
    Kubernetes,
    Object,
    Refused,
    Unavailable,
)
from runtime.controller.tenant_state import Action, Progress, Stage, may_touch, next_action
from runtime.flags import ANNOTATION, CONFIG_MAP, KEY, parse
from runtime.logs import log
from runtime.metrics import Metrics

PODS = "labelSelector=app.kubernetes.io%2Fpart-of%3Ddigital-agency"

AT_ONCE = 8
"""Enough to keep an API server busy; more requests would delay the renewal of the Lease."""
RETRY_SECONDS = 5.0
REMINDER_SECONDS = 3
"""Between two touches of a pod whose gate has not acknowledged."""
ACK_POLL_SECONDS = 1.0
"""Until a flag that waits for its acknowledgement is checked again."""
VERIFIED_PER_PASS = 3
"""Companies whose ConfigMap is read again though nothing changed: changes of others do not stay."""


_Map = Callable[[Callable[[str], bool], list[str]], Iterable[bool]]


def lines(regions: Collection[str]) -> str:
    return "\n".join(sorted(regions))


def parse_lines(config_map: Object, key: str = KEY) -> frozenset[str]:
    return parse((config_map.get("data") or {}).get(key) or "")


def digest(regions: Collection[str]) -> str:
    return hashlib.sha256(lines(regions).encode()).hexdigest()[:16]


def config_map_path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{CONFIG_MAP}"


def pods_of(api: Kubernetes, namespace: str) -> list[Object]:
    """The metadata of the platform's pods. Raises Refused and Unavailable."""
    path = f"/api/v1/namespaces/{namespace}/pods?{PODS}"
    answer = api.call("GET", path, accept=METADATA_LIST, retry=RETRY_SECONDS)
    # Go writes an empty list as null.
    return [pod["metadata"] for pod in answer.get("items") or ()]


class Tenants:
    """Brings every company to its flags, in a thread of its own, while `leading` says that it may."""

    def __init__(
        self, api: Kubernetes, leading: Callable[[], bool], acks: Acknowledgements, metrics: Metrics
    ) -> None:
        self._api, self._leading, self._acks, self._metrics = api, leading, acks, metrics
        self._wanted: Mapping[str, frozenset[str]] = {}
        self._local: frozenset[str] = frozenset()
        """The regions of this cluster."""
        self._answering: frozenset[str] = frozenset()
        """Those of them that are flagged and answer again."""
        self._progress: dict[str, Progress] = {}
        self._next = self._written = 0
        self._problems: dict[str, str] = {}
        self._changed: list[str] = []
        self._wake, self._lock = threading.Event(), threading.Lock()
        threading.Thread(target=self._run, name="tenants", daemon=True).start()

    def want(
        self, flags: Mapping[str, frozenset[str]], local: Collection[str], answering: Collection[str]
    ) -> None:
        """From now on these are the flags of each namespace; called at least once a round. `local`: the
        regions of this cluster; `answering`: those of them that are flagged and answer again.
        """
        self._local, self._answering = frozenset(local), frozenset(answering)
        self._wanted = dict(flags)
        self._wake.set()

    def problems(self) -> dict[str, str]:
        """Namespaces that could not be brought to their flags, and why."""
        with self._lock:
            return dict(self._problems)

    def pending(self) -> int:
        """How many namespaces are not known to have their flags."""
        return sum(not self._of(name).is_current(flags) for name, flags in self._wanted.items())

    def take_changed(self) -> list[str]:
        """Namespaces whose flags changed since the last call."""
        with self._lock:
            changed, self._changed = self._changed, []
        return changed

    def _of(self, name: str) -> Progress:
        return self._progress.get(name, Progress())

    def _run(self) -> None:
        while True:
            self._wake.wait(ACK_POLL_SECONDS if self._acks.awaited else None)
            self._wake.clear()
            if not self._leading():
                # Another replica may lead meanwhile: what this one knows would be out of date.
                self._progress = {}
                self._forget_acks(())
                continue
            try:
                self._pass()
            except Exception:
                log("error", level="error", job="tenants", error=traceback.format_exc())

    def _pass(self) -> None:
        wanted = self._wanted
        self._progress = {name: progress for name, progress in self._progress.items() if name in wanted}
        self._forget_acks(wanted)
        due = [name for name, flags in wanted.items() if not self._of(name).is_current(flags)]
        answering = [name for name, flags in wanted.items() if flags & self._answering]
        # Some others too: a company that can never be brought to its flags must not keep them waiting.
        chosen = list(dict.fromkeys((*due, *answering, *self._next_of(list(wanted)))))
        if len(chosen) <= VERIFIED_PER_PASS:
            self._apply(chosen, map)
        else:
            with ThreadPoolExecutor(AT_ONCE, "tenant") as pool:
                self._apply(chosen, pool.map)
        with self._lock:
            self._problems = {name: why for name, why in self._problems.items() if name in wanted}

    def _forget_acks(self, keep: Collection[str]) -> None:
        for name in self._acks.awaited.difference(keep):
            self._acks.forget(name)

    def _next_of(self, names: list[str]) -> list[str]:
        start = self._next % max(len(names), 1)
        self._next = start + VERIFIED_PER_PASS
        return names[start : self._next]

    def _apply(self, names: list[str], each: _Map) -> None:
        """First the flags of all, then their pods: a pod costs the API server ten times what a flag does."""
        began, self._written = time.monotonic(), 0
        done = each(self._reporting(self._flag), names)
        flagged = [name for name, flagged in zip(names, done, strict=True) if flagged]
        if self._written:
            log("tenants-flagged", namespaces=self._written, seconds=round(time.monotonic() - began, 3))
        touched = sum(each(self._reporting(self._touch), flagged))
        if self._written:
            log("pods-touched", namespaces=touched, seconds=round(time.monotonic() - began, 3))

    def _reporting(self, job: Callable[[str, frozenset[str]], bool]) -> Callable[[str], bool]:
        def run(name: str) -> bool:
            # Read now: the flags may have changed since this pass began.
            flags, problem, done = self._wanted.get(name), "", False
            if flags is None or not self._leading():
                return False
            try:
                done = job(name, flags)
            except (Refused, Unavailable) as error:
                problem = str(error)
            except Exception as error:  # An error of one company must not stop the others' flags.
                problem = f"{type(error).__name__}: {error}"
            if problem and self._of(name).stage is Stage.CURRENT:
                self._progress[name] = Progress()
            self._report(name, problem)
            return done

        return run

    def _report(self, name: str, problem: str) -> None:
        with self._lock:
            before = self._problems.pop(name, "")
            if problem:
                self._problems[name] = problem
        if problem != before:
            event = "tenant-problem" if problem else "tenant-works"
            log(event, level="warning", namespace=name, problem=problem)
        if problem:
            self._metrics.add(
                "agency_controller_tenant_errors_total", 1, "Companies' flags that were not set."
            )

    def _flag(self, name: str, wanted: frozenset[str]) -> bool:
        """Whether the pods may be touched."""
        present = self._of(name).flags
        if self._of(name).must_read(wanted):
            path = config_map_path(name)
            present = parse_lines(self._api.call("GET", path, retry=RETRY_SECONDS))
        awaited = wanted < present and self._acks.must_wait(name, (present - wanted) & self._local)
        answering = wanted & self._answering if present == wanted else frozenset[str]()
        missing = bool(answering) and self._acks.are_missing(name, answering)
        action = next_action(present=present, wanted=wanted, awaited=awaited, unacknowledged=missing)
        if action is Action.WAIT:
            self._remind(name, present)
            return False
        if action is Action.WRITE:
            self._write(name, wanted)
            return True
        self._acks.forget(name)
        if action is Action.REMIND:
            self._remind(name, wanted)
        return True

    def _write(self, name: str, flags: frozenset[str]) -> None:
        if self._of(name).stage is Stage.CURRENT:
            self._progress[name] = Progress()
        self._patch(config_map_path(name), {"data": {KEY: lines(flags) or None}})
        with self._lock:
            self._changed.append(name)
            self._progress[name] = Progress(stage=Stage.WRITTEN, flags=flags)
            self._written += 1

    def _touch(self, name: str, flags: frozenset[str]) -> bool:
        """Let the kubelets mount the flags at once.

        A pod without the annotation counts as started without flags, unless the flags were written just now.
        """
        progress = self._of(name)
        if not may_touch(progress, flags):
            return False
        self._annotate(name, digest(flags), None if progress.stage is Stage.WRITTEN else digest(()))
        self._progress[name] = Progress(stage=Stage.CURRENT, flags=flags)
        return True

    def _remind(self, name: str, flags: frozenset[str]) -> None:
        """Let the kubelets mount the flags once more, at most once in REMINDER_SECONDS."""
        log("flags-unacknowledged", namespace=name, regions=sorted(flags), held=name in self._acks.awaited)
        self._annotate(name, f"{digest(flags)}.{time.time() // REMINDER_SECONDS:.0f}")

    def _annotate(self, name: str, value: str, default: str | None = None) -> None:
        """`default`: the value of a pod without the annotation."""
        for pod in pods_of(self._api, name):
            if ((pod.get("annotations") or {}).get(ANNOTATION, default) or "").startswith(value):
                continue
            patch = {"metadata": {"annotations": {ANNOTATION: value}}}
            try:
                self._patch(f"/api/v1/namespaces/{name}/pods/{pod['name']}", patch)
            except Refused as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise

    def _patch(self, path: str, patch: Object) -> None:
        self._api.call("PATCH", path, patch, content=MERGE_PATCH, accept=METADATA, retry=RETRY_SECONDS)
