"""Whether the load balancers have subnets, and whether the pods admit requests from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from botocore.exceptions import ClientError

from ops.aws import AwsAccess, Described
from ops.doctor.findings import Finding, missing, present
from ops.stack import Stack
from plan.networks import without
from settings import Region, clusters_of

WHAT = "subnets of the load balancer"


def subnets(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    """All that the AWS Load Balancer Controller may choose from (its page "Subnet Auto-Discovery"): which of
    them it chooses also depends on free addresses, and on what exists already."""
    tag = stack.settings.ingress.scheme.subnet_tag
    for plan in clusters_of(stack.settings):
        region = plan.regions[0]
        if plan.eks is None or not stack.settings.balanced([region]):
            continue
        try:
            cluster = access.client("eks", plan.region).describe_cluster(name=plan.eks)["cluster"]
        except ClientError:
            continue  # `clusters` reports it.
        own, network = list(region.load_balancer.subnets), cluster["resourcesVpcConfig"]["vpcId"]
        filters = [
            {"Name": "vpc-id", "Values": [network]},
            {"Name": "subnet-id", "Values": own} if own else {"Name": "tag-key", "Values": [tag]},
        ]
        found = access.client("ec2", plan.region).describe_subnets(Filters=filters)["Subnets"]
        if len({subnet["AvailabilityZone"] for subnet in found}) < 2 or len(found) < len(own):
            yield _too_few(region, len(found), network, tag)
        else:
            yield _admitted(region, cluster, found)


def _too_few(region: Region, number: int, network: str, tag: str) -> Finding:
    if own := region.load_balancer.subnets:
        problem = f"{number} of {', '.join(own)} are in {network}"
        remedy = (
            "set regions[].loadBalancer.subnets to subnets of the cluster's network, in two zones or more"
        )
    else:
        problem = f"{number} in {network} have the tag {tag}"
        remedy = (
            f"tag two of them or more, in different zones, with {tag}=1, or set"
            " regions[].loadBalancer.subnets"
        )
    return missing(region.name, WHAT, problem, remedy)


def _admitted(region: Region, cluster: Described, found: Sequence[Described]) -> Finding:
    """A load balancer sends requests and health checks from its subnets, to IPv6 pods by IPv6."""
    is_ipv6 = (cluster.get("kubernetesNetworkConfig") or {}).get("ipFamily") == "ipv6"
    blocks = sorted(block for subnet in found for block in _blocks(subnet, is_ipv6=is_ipv6))
    if region.ingress_from and (outside := _outside(blocks, region.ingress_from)):
        problem = (
            f"ingressFrom does not have {', '.join(outside)}: pods get no requests and no health checks"
            " of a load balancer there"
        )
        remedy = (
            f"add {', '.join(outside)} to regions[].ingressFrom, or set regions[].loadBalancer.subnets to"
            " subnets whose networks it has"
        )
        return missing(region.name, WHAT, problem, remedy)
    return present(region.name, WHAT, ", ".join(blocks))


def _blocks(subnet: Described, *, is_ipv6: bool) -> list[str]:
    if not is_ipv6:
        return [subnet["CidrBlock"]]
    return [each["Ipv6CidrBlock"] for each in subnet.get("Ipv6CidrBlockAssociationSet") or ()]


def _outside(blocks: Sequence[str], networks: Sequence[str]) -> list[str]:
    """The blocks that the networks do not cover, alone or together."""
    covered = [ip_network(network) for network in networks]
    return [block for block in blocks if without([ip_network(block)], covered)]
