"""The settings of a region: the keys of an item of `regions`, with their defaults. Shapes only."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

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
    """A Kubernetes cluster that exists already: `{eks: …}` or `{context: …}`."""

    ACCEPTED: ClassVar[str] = (
        "{eks: <name>} or {context: <name>}; leave cluster out for the ambient kubeconfig"
    )

    eks: EksName | None = Field(default=None, description="Name of an EKS cluster of this region.")
    endpoint: HttpsUrl | None = Field(
        default=None,
        description="URL of the EKS cluster's API server. With certificateAuthority: no lookup is made.",
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
            raise ValueError(f"one of {self.ACCEPTED}")
        if (self.endpoint is None) != (self.certificate_authority is None):
            raise ValueError("endpoint and certificateAuthority together, or neither")
        if self.endpoint and not self.eks:
            raise ValueError("endpoint and certificateAuthority only with eks; a context brings its own")
        if self.eks_name and self.eks:
            raise ValueError("eksName only with context; eks is the name already")
        return self


class Region(Model):
    """One AWS region of the stack."""

    ACCEPTED: ClassVar[str] = "the name of a region, or its keys"

    name: RegionName = Field(description="The AWS region.")
    active: Flag = Field(
        default=True,
        description="false: a warm copy that serves only when no active region can. Default: true.",
    )
    weight: Whole = Field(
        default=100,
        ge=0,
        le=255,
        description="Share of the answers under policy weighted, 0 to 255. Default: 100.",
    )
    cluster: ClusterRef | None = Field(
        default=None, description="The Kubernetes cluster. Default: that of the ambient kubeconfig."
    )
    adopt: Flag = Field(
        default=False,
        description="true: import the replication bucket that an earlier removal kept. Default: false.",
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        default={},
        description="Labels that its pods' nodes must have, beside the region's. Default: none.",
    )
    storage_class: ObjectName | None = Field(
        default=None,
        description="StorageClass of this region's volumes. Default: the cluster's default class.",
    )
    geo: tuple[GeoCode, ...] = Field(
        default=(),
        description="For policy geo, whom it serves: default, a continent (EU), a country (country:TR).",
    )
    certificate_arn: CertificateArn | None = Field(
        default=None,
        description="ACM certificate of the load balancers. Default: one for *.<domain> is made.",
    )
    endpoint: DnsName | None = Field(
        default=None,
        description="DNS name of a load balancer that exists already. Default: load balancers are made.",
    )
    ingress_class: ObjectName | None = Field(
        default=None,
        description="With endpoint: the IngressClass behind it, of a controller in the cluster. Default:"
        " ingress.className, but nginx where that class would make a second load balancer.",
    )
    ingress_from: tuple[Cidr, ...] | None = Field(
        default=None,
        min_length=1,
        description="Load balancer's subnets (CIDR): they alone may reach Agents. Required with an AWS load"
        " balancer where cluster is not {eks: …}. Default: looked up.",
    )
    replicate_to: tuple[RegionName, ...] | None = Field(
        default=None, description="Regions to whose buckets this region's is copied. Default: all others."
    )
