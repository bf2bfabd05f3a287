"""Whether a region's StorageClass gives its companies the volumes that they need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clients.kubernetes_api import Object
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding, missing, present
from settings import ClusterPlan, Region, Settings
from settings.companies import AccessMode

EBS, EFS = "ebs.csi.aws.com", "efs.csi.aws.com"
AUTO_MODE_EBS = "ebs.csi.eks.amazonaws.com"
"""Part of EKS Auto Mode."""
IN_TREE = "kubernetes.io/"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
BOUND_WITH_POD = "WaitForFirstConsumer"


def storage(settings: Settings, plan: ClusterPlan, cluster: Cluster) -> Iterator[Finding]:
    classes = cluster.api.list("StorageClass", version="storage.k8s.io/v1")
    drivers = {
        driver["metadata"]["name"] for driver in cluster.api.list("CSIDriver", version="storage.k8s.io/v1")
    }
    for region in plan.regions:
        yield from _storage(settings, region, classes, drivers)


def _storage(
    settings: Settings, region: Region, classes: list[Object], drivers: set[str]
) -> Iterator[Finding]:
    name = region.storage_class
    what = f"storage class {name}" if name else "default storage class"
    chosen = [each for each in classes if (each["metadata"]["name"] == name if name else _is_default(each))]
    if not chosen:
        remedy = "create it, or name an existing class: regions[].storageClass"
        yield missing(region.name, what, "there is none", remedy)
        return
    problems = list(_problems(settings, region, chosen[0], drivers))
    for problem, remedy in problems:
        yield missing(region.name, what, problem, remedy)
    if not problems:
        yield present(region.name, what, str(chosen[0]["provisioner"]))


def _problems(
    settings: Settings, region: Region, chosen: Object, drivers: set[str]
) -> Iterator[tuple[str, str]]:
    """Each with its remedy."""
    provisioner = str(chosen["provisioner"])
    # Kubernetes leaves the volumes of its earlier plugin to the CSI driver.
    driver = EBS if provisioner == f"{IN_TREE}aws-ebs" else provisioner
    if driver.endswith(".csi.aws.com") and driver not in drivers:
        addon = "aws-efs-csi-driver" if driver == EFS else "aws-ebs-csi-driver"
        yield f"its driver {driver} is not installed", f"install the add-on {addon}"
    shared = [
        company.name
        for company in settings.companies
        if _shares(company) and region in settings.regions_of(company)
    ]
    if shared and driver in (EBS, AUTO_MODE_EBS):
        problem = f"{provisioner} has no ReadWriteMany, which {', '.join(shared)} need"
        yield problem, f"name a class of {EFS}: regions[].storageClass"
    if driver in (EBS, AUTO_MODE_EBS) and chosen.get("volumeBindingMode") != BOUND_WITH_POD:
        problem = "it makes a volume before its pod has a node: perhaps in a zone where the pod cannot run"
        yield problem, f"create one with volumeBindingMode: {BOUND_WITH_POD}, name it: regions[].storageClass"
    if not chosen.get("allowVolumeExpansion"):
        yield "its volumes cannot grow", "set allowVolumeExpansion: true on it"


def _shares(company: Any) -> bool:
    return AccessMode.READ_WRITE_MANY in (company.agent.access_mode, company.brain.access_mode)


def _is_default(storage_class: Object) -> bool:
    return bool((storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true")
