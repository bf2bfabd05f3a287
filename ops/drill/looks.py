"""The observers of what goes on inside the clusters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ops.cluster_access import Cluster
from ops.drill.asking import NoPage, Place, Question, ask, fetch
from ops.drill.clients import Places
from ops.drill.doors import Doors
from ops.drill.objects import CONFIG_MAPS, ENDPOINT_SLICES, FLAGS, PODS, flagged, listed, of_namespace
from ops.drill.record import (
    ANSWER,
    CLEAR,
    DEAD,
    FAIL,
    NONE,
    READY,
    SET,
    SYSTEM,
    Lane,
    Seen,
)
from ops.drill.scene import Scene
from plan.names import SYSTEM_NAMESPACE
from runtime.ports import AGENT_PORT, BRAIN_PORT

PORTS = {"agent": AGENT_PORT, "brain": BRAIN_PORT}
CONTROLLER = {"app.kubernetes.io/name": "failover-controller"}
CONTROLLER_PORT = 8081
AT_ONCE = 16


class Flags:
    """`failed-regions` in the region's own cluster."""

    lane = Lane.FLAG
    every = 0.25

    def __init__(self, scene: Scene, cluster: Cluster) -> None:
        self._scene, self._cluster = scene, cluster

    def look(self) -> Mapping[str, Seen]:
        found = {
            one["metadata"]["namespace"]: flagged(one)
            for one in listed(self._cluster, CONFIG_MAPS, {}, fieldSelector=f"metadata.name={FLAGS}")
        }
        subjects = {SYSTEM: SYSTEM_NAMESPACE, **{name: name for name in self._scene.namespaces}}
        return {
            subject: Seen(
                state=SET if self._scene.region in found.get(namespace, ()) else CLEAR,
                detail=", ".join(sorted(found.get(namespace, ()))),
            )
            for subject, namespace in subjects.items()
        }


class Endpoints:
    """Of the Service that the region's load balancer sends a company's clients to."""

    lane = Lane.ENDPOINTS
    every = 0.25

    def __init__(self, scene: Scene, cluster: Cluster, region: str) -> None:
        self._scene, self._cluster, self._region = scene, cluster, region

    def look(self) -> Mapping[str, Seen]:
        ready = dict.fromkeys(self._scene.namespaces, 0)
        labels = {"kubernetes.io/service-name": f"agent-{self._region}"}
        for one in listed(self._cluster, ENDPOINT_SLICES, labels):
            namespace = one["metadata"]["namespace"]
            if namespace in ready:
                # Kubernetes reads a condition that is missing as true.
                ready[namespace] += sum(
                    each.get("conditions", {}).get("ready") is not False
                    for each in one.get("endpoints") or ()
                )
        return {
            name: Seen(state=READY if number else NONE, detail=f"{number} ready")
            for name, number in ready.items()
        }


class HealthPath:
    """What the region's edge tells Route53, asked more often than Route53 does."""

    lane = Lane.HEALTH
    every = 0.4
    patience = 2.0

    def __init__(self, scene: Scene, places: Places) -> None:
        self._scene, self._places = scene, places

    def look(self) -> Mapping[str, Seen]:
        found = {}
        for name, path in self._scene.health:
            question = Question(
                host=name, path=path, connect=self.patience, answer=self.patience, verify=False
            )
            reply = ask(self._places(name), question)
            state = str(reply.status) if reply.status else DEAD
            found[f"{name}{path}"] = Seen(state=state, detail=reply.detail)
        return found


class Workloads:
    """The region's Agents and Brains, asked as the controller does, but from here."""

    lane = Lane.WORKLOADS
    every = 0.5
    patience = 1.0

    def __init__(self, scene: Scene, cluster: Cluster, doors: Doors) -> None:
        self._scene, self._cluster, self._doors = scene, cluster, doors
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def look(self) -> Mapping[str, Seen]:
        asked = [(name, kind) for name in self._scene.namespaces for kind in PORTS]
        problems = dict(zip(asked, self._pool.map(lambda one: self._problem(*one), asked), strict=True))
        found = {}
        for name in self._scene.namespaces:
            told = [f"{kind}: {problems[name, kind]}" for kind in PORTS if problems[name, kind]]
            found[name] = Seen(state=FAIL if told else ANSWER, detail="; ".join(told))
        return found

    def _problem(self, namespace: str, kind: str) -> str:
        url = self._doors.url(self._cluster, namespace, f"{kind}-{self._scene.region}-0", PORTS[kind])
        question = Question(host="localhost", path="/health", connect=self.patience, answer=self.patience)
        reply = ask(Place.of(url), question)
        return "" if reply.ok else reply.detail


class Controllers:
    """What the failover controllers of a cluster say of themselves."""

    patience = 1.0

    def __init__(self, cluster: Cluster, doors: Doors) -> None:
        self._cluster, self._doors = cluster, doors
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def pods(self) -> list[str]:
        found = listed(self._cluster, of_namespace(PODS, SYSTEM_NAMESPACE), CONTROLLER)
        return sorted(one["metadata"]["name"] for one in found)

    def statuses(self) -> dict[str, dict[str, Any]]:
        """Of those that answer, by pod. Raises NoPage when none does, with why."""
        pods = self.pods()
        told = list(self._pool.map(self._status, pods))
        found = {pod: one for pod, one in zip(pods, told, strict=True) if isinstance(one, dict)}
        if not found:
            why = "; ".join(f"{pod}: {one}" for pod, one in zip(pods, told, strict=True))
            raise NoPage(f"no failover controller answers ({why or 'there is no pod of it'})")
        return found

    def _status(self, pod: str) -> dict[str, Any] | str:
        try:
            url = self._doors.url(self._cluster, SYSTEM_NAMESPACE, pod, CONTROLLER_PORT)
            status, text = fetch(url, "/status", self.patience)
            parsed: Any = json.loads(text) if status == 200 else None
            return parsed if isinstance(parsed, dict) else f"status {status}"
        except (NoPage, ValueError) as error:
            return str(error)


class Probes:
    """The controllers' last round of probes."""

    lane = Lane.PROBES
    every = 0.4

    def __init__(self, scene: Scene, controllers: Controllers) -> None:
        self._scene, self._controllers = scene, controllers

    def look(self) -> Mapping[str, Seen]:
        rounds = [one["round"] for one in self._controllers.statuses().values() if one.get("round")]
        if not rounds:
            raise NoPage("no controller has ended a round yet")
        newest = max(rounds, key=lambda one: int(one["at"]))
        ours = {f"{kind}-{self._scene.region}" for kind in PORTS}
        failed = {name: why for name, why in newest["failures"].items() if name.partition("/")[2] in ours}
        first = next(iter(sorted(failed.items())), ("", ""))
        detail = f"{len(failed)} probes failed, such as {first[0]}: {first[1]}" if failed else ""
        return {SYSTEM: Seen(state=FAIL if failed else ANSWER, detail=detail)}
