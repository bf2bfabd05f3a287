"""How an operator's command reaches a stack's Kubernetes clusters: the API, a pod's ports, a pod's shell.

Ports are forwarded and commands executed through the kubelet, so past every NetworkPolicy.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from local.kubernetes_api import ApiError, KubernetesApi
from local.machine.files import DEFAULT_STATE
from ops import pod_streams
from ops.aws import calling, reach_of
from ops.errors import WRONG_CALL, OperatorError
from ops.pod_streams import Executed
from ops.stack import Stack
from plan.kubeconfig import eks_kubeconfig
from plan.names import LOCAL
from settings.clusters import ClusterPlan
from settings.clusters import clusters_of as plans_of

Object = dict[str, Any]
AMBIENT = ""
"""The kubeconfig that KUBECONFIG or the home folder names; as a context, its current one."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--context",
        nargs="+",
        metavar="CTX",
        help="contexts of your kubeconfig: one, or <region>=<context> for a region of each cluster",
    )


class ClusterApi(KubernetesApi):
    """What a KubernetesApi does, and lists."""

    @property
    def configuration(self) -> Any:
        """Address and credentials, as `kubernetes.client` has them."""
        return self._client.configuration

    def list(
        self, kind: str, namespace: str = "", labels: Mapping[str, str] | None = None, version: str = "v1"
    ) -> list[Object]:
        """Objects of a kind, of a namespaced kind those in the namespace. Raises ApiError."""
        named = {"name": "", **({"namespace": namespace} if namespace else {})}
        path = self.path({"apiVersion": version, "kind": kind, "metadata": named}).rstrip("/")
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        query = f"?{urlencode({'labelSelector': selector})}" if selector else ""
        found: list[Object] = self.call("GET", path + query)["items"]
        return found


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster of a stack, and the stack's regions that live in it."""

    name: str
    regions: tuple[str, ...]
    api: ClusterApi
    kubectl: str
    """How an operator's `kubectl` is told of it: `kubectl --context …`."""

    @contextmanager
    def forward(self, namespace: str, pod: str, port: int) -> Iterator[str]:
        """The base URL at which a pod's port answers on this machine. What goes wrong on the way there is
        answered with status 502 and a text that says it.
        """
        path = f"{_pod(namespace, pod)}/portforward?{urlencode({'ports': port})}"
        with pod_streams.listen(self.api.configuration, path, f"port {port} of {namespace}/{pod}") as url:
            yield url

    def exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], timeout: float = 60.0
    ) -> Executed:
        """Run a command in a container: its exit code, standard output and error. Raises OperatorError."""
        asked = [("container", container), ("stdout", "1"), ("stderr", "1")]
        asked += [("command", word) for word in argv]
        path = f"{_pod(namespace, pod)}/exec?{urlencode(asked)}"
        what = f"exec in {namespace}/{pod}, container {container}"
        return pod_streams.execute(self.api.configuration, path, what, timeout)


def _pod(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{pod}"


def clusters_of(
    stack: Stack, contexts: Sequence[str] | None = None, state: Path = DEFAULT_STATE
) -> list[Cluster]:
    """The clusters of a stack, each answering. `contexts` are of the ambient kubeconfig: one for a stack in
    one cluster, else `<region>=<context>` for a region of each. Raises OperatorError.
    """
    return [reached(stack, plan, contexts, state) for plan in plans_of(stack.settings)]


def reached(
    stack: Stack, plan: ClusterPlan, contexts: Sequence[str] | None = None, state: Path = DEFAULT_STATE
) -> Cluster:
    """One of a stack's clusters, as `clusters_of` gives them. Raises OperatorError."""
    given = _given(plans_of(stack.settings), contexts) if contexts else {}
    kubeconfig, context = _way(stack, plan, given, state)
    api = ClusterApi(kubeconfig, context, threading.Event(), lambda line: None)
    _check(api, plan, context)
    regions = tuple(region.name for region in plan.regions)
    return Cluster(name=plan.folder, regions=regions, api=api, kubectl=_kubectl(kubeconfig, context))


def _given(plans: Sequence[ClusterPlan], contexts: Sequence[str]) -> dict[str, str]:
    """Context by the folder of its cluster."""
    if len(plans) == 1 and len(contexts) == 1 and "=" not in contexts[0]:
        return {plans[0].folder: contexts[0]}
    folders = {region.name: plan.folder for plan in plans for region in plan.regions}
    found: dict[str, str] = {}
    for one in contexts:
        region, equals, context = one.partition("=")
        if not equals or region not in folders:
            raise OperatorError(
                f"--context: got {one}; accepted: <region>=<context> for a region of each cluster, of"
                f" {', '.join(folders)}",
                WRONG_CALL,
            )
        found[folders[region]] = context
    if lacking := [plan for plan in plans if plan.folder not in found]:
        regions = ", ".join(region.name for plan in lacking for region in plan.regions)
        raise OperatorError(f"--context: none given for {regions}; add <region>=<context>", WRONG_CALL)
    return found


def _way(stack: Stack, plan: ClusterPlan, given: Mapping[str, str], state: Path) -> tuple[str, str]:
    """Kubeconfig (a path or the text itself) and context."""
    if plan.folder in given:
        return AMBIENT, given[plan.folder]
    if stack.name == LOCAL:
        from local import access

        found = access.find(state)
        if found is None:
            raise OperatorError(f"the local target does not run ({state}): start it with `make up`")
        return str(found.kubeconfig), AMBIENT
    if plan.eks is None:
        return AMBIENT, plan.context or AMBIENT
    endpoint, authority = plan.endpoint, plan.certificate_authority
    if endpoint is None or authority is None:
        with calling(f"looking up the EKS cluster {plan.eks} in {plan.home}"):
            known = reach_of(stack, state).client("eks", plan.home).describe_cluster(name=plan.eks)["cluster"]
        endpoint, authority = known["endpoint"], known["certificateAuthority"]["data"]
    return eks_kubeconfig(plan.folder, plan.eks, plan.home, endpoint, authority), AMBIENT


def _check(api: ClusterApi, plan: ClusterPlan, context: str) -> None:
    where = f"the cluster {plan.folder}" + (f" (context {context})" if context else "")
    regions = ", ".join(region.name for region in plan.regions)
    try:
        api.uid()
    except ConfigException as error:
        raise OperatorError(
            f"{where} of {regions}: {error}; name a context of your kubeconfig by --context", WRONG_CALL
        ) from error
    except (ApiError, ApiException) as error:
        raise OperatorError(
            f"{where} of {regions} refused: {error}; are these credentials its own?"
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
