"""Environment variables that change a process itself, whatever its program reads.

A value of `apiKeys` is a secret: nobody who reviews a stack file or a preview sees it. So no such value may
decide which code a process loads, which servers it trusts, or where it sends requests and from whom it takes
its AWS credentials. `environment` is readable, and proxies and certificates are set there.
"""

import re

OF_LOADERS = "LD_"
"""Begins the variables by which every program runs other code: nothing may set them."""
UNCHECKED_TLS = "NODE_TLS_REJECT_UNAUTHORIZED"
"""With 0 Node.js trusts every server."""

_LOADED = rf"{OF_LOADERS}.*|PATH|NODE_OPTIONS|NODE_PATH|PYTHON.*|BASH_ENV|ENV|GCONV_PATH|LOCPATH|OPENSSL_.*"
_TRUSTED = rf"{UNCHECKED_TLS}|NODE_EXTRA_CA_CERTS|SSL_.*|.*_CA_BUNDLE"
_ROUTED = (
    r".*_PROXY|RES_OPTIONS|LOCALDOMAIN|HOSTALIASES"
    r"|AWS_(ENDPOINT_URL.*|CONTAINER_.*|ROLE_.*|PROFILE|WEB_IDENTITY_.*|CONFIG_FILE|SHARED_CREDENTIALS_FILE)"
)
_OF_PROCESSES = re.compile(f"{_LOADED}|{_TRUSTED}|{_ROUTED}", re.IGNORECASE)


def changes_processes(name: str) -> bool:
    """Whether a variable decides how a process is loaded, trusted or routed."""
    return bool(_OF_PROCESSES.fullmatch(name))
