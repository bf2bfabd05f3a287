"""Whether a cluster enforces network policies, on which the isolation of tenants depends."""

from __future__ import annotations

from collections.abc import Iterator

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from settings import ClusterPlan, Settings

WHAT = "network policies"
ENFORCERS = ("cilium", "calico-node", "kube-router", "antrea-agent", "kube-ovn-cni")
"""DaemonSets of networks that always enforce network policies."""
AGENT, AGENT_FLAG = "aws-eks-nodeagent", "--enable-network-policy=true"
MODE = "NETWORK_POLICY_ENFORCING_MODE"
AUTO_MODE_CONFIG, AUTO_MODE_KEY = "amazon-vpc-cni", "enable-network-policy-controller"


def network_policies(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    """What is configured. `python -m ops validate` shows whether it is in effect."""
    items = cluster.api.call("GET", "/apis/apps/v1/daemonsets")["items"]
    sets = {each["metadata"]["name"]: each for each in items}
    if enforcers := sorted(set(ENFORCERS) & sets.keys()):
        yield present(plan.id, WHAT, f"{', '.join(enforcers)} enforces them")
    elif cni := sets.get("aws-node"):
        yield _vpc_cni(plan, cni)
    else:
        yield _auto_mode(plan, cluster)


def _vpc_cni(plan: ClusterPlan, cni: Object) -> Finding:
    containers = cni["spec"]["template"]["spec"]["containers"]
    agents = [each for each in containers if each["name"] == AGENT]
    if not any(AGENT_FLAG in (each.get("args") or ()) for each in agents):
        problem = "the VPC CNI does not enforce them: every company reaches every other"
        remedy = "set enableNetworkPolicy of the add-on vpc-cni to true (docs/first-deployment.md)"
        return missing(plan.id, WHAT, problem, remedy)
    variables = {each["name"]: each.get("value") for one in containers for each in one.get("env") or ()}
    if variables.get(MODE) == "strict":
        return present(plan.id, WHAT, "the VPC CNI enforces them, strict")
    detail = (
        "the VPC CNI enforces them in mode standard: a pod starts open, until its policies arrive. In a"
        f" cluster of this platform alone, {MODE}=strict closes that gap"
    )
    return present(plan.id, WHAT, detail)


def _auto_mode(plan: ClusterPlan, cluster: Cluster) -> Finding:
    maps = [each for each in cluster.api.list("ConfigMap") if each["metadata"]["name"] == AUTO_MODE_CONFIG]
    if any((each.get("data") or {}).get(AUTO_MODE_KEY) == "true" for each in maps):
        return present(plan.id, WHAT, "EKS Auto Mode enforces them")
    problem = "not known: there is neither the VPC CNI nor another network that enforces them"
    remedy = (
        f"in EKS Auto Mode set {AUTO_MODE_KEY} in the ConfigMap {AUTO_MODE_CONFIG} of kube-system; elsewhere"
        " ask whoever runs the network, then run `python -m ops validate`"
    )
    return missing(plan.id, WHAT, problem, remedy)
