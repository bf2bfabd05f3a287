"""Rules for the whole graph: of the repository's stack files, and of random valid stacks."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.recorder import Registration
from engine.values import COMPUTED
from tests.components import (
    gate_rules,
    graph_rules,
    network_rules,
    placement_rules,
    pod_rules,
    routing_rules,
    tenancy_rules,
)
from tests.components.graph_rules import component_types
from tests.components.stacks import EU, US, WEST, context, eks, many_companies, stack
from tests.recording import Recording, record, record_file, texts
from tests.strategies import Raw, valid_stacks

Rule = Callable[[Recording], None]

RULES: tuple[Rule, ...] = (
    *graph_rules.RULES,
    *pod_rules.RULES,
    *placement_rules.RULES,
    *gate_rules.RULES,
    *tenancy_rules.RULES,
    *network_rules.RULES,
    *routing_rules.RULES,
)
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
with_companies = valid_stacks(max_regions=3, max_companies=3).filter(
    lambda drawn: bool(drawn[0]["companies"])
)
few_examples = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking a stack would take minutes
    suppress_health_check=[HealthCheck.too_slow],
)


def agrees(planned: Any, deployed: Any) -> bool:
    """Whether the known parts of a preview's value are equal to the deployed value."""
    if planned is COMPUTED:
        return True
    if isinstance(planned, Mapping) and isinstance(deployed, Mapping):
        return planned.keys() == deployed.keys() and all(
            agrees(planned[key], deployed[key]) for key in planned
        )
    if isinstance(planned, list) and isinstance(deployed, list):
        return len(planned) == len(deployed) and all(map(agrees, planned, deployed))
    return bool(planned == deployed)


@every_rule
def test_rule_holds_for_the_stacks_of_the_repository(committed: Recording, rule: Rule) -> None:
    rule(committed)


@every_rule
def test_rule_holds_for_many_companies_with_awkward_names(many: Recording, rule: Rule) -> None:
    rule(many)


@every_rule
def test_rule_holds_before_the_first_company_comes(rule: Rule) -> None:
    rule(record(stack(companies=[])))


def test_companies_may_be_called_like_what_the_platform_has_itself() -> None:
    """Names of its components, of a cluster's folder, of an edge's parts."""
    namesakes = [
        "routing",
        "replication",
        "certificates",
        "context-shared",
        f"{US}-edge",
        "acme-agent",
        "acme",
    ]
    run = record(stack(regions=[context(US)], companies=namesakes))
    for rule in RULES:
        rule(run)


@few_examples
@given(drawn=with_companies)
def test_every_rule_holds_for_any_valid_stack(drawn: tuple[Raw, str]) -> None:
    raw, name = drawn
    run = record(raw, stack=name)
    for rule in RULES:
        rule(run)


def test_components_carry_the_token_of_their_module_and_class() -> None:
    assert {kind.TYPE: token for token, kind in component_types().items()} == {  # type: ignore[attr-defined]
        token: token for token in component_types()
    }


def test_the_repository_s_largest_stack_and_one_with_all_that_it_lacks_have_every_component(
    prod: Recording,
) -> None:
    other = record(
        stack(
            regions=[eks(US), eks(EU)],
            loadBalancing={"manager": "global-accelerator"},
            alarms={"prometheusOperator": True, "emails": ["a@example.com"]},
            network={"monitoringNamespace": "monitoring"},
        )
    )
    assert {
        resource.type for resource in [*prod, *other] if graph_rules.is_component(resource)
    } == component_types().keys()


def test_the_components_that_the_product_names_are_there() -> None:
    assert component_types().keys() >= {
        "agency:region:Region",
        "agency:tenant:Tenant",
        "agency:brain:Brain",
        "agency:agent:Agent",
        "agency:cluster:Cluster",
        "agency:replication_mesh:ReplicationMesh",
        "agency:global_routing:GlobalRouting",
    }


def test_a_preview_registers_what_the_deployment_registers(
    committed_file: Path, committed: Recording
) -> None:
    assert_same_graph(record_file(committed_file, dry_run=True), committed)


@pytest.mark.parametrize("identity", ["pod-identity", "irsa"])
@pytest.mark.parametrize("policy", ["latency", "geo"])
def test_a_preview_knows_every_resource_before_anything_is_there(identity: str, policy: str) -> None:
    raw = stack(
        regions=[{"name": US, "cluster": {"eks": "blue"}, "geo": ["default"]}, eks(EU, active=False)],
        identity=identity,
        loadBalancing={"policy": policy},
        companies=["acme", {"name": "hooli", "dedicatedHealthChecks": True}],
    )
    assert_same_graph(record(raw, dry_run=True), record(raw))


def assert_same_graph(planned: Recording, deployed: Recording) -> None:
    """The same resources, with inputs that are the same wherever the preview knows them."""
    assert planned.by_urn.keys() == deployed.by_urn.keys()
    for resource in planned:
        other = deployed.by_urn[resource.urn]
        assert agrees(resource.inputs, other.inputs), f"{resource.name}: {resource.inputs} {other.inputs}"
        assert (resource.protect, resource.retain_on_delete, resource.parent) == (
            other.protect,
            other.retain_on_delete,
            other.parent,
        )
        assert resource.dependencies == other.dependencies, resource.name
    assert planned.outputs.keys() == deployed.outputs.keys()


def shuffled(value: Any, draw: random.Random, kept: tuple[str, ...] = ()) -> Any:
    """The settings with every list in another order, those under the keys `kept` aside."""
    if isinstance(value, dict):
        return {
            key: copy.deepcopy(item) if key in kept else shuffled(item, draw, kept)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return draw.sample([shuffled(item, draw, kept) for item in value], len(value))
    return value


def assert_equal(resource: Recording, other: Recording) -> None:
    """Equal resources. The validation record alone may be asked of another region's certificate: ACM asks for
    the same record in each, so its inputs, which are what an engine compares, are equal too.
    """
    assert resource.by_urn.keys() == other.by_urn.keys()
    for registration in resource:
        found = other.by_urn[registration.urn]
        if registration.name == "certificates-validation":
            found = replace(
                found,
                dependencies=registration.dependencies,
                property_dependencies=registration.property_dependencies,
            )
        assert registration == found, registration.name
    assert resource.outputs == other.outputs


@pytest.mark.parametrize("policy", ["latency", "geo"])
def test_a_stack_file_with_every_list_reversed_is_the_same_stack(policy: str) -> None:
    raw = many_companies(loadBalancing={"policy": policy})
    for region, codes in zip(
        raw["regions"], (["default", "NA"], ["EU", "AF", "country:TR"], []), strict=True
    ):
        region |= {
            "geo": codes,
            "replicateTo": [other for other in (US, EU, WEST) if other != region["name"]],
        }
    assert_equal(record(raw), record(backwards(raw)))


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(item) for key, item in value.items()}
    return [backwards(item) for item in value[::-1]] if isinstance(value, list) else value


@few_examples
@given(drawn=with_companies, seed=st.integers())
def test_the_order_of_lists_in_a_stack_file_counts_only_for_policy_failover(
    drawn: tuple[Raw, str], seed: int
) -> None:
    raw, name = drawn
    ranked = ("regions",) if raw["loadBalancing"]["policy"] == "failover" else ()
    assert_equal(record(raw, stack=name), record(shuffled(raw, random.Random(seed), ranked), stack=name))


def test_the_order_of_companies_is_not_that_of_what_is_left_to_create() -> None:
    def outputs(companies: list[str]) -> dict[str, Any]:
        regions = [context(name) for name in (US, EU)]
        return record(stack(regions=regions, identity="irsa", companies=companies)).outputs

    assert outputs(["acme", "globex"]) == outputs(["globex", "acme"])
    assert len(outputs(["acme", "globex"])["identityToCreate"]) == 8, "each component's"


def test_with_policy_failover_the_order_of_regions_is_the_order_of_serving() -> None:
    def leaf(regions: list[str]) -> Registration:
        run = record(stack(regions=[eks(name) for name in regions], loadBalancing={"policy": "failover"}))
        (primary,) = [
            resource
            for resource in run.of("aws:route53/record:Record")
            if resource.inputs.get("failoverRoutingPolicies") == [{"type": "PRIMARY"}]
        ]
        return primary

    assert leaf([US, EU]).inputs["records"] == [f"{US}.agency.example.com"]
    assert leaf([EU, US]).inputs["records"] == [f"{EU}.agency.example.com"]


@pytest.mark.parametrize("gone", ["brain", "data", "a"])
def test_a_company_that_leaves_changes_nothing_of_the_others(many: Recording, gone: str) -> None:
    raw = many_companies()
    rest = record({**raw, "companies": [company for company in raw["companies"] if company["name"] != gone]})
    assert rest.by_urn.keys() <= many.by_urn.keys()
    changed = [resource.name for resource in rest if resource != many.by_urn[resource.urn]]
    # The controllers' config names the companies to probe.
    assert set(changed) <= {
        f"{folder}-failover-settings" for folder in ("context-shared", f"eks-{WEST}-green")
    }
    left = {resource.urn for resource in many} - rest.by_urn.keys()
    own = {resource.urn for resource in many.below(many.named(gone, tenancy_rules.TENANT))}
    shared = [many.by_urn[urn] for urn in left - own]
    assert own <= left
    assert {resource.type for resource in shared} <= {
        "aws:route53/record:Record",
        "aws:route53/healthCheck:HealthCheck",
    }


def test_no_text_of_a_company_is_in_what_another_one_or_all_of_them_have() -> None:
    """With names that are part of nothing else, any occurrence counts."""
    animals = ["zebra", "quokka", "Nar_whal"]
    companies = [
        {"name": name, "protect": True, "apiKeys": {"OPENAI_API_KEY": f"key of {name}"}} for name in animals
    ]
    run = record(stack(regions=[context(US), context(EU)], companies=companies, identity="irsa"))
    controller_config = run.named("context-shared-failover-settings")
    spoken = {"zebra": ("zebra",), "quokka": ("quokka",), "nar-whal": ("nar-whal", "Nar_whal")}
    for resource in run:
        above = [resource, *run.ancestors(resource)]
        owner = next((each.name for each in above if each.type == tenancy_rules.TENANT), None)
        found = " ".join(
            (
                resource.urn,
                *resource.dependencies,
                *texts(resource.inputs),
                *texts(resource.property_dependencies),
            )
        )
        for company, words in spoken.items():
            # The controller's config names every company to probe.
            assert (
                resource is controller_config or company == owner or not any(word in found for word in words)
            ), f"{resource.name} speaks of {company}"
