"""A stack's resources, as policies of the stack look them up."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from pulumi_policy import PolicyResource
from pulumi_policy.proxy import UnknownValueError

from plan.names import COMPANY_LABEL, namespace_of
from policy_pack.writing import Props, labels, metadata

NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
STATEFUL_SET, DEPLOYMENT = "kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:Deployment"
BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
REGION = "agency:region:Region"
ROOT = "pulumi:pulumi:Stack"
Place = tuple[str, str]
"""A cluster and a namespace."""


class Stack:
    def __init__(self, resources: Sequence[PolicyResource]) -> None:
        self.by_type: dict[str, list[PolicyResource]] = defaultdict(list)
        for resource in resources:
            self.by_type[resource.resource_type].append(resource)

    def of(self, *types: str) -> Iterator[PolicyResource]:
        for type_ in types:
            yield from self.by_type.get(type_, ())

    @cached_property
    def companies(self) -> set[str]:
        """The companies' namespaces."""
        return {name for _, name in self.tenant_namespaces}

    @cached_property
    def staying(self) -> set[str]:
        """The namespaces of companies that this deployment does not delete. After a refresh the engine lists
        the resources of those that it deletes, too.
        """
        outputs = [resource.props.get("companies") for resource in self.of(ROOT)]
        named = {namespace_of(name) for each in outputs for name in each or {}}
        return self.companies & named if named else self.companies

    @cached_property
    def tenant_namespaces(self) -> set[Place]:
        """The companies' namespaces, with the cluster of each."""
        return {
            (cluster(resource), metadata(resource.props)["name"])
            for resource in self.of(NAMESPACE)
            if COMPANY_LABEL in labels(resource.props)
        }

    @cached_property
    def buckets(self) -> dict[str, str]:
        """Each bucket's region."""
        return {resource.props["bucket"]: resource.props["region"] for resource in self.of(BUCKET)}

    @cached_property
    def keys(self) -> dict[str, str]:
        """The KMS key that encrypts each region's bucket, where S3's own keys do not."""
        return {
            resource.props["region"]: str(default["kmsMasterKeyId"])
            for resource in self.of(ENCRYPTION)
            for rule in resource.props["rules"]
            if (default := rule.get("applyServerSideEncryptionByDefault") or {}).get("kmsMasterKeyId")
        }

    @cached_property
    def accounts(self) -> set[tuple[str, str]]:
        """Namespace and name of each service account of a company."""
        found = {
            (metadata(resource.props)["namespace"], metadata(resource.props)["name"])
            for resource in self.of(SERVICE_ACCOUNT)
        }
        return {(namespace, name) for namespace, name in found if namespace in self.companies}

    @cached_property
    def workloads(self) -> dict[Place, list[Props]]:
        """Pod templates of each namespace of each cluster."""
        found: dict[Place, list[Props]] = defaultdict(list)
        for resource in self.of(STATEFUL_SET, DEPLOYMENT):
            found[place(resource)].append(resource.props["spec"]["template"])
        return found

    def role(self, resource: PolicyResource, key: str, arn: str | None) -> PolicyResource | None:
        """The stack's role that a resource names in a property; None for a role of others.

        `arn` is None where a preview does not know it: then the property's dependencies tell.
        """
        if arn is None:
            found = [
                each for each in resource.property_dependencies.get(key, []) if each.resource_type == ROLE
            ]
            return found[0] if len(found) == 1 else None
        return next((each for each in self.of(ROLE) if _arn(each) == arn), None)


def known(props: Props, *path: str) -> Any:
    """A value, or None where a preview does not know it."""
    value: Any = props
    try:
        for key in path:
            value = (value or {}).get(key)
    except UnknownValueError:
        return None
    return value


def _arn(role: PolicyResource) -> str | None:
    arn: str | None = known(role.props, "arn")
    return arn


def place(resource: PolicyResource) -> Place:
    return cluster(resource), str(metadata(resource.props).get("namespace") or "")


def cluster(resource: PolicyResource) -> str:
    """The cluster's identifier, which its two providers share."""
    return str(resource.provider.props.get("clusterIdentifier")) if resource.provider else ""


def content(document: Any) -> Mapping[str, Any]:
    """A JSON document, as text or as it is."""
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document or {}
    return parsed


def plain(value: Any) -> Any:
    """A value that can be compared. Raises UnknownValueError where a part of it is unknown."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
