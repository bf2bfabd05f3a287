"""The keys of a region (an item of `regions`) and their defaults, without rules over several keys."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from settings.load_balancer import NetworkBalancerArn, RegionLoadBalancer
from settings.pods import Toleration
from settings.roles import KmsKeyArn
from settings.values import (
    Base64,
    CertificateArn,
    Cidr,
    ContextName,
    DnsName,
    EksName,
    Flag,
    GeoCode,
    HttpsUrl,
    LabelKey,
    LabelValue,
    Model,
    ObjectName,
    OidcProviderArn,
    RegionName,
    Whole,
)


class ClusterRef(Model):
    """An existing Kubernetes cluster: `{eks: …}` or `{context: …}`."""

    FORMS: ClassVar[str] = (
        "{eks: <name>} or {context: <name>}; without the key it is the ambient kubeconfig's cluster"
    )

    eks: EksName | None = Field(default=None, description="Name of an EKS cluster of this region.")
    endpoint: HttpsUrl | None = Field(
        default=None,
        description="URL of the EKS cluster's API server. With certificateAuthority it replaces the lookup.",
    )
    certificate_authority: Base64 | None = Field(
        default=None, description="Certificate authority of the API server in base64, as EKS shows it."
    )
    context: ContextName | None = Field(
        default=None, description="A context of the ambient kubeconfig; regions may share it."
    )
    eks_name: EksName | None = Field(
        default=None, description="With context: the cluster's name in EKS, for Pod Identity."
    )
    oidc_provider_arn: OidcProviderArn | None = Field(
        default=None, description="ARN of the cluster's IAM OIDC provider, for IRSA."
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.eks is None) == (self.context is None):
            raise ValueError(f"must be one of {self.FORMS}")
        if (self.endpoint is None) != (self.certificate_authority is None):
            raise ValueError("must have both endpoint and certificateAuthority, or neither")
        if self.endpoint and not self.eks:
            raise ValueError(
                "must have endpoint and certificateAuthority only with eks; a context has its own"
            )
        if self.eks_name and self.eks:
            raise ValueError("must have eksName only with context; eks is already the name")
        return self


class Region(Model):
    """One AWS region of the stack."""

    FORMS: ClassVar[str] = "the name of a region, or a mapping of its keys"

    name: RegionName = Field(description="The AWS region.")
    active: Flag = Field(
        default=True,
        description="false: a warm standby that serves only when no active region can. Default: true.",
    )
    weight: Whole = Field(
        default=100,
        ge=0,
        le=255,
        description="Weight under policy weighted, 0 to 255. Default: 100.",
    )
    cluster: ClusterRef | None = Field(
        default=None, description="The Kubernetes cluster. Default: the ambient kubeconfig's."
    )
    adopt: Flag = Field(
        default=False,
        description="true: import the bucket that was kept when the region left the stack. Default: false.",
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        default={},
        description="Further labels that its pods' nodes must have. Default: none.",
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(), description="Taints of nodes on which its pods may run all the same. Default: none."
    )
    storage_class: ObjectName | None = Field(
        default=None,
        description="StorageClass of the region's volumes. Default: the cluster's default class.",
    )
    geo: tuple[GeoCode, ...] = Field(
        default=(),
        description="For policy geo, its clients: default, a continent (EU), a country (country:TR).",
    )
    certificate_arn: CertificateArn | None = Field(
        default=None,
        description="ACM certificate of the load balancers. Default: a new one for *.<domain>.",
    )
    endpoint: DnsName | None = Field(
        default=None,
        description="DNS name of an existing load balancer. Default: new load balancers.",
    )
    endpoint_arn: NetworkBalancerArn | None = Field(
        default=None,
        description="With manager global-accelerator: ARN of a Network Load Balancer in front of the region's"
        " load balancer, checked at /healthz/<region>. Default: a new one.",
    )
    ingress_class: ObjectName | None = Field(
        default=None,
        description="With endpoint: the IngressClass behind it, of a controller in the cluster. Default:"
        " ingress.className, or nginx where that class would create a second load balancer.",
    )
    ingress_from: tuple[Cidr, ...] | None = Field(
        default=None,
        min_length=1,
        description="Load balancer's subnets (CIDR), the only ones to reach Agents. Required with an AWS load"
        " balancer unless cluster is {eks: …}. Default: looked up.",
    )
    load_balancer: RegionLoadBalancer = Field(
        default=RegionLoadBalancer(), description="Of the region's load balancers."
    )
    kms_key_arn: KmsKeyArn | None = Field(
        default=None,
        description="KMS key that encrypts the region's bucket; in every region or in none. Default: S3's.",
    )
    replicate_to: tuple[RegionName, ...] | None = Field(
        default=None,
        description="Regions to whose buckets S3 copies this region's files. Default: all others.",
    )
