"""Why a step has not come: what controllers, gates and checkers say of it while it is so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kubernetes import client as kubernetes_client

from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.drill.asking import NoPage
from ops.drill.brains import PodBrains
from ops.drill.looks import Controllers
from ops.drill.memories import NoBrain
from ops.drill.milestones import Step
from ops.drill.objects import FLAGS
from ops.drill.record import SET, Lane, Record
from ops.drill.route53 import Checkers
from ops.drill.scene import Scene, Tenant
from plan.names import SYSTEM_NAMESPACE
from runtime.ports import GATE_PORT

LOG_LINES = 200
TROUBLE = ("flags-not-changed", "tenant-problem", "error", "flags-unreadable", "settings-unreadable")
"""Events in a controller's log that tell of something that it could not do."""
OF_CONTROLLER = (
    Step.PROBE_FAILS,
    Step.FLAG,
    Step.FLAGS,
    Step.HEALTH,
    Step.PROBE_ANSWERS,
    Step.CLEAR,
    Step.CLEARS,
    Step.HEALTH_BACK,
)
ASKED = re.compile(r"(\d+) were asked for")


class Explaining:
    def __init__(
        self,
        scene: Scene,
        cluster: Cluster,
        controllers: Controllers,
        brains: PodBrains,
        checkers: Checkers | None,
        record: Record,
    ) -> None:
        """`cluster`: the region's own."""
        self._scene, self._cluster, self._controllers = scene, cluster, controllers
        self._brains, self._checkers, self._record = brains, checkers, record

    def explain(self, step: Step, subject: str) -> str:
        """In words; empty where nothing is known. Never raises."""
        try:
            return self._explained(step, self._tenant(subject))
        except (NoPage, NoBrain) as error:
            return str(error)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def rounds_asked(self) -> int | None:
        """What the controller told when it cleared the region's flag last."""
        path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/events?fieldSelector=involvedObject.name={FLAGS}"
        try:
            events = self._cluster.api.call("GET", path)["items"] or []
        except ApiError:
            return None
        told = [
            one
            for one in events
            if one.get("reason") == "RegionCleared"
            if one.get("message", "").startswith(f"{self._scene.region}:")
        ]
        newest = max(told, key=lambda one: str(one.get("lastTimestamp") or ""), default=None)
        found = ASKED.search(newest["message"]) if newest else None
        return int(found[1]) if found else None

    def _explained(self, step: Step, tenant: Tenant | None) -> str:
        if step in OF_CONTROLLER:
            return f"the controller says: {self._controller()}"
        if step in (Step.DNS, Step.DNS_BACK):
            return self._checks()
        if tenant is None:
            return ""
        if step in (Step.ENDPOINTS, Step.ENDPOINTS_BACK):
            return self._readiness(tenant)
        if step in (Step.CLIENT, Step.CLIENT_BACK):
            return self._answers(tenant)
        if step is Step.MEMORY:
            return self._copying(tenant)
        seen = [one for one in self._record.view().changes if one.subject == tenant.namespace]
        return next((one.detail for one in reversed(seen) if one.lane is Lane.WORKLOADS), "")

    def _tenant(self, subject: str) -> Tenant | None:
        return next((one for one in self._scene.tenants if one.namespace == subject), None)

    def _controller(self) -> str:
        told = []
        for pod, status in self._controllers.statuses().items():
            problems: Mapping[str, Any] = status.get("problems") or {}
            found = [str(problems[key]) for key in ("api", "settings") if problems.get(key)]
            found += [f"{name}: {why}" for name, why in sorted((problems.get("namespaces") or {}).items())]
            wants = [one["region"] for one in (status.get("round") or {}).get("changes", ())]
            if status.get("leading"):
                found += [f"it wants to change the flag of {', '.join(wants)}"] if wants else []
                found += self._log(pod)
            told += [f"{pod}: {one}" for one in found]
        return "; ".join(dict.fromkeys(told)) or "no problem"

    def _log(self, pod: str) -> list[str]:
        """The last line of its log that tells of trouble."""
        api: Any = kubernetes_client.CoreV1Api(kubernetes_client.ApiClient(self._cluster.api.configuration))
        answer = api.read_namespaced_pod_log(
            pod, SYSTEM_NAMESPACE, tail_lines=LOG_LINES, _preload_content=False, _request_timeout=10
        )
        return last_trouble(answer.data.decode(errors="replace"))

    def _checks(self) -> str:
        if self._checkers is None:
            return "see the health checks in Route53"
        return "; ".join(self._checkers.told_of(self._scene.health))

    def _readiness(self, tenant: Tenant) -> str:
        region = self._scene.region
        status, text = self._brains.page(tenant.namespace, region, "agent", "/ready")
        says = " ".join(text.split())
        probe = self._probe(tenant)
        if probe != (GATE_PORT, "/ready"):
            return (
                f"readiness asks {probe[1]} on port {probe[0]} and not the gate, whose /ready says"
                f" {status} ({says})"
            )
        flag = self._record.view().state(Lane.FLAG, tenant.namespace)
        if status == 200 and flag is not None and flag.state == SET:
            return f"readiness ignores the flag: its gate says 200 ({says}) on /ready although it is set"
        return f"its gate answers {status} on /ready: {says}"

    def _probe(self, tenant: Tenant) -> tuple[int, str]:
        """Port and path of the Agent's readiness probe."""
        path = f"/api/v1/namespaces/{tenant.namespace}/pods/agent-{self._scene.region}-0"
        pod: Any = self._cluster.api.call("GET", path)
        [agent] = [one for one in pod["spec"]["containers"] if one["name"] == "agent"]
        asked = agent.get("readinessProbe", {}).get("httpGet", {})
        return asked.get("port", 0), asked.get("path", "")

    def _answers(self, tenant: Tenant) -> str:
        answers = [one for one in self._record.view().answers if one.company == tenant.namespace]
        if not answers:
            return "no client was heard of"
        last = answers[-1]
        return f"the last answer, from {last.region}: {last.detail}"

    def _copying(self, tenant: Tenant) -> str:
        """What the gates of the Brain say of copies, at home and where they should be taken."""
        told = []
        for region in filter(None, (tenant.home, tenant.away)):
            try:
                health = self._brains.health(tenant.namespace, region)
            except NoBrain as error:
                told.append(str(error))
                continue
            problems = "; ".join(health.get("problems") or ()) or "no problem"
            lag = health.get("lagSeconds")
            told.append(f"the gate of brain-{region} says: {problems}; its last copy began {lag} s ago")
        return "; ".join(told)


def last_trouble(log: str) -> list[str]:
    """Of a controller's log, the last line that tells of trouble; none, or one."""
    for line in reversed(log.splitlines()):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("event") in TROUBLE:
            why = told.get("why") or told.get("problem") or told.get("error") or ""
            return [f"{told['event']}: {' '.join(str(why).split())[:300]}"]
    return []
