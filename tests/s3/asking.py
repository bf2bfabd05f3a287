"""How the tests of the service ask it: by boto3 as anybody, by rclone as a sidecar."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.components.stacks import US
from tests.s3 import S3Service

AP = "ap-southeast-1"
KEY = f"{US}/acme/brain/data/one"


def code(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """Status and error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def put(s3: S3Service, key: str = KEY, region: str = US, body: bytes = b"x") -> None:
    s3.client().put_object(Bucket=s3.buckets[region], Key=key, Body=body)


def run(s3: S3Service, rclone: Path, *arguments: str, region: str = US) -> subprocess.CompletedProcess[str]:
    """Rclone as the sidecar of us-east-1 and company acme, with `s3:` for the API in `region`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
    remote = {
        "RCLONE_CONFIG": "",
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENDPOINT": s3.url,
        "RCLONE_CONFIG_S3_REGION": region,
        "RCLONE_CONFIG_S3_FORCE_PATH_STYLE": "true",
        "RCLONE_CONFIG_S3_ENV_AUTH": "true",
        "RCLONE_CONFIG_S3_NO_CHECK_BUCKET": "true",
        "RCLONE_HEADER_UPLOAD": "If-None-Match: *",
        "RCLONE_RETRIES": "1",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
        # Without TLS, the checksum that the AWS SDK adds of itself needs a body that can be read twice.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    }
    environment = own | remote | s3.credentials(s3.sidecar(US, "acme"))
    return subprocess.run([rclone, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def remote(s3: S3Service, prefix: str, region: str = US) -> str:
    return f"s3:{s3.buckets[region]}/{prefix}"
