"""How rclone is started: with an environment that holds what it needs, as a child that dies with its gate."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_IDLE_SECONDS = 30.0
"""After so long without a byte a call has failed."""
_LAUNCH = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"  # PR_SET_PDEATHSIG, SIGKILL
    "os.getppid() == int(sys.argv[1]) or sys.exit('the gate is gone')\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)
"""Starts rclone so that it dies with the gate: else one that a killed gate left behind could still delete."""
_PASSED_ON = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "GOMEMLIMIT",
    "HOME",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
)
_FLAGS = {
    "RCLONE_ASK_PASSWORD": "false",
    "RCLONE_BUFFER_SIZE": "0",
    "RCLONE_CHECKERS": "4",
    "RCLONE_CONTIMEOUT": "5s",
    "RCLONE_FAST_LIST": "true",
    "RCLONE_LOG_LEVEL": "NOTICE",
    "RCLONE_LOW_LEVEL_RETRIES": "3",
    "RCLONE_MAX_BACKLOG": "1000",
    "RCLONE_RETRIES": "1",
    "RCLONE_STATS": "0",
    "RCLONE_TIMEOUT": f"{_IDLE_SECONDS}s",
    # A file that grows while it is read is sent at the length that it had.
    "RCLONE_LOCAL_NO_CHECK_UPDATED": "true",
    "RCLONE_S3_CHUNK_SIZE": "8Mi",
    "RCLONE_S3_ENV_AUTH": "true",
    "RCLONE_S3_NO_CHECK_BUCKET": "true",
    "RCLONE_S3_NO_HEAD": "true",
    "RCLONE_S3_PROVIDER": "AWS",
    "RCLONE_S3_UPLOAD_CONCURRENCY": "1",
    "RCLONE_S3_UPLOAD_CUTOFF": "32Mi",
    # Only what the pod itself is given: never the node's role, never somebody's file.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def environment(
    *, region: str, endpoint: str | None, bandwidth_limit: str, transfers: int, timeout: float
) -> dict[str, str]:
    """`timeout`: in seconds, how long nothing may come; longer ones than rclone's own change nothing."""
    told = {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **_FLAGS,
        "AWS_REGION": region,
        "RCLONE_BWLIMIT": bandwidth_limit,
        "RCLONE_S3_REGION": region,
        "RCLONE_TRANSFERS": str(transfers),
    }
    if timeout < _IDLE_SECONDS:
        told |= _impatient(timeout)
    if endpoint is not None:
        told |= {
            "RCLONE_S3_ENDPOINT": endpoint,
            # Of AWS rclone only ever asks with the bucket in the host's name, which such an endpoint has not.
            "RCLONE_S3_PROVIDER": "Minio",
            # Without TLS, what the SDK adds to a request of itself needs a body that can be read twice.
            "RCLONE_S3_USE_UNSIGNED_PAYLOAD": "true",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }
    return told


def command(rclone: Path) -> list[str]:
    """What comes before rclone's arguments. Without a configuration file it keeps none."""
    return [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), str(rclone), "--config="]


def _impatient(timeout: float) -> dict[str, str]:
    """For a caller that has no time: one try, and no byte awaited for longer than `timeout` seconds."""
    return {
        "RCLONE_CONTIMEOUT": f"{timeout}s",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_TIMEOUT": f"{timeout}s",
    }
