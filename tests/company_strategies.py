"""Random valid companies, for `tests.strategies`."""

from __future__ import annotations

import operator
import re
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

_Raw = dict[str, Any]

HOSTILE_NAMES = (
    "brain", "agent", "data", "a", "ab", "abc", "abc-d", "Client_A", "client-a1", "ACME", "Acme_2", "objects",
    "0", "007", "x-1", "X_2", "us-east", "edge-1", "system", "kube", "defaults", "null", "true", "A__b",
)  # fmt: skip
"""Names that collide with the platform's paths, with each other's prefixes, or after normalization."""

LONGEST_NAME = "n" * 63

_TAKEN = re.compile(
    r"default|diverged|kube-.*|digital-agency-system|ingress-.*|monitoring|[a-z]+-[a-z]+-\d+(-\d+)?"
)

_free_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}[A-Za-z0-9]", fullmatch=True).filter(
    lambda name: not _TAKEN.fullmatch(namespace_of(name))
)


def namespace_of(company: str) -> str:
    """A second implementation, so that tests do not take expected values from the program."""
    return company.lower().replace("_", "-")


def some(**fields: SearchStrategy[Any]) -> SearchStrategy[_Raw]:
    """Mappings with any of these keys."""
    return st.fixed_dictionaries({}, optional=fields)


@composite
def companies_of(
    draw: DrawFn,
    *,
    regions: list[_Raw],
    most: int,
    policy: str,
    manager: str,
    failover: bool,
    long: bool,
) -> list[_Raw]:
    names = st.sampled_from((*HOSTILE_NAMES, LONGEST_NAME) if long else HOSTILE_NAMES) | _free_names
    companies = []
    for name in draw(st.lists(names, max_size=most, unique_by=namespace_of)):
        company = {"name": name, **draw(_COMPANY)}
        if failover and draw(st.integers(0, 3)) == 0:
            company["dedicatedHealthChecks"] = True
        own = draw(_own_regions(regions=regions, policy=policy, limited=manager == "external-dns"))
        companies.append(company if own is None else {**company, "regions": own})
    return companies


@composite
def _own_regions(draw: DrawFn, *, regions: list[_Raw], policy: str, limited: bool) -> list[str] | None:
    """Regions of a company, one of them active; None for all."""
    names = [region["name"] for region in regions]
    pairs_only = limited and policy == "failover"
    if (not pairs_only or len(names) == 2) and draw(st.booleans()):
        return None
    wanted = [region["name"] for region in regions if region.get("active", True)]
    if limited and policy == "geo":
        wanted = [region["name"] for region in regions if "default" in region.get("geo", [])]
    first = draw(st.sampled_from(wanted))
    others = draw(st.permutations([name for name in names if name != first]))
    count = 1 if pairs_only else draw(st.integers(0, len(others)))
    return draw(st.permutations([first, *others[:count]]))


_RESOURCES = st.sampled_from(
    (
        {},
        {"requests": {"cpu": "100m", "memory": "512Mi"}},
        {"limits": {"cpu": 8}},
        {"requests": {"cpu": 2, "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}},
    )
)
_MANY = {"accessMode": "ReadWriteMany"}
_VOLUMES = st.sampled_from(
    ({}, {"storage": "5Gi"}, {"storage": "1.5Ti", "accessMode": "ReadWriteOnce"}, _MANY)
)


def _workloads(fields: SearchStrategy[_Raw]) -> SearchStrategy[_Raw]:
    return st.builds(operator.or_, _VOLUMES, fields)


_SIZES = st.one_of(
    some(
        agent=_workloads(some(resources=_RESOURCES, replicas=st.just(1), mountBrain=st.just(False))),
        brain=_workloads(some(resources=_RESOURCES)),
    ),
    st.just({"agent": {"mountBrain": True}, "brain": _MANY}),
    st.builds(lambda replicas: {"agent": {**_MANY, "replicas": replicas}}, st.integers(2, 3)),
    st.just({"brain": {**_MANY, "replicas": 2}}),
)
_EXTRAS = some(
    edge=st.sampled_from((1, 2, 17)),
    protect=st.booleans(),
    apiKeys=st.sampled_from(
        (
            {"secretName": "llm-keys"},
            {"OPENAI_API_KEY": {"secure": "v1:hunter2-openai"}, "GOOGLE_API_KEY": {"secure": "v1:hunter2"}},
        )
    ),
)
_COMPANY: SearchStrategy[_Raw] = st.one_of(st.just({}), st.builds(operator.or_, _SIZES, _EXTRAS))
