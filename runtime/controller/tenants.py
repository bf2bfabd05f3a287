"""Carries the flags to the companies: into each one's ConfigMap, and on to its pods."""

from __future__ import annotations

import hashlib
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from runtime.controller.hearing import Hearing
from runtime.controller.kubernetes import (
    MERGE_PATCH,
    METADATA,
    METADATA_LIST,
    Away,
    Kubernetes,
    Object,
    Refused,
)
from runtime.flags import ANNOTATION, CONFIG_MAP, KEY, parse
from runtime.logs import log
from runtime.metrics import Metrics

PODS = "labelSelector=app.kubernetes.io%2Fpart-of%3Ddigital-agency"

AT_ONCE = 8
"""Enough to keep an API server busy; more would only wait there, and the Lease's renewal behind them."""
PATIENCE_SECONDS = 5.0
INSISTING_SECONDS = 3
"""Between two touches of a pod that has not heard."""
AGAIN_SECONDS = 1.0
"""Until a flag that is held is looked at again."""
CHECKED_EACH_PASS = 3
"""Companies that are looked at again though nothing changed: what others changed there does not stay."""


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
    """The metadata of the platform's pods. Raises Refused and Away."""
    path = f"/api/v1/namespaces/{namespace}/pods?{PODS}"
    found = api.call("GET", path, accept=METADATA_LIST, patience=PATIENCE_SECONDS)
    # Go writes an empty list as null.
    return [one["metadata"] for one in found.get("items") or ()]


class Tenants:
    """Brings every company to its flags, in a thread of its own, while `acting` says that it may."""

    def __init__(
        self, api: Kubernetes, acting: Callable[[], bool], hearing: Hearing, metrics: Metrics
    ) -> None:
        self._api, self._acting, self._hearing, self._metrics = api, acting, hearing, metrics
        self._wanted: Mapping[str, frozenset[str]] = {}
        self._here: frozenset[str] = frozenset()
        """The regions of this cluster."""
        self._back: frozenset[str] = frozenset()
        """Those of them that are flagged and answer again."""
        self._known: dict[str, frozenset[str]] = {}
        """What stands in each namespace and has reached its pods, as far as this leader did it or saw it."""
        self._untouched: dict[str, frozenset[str]] = {}
        """What was written into ConfigMaps whose pods may not have been told yet."""
        self._next = self._news = 0
        self._problems: dict[str, str] = {}
        self._changed: list[str] = []
        self._wake, self._lock = threading.Event(), threading.Lock()
        threading.Thread(target=self._run, name="tenants", daemon=True).start()

    def want(self, flags: Mapping[str, frozenset[str]], here: Collection[str], back: Collection[str]) -> None:
        """From now on these are the flags of each namespace; called at least once a round. `here`: the
        regions of this cluster; `back`: those of them that are flagged and answer again.
        """
        self._here, self._back = frozenset(here), frozenset(back)
        self._wanted = dict(flags)
        self._wake.set()

    def problems(self) -> dict[str, str]:
        """Namespaces that could not be brought to their flags, and why."""
        with self._lock:
            return dict(self._problems)

    def pending(self) -> int:
        """How many namespaces are not known to be as they should be."""
        wanted, known = self._wanted, self._known
        return sum(known.get(name) != flags for name, flags in wanted.items())

    def take_changed(self) -> list[str]:
        """Namespaces whose flags changed since this was asked last."""
        with self._lock:
            changed, self._changed = self._changed, []
        return changed

    def _run(self) -> None:
        while True:
            self._wake.wait(AGAIN_SECONDS if self._hearing.held else None)
            self._wake.clear()
            if not self._acting():
                # Another may lead meanwhile: what this one knows would be out of date.
                self._known, self._untouched = {}, {}
                self._release(())
                continue
            try:
                self._pass()
            except Exception:
                log("error", level="error", job="tenants", error=traceback.format_exc())

    def _pass(self) -> None:
        wanted = self._wanted
        for remembered in (self._known, self._untouched):
            for name in remembered.keys() - wanted.keys():
                del remembered[name]
        self._release(wanted)
        due = [name for name, flags in wanted.items() if self._known.get(name) != flags]
        back = [name for name, flags in wanted.items() if flags & self._back]
        chosen = due or list(dict.fromkeys((*self._some_of(list(wanted)), *back)))
        if len(chosen) <= CHECKED_EACH_PASS:
            self._bring(chosen, map)
        else:
            with ThreadPoolExecutor(AT_ONCE, "tenant") as pool:
                self._bring(chosen, pool.map)
        with self._lock:
            self._problems = {name: why for name, why in self._problems.items() if name in wanted}

    def _release(self, but: Collection[str]) -> None:
        for name in self._hearing.held.difference(but):
            self._hearing.forget(name)

    def _some_of(self, names: list[str]) -> list[str]:
        start = self._next % max(len(names), 1)
        self._next = start + CHECKED_EACH_PASS
        return names[start : self._next]

    def _bring(self, names: list[str], each: _Map) -> None:
        """First the flags of all, then their pods: a pod costs the API server ten times what a flag does."""
        began, self._news = time.monotonic(), 0
        flagged = [
            name for name, done in zip(names, each(self._tried(self._flag), names), strict=True) if done
        ]
        if self._news:
            log("tenants-flagged", namespaces=self._news, seconds=round(time.monotonic() - began, 3))
        touched = sum(each(self._tried(self._touch), flagged))
        if self._news:
            log("pods-touched", namespaces=touched, seconds=round(time.monotonic() - began, 3))

    def _tried(self, job: Callable[[str, frozenset[str]], bool]) -> Callable[[str], bool]:
        def run(name: str) -> bool:
            # Read now: it may have changed since this pass began.
            flags, problem, done = self._wanted.get(name), "", False
            if flags is None or not self._acting():
                return False
            try:
                done = job(name, flags)
            except (Refused, Away) as error:
                problem = str(error)
            except Exception as error:  # Whatever is wrong with one company stops no other's flags.
                problem = f"{type(error).__name__}: {error}"
            if problem:
                self._known.pop(name, None)
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

    def _flag(self, name: str, flags: frozenset[str]) -> bool:
        known = self._known.get(name)
        if known == flags or known is None:
            config_map = self._api.call("GET", config_map_path(name), patience=PATIENCE_SECONDS)
            known = parse_lines(config_map)
        if known != flags:
            if flags < known and self._hearing.holds(name, (known - flags) & self._here):
                self._insist(name, known)
                return False
            self._known.pop(name, None)
            self._patch(config_map_path(name), {"data": {KEY: lines(flags) or None}})
            with self._lock:
                self._changed.append(name)
                self._untouched[name] = flags
                self._news += 1
        else:
            self._hearing.forget(name)
            if (back := flags & self._back) and self._hearing.lacks(name, back):
                self._insist(name, flags)
        return True

    def _touch(self, name: str, flags: frozenset[str]) -> bool:
        """Let the kubelets know at once.

        A pod without the annotation was made when nothing was flagged, as far as one can see, unless the
        flags changed just now.
        """
        if self._untouched.get(name, flags) != flags:
            return False  # The flags changed meanwhile: they come first.
        self._annotate(name, digest(flags), None if name in self._untouched else digest(()))
        with self._lock:
            self._untouched.pop(name, None)
        self._known[name] = flags
        return True

    def _insist(self, name: str, flags: frozenset[str]) -> None:
        """Let the kubelets look once more, though not at each call: some pod has not heard yet."""
        log("flags-unheard", namespace=name, regions=sorted(flags), held=name in self._hearing.held)
        self._annotate(name, f"{digest(flags)}.{time.time() // INSISTING_SECONDS:.0f}")

    def _annotate(self, name: str, value: str, fresh: str | None = None) -> None:
        """`fresh`: what a pod without the annotation counts as having."""
        for pod in pods_of(self._api, name):
            if ((pod.get("annotations") or {}).get(ANNOTATION, fresh) or "").startswith(value):
                continue
            patch = {"metadata": {"annotations": {ANNOTATION: value}}}
            try:
                self._patch(f"/api/v1/namespaces/{name}/pods/{pod['name']}", patch)
            except Refused as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise

    def _patch(self, path: str, patch: Object) -> None:
        self._api.call("PATCH", path, patch, content=MERGE_PATCH, accept=METADATA, patience=PATIENCE_SECONDS)
