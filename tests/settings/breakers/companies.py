"""Ways to break the companies of a stack."""

from __future__ import annotations

from tests.settings.breakers.base import Breaker, Pick, an_active_region, new_company, new_region
from tests.strategies import Raw


def a_bad_name(raw: Raw, pick: Pick) -> str:
    path, company = new_company(raw)
    company["name"] = pick(
        [
            "", "a b", "a.b", "ä", "a/b", "a" * 64, "-a", "a-", "_a", "a_", "-", "default", "DEFAULT",
            "kube-a", "Kube_A", "kube-system", "Diverged", "digital-agency-system", "us-east-1", "EU_West_1",
            "eu-west-1-2", "sa-east-1-99",
        ]
    )  # fmt: skip
    return f"{path}.name"


def two_companies_with_one_namespace(raw: Raw, pick: Pick) -> str:
    new_company(raw, name="Twin_Corp-A")
    path, _ = new_company(raw, name=pick(["twin-corp-a", "TWIN_CORP_A", "Twin_Corp-A"]))
    return f"{path}.name"


def a_company_in_an_unknown_region(raw: Raw, pick: Pick) -> str:
    path, _ = new_company(raw, regions=[an_active_region(raw), "me-central-1"])
    return f"{path}.regions"


def a_company_without_an_active_region(raw: Raw, pick: Pick) -> str:
    _, region = new_region(raw, active=False)
    path, _ = new_company(raw, regions=[region["name"]])
    return f"{path}.regions"


def several_pods_on_a_volume_for_one(raw: Raw, pick: Pick) -> str:
    kind = pick(["agent", "brain"])
    path, _ = new_company(raw, **{kind: {"replicas": pick([2, 10])}})
    return f"{path}.{kind}.replicas"


def the_brains_volume_for_one_in_the_agent(raw: Raw, pick: Pick) -> str:
    path, _ = new_company(raw, agent={"mountBrain": True})
    return f"{path}.agent.mountBrain"


def a_bad_size(raw: Raw, pick: Pick) -> str:
    kind = pick(["agent", "brain"])
    path, _ = new_company(raw, **{kind: {"storage": pick(["", "lots", "5", "-5Gi", "5 Gi", "5gb", 0, None])}})
    return f"{path}.{kind}.storage"


def requests_over_limits(raw: Raw, pick: Pick) -> str:
    kind, unit = pick(["agent", "brain"]), pick(["cpu", "memory"])
    over = {"cpu": ("3", "2999m"), "memory": ("9Gi", "8.5Gi")}[unit]
    path, _ = new_company(
        raw, **{kind: {"resources": {"requests": {unit: over[0]}, "limits": {unit: over[1]}}}}
    )
    return f"{path}.{kind}.resources.requests.{unit}"


def api_keys_in_two_forms(raw: Raw, pick: Pick) -> str:
    path, _ = new_company(raw, apiKeys={"secretName": "a", "OPENAI_API_KEY": "hunter2"})
    return f"{path}.apiKeys"


def checks_of_its_own_with_failover_off(raw: Raw, pick: Pick) -> str:
    raw.setdefault("failover", {})["enabled"] = False
    path, _ = new_company(raw, dedicatedHealthChecks=True)
    return f"{path}.dedicatedHealthChecks"


def a_full_edge(raw: Raw, pick: Pick) -> str:
    raw["ingress"] = {**raw.get("ingress", {}), "className": "alb", "controller": "ingress.k8s.aws/alb"}
    _, region = new_region(raw)
    first = len(raw["companies"])
    names = [f"newcomer-{number}" for number in range(99)]
    raw["companies"] += [{"name": name, "regions": [region["name"]], "edge": 60} for name in names]
    return f"companies[{first + 98}].edge"


COMPANIES: tuple[Breaker, ...] = (
    a_bad_name,
    two_companies_with_one_namespace,
    a_company_in_an_unknown_region,
    a_company_without_an_active_region,
    several_pods_on_a_volume_for_one,
    the_brains_volume_for_one_in_the_agent,
    a_bad_size,
    requests_over_limits,
    api_keys_in_two_forms,
    checks_of_its_own_with_failover_off,
    a_full_edge,
)
