"""Mends of moto 5.2.5, for whichever process serves it: a module for each service."""

from local.aws.corrections import acm, elbv2, route53, s3


def mend() -> None:
    """Mend the moto of this process."""
    acm.mend()
    elbv2.mend()
    route53.mend()
    s3.mend()
