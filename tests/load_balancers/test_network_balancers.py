"""The Network Load Balancers that the real controller makes before edges, for Global Accelerator."""

from __future__ import annotations

from typing import Any

from tests.components.stacks import EU, US, eks, stack
from tests.load_balancers.judge import Judge
from tests.recording import record
from tests.services import until

RAW = stack(
    regions=[eks(US), eks(EU)], companies=["acme", "globex"], loadBalancing={"manager": "global-accelerator"}
)


def test_an_edge_s_network_load_balancer_has_the_edge_as_its_only_target_checked_at_the_region_s_health(
    judge: Judge,
) -> None:
    judge.apply(record(RAW))
    until(
        lambda: len(found(judge, "network")) == len(found(judge, "application")) == 2, "load balancers", 120
    )
    for region in (US, EU):
        until(lambda region=region: addresses(judge, region)[1:] != [], f"the address in {region}", 60)
        application, network = addresses(judge, region)
        arns = {
            each["DNSName"].lower(): each["LoadBalancerArn"]
            for each in judge.elbv2.describe_load_balancers()["LoadBalancers"]
        }
        groups = groups_of(judge, arns[network])
        assert {group["Port"] for group in groups} == {80, 443}
        for group in groups:
            check = {key: group[f"HealthCheck{key}"] for key in ("Protocol", "Port", "Path")}
            assert check == {"Protocol": "HTTPS", "Port": "443", "Path": f"/healthz/{region}"}
            assert (group["HealthCheckIntervalSeconds"], group["UnhealthyThresholdCount"]) == (5, 2)
            assert group["TargetType"] == "alb"
            until(lambda at=(group, arns[application]): targets(judge, at[0]) == [at[1]], "the target", 60)
        assert len(groups_of(judge, arns[application])) == 3, "two companies and the controller"


def found(judge: Judge, kind: str) -> list[dict[str, Any]]:
    every = judge.elbv2.describe_load_balancers()["LoadBalancers"]
    return [each for each in every if each["Type"] == kind]


def addresses(judge: Judge, region: str) -> list[str]:
    path = "/apis/networking.k8s.io/v1/namespaces/digital-agency-system/ingresses/front-"
    status = judge.api.call("GET", path + region)["status"]
    return [each["hostname"] for each in status.get("loadBalancer", {}).get("ingress", [])]


def groups_of(judge: Judge, balancer: str) -> list[dict[str, Any]]:
    return list(judge.elbv2.describe_target_groups(LoadBalancerArn=balancer)["TargetGroups"])


def targets(judge: Judge, group: dict[str, Any]) -> list[str]:
    health = judge.elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    return [each["Target"]["Id"] for each in health["TargetHealthDescriptions"]]
