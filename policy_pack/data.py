"""Protection of volumes and buckets against deletion. `buckets` has what is in buckets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL, REGION_LABEL
from policy_pack.stack import cluster
from policy_pack.writing import Problems, labels, metadata, of_resources, of_the_stack

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
VOLUME_CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
NAMESPACE = "kubernetes:core/v1:Namespace"
BUCKET = "aws:s3/bucket:Bucket"


def _deletion(args: ResourceValidationArgs) -> Iterator[str]:
    if args.props.get("forceDestroy"):
        yield "forceDestroy is on: the bucket would be deleted with all of its objects"
    retention = (args.props.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    for when in ("whenDeleted", "whenScaled"):
        if retention.get(when) == "Delete":
            yield f"its volumes are deleted ({when})"


def _protected(resources: Sequence[PolicyResource]) -> Problems:
    """Unprotected namespaces and volumes of companies that have a protected namespace."""
    protected: dict[str, bool] = {}
    for resource in resources:
        if resource.resource_type == NAMESPACE and COMPANY_LABEL in labels(resource.props):
            name = metadata(resource.props)["name"]
            protected[name] = protected.get(name, False) or resource.opts.protect
    for resource in resources:
        if resource.resource_type in (NAMESPACE, VOLUME_CLAIM):
            name = metadata(resource.props).get("namespace") or metadata(resource.props)["name"]
            if protected.get(name) and not resource.opts.protect:
                yield resource, f"the company {name} is protected, and this resource with its data is not"


def _mixed(resources: Sequence[PolicyResource]) -> Problems:
    """The cluster names its default class in volumes that exist, so a volume without a class fits any."""
    found: dict[tuple[str, str], dict[str, PolicyResource]] = {}
    for claim in (each for each in resources if each.resource_type == VOLUME_CLAIM):
        if name := claim.props["spec"].get("storageClassName"):
            place = cluster(claim), labels(claim.props).get(REGION_LABEL, "")
            found.setdefault(place, {}).setdefault(name, claim)
    for (_, region), classes in found.items():
        if len(classes) > 1:
            names = ", ".join(sorted(classes))
            yield next(iter(classes.values())), f"volumes in {region} have several StorageClasses: {names}"


POLICIES = (
    of_resources(
        "data-is-not-destroyed",
        Severity.CRITICAL,
        [BUCKET, STATEFUL_SET],
        "No bucket and no volume is deleted with the resource that uses it.",
        "Remove forceDestroy and persistentVolumeClaimRetentionPolicy.",
        _deletion,
    ),
    of_the_stack(
        "protected-companies-are-protected-whole",
        Severity.HIGH,
        "All volumes of a company with a protected namespace are protected, and the reverse.",
        "Set `protect: true` for the company in the stack file, not for a single resource.",
        _protected,
    ),
    of_the_stack(
        "volumes-have-one-class",
        Severity.HIGH,
        "All volumes of a region have the StorageClass of the settings, whose encryption `doctor` checks.",
        "Set `regions[].storageClass`.",
        _mixed,
    ),
)
