"""ACM: a pending certificate is issued as soon as Route53 has its validation records.

moto issues every certificate after 60 s, with or without validation records.
"""

from __future__ import annotations

from moto.acm.models import CertBundle
from moto.core.utils import utcnow
from moto.route53.models import route53_backends
from moto.utilities.arns import parse_arn


def apply() -> None:
    CertBundle.check = _check  # type: ignore[method-assign]


def _check(self: CertBundle) -> None:
    if self._not_valid_after(self._cert) <= utcnow():
        self.status = "EXPIRED"
    elif self.status == "PENDING_VALIDATION" and _validation_records(self) <= _records(self):
        self.status = "ISSUED"


def _validation_records(certificate: CertBundle) -> set[tuple[str, str]]:
    options = certificate.describe()["Certificate"].get("DomainValidationOptions", [])
    return {(each["ResourceRecord"]["Name"], each["ResourceRecord"]["Value"]) for each in options}


def _records(certificate: CertBundle) -> set[tuple[str, str]]:
    zones = route53_backends[parse_arn(certificate.arn).account]["aws"].zones.values()
    records = [record for zone in zones for record in zone.rrsets if record.type == "CNAME"]
    return {(record.name, value.rstrip(".") + ".") for record in records for value in record.records}
