"""Advice: what the log says when the API rejects a change in order to keep data."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi import ErrorHookArgs

from components.advice import Advice
from tests.recording import BUCKET, VOLUME_CLAIM, Recording, record_part


def test_volumes_and_buckets_alone_explain_their_errors(many: Recording) -> None:
    hooks = {resource.urn: many.recorder.error_hooks[resource.urn] for resource in many}
    for resource in many:
        expected = {VOLUME_CLAIM: ["volume-is-fixed"], BUCKET: ["bucket-was-kept"]}.get(resource.type, [])
        assert hooks[resource.urn] == expected, resource.name


@pytest.mark.parametrize(
    ("kind", "name", "advice"),
    [
        (
            "volume",
            "acme-brain@us-east-1-volume",
            ("storageClass", "accessMode", "This volume was not changed"),
        ),
        ("bucket", "us-east-1-replication-bucket", ("`adopt: true`", "name: us-east-1.")),
    ],
)
def test_an_error_is_explained_once_and_never_retried(kind: str, name: str, advice: tuple[str, ...]) -> None:
    inputs = {"bucket": "agency-example-com-dev-us-east-1", "region": "us-east-1"}
    args = ErrorHookArgs(urn="", id="", name=name, type="", new_inputs=inputs)
    answers: list[Any] = []

    def build() -> None:
        binding = getattr(Advice(), kind)
        answers.extend(hook.callback(args) for hook in binding.on_error)

    run = record_part(build)
    assert answers == [False]
    ((severity, text, _),) = run.recorder.messages
    assert severity == "error"
    assert all(part in text for part in (name, *advice))
