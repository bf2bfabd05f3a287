"""What must hold before a drill: everything runs, and each company has another region that serves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property, partial
from typing import Any

from ops.cluster_access import Cluster
from ops.drill.observe.clients import Send
from ops.drill.observe.cluster import Controllers, NoController
from ops.drill.observe.http import Request
from ops.drill.observe.kubernetes import flags, ready_endpoints, workloads
from ops.drill.scenario import Scenario
from ops.errors import OperatorError
from ops.stack import Stack
from plan.names import SYSTEM_NAMESPACE
from settings.routes import check_of

SHOWN = 5
PATIENCE_SECONDS = 3.0


def stack_problems(
    scenario: Scenario, clusters: Mapping[str, Cluster], controllers: Controllers
) -> list[str]:
    """Workloads that are not ready, and controllers that report problems."""
    problems = []
    for region in dict.fromkeys((scenario.region, *scenario.others)):
        for live in workloads(clusters[region], "StatefulSet", "apps/v1", region):
            namespace, ready = live["metadata"]["namespace"], live.get("status", {}).get("readyReplicas", 0)
            wanted = live["spec"].get("replicas", 1)
            if namespace in scenario.namespaces and (ready < wanted or wanted == 0):
                problems.append(f"{namespace}/{live['metadata']['name']}: {ready} of {wanted} pods are ready")
    try:
        statuses = controllers.statuses()
    except NoController as error:
        return [*problems, str(error)]
    if not any(each.get("leading") for each in statuses.values()):
        problems.append(f"none of the failover controllers leads ({', '.join(statuses)})")
    for pod, status in statuses.items():
        reported: Mapping[str, Any] = status.get("problems") or {}
        problems += [f"{pod}: {reported[key]}" for key in ("api", "settings") if reported.get(key)]
    return problems


def require_another(
    stack: Stack, region: str, clusters: Mapping[str, Cluster], send: Send, *, last_serving: bool
) -> None:
    """Raises OperatorError where a company would be left without any region, unless `last_serving`."""
    stranded = _stranded(stack, region, clusters, send)
    if stranded and not last_serving:
        lines = stranded[:SHOWN]
        if len(stranded) > SHOWN:
            lines.append(f"… and {len(stranded) - SHOWN} more")
        raise OperatorError(
            f"nothing was done: {region} is the last region that serves\n  "
            + "\n  ".join(lines)
            + "\nIf that is what you want, add --last-serving"
        )


def _stranded(stack: Stack, region: str, clusters: Mapping[str, Cluster], send: Send) -> list[str]:
    """The companies that no other region serves, with the reasons."""
    others = {name: _Region(name, clusters[name]) for name in stack.regions if name != region}
    path_problem = cache(partial(_path_problem, send))
    stranded = []
    for company in stack.settings.companies:
        regions = [each.name for each in stack.settings.regions_of(company)]
        if region not in regions:
            continue
        reasons = {}
        for name in regions:
            if name != region:
                check = check_of(stack.settings, company, name)
                problem = others[name].problem(company.namespace)
                reasons[name] = problem or path_problem(check.fqdn, check.path)
        if all(reasons.values()):
            listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            stranded.append(f"{company.name}: {listed or 'it has no other region'}")
    return stranded


class _Region:
    """The flags and ready Agents of a region, read when they are first needed."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        self._name, self._cluster = name, cluster

    @cached_property
    def _state(self) -> tuple[dict[str, frozenset[str]], set[str]]:
        """Flags by namespace, and the namespaces with ready endpoints. Raises OperatorError."""
        try:
            endpoints = ready_endpoints(self._cluster, self._name)
            return flags(self._cluster), {namespace for namespace, number in endpoints if number}
        except Exception as error:
            raise OperatorError(f"{self._cluster.name}: the API server does not answer: {error}") from error

    def problem(self, namespace: str) -> str:
        """Why the region does not serve the company, empty when nothing speaks against it."""
        flagged, ready = self._state
        if any(self._name in flagged.get(each, ()) for each in (SYSTEM_NAMESPACE, namespace)):
            return "it is flagged as failed"
        return "" if namespace in ready else "no endpoint of its Agent is ready"


def _path_problem(send: Send, name: str, path: str) -> str:
    request = Request(host=name, path=path, connect=PATIENCE_SECONDS, answer=PATIENCE_SECONDS, verify=False)
    response = send(name, request)
    return "" if response.passes else f"its health path answers {response.detail}"
