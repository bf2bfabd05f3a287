"""The observers of the region's cluster and of its health path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clients.http_client import HttpError, get
from ops.cluster_access import Cluster
from ops.drill.observe.clients import Send
from ops.drill.observe.http import Address, Request, send
from ops.drill.observe.kubernetes import flags, ready_endpoints
from ops.drill.observe.record import ANSWER, CLEAR, DEAD, FAIL, NONE, READY, SET, SYSTEM, Indicator, State
from ops.drill.scenario import Scenario
from ops.probing.containers import AGENT, BRAIN, PORTS
from ops.probing.port_forwards import PortForwards
from plan.names import FAILOVER_CONTROLLER, SYSTEM_NAMESPACE

COMPONENTS = AGENT, BRAIN
CONTROLLER = {"app.kubernetes.io/name": FAILOVER_CONTROLLER}
CONTROLLER_PORT = 8081
THREADS = 16


class Flags:
    """`failed-regions` in the region's own cluster."""

    indicator = Indicator.FLAG
    every = 0.25

    def __init__(self, scenario: Scenario, cluster: Cluster) -> None:
        self._scenario, self._cluster = scenario, cluster

    def observe(self) -> Mapping[str, State]:
        regions = flags(self._cluster)
        namespaces = {SYSTEM: SYSTEM_NAMESPACE, **{name: name for name in self._scenario.namespaces}}
        return {
            subject: State(
                state=SET if self._scenario.region in regions.get(namespace, ()) else CLEAR,
                detail=", ".join(sorted(regions.get(namespace, ()))),
            )
            for subject, namespace in namespaces.items()
        }


class Endpoints:
    """Of the Service that the region's load balancer sends a company's clients to."""

    indicator = Indicator.ENDPOINTS
    every = 0.25

    def __init__(self, scenario: Scenario, cluster: Cluster) -> None:
        self._scenario, self._cluster = scenario, cluster

    def observe(self) -> Mapping[str, State]:
        ready = dict.fromkeys(self._scenario.namespaces, 0)
        for namespace, number in ready_endpoints(self._cluster, self._scenario.region):
            if namespace in ready:
                ready[namespace] += number
        return {
            name: State(state=READY if number else NONE, detail=f"{number} ready")
            for name, number in ready.items()
        }


class HealthPath:
    """The answer that Route53's checkers get, asked for more often than they do."""

    indicator = Indicator.HEALTH
    every = 0.4
    timeout = 2.0

    def __init__(self, scenario: Scenario, send: Send) -> None:
        self._scenario, self._send = scenario, send

    def observe(self) -> Mapping[str, State]:
        states = {}
        for name, path in self._scenario.health:
            request = Request(host=name, path=path, connect=self.timeout, answer=self.timeout, verify=False)
            response = self._send(name, request)
            state = str(response.status) if response.status else DEAD
            states[f"{name}{path}"] = State(state=state, detail=response.detail)
        return states


class Workloads:
    """The region's Agents and Brains, asked as the controller does."""

    indicator = Indicator.WORKLOADS
    every = 0.5
    timeout = 1.0

    def __init__(self, scenario: Scenario, cluster: Cluster, forwards: PortForwards) -> None:
        self._scenario, self._cluster, self._forwards = scenario, cluster, forwards
        self._pool = ThreadPoolExecutor(THREADS)

    def observe(self) -> Mapping[str, State]:
        pods = [(name, kind) for name in self._scenario.namespaces for kind in COMPONENTS]
        problems = dict(zip(pods, self._pool.map(lambda pod: self._problem(*pod), pods), strict=True))
        states = {}
        for name in self._scenario.namespaces:
            failures = [f"{kind}: {problems[name, kind]}" for kind in COMPONENTS if problems[name, kind]]
            states[name] = State(state=FAIL if failures else ANSWER, detail="; ".join(failures))
        return states

    def _problem(self, namespace: str, kind: str) -> str:
        pod = f"{kind}-{self._scenario.region}-0"
        url = self._forwards.url(self._cluster, namespace, pod, PORTS[kind])
        request = Request(host="localhost", path="/health", connect=self.timeout, answer=self.timeout)
        response = send(Address.of(url), request)
        return "" if response.ok else response.detail


class NoController(Exception):
    """No failover controller answers."""


class Controllers:
    """The status pages of a cluster's failover controllers."""

    timeout = 1.0

    def __init__(self, cluster: Cluster, forwards: PortForwards) -> None:
        self._cluster, self._forwards = cluster, forwards
        self._pool = ThreadPoolExecutor(THREADS)

    def statuses(self) -> dict[str, dict[str, Any]]:
        """Of those that answer, by pod. Raises NoController when none does, with the reasons."""
        live = self._cluster.api.list("Pod", SYSTEM_NAMESPACE, CONTROLLER)
        pods = sorted(pod["metadata"]["name"] for pod in live)
        answers = dict(zip(pods, self._pool.map(self._status, pods), strict=True))
        statuses = {pod: answer for pod, answer in answers.items() if isinstance(answer, dict)}
        if not statuses:
            reasons = "; ".join(f"{pod}: {answer}" for pod, answer in answers.items())
            raise NoController(f"no failover controller answers ({reasons or 'there is no pod of it'})")
        return statuses

    def _status(self, pod: str) -> dict[str, Any] | str:
        """The status, or why there is none."""
        try:
            url = self._forwards.url(self._cluster, SYSTEM_NAMESPACE, pod, CONTROLLER_PORT)
            status, text = get(url, "/status", self.timeout)
            parsed: Any = json.loads(text) if status == 200 else None
            return parsed if isinstance(parsed, dict) else f"status {status}"
        except (HttpError, ValueError) as error:
            return str(error)


class Probes:
    """The latest round of the controllers' probes."""

    indicator = Indicator.PROBES
    every = 0.4

    def __init__(self, scenario: Scenario, controllers: Controllers) -> None:
        self._controllers = controllers
        self._pods = tuple(f"/{kind}-{scenario.region}" for kind in COMPONENTS)

    def observe(self) -> Mapping[str, State]:
        rounds = [status["round"] for status in self._controllers.statuses().values() if status.get("round")]
        if not rounds:
            raise NoController("no controller has finished a round yet")
        failures: Mapping[str, str] = max(rounds, key=lambda round_: int(round_["at"]))["failures"]
        failed = sorted(name for name in failures if name.endswith(self._pods))
        if not failed:
            return {SYSTEM: State(state=ANSWER)}
        detail = f"{len(failed)} probes failed, such as {failed[0]}: {failures[failed[0]]}"
        return {SYSTEM: State(state=FAIL, detail=detail)}
