"""The defaults of keys, and short forms."""

from __future__ import annotations

from plan.records import RoutingPolicy
from settings import clusters_of, parse
from settings.companies import AGENT_RESOURCES, BRAIN_RESOURCES, AccessMode
from settings.ingress import Scheme
from settings.models import Identity, Manager
from tests.settings.edits import EU, US, WEST, drop, edited, on_eks, put


def test_a_stack_of_required_keys_alone_has_the_defaults_of_the_example() -> None:
    raw = edited(on_eks, drop("ingress"), put("companies", ["client-a"]))
    settings = parse(raw, "prod")
    assert settings.identity is Identity.POD_IDENTITY
    assert (settings.pod_user, settings.wait_for_ready) == (10001, True)
    assert (settings.images.rclone, settings.images.python) == ("rclone/rclone:1.73.5", "python:3.13-slim")
    assert (settings.ingress.class_name, settings.ingress.namespace) == ("alb", "ingress-nginx")
    assert settings.ingress.scheme is Scheme.INTERNET_FACING
    assert settings.ingress.makes_load_balancers
    balancing = settings.load_balancing
    assert (balancing.policy, balancing.manager) == (RoutingPolicy.LATENCY, Manager.ROUTE53)
    assert balancing.annotation_prefix == "external-dns.kubernetes.io/"
    failover = settings.failover
    assert (failover.interval_seconds, failover.timeout_seconds) == (5, 1)
    assert (failover.failure_threshold, failover.recovery_threshold) == (3, 3)
    assert (settings.replication.enabled, settings.replication.sync_interval) == (True, 60)
    assert (settings.replication.bandwidth_limit, settings.replication.transfers) == ("off", 4)
    assert settings.replication.retention.model_dump() == {
        "all_hours": 1, "hourly_hours": 24, "daily_days": 30
    }  # fmt: skip
    assert (settings.network.monitoring_namespace, settings.network.extra_egress) == (None, ())
    assert all(region.active and region.weight == 100 and not region.endpoint for region in settings.regions)


def test_a_company_that_is_only_a_name_has_the_sizes_of_the_published_chart() -> None:
    company = parse(edited(put("companies", ["client-a"])), "prod").companies[0]
    assert (company.agent.resources, company.brain.resources) == (AGENT_RESOURCES, BRAIN_RESOURCES)
    assert (company.agent.storage, company.brain.storage) == ("1Gi", "10Gi")
    assert (company.agent.replicas, company.brain.replicas, company.edge) == (1, 1, 1)
    assert (company.agent.access_mode, company.agent.mount_brain) == (AccessMode.READ_WRITE_ONCE, False)
    assert not (company.protect or company.dedicated_health_checks or company.api_keys)


def test_short_and_long_forms_are_the_same() -> None:
    short = parse(edited(put("regions", [US, EU]), put("companies", ["a", "b"])), "prod")
    long = parse(
        edited(
            put("regions", [{"name": US}, {"name": EU}]), put("companies", [{"name": "a"}, {"name": "b"}])
        ),
        "prod",
    )
    assert short == long


def test_clusters_are_grouped_by_eks_name_and_region_or_by_context() -> None:
    settings = parse(
        edited(
            put(
                "regions",
                [
                    {"name": US, "cluster": {"eks": "blue"}},
                    {"name": EU, "cluster": {"eks": "blue"}},
                    {"name": WEST, "cluster": {"context": "Admin@Home.example", "eksName": "home"}},
                    {"name": "sa-east-1", "cluster": {"context": "Admin@Home.example"}},
                    "eu-north-1",
                    "eu-south-1",
                ],
            )
        ),
        "prod",
    )
    found = {cluster.id: [region.name for region in cluster.regions] for cluster in clusters_of(settings)}
    assert found == {
        "eks-us-east-1-blue": [US],
        "eks-eu-west-1-blue": [EU],
        "context-admin-home-example": ["sa-east-1", WEST],
        "ambient": ["eu-north-1", "eu-south-1"],
    }
    shared = next(cluster for cluster in clusters_of(settings) if cluster.context)
    assert (shared.eks_name, shared.region) == ("home", WEST)
