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
    """Those whose load balancers need a certificate from this program; at least one."""


class Certificates(ComponentResource):
    """One certificate for `*.<domain>` in each region, all validated by one record.

    ACM asks for the same record in every region of an account (source: ACM user guide, "DNS validation").
    """

    TYPE = "agency:certificates:Certificates"

    arns: Mapping[str, pulumi.Output[str]]
    """ARNs of the validated certificates, by region."""

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
        # From the first region of the settings, for a region that joins comes later: a preview does not know
        # its certificate's record, and would show the record and every validation as replaced.
        challenge = certificates[args.regions[0]].domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=args.zone_id,
            name=challenge.resource_record_name,
            type=challenge.resource_record_type,
            ttl=VALIDATION_TTL,
            records=[challenge.resource_record_value],
            # Another stack of the account with the same domain needs the same record.
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
