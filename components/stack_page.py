"""The stack's page in the Pulumi console: what runs where, and links to consoles and logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from settings import Region, Settings

UNKNOWN = "known after the first `pulumi up`"


def page(template: str, stack: str, settings: Settings, outputs: Mapping[str, Any]) -> str:
    """The template with its `{{…}}` replaced. `outputs` are the stack's; some may be unknown."""
    filled = {
        "stack": stack,
        "domain": settings.domain,
        "policy": settings.load_balancing.policy.value,
        "companies": _table(("company", "address", "regions"), _companies(settings, outputs["companies"])),
        "regions": _table(
            ("region", "role", "cluster", "edges", "bucket"), _regions(settings, outputs["regions"])
        ),
        "consoles": "\n".join(f"- {line}" for line in _consoles(settings, outputs["regions"])),
    }
    for name, text in filled.items():
        template = template.replace(f"{{{{{name}}}}}", text)
    return template


def _companies(settings: Settings, hosts: Mapping[str, str]) -> Iterable[Sequence[str]]:
    for company in sorted(settings.companies, key=lambda company: company.namespace):
        host = hosts[company.namespace]
        regions = ", ".join(sorted(region.name for region in settings.regions_of(company)))
        yield company.name, f"[{host}](https://{host}/)", regions


def _regions(settings: Settings, outputs: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    for region in _by_name(settings):
        output, cluster = outputs[region.name], region.cluster
        yield (
            region.name,
            "active" if region.active else "passive",
            (cluster.eks or cluster.context or "") if cluster else "of the ambient kubeconfig",
            ", ".join(_known(edge) for edge in output["edges"]) or region.endpoint or "",
            _known(output["bucket"]) if settings.replication.enabled else "no snapshots",
        )


def _consoles(settings: Settings, outputs: Mapping[str, Any]) -> Iterable[str]:
    if settings.hosted_zone_id:
        zone = (
            f"https://console.aws.amazon.com/route53/v2/hostedzones#ListRecordSets/{settings.hosted_zone_id}"
        )
        yield f"[DNS records]({zone}), [health checks](https://console.aws.amazon.com/route53/healthchecks/home)"
    for region in _by_name(settings):
        console = f"https://{region.name}.console.aws.amazon.com"
        links = [f"[logs]({console}/cloudwatch/home?region={region.name}#logsV2:log-groups)"]
        if region.cluster and region.cluster.eks:
            links.append(f"[cluster]({console}/eks/home?region={region.name}#/clusters/{region.cluster.eks})")
        bucket = outputs[region.name]["bucket"]
        if isinstance(bucket, str) and bucket:
            links.append(f"[snapshots]({console}/s3/buckets/{bucket}?region={region.name})")
        yield f"{region.name}: {', '.join(links)}"


def _by_name(settings: Settings) -> list[Region]:
    """The order of the stack file's list has no meaning and must change nothing."""
    return sorted(settings.regions, key=lambda region: region.name)


def _known(value: Any) -> str:
    return value if isinstance(value, str) and value else UNKNOWN


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
