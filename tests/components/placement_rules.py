"""Rules for the nodes of every pod of every stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from plan.names import REGION_LABEL
from settings import Region, clusters_of
from tests.components.pod_rules import pods
from tests.recording import DEPLOYMENT, Recording

Manifest = Mapping[str, Any]


def pods_are_bound_to_their_region(run: Recording) -> None:
    regions = {region.name: region for region in run.settings.regions}
    clusters = {plan.id: plan.regions for plan in clusters_of(run.settings)}
    for resource in run.of(DEPLOYMENT):
        spec = resource.inputs["spec"]["template"]["spec"]
        assert "nodeAffinity" not in spec["affinity"], resource.name
        here = clusters[run.cluster_of(resource)]
        every = [region.node_selector for region in here]
        shared = {key: value for key, value in every[0].items() if all(it.get(key) == value for it in every)}
        assert spec.get("nodeSelector", {}) == shared, resource.name
        _tolerate(spec, *here)
    for resource, spec in pods(run):
        region = resource.inputs["metadata"]["labels"][REGION_LABEL]
        assert resource.inputs["metadata"]["name"].endswith(f"-{region}")
        terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        here = {"key": REGION_LABEL, "operator": "In", "values": [region]}
        assert terms == {"nodeSelectorTerms": [{"matchExpressions": [here]}]}, resource.name
        assert spec.get("nodeSelector", {}) == regions[region].node_selector, resource.name
        _tolerate(spec, regions[region])
        spread = {constraint["topologyKey"] for constraint in spec["topologySpreadConstraints"]}
        assert "topology.kubernetes.io/zone" in spread, resource.name


def _tolerate(spec: Manifest, *regions: Region) -> None:
    """The taints of the settings, and an unreachable node for a short time only."""
    found = {json.dumps(each, sort_keys=True) for each in spec["tolerations"]}
    own = [
        each.model_dump(mode="json", by_alias=True, exclude_none=True)
        for region in regions
        for each in region.tolerations
    ]
    assert {json.dumps(each, sort_keys=True) for each in own} <= found
    brief = {
        each["key"] for each in spec["tolerations"] if each.get("key") and "tolerationSeconds" in each
    } & {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    assert len(brief) == 2


RULES = (pods_are_bound_to_their_region,)
