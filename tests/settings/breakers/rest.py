"""Ways to break the keys beside regions and companies."""

from __future__ import annotations

from tests.settings.breakers.base import Breaker, Pick, an_active_region, long_form, new_company, new_region
from tests.strategies import Raw


def an_unknown_key(raw: Raw, pick: Pick) -> str:
    key = str(pick(["region", "Domain", "hosted_zone_id", "failOver", "colour"]))
    raw[key] = 1
    return key


def failover_with_a_single_region(raw: Raw, pick: Pick) -> str:
    raw["regions"], raw["companies"] = (
        [long_form(raw, "regions")[0] | {"active": True, "replicateTo": []}],
        [],
    )
    raw["failover"] = pick([{"enabled": True}, {}])
    if raw["failover"]:
        return "failover.enabled"
    raw["loadBalancing"] = {"policy": "failover"}
    return "loadBalancing.policy"


def what_external_dns_cannot_express(raw: Raw, pick: Pick) -> str:
    raw["loadBalancing"] = {"manager": "external-dns", "policy": pick(["latency", "geo"])}
    _, region = new_region(raw, active=False)
    new_company(raw, regions=[an_active_region(raw), region["name"]])
    return "loadBalancing.manager"


def record_types_that_exclude_each_other(raw: Raw, pick: Pick) -> str:
    raw["loadBalancing"] = {"manager": "external-dns", "policy": "weighted"}
    _, made = new_region(raw)
    _, other = new_region(raw, endpoint=pick(["lb.example.net", "agency.example.org"]))
    new_company(raw, regions=[made["name"], other["name"]])
    return "loadBalancing.manager"


def a_class_of_an_unknown_controller(raw: Raw, pick: Pick) -> str:
    raw["ingress"] = {**raw.get("ingress", {}), "className": pick(["public", "aws.alb", "haproxy"])}
    raw["ingress"].pop("controller", None)
    return "ingress.controller"


def no_hosted_zone(raw: Raw, pick: Pick) -> str:
    raw.pop("hostedZoneId", None)
    raw.setdefault("loadBalancing", {})["manager"] = "route53"
    return "hostedZoneId"


def an_unpinned_image(raw: Raw, pick: Pick) -> str:
    key = pick(["agency", "rclone", "python"])
    raw.setdefault("images", {})[key] = pick(["registry.example.com:5000/x", "x:latest"])
    return f"images.{key}"


def the_global_accelerator(raw: Raw, pick: Pick) -> str:
    raw.setdefault("loadBalancing", {})["globalAccelerator"] = True
    return "loadBalancing.globalAccelerator"


def copies_too_often(raw: Raw, pick: Pick) -> str:
    raw.setdefault("replication", {})["syncInterval"] = pick([4, 0, -60, "60", 5.5])
    return "replication.syncInterval"


def time_control_without_metrics(raw: Raw, pick: Pick) -> str:
    raw.setdefault("replication", {}).update(timeControl=True, metrics=False)
    return "replication.metrics"


def a_bad_bandwidth(raw: Raw, pick: Pick) -> str:
    limit = pick(["", "10", 10, "10 M", "10MB", "0k", "-1M", "10M:", "on", True, None])
    raw.setdefault("replication", {})["bandwidthLimit"] = limit
    return "replication.bandwidthLimit"


def no_transfers(raw: Raw, pick: Pick) -> str:
    raw.setdefault("replication", {})["transfers"] = pick([0, 65, -1, "4", 1.5, None])
    return "replication.transfers"


def checkpoints_that_end_before_they_begin(raw: Raw, pick: Pick) -> str:
    key, kept = pick(
        [
            ("hourlyHours", {"allHours": 100, "hourlyHours": 99}),
            ("dailyDays", {"hourlyHours": 25, "dailyDays": 1}),
            ("allHours", {"allHours": 0}),
        ]
    )
    raw.setdefault("replication", {})["retention"] = kept
    return f"replication.retention.{key}"


def another_s3(raw: Raw, pick: Pick) -> str:
    url = pick(["http://10.88.0.1:5000", "https://minio.example.com", "minio", "s3://bucket", 5000])
    raw.setdefault("replication", {})["endpoint"] = url
    return "replication.endpoint"


def a_domain_too_long(raw: Raw, pick: Pick) -> str:
    raw["domain"] = f"{'long' * 12}.example.com"
    return "domain"


def no_domain(raw: Raw, pick: Pick) -> str:
    del raw["domain"]
    return "domain"


def a_wrong_type(raw: Raw, pick: Pick) -> str:
    key = pick(
        ["images", "regions", "ingress", "loadBalancing", "failover", "replication", "network", "companies"]
    )
    raw[key] = pick([None, 1, "text", True])
    return str(key)


REST: tuple[Breaker, ...] = (
    an_unknown_key,
    failover_with_a_single_region,
    what_external_dns_cannot_express,
    record_types_that_exclude_each_other,
    a_class_of_an_unknown_controller,
    no_hosted_zone,
    an_unpinned_image,
    the_global_accelerator,
    copies_too_often,
    time_control_without_metrics,
    a_bad_bandwidth,
    no_transfers,
    checkpoints_that_end_before_they_begin,
    another_s3,
    a_domain_too_long,
    no_domain,
    a_wrong_type,
)
