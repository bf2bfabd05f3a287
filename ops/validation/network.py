"""No pod of a company reaches a pod or Service of another. What is judged is the network as it is: a cluster
that enforces no policy is found out by a connection within one company, which the policies deny as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ops import mcp_client
from ops.mcp_client import McpError
from ops.memory import AGENT, BRAIN
from ops.validation.pod_sites import COMPONENTS, PORTS, PodSite
from ops.validation.run import Run, who
from ops.validation.verdicts import Failure, Status, Verdict, not_applicable, passed

TIMEOUT_SECONDS = 3.0
DENY = "default-deny"
ALIVE = {"brain": "/health", "agent": "/health", "health-monitor": "/health", "gate": "/live"}
BOTH = {"Ingress", "Egress"}

Target = tuple[str, int]


def judge(run: Run, site: PodSite) -> Verdict:
    others = [one for one in run.others(site) if isinstance(one, PodSite) and one.cluster is site.cluster]
    if not others:
        return not_applicable(f"no other company was chosen that lives in {site.cluster.name}")
    for one in (site, *others):
        _require_policies(one)
    _require_alive(site, "agent", AGENT)
    probe = (address_of(site.require_pod(AGENT)), PORTS["agent"])
    if refusals(site, BRAIN, [probe]) == [None]:
        return Verdict(
            status=Status.NOT_ENFORCED,
            detail=f"{site.pod_name(BRAIN)} reaches {site.pod_name(AGENT)}:{probe[1]} of the same company,"
            " which its policies deny: this cluster enforces none",
        )
    targets = {target: one for one in others for target in _targets(one)}
    for component in (BRAIN, AGENT):
        for target, refusal in zip(targets, refusals(site, component, list(targets)), strict=True):
            if refusal is None:
                raise _reached(site, component, targets[target], target)
    return passed(f"none of {len(targets)} addresses of {len(others)} other Brains and Agents can be reached")


def refusals(site: PodSite, component: str, targets: Sequence[Target]) -> Sequence[str | None]:
    """Of each target why the component's pod could not connect to it; None where it could."""
    asked = {"targets": targets, "timeout": TIMEOUT_SECONDS}
    found: Sequence[str | None] = site.in_gate(component, "connect", asked)
    return found


def address_of(pod: dict[str, Any]) -> str:
    return str(pod["status"]["podIP"])


def _targets(site: PodSite) -> list[Target]:
    """Every port of its pods, by address and by the names of its Services."""
    for container, component in (*COMPONENTS.items(), ("gate", BRAIN), ("gate", AGENT)):
        _require_alive(site, container, component)
    found: list[Target] = []
    for component in (BRAIN, AGENT):
        own = [PORTS["gate"], *(PORTS[name] for name, one in COMPONENTS.items() if one == component)]
        service = f"{component}-{site.region}"
        hosts = [address_of(site.require_pod(component))]
        hosts += [f"{name}.{site.namespace}.svc" for name in (service, f"{service}-headless")]
        found += [(host, port) for host in hosts for port in own]
    return found


def _require_alive(site: PodSite, container: str, component: str) -> None:
    """Raises Failure when nothing answers at a port: that nobody reaches it would say nothing."""
    try:
        mcp_client.get(site.url(component, PORTS[container]), ALIVE[container])
    except McpError as error:
        raise Failure(
            f"whether the {container} of {who(site)} can be reached cannot be judged: {error}",
            site.look(container),
        ) from error


def _require_policies(site: PodSite) -> None:
    """Raises Failure without the policy that denies everything: a probe would take that for a cluster that
    enforces none.
    """
    found = {
        one["metadata"]["name"]: one["spec"]
        for one in site.cluster.api.list("NetworkPolicy", site.namespace, version="networking.k8s.io/v1")
    }
    deny = found.get(DENY, {})
    if deny.get("podSelector") != {} or set(deny.get("policyTypes", ())) != BOTH:
        raise Failure(
            f"the namespace {site.namespace} has no NetworkPolicy {DENY} that denies both directions to all"
            f" of its pods; its policies: {', '.join(found) or 'none'}",
            f"{site.cluster.kubectl} -n {site.namespace} get networkpolicy; deploy the stack again",
        )


def _reached(site: PodSite, component: str, other: PodSite, target: Target) -> Failure:
    host, port = target
    return Failure(
        f"the network lets one company reach another: {site.namespace}/{site.pod_name(component)} connects to"
        f" {host}:{port} of {who(other)}, although the cluster enforces other policies",
        f"{site.cluster.kubectl} -n {other.namespace} get networkpolicy -o yaml",
    )
