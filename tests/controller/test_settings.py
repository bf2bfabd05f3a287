"""What a controller reads from its ConfigMap, and which companies it asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.contracts.controller import Company
from runtime.controller.config import SAMPLE_SIZE, ControllerConfig, load_config
from tests.controller.histories import untimed

US, EU = "us-east-1", "eu-west-1"
CONFIG: dict[str, Any] = {
    "cluster": "eks-us-east-1-blue",
    "regions": [US],
    "all": [US, EU],
    "peers": {EU: "https://eu-west-1.example.com/peer/eu-west-1"},
    "companies": {"a": {"regions": [US, EU], "dedicated": True}, "b": {"regions": [EU], "dedicated": False}},
    "intervalSeconds": 5,
    "timeoutSeconds": 1,
    "failureThreshold": 3,
    "recoveryThreshold": 4,
}


def settings(companies: dict[str, Company]) -> ControllerConfig:
    return ControllerConfig(cluster="here", regions=(US, EU), all=(US, EU), peers={}, companies=companies)


companies = st.dictionaries(
    st.from_regex(r"[a-z0-9-]{1,4}", fullmatch=True),
    st.builds(
        Company,
        regions=st.sampled_from(((US,), (EU,), (US, EU))),
        dedicated=st.integers(0, 9).map(lambda drawn: drawn == 0),
    ),
    max_size=60,
)


def test_all_that_the_config_map_tells_is_read(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(CONFIG | {"later": 1}))
    assert load_config(tmp_path) == ControllerConfig(
        cluster="eks-us-east-1-blue",
        regions=(US,),
        all=(US, EU),
        peers=CONFIG["peers"],
        companies={"a": Company(regions=(US, EU), dedicated=True), "b": Company(regions=(EU,))},
        interval_seconds=5,
        timeout_seconds=1,
        failure_threshold=3,
        recovery_threshold=4,
    )


@pytest.mark.parametrize("key", CONFIG)
def test_a_key_that_is_missing_is_named(key: str, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(
        json.dumps({name: CONFIG[name] for name in CONFIG if name != key})
    )
    with pytest.raises(KeyError, match=key):
        load_config(tmp_path)


@untimed
@given(companies)
def test_the_sample_is_of_companies_that_live_there_and_never_too_large(found: dict[str, Company]) -> None:
    config = settings(found)
    for region, sample in config.samples.items():
        shared = {name for name, it in found.items() if region in it.regions and not it.dedicated}
        assert len(sample) == min(len(shared), SAMPLE_SIZE) and set(sample) <= shared
        own = {name for name, it in found.items() if region in it.regions and it.dedicated}
        assert set(config.probed(region)) == {*sample, *own}


@untimed
@given(companies, st.randoms())
def test_the_sample_is_the_same_whatever_the_order(found: dict[str, Company], by: Any) -> None:
    items = list(found.items())
    by.shuffle(items)
    assert settings(found).samples == settings(dict(items)).samples


@untimed
@given(companies)
def test_one_company_more_changes_at_most_one_of_the_sample(found: dict[str, Company]) -> None:
    more = found | {"newcomer": Company(regions=(US, EU))}
    for region in (US, EU):
        before, after = settings(found).samples[region], settings(more).samples[region]
        assert set(after) - set(before) <= {"newcomer"}
        assert len(set(before) - set(after)) <= 1
