"""Whether the registries have the stack's images, asked with this machine's logins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from botocore.exceptions import ClientError

from clients.registry import Reference, Registries, RegistryError, logins, parts
from ops.aws import AwsAccess
from ops.doctor.findings import Finding, is_absent, missing, present, reason_of, unknown
from ops.stack import Stack
from settings.models import IMAGES

PLACE = "images"
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/(.+)")


def images(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    for key in () if access.local else IMAGES:
        image = getattr(stack.settings.images, key)
        if image is not None:
            yield _ecr(access, image, found) if (found := _ECR.fullmatch(image)) else _anywhere(stack, image)


def _anywhere(stack: Stack, image: str) -> Finding:
    name, tag, digest = parts(image)
    remedy = "push it, or correct images"
    try:
        Registries(logins=logins()).digest(Reference(name=name, tag=tag or digest))
    except RegistryError as error:
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            remedy = "repeat the command later, or run docker login; nodes meet limits of their own"
            return missing(PLACE, image, f"not known: {error}", remedy)
        if error.status is not None and error.status // 100 == 4 and error.status != HTTPStatus.NOT_FOUND:
            secrets = stack.settings.pods.image_pull_secrets
            theirs = f"; nodes use {', '.join(secrets)}" if secrets else "; nodes need pods.imagePullSecrets"
            return missing(
                PLACE, image, f"not allowed to look: {error}{theirs}", "run docker login, and repeat"
            )
        if error.status != HTTPStatus.NOT_FOUND:
            remedy = "is the registry reachable from here? Nodes may reach it all the same"
        return missing(PLACE, image, str(error), remedy)
    return present(PLACE, image, "its registry has it")


def _ecr(access: AwsAccess, image: str, parts: re.Match[str]) -> Finding:
    account, region, rest = parts.groups()
    name, at, digest = rest.partition("@")
    repository, _, tag = name.partition(":")
    wanted = {"imageDigest": digest} if at else {"imageTag": tag or "latest"}
    try:
        access.client("ecr", region).describe_images(
            registryId=account, repositoryName=repository, imageIds=[wanted]
        )
    except ClientError as error:
        if not is_absent(error):
            return unknown(PLACE, image, error, "ecr:DescribeImages")
        return missing(PLACE, image, reason_of(error), "push it, or correct images")
    return present(PLACE, image, f"ECR in {region} has it")
