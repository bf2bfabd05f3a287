"""Rules for the graph of every stack: parents, providers, names, retained resources."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from functools import cache

from pulumi import ComponentResource

import components
from components.alarms import HEALTH_CHECKS_REGION
from engine.recorder import Registration
from engine.values import COMPUTED
from plan.names import COMPANY_LABEL
from policy_pack.running import run as run_policies
from settings import clusters_of
from tests.recording import (
    BUCKET_LOCK,
    INGRESS,
    KUBERNETES_PROVIDER,
    NAMESPACE,
    SAFE_BUCKET,
    SERVICE,
    VOLUME_CLAIM,
    Recording,
    texts,
)

ROLE_LABEL = "agency.global/region-role"


@cache
def component_types() -> dict[str, type[ComponentResource]]:
    """Every component of the package, by the token that its place and its name give it."""
    found = {}
    for module in pkgutil.iter_modules(components.__path__):
        for name, kind in inspect.getmembers(
            importlib.import_module(f"components.{module.name}"), inspect.isclass
        ):
            if issubclass(kind, ComponentResource) and kind.__module__ == f"components.{module.name}":
                found[f"agency:{module.name}:{name}"] = kind
    return found


def is_component(resource: Registration) -> bool:
    return resource.type.startswith("agency:")


def only_components_stand_under_the_stack(run: Recording) -> None:
    for resource in run:
        assert resource.parent in run.by_urn, f"{resource.urn}: no parent"
        assert is_component(resource) or is_component(run.by_urn[resource.parent]), (
            f"{resource.urn}: not a component's child"
        )
        assert not is_component(resource) or not resource.custom


def component_types_follow_the_rule(run: Recording) -> None:
    assert {resource.type for resource in run if is_component(resource)} <= component_types().keys()


def components_register_their_outputs_once(run: Recording) -> None:
    finished = Counter(run.recorder.finished)
    assert {resource.urn: finished[resource.urn] for resource in run if is_component(resource)} == {
        resource.urn: 1 for resource in run if is_component(resource)
    }


def children_are_named_after_their_parent(run: Recording) -> None:
    for resource in run:
        if resource.parent != run.stack_urn:
            parent = run.by_urn[resource.parent].name
            assert re.fullmatch(re.escape(parent) + r"-[a-z0-9].*", resource.name), (
                f"{resource.name} under {parent}"
            )


def no_name_comes_twice(run: Recording) -> None:
    twice = [
        key for key, times in Counter((resource.type, resource.name) for resource in run).items() if times > 1
    ]
    assert twice == []


def no_kubernetes_object_comes_twice(run: Recording) -> None:
    found = Counter(
        (
            run.cluster_of(resource),
            resource.inputs["kind"],
            resource.inputs["metadata"].get("namespace"),
            resource.inputs["metadata"]["name"],
        )
        for resource in run.objects()
    )
    assert [key for key, times in found.items() if times > 1] == []


def dependencies_are_resources_of_the_stack(run: Recording) -> None:
    for resource in run:
        known = {
            *resource.dependencies,
            *(urn for urns in resource.property_dependencies.values() for urn in urns),
        }
        assert known <= run.by_urn.keys(), f"{resource.urn}: {known - run.by_urn.keys()}"


def kubernetes_objects_go_to_their_cluster(run: Recording) -> None:
    """By the region or the folder in the name of the object or of a component above it."""
    folders = {plan.id for plan in clusters_of(run.settings)}
    cluster_of = {region.name: plan.id for plan in clusters_of(run.settings) for region in plan.regions}
    assert {resource.inputs["clusterIdentifier"] for resource in run.of(KUBERNETES_PROVIDER)} == folders
    for resource in run.objects():
        places = [
            *_places(resource),
            *(place for above in run.ancestors(resource) for place in _places(above)),
        ]
        wanted = {cluster_of.get(place, place) for place in places} & folders
        assert {run.cluster_of(resource)} == wanted, (
            f"{resource.name}: in {run.cluster_of(resource)}, wanted {wanted}"
        )


def _places(resource: Registration) -> list[str]:
    """Names of regions and clusters that a name says the resource is in."""
    if resource.type in ("agency:region:Region", "agency:cluster:Cluster"):
        return [resource.name]
    if resource.type in ("agency:brain:Brain", "agency:agent:Agent") or resource.type.startswith(
        "kubernetes:"
    ):
        return [resource.name.partition("@")[2]]
    return []


def aws_resources_have_one_provider_and_their_region(run: Recording) -> None:
    regions = {region.name for region in run.settings.regions}
    for resource in run:
        if not resource.type.startswith("aws:"):
            continue
        assert resource.provider == "", f"{resource.name}: a provider of its own"
        if resource.type.startswith(("aws:sns", "aws:cloudwatch")):
            # CloudWatch has health checks in one region alone, whatever the stack's regions are.
            assert resource.inputs["region"] in regions | {HEALTH_CHECKS_REGION}, resource.name
            assert resource.name.partition("@")[2].partition(":")[0] in ("", resource.inputs["region"])
            continue
        regional = resource.type.startswith(("aws:s3", "aws:acm", "aws:eks"))
        assert (resource.inputs.get("region") in regions) is regional, (
            f"{resource.name}: {resource.inputs.get('region')}"
        )
        named = {region for region in regions if re.search(rf"(^|@){region}(-[a-z]|$)", resource.name)}
        if regional and not resource.type.startswith("aws:eks"):
            assert named == {resource.inputs["region"]}, f"{resource.name}: in {resource.inputs['region']}"


def exactly_the_data_is_kept(run: Recording) -> None:
    for resource in run:
        kept = (
            resource.type == VOLUME_CLAIM
            or (resource.type == NAMESPACE and COMPANY_LABEL in resource.inputs["metadata"]["labels"])
            or resource.type in {*SAFE_BUCKET, BUCKET_LOCK}
        )
        assert resource.retain_on_delete is kept, (
            f"{resource.name}: retain_on_delete is {resource.retain_on_delete}"
        )
        if resource.type.startswith("kubernetes:"):
            _is_taken_over_when_kept(run, resource, kept=kept)


def _is_taken_over_when_kept(run: Recording, resource: Registration, *, kept: bool) -> None:
    provider = run.provider_of(resource)
    assert provider is not None
    assert provider.inputs.get("upsertExistingObjects", "false") == ("true" if kept else "false"), (
        resource.name
    )
    assert provider.name.endswith("-kept" if kept else "-provider"), resource.name
    annotations = resource.inputs["metadata"].get("annotations", {})
    adopting = {key: annotations.get(f"pulumi.com/{key}") for key in ("patchFieldManager", "patchForce")}
    wanted = (
        {"patchFieldManager": "digital-agency", "patchForce": "true"} if kept else dict.fromkeys(adopting)
    )
    assert adopting == wanted, resource.name


def exactly_what_protected_companies_keep_is_protected(run: Recording) -> None:
    protected = {company.namespace for company in run.settings.companies if company.protect}
    for resource in run:
        wanted = False
        if resource.type.startswith("kubernetes:") and resource.retain_on_delete:
            metadata = resource.inputs["metadata"]
            wanted = (metadata.get("namespace") or metadata["name"]) in protected
        assert resource.protect is wanted, f"{resource.name}: protect is {resource.protect}"


def a_region_s_role_is_in_no_selector_and_no_template(run: Recording) -> None:
    for resource in run.objects():
        spec = resource.inputs.get("spec", {})
        for key in ("selector", "template", "podSelector", "ingress", "egress"):
            assert ROLE_LABEL not in set(texts(spec.get(key))), f"{resource.name}: {key}"


def policies_are_kept(run: Recording) -> None:
    assert list(map(str, run_policies(run.by_urn).violations)) == []


def ingresses_wait_for_their_services(run: Recording) -> None:
    """The load balancer controller refuses all Ingresses of a load balancer while one names no Service."""
    services = {_object_key(run, resource): resource.urn for resource in run.objects(SERVICE)}
    for resource in run.objects(INGRESS):
        cluster, space, _ = _object_key(run, resource)
        for rule in resource.inputs["spec"].get("rules", []):
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                if backend["port"].get("name") != "use-annotation":
                    assert services[cluster, space, backend["name"]] in resource.dependencies, resource.name


def _object_key(run: Recording, resource: Registration) -> tuple[str, str, str]:
    metadata = resource.inputs["metadata"]
    return run.cluster_of(resource), metadata["namespace"], metadata["name"]


def nothing_is_unknown(run: Recording) -> None:
    """Of a run that is not a preview."""
    assert [resource.name for resource in run if COMPUTED in resource.inputs.values()] == []


RULES = (
    only_components_stand_under_the_stack,
    component_types_follow_the_rule,
    components_register_their_outputs_once,
    children_are_named_after_their_parent,
    no_name_comes_twice,
    no_kubernetes_object_comes_twice,
    dependencies_are_resources_of_the_stack,
    kubernetes_objects_go_to_their_cluster,
    aws_resources_have_one_provider_and_their_region,
    exactly_the_data_is_kept,
    exactly_what_protected_companies_keep_is_protected,
    a_region_s_role_is_in_no_selector_and_no_template,
    ingresses_wait_for_their_services,
    nothing_is_unknown,
    policies_are_kept,
)
