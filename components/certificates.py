"""The wildcard certificates of the regions' load balancers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

VALIDATION_TTL = 300
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs:
    domain: str
    zone_id: str
    regions: Sequence[str]
    """Those whose load balancers need a certificate of ours; at least one."""


class Certificates(ComponentResource):
    """One certificate for `*.<domain>` in each region, all validated by one record.

    ACM asks for the same record in every region of an account (source: ACM user guide, "DNS validation").
    """

    TYPE = "agency:certificates:Certificates"

    arns: Mapping[str, pulumi.Output[str]]
    """Of the validated certificates, by region."""

    def __init__(self, name: str, args: CertificatesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        child = ResourceOptions(parent=self)
        certificates = {
            region: aws.acm.Certificate(
                f"{name}-certificate@{region}",
                domain_name=f"*.{args.domain}",
                validation_method="DNS",
                region=region,
                opts=child,
            )
            for region in sorted(args.regions)
        }
        # Of the first in the settings' order, which is not of a region that joins: else a preview would not
        # know the record's name and show it, and every validation, as replaced.
        asked = certificates[args.regions[0]].domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=args.zone_id,
            name=asked.resource_record_name,
            type=asked.resource_record_type,
            ttl=VALIDATION_TTL,
            records=[asked.resource_record_value],
            # Another stack of the account with the same domain asks for the very same record.
            allow_overwrite=True,
            opts=child,
        )
        self.arns = {
            region: aws.acm.CertificateValidation(
                f"{name}-validated@{region}",
                certificate_arn=certificate.arn,
                validation_record_fqdns=[record.fqdn],
                region=region,
                opts=child,
            ).certificate_arn
            for region, certificate in certificates.items()
        }
        self.register_outputs({})
