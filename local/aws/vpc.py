"""The local cluster's VPC in the AWS emulator, as an EKS cluster has it."""

from __future__ import annotations

from typing import Any

import boto3

from local.aws.emulator import Emulator
from local.cluster.control_plane import CONTEXT

CLUSTER = CONTEXT
"""The cluster's name in AWS."""
RANGE = "100.64.0.0/16"
"""On this machine, load balancers have addresses in 100.64.0.0/10."""
ZONES = "abc"
SCHEMES = ("elb", "internal-elb")
"""Internet-facing and internal load balancers, as the controller finds their subnets by tags."""


def ensure(aws: Emulator, region: str, cluster: str = CLUSTER) -> str:
    """The id of the cluster's VPC, with a subnet for each scheme in each of three zones."""
    ec2 = boto3.client("ec2", region_name=region, **aws.credentials())
    vpc = _find(ec2, cluster) or _create(ec2, cluster)
    gateway = _route_table(ec2, vpc)
    existing = _subnets(ec2, vpc)
    for number, scheme in enumerate(SCHEMES):
        for place, zone in enumerate(ZONES):
            cidr = f"100.64.{16 * (len(ZONES) * number + place)}.0/20"
            if cidr not in existing:
                subnet = _create_subnet(ec2, vpc, cidr, f"{region}{zone}", _tags(cluster, scheme))
                if scheme == "elb":
                    ec2.associate_route_table(RouteTableId=gateway, SubnetId=subnet)
    return vpc


def _find(ec2: Any, cluster: str) -> str | None:
    named = [{"Name": "tag-key", "Values": [f"kubernetes.io/cluster/{cluster}"]}]
    return next((vpc["VpcId"] for vpc in ec2.describe_vpcs(Filters=named)["Vpcs"]), None)


def _create(ec2: Any, cluster: str) -> str:
    tags = [{"ResourceType": "vpc", "Tags": _tags(cluster)}]
    vpc: str = ec2.create_vpc(CidrBlock=RANGE, TagSpecifications=tags)["Vpc"]["VpcId"]
    return vpc


def _route_table(ec2: Any, vpc: str) -> str:
    """The id of the route table with an internet gateway, which makes a subnet internet-facing."""
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    for table in tables:
        if any(route.get("GatewayId", "").startswith("igw-") for route in table["Routes"]):
            return str(table["RouteTableId"])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table_id: str = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table_id, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    return table_id


def _subnets(ec2: Any, vpc: str) -> set[str]:
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    return {subnet["CidrBlock"] for subnet in ec2.describe_subnets(Filters=of_vpc)["Subnets"]}


def _create_subnet(ec2: Any, vpc: str, cidr: str, zone: str, tags: list[dict[str, str]]) -> str:
    specified = [{"ResourceType": "subnet", "Tags": tags}]
    answer = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone, TagSpecifications=specified)
    return str(answer["Subnet"]["SubnetId"])


def _tags(cluster: str, scheme: str | None = None) -> list[dict[str, str]]:
    own = {"Key": f"kubernetes.io/cluster/{cluster}", "Value": "shared"}
    return [own, *([{"Key": f"kubernetes.io/role/{scheme}", "Value": "1"}] if scheme else [])]
