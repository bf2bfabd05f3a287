"""Access to a stack's Kubernetes clusters: the API, ports of pods, commands in containers.

The kubelet forwards ports and runs commands, so no NetworkPolicy applies to them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from kubernetes.config.config_exception import ConfigException

from clients import pod_streams
from clients.kubernetes_api import KubernetesApi, KubernetesError
from clients.pod_streams import Executed, StreamError
from ops import local_target
from ops.aws import aws_access, calling
from ops.errors import WRONG_CALL, OperatorError
from ops.local_target import DEFAULT_STATE
from ops.stack import Stack
from plan.kubeconfig import eks_kubeconfig
from plan.names import LOCAL
from settings.clusters import ClusterPlan
from settings.clusters import clusters_of as plans_of

AMBIENT = ""
"""The kubeconfig in KUBECONFIG or in the home folder; as a context, the kubeconfig's current context."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--context",
        nargs="+",
        metavar="CTX",
        help="contexts of your kubeconfig: one context, or <region>=<context> for a region of each cluster",
    )


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster of a stack, and the stack's regions that are in it."""

    name: str
    regions: tuple[str, ...]
    api: KubernetesApi
    kubectl: str
    """The start of a `kubectl` command for this cluster: `kubectl --context …`."""

    def forward(self, namespace: str, pod: str, port: int) -> AbstractContextManager[str]:
        """As `pod_streams.forward`."""
        return pod_streams.forward(self.api.configuration, namespace, pod, port)

    def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], timeout: float = 60.0
    ) -> Executed:
        """Run a command in a container: its exit code, standard output and error. Raises OperatorError."""
        try:
            return pod_streams.execute(self.api.configuration, namespace, pod, container, argv, timeout)
        except StreamError as error:
            raise OperatorError(str(error)) from error


def clusters_of(
    stack: Stack, contexts: Sequence[str] | None = None, state: Path = DEFAULT_STATE
) -> list[Cluster]:
    """The clusters of a stack, after each has answered. `contexts` of the ambient kubeconfig: one for a stack
    in one cluster, else `<region>=<context>` for a region of each cluster. Raises OperatorError.
    """
    return [cluster_of(stack, plan, contexts, state) for plan in plans_of(stack.settings)]


def clusters_by_region(
    stack: Stack, contexts: Sequence[str] | None = None, state: Path = DEFAULT_STATE
) -> dict[str, Cluster]:
    """As `clusters_of`."""
    return {region: cluster for cluster in clusters_of(stack, contexts, state) for region in cluster.regions}


def cluster_of(
    stack: Stack, plan: ClusterPlan, contexts: Sequence[str] | None = None, state: Path = DEFAULT_STATE
) -> Cluster:
    """One of a stack's clusters, after it has answered. Raises OperatorError."""
    chosen = _chosen(plans_of(stack.settings), contexts) if contexts else {}
    kubeconfig, context = _kubeconfig(stack, plan, chosen, state)
    api = KubernetesApi(kubeconfig, context)
    _check(api, plan, context)
    regions = tuple(region.name for region in plan.regions)
    return Cluster(name=plan.id, regions=regions, api=api, kubectl=_kubectl(kubeconfig, context))


def _chosen(plans: Sequence[ClusterPlan], contexts: Sequence[str]) -> dict[str, str]:
    """Context by cluster id."""
    if len(plans) == 1 and len(contexts) == 1 and "=" not in contexts[0]:
        return {plans[0].id: contexts[0]}
    ids = {region.name: plan.id for plan in plans for region in plan.regions}
    chosen: dict[str, str] = {}
    for argument in contexts:
        region, equals, context = argument.partition("=")
        if not equals or region not in ids:
            raise OperatorError(
                "--context: must be <region>=<context> for a region of each cluster, of"
                f" {', '.join(ids)}; got {argument}",
                WRONG_CALL,
            )
        chosen[ids[region]] = context
    if missing := [plan for plan in plans if plan.id not in chosen]:
        regions = ", ".join(region.name for plan in missing for region in plan.regions)
        raise OperatorError(f"--context: missing for {regions}; add <region>=<context>", WRONG_CALL)
    return chosen


def _kubeconfig(stack: Stack, plan: ClusterPlan, chosen: Mapping[str, str], state: Path) -> tuple[str, str]:
    """Kubeconfig (a path or the text itself) and context."""
    if plan.id in chosen:
        return AMBIENT, chosen[plan.id]
    if stack.name == LOCAL:
        return str(local_target.require(state).kubeconfig), AMBIENT
    if plan.eks is None:
        return AMBIENT, plan.context or AMBIENT
    endpoint, authority = plan.endpoint, plan.certificate_authority
    if endpoint is None or authority is None:
        with calling(f"looking up the EKS cluster {plan.eks} in {plan.region}"):
            eks = aws_access(stack, state).client("eks", plan.region)
            described = eks.describe_cluster(name=plan.eks)["cluster"]
        endpoint, authority = described["endpoint"], described["certificateAuthority"]["data"]
    aws = stack.settings.aws
    text = eks_kubeconfig(
        plan.id, plan.eks, plan.region, endpoint, authority, profile=aws.profile, role_arn=aws.role_arn
    )
    return text, AMBIENT


def _check(api: KubernetesApi, plan: ClusterPlan, context: str) -> None:
    where = f"the cluster {plan.id}" + (f" (context {context})" if context else "")
    regions = ", ".join(region.name for region in plan.regions)
    try:
        api.uid()
    except ConfigException as error:
        raise OperatorError(
            f"{where} of {regions}: {error}; name a context of your kubeconfig with --context", WRONG_CALL
        ) from error
    except KubernetesError as error:
        raise OperatorError(
            f"{where} of {regions} rejected the call: {error}; are these credentials for this cluster?"
        ) from error
    except Exception as error:
        raise OperatorError(
            f"{where} of {regions} does not answer: {error}; is it reachable from this machine?"
        ) from error


def _kubectl(kubeconfig: str, context: str) -> str:
    if context:
        return f"kubectl --context {context}"
    if not kubeconfig or "\n" in kubeconfig or kubeconfig.startswith("{"):
        return "kubectl"
    return f"kubectl --kubeconfig {kubeconfig}"
