"""The keys under `network`: openings in the companies' network policies."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from settings.values import Cidr, DnsLabel, Model, Port


class Protocol(StrEnum):
    TCP = "TCP"
    UDP = "UDP"


class ExtraEgress(Model):
    """A network to which tenants' pods may open connections, private ones included."""

    cidr: Cidr = Field(description="The network, such as 10.9.0.0/16; without link-local addresses.")
    port: Port = Field(description="The port's number.")
    protocol: Protocol = Field(default=Protocol.TCP, description="TCP or UDP. Default: TCP.")


class Network(Model):
    """Further openings in the tenants' network policies."""

    monitoring_namespace: DnsLabel | None = Field(
        default=None, description="Namespace whose pods may scrape metrics. Default: none."
    )
    extra_egress: tuple[ExtraEgress, ...] = Field(
        default=(),
        description="Where tenants' pods may connect to, besides DNS and public HTTPS. Default: nowhere.",
    )
