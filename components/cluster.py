"""A Kubernetes cluster that exists already, as the platform uses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, ResourceHookBinding, ResourceOptions

from components.base import RESTRICTED, KubernetesObject, Manifest
from components.own_namespaces import own_namespaces
from plan.edges import READINESS_GATE
from plan.iam import oidc_provider_arn
from plan.kubeconfig import eks_kubeconfig
from plan.names import PLATFORM_LABEL, PRIORITY_CLASS, SYSTEM_NAMESPACE
from settings import ClusterPlan, Region, Settings

REQUESTS_PER_SECOND = 200
"""To the API server. The default of 50 would take most of the time of a preview with 100 companies."""
BURST = 400


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    plan: ClusterPlan
    settings: Settings


class Cluster(ComponentResource):
    """Providers, system namespace and priority class of one cluster.

    `provider` creates the objects that come and go with the stack. `adopting_provider` creates the objects
    that outlive their company (namespaces, volumes), and adopts those that exist already. Both have an
    explicit cluster identifier, so that a rotated endpoint or certificate replaces nothing.
    """

    TYPE = "agency:cluster:Cluster"

    provider: kubernetes.Provider
    adopting_provider: kubernetes.Provider
    namespace_hooks: ResourceHookBinding
    """Of companies' namespaces: none of somebody else is adopted."""
    eks_name: str | None
    oidc_provider_arn: pulumi.Output[str] | None
    """Of the cluster's IAM OIDC provider; None where neither the settings nor EKS name it."""
    load_balancer_subnets: pulumi.Output[list[str]] | None
    """Networks (CIDR) of the subnets with the tag of the scheme's load balancers; None without a lookup."""

    def __init__(self, name: str, args: ClusterArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self.plan = args.plan
        lookup = EksLookup(args, self) if args.plan.looked_up else None
        kubeconfig = lookup.kubeconfig if lookup else _kubeconfig_of_settings(args)
        self.provider = _provider(f"{name}-provider", args, kubeconfig, self, adopts=False)
        self.adopting_provider = _provider(f"{name}-kept", args, kubeconfig, self, adopts=True)
        self.namespace_hooks = own_namespaces(args.plan, kubeconfig)
        self.eks_name = args.plan.eks or args.plan.eks_name
        self.load_balancer_subnets = lookup.load_balancer_subnets if lookup else None
        if arn := args.plan.oidc_provider_arn:
            self.oidc_provider_arn = pulumi.Output.from_input(arn)
        else:
            self.oidc_provider_arn = lookup.oidc_provider_arn if lookup else None
        child = ResourceOptions(parent=self, provider=self.provider)
        self.system_namespace = KubernetesObject(f"{name}-system", _system_namespace(args), child)
        if args.settings.pods.priority_class_name is None:
            KubernetesObject(f"{name}-priority", _priority_class(), child)
        digests = {"requireDigests": True} if args.settings.images.require_digests else {}
        self.register_outputs({"identifier": args.plan.id, **digests})


def _provider(
    name: str,
    args: ClusterArgs,
    kubeconfig: pulumi.Input[str] | None,
    parent: pulumi.Resource,
    *,
    adopts: bool,
) -> kubernetes.Provider:
    return kubernetes.Provider(
        name,
        # An explicit None: otherwise the SDK writes the deployer's KUBECONFIG into the provider's inputs.
        kubeconfig=pulumi.Output.from_input(kubeconfig),
        context=args.plan.context,
        cluster_identifier=args.plan.id,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        upsert_existing_objects=True if adopts else None,
        kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=REQUESTS_PER_SECOND, burst=BURST),
        opts=ResourceOptions(parent=parent),
    )


class EksLookup:
    """What EKS and EC2 know about a cluster of which the settings have only the name."""

    def __init__(self, args: ClusterArgs, parent: pulumi.Resource) -> None:
        plan, tag = args.plan, args.settings.ingress.scheme.subnet_tag
        options = pulumi.InvokeOptions(parent=parent)
        cluster = aws.eks.get_cluster_output(name=plan.eks, region=plan.region, opts=options)
        self.kubeconfig = pulumi.Output.all(cluster.endpoint, cluster.certificate_authorities[0].data).apply(
            lambda parts: _eks_kubeconfig(args, *parts)
        )
        account = aws.get_caller_identity_output(opts=options).account_id
        self.oidc_provider_arn = pulumi.Output.all(account, cluster.identities[0].oidcs[0].issuer).apply(
            lambda parts: oidc_provider_arn(*parts)
        )
        own = plan.regions[0].load_balancer.subnets
        self.load_balancer_subnets: pulumi.Output[list[str]] = (
            _networks(own, plan.region, options)
            if own
            else cluster.vpc_config.vpc_id.apply(lambda vpc: _tagged_subnets(vpc, tag, plan.region, options))
        )


def _tagged_subnets(
    vpc: str, tag: str, region: str, options: pulumi.InvokeOptions
) -> pulumi.Output[list[str]]:
    """Networks of a VPC's subnets with a tag. Subnets with the tag of the other scheme are excluded: eksctl
    puts nodes and pods into subnets with the tag for internal load balancers.
    """
    tagged = aws.ec2.get_subnets_output(
        region=region,
        filters=[{"name": "vpc-id", "values": [vpc]}, {"name": "tag-key", "values": [tag]}],
        opts=options,
    )
    return tagged.ids.apply(lambda ids: _networks(ids, region, options))


def _networks(ids: Sequence[str], region: str, options: pulumi.InvokeOptions) -> pulumi.Output[list[str]]:
    """Of both families: with `ipAddressType: dualstack`, requests to IPv6 pods come from IPv6 addresses."""
    subnets = [aws.ec2.get_subnet_output(id=id, region=region, opts=options) for id in sorted(ids)]
    blocks = [block for subnet in subnets for block in (subnet.cidr_block, subnet.ipv6_cidr_block)]
    return pulumi.Output.all(*blocks).apply(lambda known: [block for block in known if block])


def _eks_kubeconfig(args: ClusterArgs, endpoint: str, certificate_authority: str) -> str:
    plan, aws = args.plan, args.settings.aws
    assert plan.eks is not None  # The settings accept an endpoint only with `eks`.
    return eks_kubeconfig(
        plan.id,
        plan.eks,
        plan.region,
        endpoint,
        certificate_authority,
        profile=aws.profile,
        role_arn=aws.role_arn,
    )


def _kubeconfig_of_settings(args: ClusterArgs) -> str | None:
    plan = args.plan
    if plan.endpoint is None or plan.certificate_authority is None:
        return None
    return _eks_kubeconfig(args, plan.endpoint, plan.certificate_authority)


def _system_namespace(args: ClusterArgs) -> Manifest:
    gate = readiness_gate(args.settings, args.plan.regions)
    labels = PLATFORM_LABEL | RESTRICTED | gate
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE, "labels": labels}}


def readiness_gate(settings: Settings, regions: Iterable[Region]) -> dict[str, str]:
    """Labels of a namespace with pods of these regions."""
    return dict(READINESS_GATE) if settings.balanced(regions) else {}


def _priority_class() -> Manifest:
    """Agents and Brains rank above batch work, and below the cluster's own pods (over 10⁹)."""
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": PRIORITY_CLASS},
        "value": 1_000_000,
        "globalDefault": False,
        "description": "Agents and Brains of the Digital Agency.",
    }
