"""The schema of stack files: it matches the models, accepts every stack file, and rejects broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import HealthCheck, given
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from engine.stack_file import load_stack_file
from ops.stack_file import stack_of
from settings import from_config
from settings.schema import SCHEMA_FILE, stack_schema, text
from tests.settings.broken import Broken, clusters, companies, names, regions, rest, routing, unknown
from tests.settings.edits import edited, small_stack
from tests.settings.test_every_key import every_key
from tests.strategies import Raw, valid_stacks

ROOT = Path(__file__).resolve().parents[2]
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
MODELINE = "# yaml-language-server: $schema=schema/stack.schema.json"

each_stack_file = pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(stack_schema())
    return Draft202012Validator(stack_schema())


def stack_file(raw: Raw) -> dict[str, Any]:
    return {"config": {f"digital-agency:{key}": value for key, value in raw.items()}}


def test_the_committed_schema_is_the_one_that_the_models_make() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == text(), "run python -m settings.schema"


def test_the_repository_has_stack_files() -> None:
    assert {path.name for path in STACK_FILES} >= {
        "Pulumi.dev.yaml",
        "Pulumi.local.yaml",
        "Pulumi.prod.yaml",
        "Pulumi.staging.yaml",
    }


@each_stack_file
def test_a_committed_stack_file_fits_the_schema(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@each_stack_file
def test_a_committed_stack_file_is_valid(path: Path) -> None:
    config, _ = load_stack_file(path)
    from_config(config, stack_of(path))


@each_stack_file
def test_a_committed_stack_file_tells_editors_where_its_schema_is(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == MODELINE
    assert (path.parent / first.partition("$schema=")[2]).samefile(SCHEMA_FILE)


def test_a_stack_with_every_key_fits_the_schema(validator: Draft202012Validator) -> None:
    validator.validate(stack_file(every_key()))


def test_what_the_pulumi_cli_writes_fits_the_schema(validator: Draft202012Validator) -> None:
    raw = edited() | {"podUser": "20002", "waitForReady": "false"}
    written = {
        "encryptionsalt": "v1:abc=:v1:def=",
        "secretsprovider": "awskms://alias/pulumi",
        "encryptedkey": "abc",
        "environment": ["shared/prod"],
        "config": stack_file(raw)["config"] | {"aws:region": "us-east-1", "kubernetes:context": "x"},
    }
    validator.validate(written)


@hypothesis.settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=valid_stacks())
def test_every_valid_stack_fits_the_schema(drawn: tuple[Raw, str], validator: Draft202012Validator) -> None:
    validator.validate(stack_file(drawn[0]))


ONLY_THE_PROGRAM_KNOWS = {
    "a volume too small for two snapshots",
    "a certificate of another region", "a role for no zone", "parts in two accounts",
    "rules for a Prometheus that may not scrape", "e-mails of the stack local",
    "a KMS key of another region", "a KMS key in one region only",
    "nodes of another region", "nodes of another operating system", "a country that there is not",
    "copies to a region that the stack does not have", "copies to the region itself",
    "copies to a region twice",
    "more regions than a role's policy can name", "a region twice", "no active region",
    "a toleration without a key", "a toleration of any value with a value",
    "a toleration for a time of what evicts nobody", "a prefix that makes a bucket's name too long",
    "a subnet that is no network", "a company in an unknown region", "a company in a region twice",
    "a company with none of its regions active", "storage without a unit",
    "a place in two regions", "a place twice in a region", "policy geo without a default",
    "policy geo with two defaults", "the global accelerator",
    "time control without metrics", "a variable that the program sets", "a key in the environment",
    "a cluster by EKS and by context", "a cluster by neither", "a cluster's endpoint without its authority",
    "a cluster's authority without its endpoint", "a context's endpoint", "an EKS name beside the EKS name",
    "contexts that would share a folder", "a shared cluster with two names in EKS",
    "a shared cluster with two OIDC providers", "several Agents on a volume for one",
    "several Brains on a volume for one", "the Brain's volume in the Agent without ReadWriteMany",
    "requests over limits", "requests over the default limits", "limits under the default requests",
    "a user by name", "hourly checkpoints that end before they begin",
    "daily checkpoints that end before they begin", "a lock that ends before the last checkpoint",
    "an S3 API of somebody else's",
    "a priority above the cluster's own pods", "a Secret that is named twice",
    "a path that makes a bucket's policy too long",
}  # fmt: skip
"""Problems that the schema does not find: those of several keys, and those that need AWS's data."""


def _shapes() -> Iterator[Broken]:
    of_models = (
        regions.REGIONS,
        clusters.CLUSTERS,
        companies.COMPANIES,
        routing.GEO,
        unknown.UNKNOWN,
        rest.REST,
    )
    for broken in chain.from_iterable(of_models):
        if broken.what not in ONLY_THE_PROGRAM_KNOWS:
            yield broken
    yield from (broken for broken in names.NAMES if "a-z, A-Z" in broken.text or "1 to 63" in broken.text)


@pytest.mark.parametrize("broken", list(_shapes()), ids=lambda broken: broken.what)
def test_a_value_of_a_wrong_shape_does_not_fit(broken: Broken, validator: Draft202012Validator) -> None:
    assert not validator.is_valid(stack_file(edited(broken.edit)))


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"config": None},
        {"config": {}},
        stack_file(small_stack()) | {"name": "digital-agency"},
        {"config": stack_file(small_stack())["config"] | {"digital-agency:colour": "blue"}},
        {"config": stack_file(small_stack())["config"] | {"colour": "blue"}},
    ],
    ids=str,
)
def test_a_document_that_is_no_stack_file_does_not_fit(
    document: Any, validator: Draft202012Validator
) -> None:
    assert not validator.is_valid(document)


def _fields(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{path}/{name}", field
        for key, value in schema.items():
            yield from _fields(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for item in schema:
            yield from _fields(item, path)


@pytest.mark.parametrize(("path", "field"), list(_fields(stack_schema())))
def test_every_field_is_described(path: str, field: Any) -> None:
    if not path.endswith("/values"):  # the long form of apiKeys, which its own description names
        assert len(field.get("description", "")) > 10


def _objects(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from _objects(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _objects(item)


def test_no_mapping_accepts_unknown_keys() -> None:
    assert all(schema["additionalProperties"] is False for schema in _objects(stack_schema()))
