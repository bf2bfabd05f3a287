"""What must hold before a drill: everything runs, and each company has another region that serves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
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
LAST_SERVING_HINT = "\nIf that is what you want, add --last-serving"
ANSWER_SECONDS = 3.0


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
            + LAST_SERVING_HINT
        )


def _stranded(stack: Stack, region: str, clusters: Mapping[str, Cluster], send: Send) -> list[str]:
    """The companies that no other region serves, with the reasons."""
    state = cache(lambda name: _state(name, clusters[name]))
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
                problem = _problem(name, company.namespace, *state(name))
                reasons[name] = problem or path_problem(check.fqdn, check.path)
        if all(reasons.values()):
            listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            stranded.append(f"{company.name}: {listed or 'it has no other region'}")
    return stranded


def _state(name: str, cluster: Cluster) -> tuple[dict[str, frozenset[str]], set[str]]:
    """A region's flags by namespace, and the namespaces with ready Agents. Raises OperatorError."""
    try:
        endpoints = ready_endpoints(cluster, name)
        return flags(cluster), {namespace for namespace, number in endpoints if number}
    except Exception as error:
        raise OperatorError(f"{cluster.name}: the API server does not answer: {error}") from error


def _problem(region: str, namespace: str, flagged: Mapping[str, frozenset[str]], ready: set[str]) -> str:
    """Why the region does not serve the company; empty when nothing is known."""
    if any(region in flagged.get(each, ()) for each in (SYSTEM_NAMESPACE, namespace)):
        return "it is flagged as failed"
    return "" if namespace in ready else "no endpoint of its Agent is ready"


def _path_problem(send: Send, name: str, path: str) -> str:
    request = Request(host=name, path=path, connect=ANSWER_SECONDS, answer=ANSWER_SECONDS, verify=False)
    response = send(name, request)
    return "" if response.passes else f"its health path answers {response.detail}"
