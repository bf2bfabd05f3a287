"""Whether a stack is fit for a drill, and who would be left without any region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.cluster_access import Cluster
from ops.drill.asking import NoPage, Question, ask
from ops.drill.clients import Places
from ops.drill.looks import Controllers
from ops.drill.objects import (
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    FLAGS,
    STATEFUL_SETS,
    flagged,
    listed,
    of_region,
)
from ops.drill.scene import Scene
from ops.errors import OperatorError
from ops.stack import Stack
from plan.names import SYSTEM_NAMESPACE
from settings.routes import check_of

SHOWN = 5
PATIENCE_SECONDS = 3.0


def unfit(scene: Scene, clusters: Mapping[str, Cluster], controllers: Controllers) -> list[str]:
    """What does not run as it should, in words."""
    found = []
    for region in dict.fromkeys((scene.region, *scene.others)):
        for one in listed(clusters[region], STATEFUL_SETS, of_region(region)):
            namespace, ready = one["metadata"]["namespace"], one.get("status", {}).get("readyReplicas", 0)
            wanted = one["spec"].get("replicas", 1)
            if namespace in scene.namespaces and (ready < wanted or wanted == 0):
                found.append(f"{namespace}/{one['metadata']['name']}: {ready} of {wanted} pods are ready")
    try:
        statuses = controllers.statuses()
    except NoPage as error:
        return [*found, str(error)]
    if not any(one.get("leading") for one in statuses.values()):
        found.append(f"none of the failover controllers leads ({', '.join(statuses)})")
    for pod, one in statuses.items():
        problems: Mapping[str, Any] = one.get("problems") or {}
        found += [f"{pod}: {problems[key]}" for key in ("api", "settings") if problems.get(key)]
    return found


def require_another(
    stack: Stack, region: str, clusters: Mapping[str, Cluster], places: Places, *, last_serving: bool
) -> None:
    """Raises OperatorError where a company would be left without any region, unless it was told to."""
    left = _stranded(stack, region, clusters, places)
    if left and not last_serving:
        more = f"\n  … and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        raise OperatorError(
            f"nothing was done: {region} is the last region that serves\n  "
            + "\n  ".join(left[:SHOWN])
            + f"{more}\nIf that is what you want, add --last-serving"
        )


def _stranded(stack: Stack, region: str, clusters: Mapping[str, Cluster], places: Places) -> list[str]:
    """Companies of which no other region serves, each with why."""
    known = {name: _Region(stack, name, clusters[name], places) for name in stack.regions if name != region}
    found = []
    for company in stack.settings.companies:
        regions = [one.name for one in stack.settings.regions_of(company)]
        if region not in regions:
            continue
        whys = {name: known[name].why_not(company.namespace) for name in regions if name != region}
        if all(whys.values()):
            told = "; ".join(f"{name}: {why}" for name, why in whys.items()) or "it lives nowhere else"
            found.append(f"{company.name}: {told}")
    return found


class _Region:
    """What of a region says whether it serves; read once."""

    def __init__(self, stack: Stack, name: str, cluster: Cluster, places: Places) -> None:
        self._stack, self._name, self._cluster, self._places = stack, name, cluster, places
        self._health: dict[tuple[str, str], str] = {}
        self._ready: set[str] | None = None
        self._flagged: dict[str, frozenset[str]] = {}

    def why_not(self, namespace: str) -> str:
        """Empty when it serves the company."""
        if self._ready is None:
            self._read()
        assert self._ready is not None
        flags = self._flagged.get(SYSTEM_NAMESPACE, frozenset()) | self._flagged.get(namespace, frozenset())
        if self._name in flags:
            return "it is flagged as failed"
        if namespace not in self._ready:
            return "no endpoint of its Agent is ready"
        check = check_of(self._stack.settings, self._stack.company(namespace), self._name)
        return self._health_of(check.fqdn, check.path)

    def _read(self) -> None:
        labels = {"kubernetes.io/service-name": f"agent-{self._name}"}
        try:
            slices = listed(self._cluster, ENDPOINT_SLICES, labels)
            maps = listed(self._cluster, CONFIG_MAPS, {}, fieldSelector=f"metadata.name={FLAGS}")
        except Exception as error:
            raise OperatorError(f"{self._cluster.name}: the API server does not answer: {error}") from error
        self._ready = {
            one["metadata"]["namespace"]
            for one in slices
            for each in one.get("endpoints") or ()
            if each.get("conditions", {}).get("ready") is not False
        }
        self._flagged = {one["metadata"]["namespace"]: flagged(one) for one in maps}

    def _health_of(self, name: str, path: str) -> str:
        if (name, path) not in self._health:
            patience = PATIENCE_SECONDS
            question = Question(host=name, path=path, connect=patience, answer=patience, verify=False)
            reply = ask(self._places(name), question)
            told = "" if reply.passes else f"its health path says {reply.detail}"
            self._health[name, path] = told
        return self._health[name, path]
