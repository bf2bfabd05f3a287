"""IAM documents without wildcards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs, Severity

from plan.iam_evaluator import wildcards
from policy_pack.stack import ROLE, ROLE_POLICY, content
from policy_pack.writing import each, listed, of_resources

POLICY, BUCKET_POLICY = "aws:iam/policy:Policy", "aws:s3/bucketPolicy:BucketPolicy"
DOCUMENTS = ("policy", "assumeRolePolicy")


def _iam(args: ResourceValidationArgs) -> Iterator[str]:
    yield from each(DOCUMENTS, lambda key: _document(args.props.get(key)))


def _document(document: Any) -> Iterator[str]:
    if document:
        yield from each(listed(content(document)["Statement"]), _statement)


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    yield from wildcards({"Statement": [statement]})
    if statement["Effect"] == "Allow" and "*" in _principals(statement.get("Principal")):
        yield f"{statement.get('Sid', 'a statement')}: everybody is the principal"


def _principals(principal: Any) -> list[str]:
    if isinstance(principal, str):
        return [principal]
    return [name for value in (principal or {}).values() for name in listed(value)]


POLICIES = (
    of_resources(
        "iam-has-no-wildcards",
        Severity.CRITICAL,
        [ROLE, ROLE_POLICY, POLICY, BUCKET_POLICY],
        "IAM documents name actions and resources; only the end of an object's key may be a wildcard.",
        "Name each action, each bucket and each prefix; see `plan/iam.py`.",
        _iam,
    ),
)
