"""Why a step does not happen: what controllers, gates and checkers report at that moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes import client as kubernetes_client

from clients.http_client import HttpError
from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.drill.evaluate.steps import SPECS, DiagnosisSource, Step
from ops.drill.observe.brains import PodBrains
from ops.drill.observe.cluster import Controllers, NoController
from ops.drill.observe.record import SET, Indicator, Record, of_company
from ops.drill.observe.route53 import Checkers
from ops.drill.scenario import Scenario, Tenant
from ops.probing.containers import AGENT
from ops.probing.failure import Failure
from ops.probing.pods import ComponentPod
from plan.names import SYSTEM_NAMESPACE
from runtime.controller.decide import required_rounds
from runtime.flags import CONFIG_MAP
from runtime.ports import GATE_PORT
from settings.models import Manager

LOG_LINES = 200
PROBLEM_EVENTS = ("flags-not-changed", "tenant-problem", "error", "flags-unreadable", "settings-unreadable")
"""Events in a controller's log for something that it could not do."""


class Diagnosis:
    def __init__(
        self,
        scenario: Scenario,
        cluster: Cluster,
        controllers: Controllers,
        brains: PodBrains,
        checkers: Checkers | None,
        record: Record,
    ) -> None:
        """`cluster`: the region's own."""
        self._scenario, self._cluster, self._controllers = scenario, cluster, controllers
        self._brains, self._checkers, self._record = brains, checkers, record

    def reason(self, step: Step, subject: str) -> str:
        """Empty where nothing is known. Never raises."""
        try:
            return self._reason(SPECS[step].diagnosed_by, subject)
        except (NoController, HttpError, Failure) as error:
            return str(error)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def required_rounds(self) -> int | None:
        """Rounds of serving that the controller required before it last cleared the region's flag."""
        about = f"involvedObject.name={CONFIG_MAP}"
        try:
            events = self._cluster.api.list("Event", SYSTEM_NAMESPACE, fields=about)
        except ApiError:
            return None
        prefix = f"{self._scenario.region}: "
        cleared = [
            event
            for event in events
            if event.get("reason") == "RegionCleared" and event.get("message", "").startswith(prefix)
        ]
        latest = max(cleared, key=lambda event: str(event.get("lastTimestamp") or ""), default=None)
        return required_rounds(latest["message"].removeprefix(prefix)) if latest else None

    def _reason(self, diagnosed_by: DiagnosisSource, subject: str) -> str:
        if diagnosed_by is DiagnosisSource.CONTROLLERS:
            problems = "; ".join(dict.fromkeys(self._controller_problems()))
            return f"the controller reports: {problems or 'no problem'}"
        if diagnosed_by is DiagnosisSource.HEALTH_CHECKS:
            if self._scenario.manager is Manager.GLOBAL_ACCELERATOR:
                return "see the accelerator's endpoint groups, and the targets of their load balancers"
            if self._checkers is None:
                return "see the health checks in Route53"
            return "; ".join(self._checkers.describe(self._scenario.health))
        tenant = next((each for each in self._scenario.tenants if each.namespace == subject), None)
        if tenant is None:
            return ""
        match diagnosed_by:
            case DiagnosisSource.AGENT_GATE:
                return self._readiness(tenant)
            case DiagnosisSource.BRAIN_GATES:
                return "; ".join(self._uploads(tenant))
            case DiagnosisSource.CLIENTS:
                return self._last_answer(tenant)
            case DiagnosisSource.WORKLOADS:
                state = self._record.view().state(Indicator.WORKLOADS, subject)
                return state.detail if state else ""
            case _:
                return ""

    def _controller_problems(self) -> Iterator[str]:
        for pod, status in self._controllers.statuses().items():
            problems: Mapping[str, Any] = status.get("problems") or {}
            for key in ("api", "settings"):
                if problems.get(key):
                    yield f"{pod}: {problems[key]}"
            for name, problem in sorted((problems.get("namespaces") or {}).items()):
                yield f"{pod}: {name}: {problem}"
            if status.get("leading"):
                changes = (status.get("round") or {}).get("changes", ())
                if regions := ", ".join(change["region"] for change in changes):
                    yield f"{pod}: it wants to change the flag of {regions}"
                if problem := last_problem(self._log(pod)):
                    yield f"{pod}: {problem}"

    def _log(self, pod: str) -> str:
        api: Any = kubernetes_client.CoreV1Api(kubernetes_client.ApiClient(self._cluster.api.configuration))
        answer = api.read_namespaced_pod_log(
            pod, SYSTEM_NAMESPACE, tail_lines=LOG_LINES, _preload_content=False, _request_timeout=10
        )
        text: str = answer.data.decode(errors="replace")
        return text

    def _readiness(self, tenant: Tenant) -> str:
        agent = self._brains.pod(tenant.namespace, self._scenario.region, AGENT)
        status, text = agent.page("/ready")
        answer = f"{status} ({' '.join(text.split())})"
        port, path = _readiness_probe(agent)
        if (port, path) != (GATE_PORT, "/ready"):
            return f"readiness asks {path} on port {port} and not the gate, whose /ready answers {answer}"
        flag = self._record.view().state(Indicator.FLAG, tenant.namespace)
        if status == 200 and flag is not None and flag.state == SET:
            return f"readiness ignores the flag: its gate answers {answer} on /ready although the flag is set"
        return f"its gate answers {answer} on /ready"

    def _last_answer(self, tenant: Tenant) -> str:
        answers = of_company(self._record.view().answers, tenant.namespace)
        if not answers:
            return "no client got any answer"
        return f"the last answer, from {answers[-1].region}: {answers[-1].detail}"

    def _uploads(self, tenant: Tenant) -> Iterator[str]:
        """What the Brain's gates report, in the usual region and where the memory should go."""
        for region in filter(None, (tenant.usual_region, tenant.failover_region)):
            pod = self._brains.pod(tenant.namespace, region)
            yield f"{pod.workload}: {pod.report()}"


def _readiness_probe(agent: ComponentPod) -> tuple[int, str]:
    """Port and path."""
    [container] = [each for each in agent.require()["spec"]["containers"] if each["name"] == AGENT]
    probe = container.get("readinessProbe", {}).get("httpGet", {})
    return probe.get("port", 0), probe.get("path", "")


def last_problem(log: str) -> str:
    """The last problem event in a controller's log; empty without one."""
    for line in reversed(log.splitlines()):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") in PROBLEM_EVENTS:
            problem = event.get("why") or event.get("problem") or event.get("error") or ""
            return f"{event['event']}: {' '.join(str(problem).split())[:300]}"
    return ""
