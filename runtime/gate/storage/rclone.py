"""How rclone runs: its environment and command line, as a child that dies with its gate, within limits."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LONGEST_LINE = 64 << 10
"""Bytes of a line of output; a key has at most 1,024."""
STALLED_SECONDS = 120.0
"""An rclone that moves no byte for so long is ended. Its own limit covers only its requests."""
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0

_IDLE_SECONDS = 30.0
"""A call without a byte for so long has failed."""
_LAUNCH = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"  # PR_SET_PDEATHSIG, SIGKILL
    "os.getppid() == int(sys.argv[1]) or sys.exit('the gate is gone')\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)
"""Starts rclone so that it dies with the gate: an rclone that a killed gate left behind could still
delete."""
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
    "RCLONE_CHECKERS": "16",
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
    # Only the pod's own credentials: never the role of the node, never a file.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class Interrupted(Exception):
    """The role changed or the gate stops; rclone has been ended."""


def environment(
    *,
    region: str,
    endpoint: str | None,
    kms_key: str | None,
    bandwidth_limit: str,
    transfers: int,
    timeout: float,
) -> dict[str, str]:
    """`kms_key`: ARN of the key that encrypts the bucket, if it is not S3's own. `timeout`: seconds without a
    byte before a call fails; above rclone's own limit it changes nothing.
    """
    variables = {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **_FLAGS,
        "AWS_REGION": region,
        "RCLONE_BWLIMIT": bandwidth_limit,
        "RCLONE_S3_REGION": region,
        "RCLONE_TRANSFERS": str(transfers),
    }
    if timeout < _IDLE_SECONDS:
        variables |= _impatient(timeout)
    if kms_key is not None:
        # The bucket's default is not enough: rclone would take each object's ETag for its MD5. Without the
        # key's ARN, S3 would use another key.
        variables |= {
            "RCLONE_S3_SERVER_SIDE_ENCRYPTION": "aws:kms",
            "RCLONE_S3_SSE_KMS_KEY_ID": kms_key,
        }
    if endpoint is not None:
        variables |= {
            "RCLONE_S3_ENDPOINT": endpoint,
            # As provider AWS, rclone puts the bucket into the host name, which such an endpoint does not
            # have.
            "RCLONE_S3_PROVIDER": "Minio",
            # Without TLS the SDK would sign bodies, which must then be readable twice.
            "RCLONE_S3_USE_UNSIGNED_PAYLOAD": "true",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }
    return variables


def command(rclone: Path) -> list[str]:
    """What precedes rclone's arguments; `--config=` makes it use no configuration file."""
    return [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), str(rclone), "--config="]


class Ended(NamedTuple):
    code: int
    output: bytes
    errors: bytes


def run(
    rclone: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    lines: Iterable[str],
    interrupt: threading.Event,
    limit: float | None,
) -> Ended:
    """Run it to its end, with `lines` as standard input. Raises Interrupted as soon as `interrupt` is set,
    and TimeoutError after `limit` seconds or when the process moves no byte any more.
    """
    if interrupt.is_set():
        raise Interrupted
    # A file and not a pipe: `communicate` stops writing to a pipe after its first timeout (gh-141473).
    with tempfile.TemporaryFile() as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
        file.seek(0)
        process = subprocess.Popen(
            [*command(rclone), *arguments],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
    try:
        output, errors = _wait(process, interrupt, limit)
    finally:
        _end(process)
    return Ended(process.returncode, output, errors)


def _wait(
    process: subprocess.Popen[bytes], interrupt: threading.Event, limit: float | None
) -> tuple[bytes, bytes]:
    started = active = time.monotonic()
    moved = 0
    while True:
        try:
            return process.communicate(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if interrupt.is_set():
            raise Interrupted
        if limit is not None and now - started > limit:
            raise TimeoutError(f"no answer within {limit:.0f} s. Check the network")
        previous, moved = moved, _bytes_moved(process.pid)
        active = active if moved == previous else now
        if now - active > STALLED_SECONDS:
            raise TimeoutError(f"rclone moved no byte for {STALLED_SECONDS:.0f} s. It is tried again")


def _bytes_moved(process: int) -> int:
    """Bytes that a process has read and written, its connections included."""
    try:
        counters = Path(f"/proc/{process}/io").read_text().splitlines()
    except OSError:  # It has just ended.
        return 0
    return sum(int(line.split()[1]) for line in counters if line.startswith(("rchar", "wchar")))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and close its pipes."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _impatient(timeout: float) -> dict[str, str]:
    """One try, and at most `timeout` seconds without a byte."""
    return {
        "RCLONE_CONTIMEOUT": f"{timeout}s",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
        "RCLONE_TIMEOUT": f"{timeout}s",
    }
