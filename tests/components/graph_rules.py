"""What holds for the whole graph of every stack: parents, providers, names, what is kept."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from functools import cache

from pulumi import ComponentResource

import components
from engine.recorder import Registration
from engine.values import COMPUTED
from plan.names import COMPANY_LABEL
from policy_pack.running import run as run_policies
from settings import clusters_of
from tests.recording import (
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


def is_component(one: Registration) -> bool:
    return one.type.startswith("agency:")


def only_components_stand_under_the_stack(run: Recording) -> None:
    for one in run:
        assert one.parent in run.by_urn, f"{one.urn}: no parent"
        assert is_component(one) or is_component(run.by_urn[one.parent]), (
            f"{one.urn}: not a component's child"
        )
        assert not is_component(one) or not one.custom


def component_types_follow_the_rule(run: Recording) -> None:
    assert {one.type for one in run if is_component(one)} <= component_types().keys()


def components_register_their_outputs_once(run: Recording) -> None:
    finished = Counter(run.recorder.finished)
    assert {one.urn: finished[one.urn] for one in run if is_component(one)} == {
        one.urn: 1 for one in run if is_component(one)
    }


def children_are_named_after_their_parent(run: Recording) -> None:
    for one in run:
        if one.parent != run.stack_urn:
            parent = run.by_urn[one.parent].name
            assert re.fullmatch(re.escape(parent) + r"-[a-z0-9].*", one.name), f"{one.name} under {parent}"


def no_name_comes_twice(run: Recording) -> None:
    twice = [key for key, times in Counter((one.type, one.name) for one in run).items() if times > 1]
    assert twice == []


def no_kubernetes_object_comes_twice(run: Recording) -> None:
    found = Counter(
        (
            run.cluster_of(one),
            one.inputs["kind"],
            one.inputs["metadata"].get("namespace"),
            one.inputs["metadata"]["name"],
        )
        for one in run.objects()
    )
    assert [key for key, times in found.items() if times > 1] == []


def dependencies_are_resources_of_the_stack(run: Recording) -> None:
    for one in run:
        known = {*one.dependencies, *(urn for urns in one.property_dependencies.values() for urn in urns)}
        assert known <= run.by_urn.keys(), f"{one.urn}: {known - run.by_urn.keys()}"


def kubernetes_objects_go_to_their_cluster(run: Recording) -> None:
    """By the region or the folder in the name of the object or of a component above it."""
    folders = {plan.folder for plan in clusters_of(run.settings)}
    cluster_of = {region.name: plan.folder for plan in clusters_of(run.settings) for region in plan.regions}
    assert {one.inputs["clusterIdentifier"] for one in run.of(KUBERNETES_PROVIDER)} == folders
    for one in run.objects():
        places = [*_places(one), *(place for above in run.ancestors(one) for place in _places(above))]
        wanted = {cluster_of.get(place, place) for place in places} & folders
        assert {run.cluster_of(one)} == wanted, f"{one.name}: in {run.cluster_of(one)}, wanted {wanted}"


def _places(one: Registration) -> list[str]:
    """Names of regions and clusters that a name says the resource is in."""
    if one.type in ("agency:region:Region", "agency:cluster:Cluster"):
        return [one.name]
    if one.type in ("agency:brain:Brain", "agency:agent:Agent") or one.type.startswith("kubernetes:"):
        return [one.name.partition("@")[2]]
    return []


def aws_resources_have_one_provider_and_their_region(run: Recording) -> None:
    regions = {region.name for region in run.settings.regions}
    for one in run:
        if not one.type.startswith("aws:"):
            continue
        assert one.provider == "", f"{one.name}: a provider of its own"
        regional = one.type.startswith(("aws:s3", "aws:acm", "aws:eks"))
        assert (one.inputs.get("region") in regions) is regional, f"{one.name}: {one.inputs.get('region')}"
        named = {region for region in regions if re.search(rf"(^|@){region}(-[a-z]|$)", one.name)}
        if regional and not one.type.startswith("aws:eks"):
            assert named == {one.inputs["region"]}, f"{one.name}: in {one.inputs['region']}"


def exactly_the_data_is_kept(run: Recording) -> None:
    for one in run:
        kept = (
            one.type == VOLUME_CLAIM
            or (one.type == NAMESPACE and COMPANY_LABEL in one.inputs["metadata"]["labels"])
            or one.type in SAFE_BUCKET
        )
        assert one.retain_on_delete is kept, f"{one.name}: retain_on_delete is {one.retain_on_delete}"
        if one.type.startswith("kubernetes:"):
            _is_taken_over_when_kept(run, one, kept=kept)


def _is_taken_over_when_kept(run: Recording, one: Registration, *, kept: bool) -> None:
    provider = run.provider_of(one)
    assert provider is not None
    assert provider.inputs.get("upsertExistingObjects", "false") == ("true" if kept else "false"), one.name
    assert provider.name.endswith("-kept" if kept else "-provider"), one.name
    annotations = one.inputs["metadata"].get("annotations", {})
    adopting = {key: annotations.get(f"pulumi.com/{key}") for key in ("patchFieldManager", "patchForce")}
    wanted = (
        {"patchFieldManager": "digital-agency", "patchForce": "true"} if kept else dict.fromkeys(adopting)
    )
    assert adopting == wanted, one.name


def exactly_what_protected_companies_keep_is_protected(run: Recording) -> None:
    protected = {company.namespace for company in run.settings.companies if company.protect}
    for one in run:
        wanted = False
        if one.type.startswith("kubernetes:") and one.retain_on_delete:
            metadata = one.inputs["metadata"]
            wanted = (metadata.get("namespace") or metadata["name"]) in protected
        assert one.protect is wanted, f"{one.name}: protect is {one.protect}"


def a_region_s_role_is_in_no_selector_and_no_template(run: Recording) -> None:
    for one in run.objects():
        spec = one.inputs.get("spec", {})
        for key in ("selector", "template", "podSelector", "ingress", "egress"):
            assert ROLE_LABEL not in set(texts(spec.get(key))), f"{one.name}: {key}"


def policies_are_kept(run: Recording) -> None:
    assert list(map(str, run_policies(run.by_urn).violations)) == []


def ingresses_wait_for_their_services(run: Recording) -> None:
    """The load balancer controller refuses all Ingresses of a load balancer while one names no Service."""
    services = {_object_key(run, one): one.urn for one in run.objects(SERVICE)}
    for one in run.objects(INGRESS):
        cluster, space, _ = _object_key(run, one)
        for rule in one.inputs["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                if backend["port"].get("name") != "use-annotation":
                    assert services[cluster, space, backend["name"]] in one.dependencies, one.name


def _object_key(run: Recording, one: Registration) -> tuple[str, str, str]:
    metadata = one.inputs["metadata"]
    return run.cluster_of(one), metadata["namespace"], metadata["name"]


def nothing_is_unknown(run: Recording) -> None:
    """Of a run that is not a preview."""
    assert [one.name for one in run if COMPUTED in one.inputs.values()] == []


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
