"""The examples of docs/organisation.md are valid, each beside the required keys."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from settings import from_config
from tests.components.stacks import eks, stack
from tests.recording import ROOT
from tests.settings.edits import EU, US
from tests.strategies import config_of

EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "organisation.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_part_of_a_valid_stack_file(text: str) -> None:
    base = {f"digital-agency:{key}": value for key, value in stack(regions=[eks(US), eks(EU)]).items()}
    merged: dict[str, Any] = base | yaml.safe_load(text)["config"]
    own = {key.removeprefix("digital-agency:"): value for key, value in merged.items() if "aws:" not in key}
    aws = {key: value if isinstance(value, str) else json.dumps(value) for key, value in merged.items()}
    from_config(aws | config_of(own), "prod")


def test_the_page_has_an_example_of_every_kind() -> None:
    assert len(EXAMPLES) == 6
