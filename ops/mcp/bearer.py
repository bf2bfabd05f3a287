"""The bearer token of the HTTP transport: the content of a file, read anew for each request."""

from __future__ import annotations

import hmac
from pathlib import Path

from mcp.server.auth.provider import AccessToken

from ops.errors import WRONG_CALL, OperatorError

SHORTEST = 32
"""Characters."""
HOW = "make one with: (umask 077; openssl rand -hex 32 > FILE)"


def read_token(file: Path) -> str:
    """Raises OperatorError."""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise OperatorError(f"--token-file: cannot be read: {error}; {HOW}", WRONG_CALL) from error
    if len(token) < SHORTEST:
        raise OperatorError(
            f"--token-file: the token must have {SHORTEST} characters or more; got {len(token)}; {HOW}",
            WRONG_CALL,
        )
    return token


class FileToken:
    """A TokenVerifier of the SDK."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            expected = read_token(self._file)
        except OperatorError:
            return None
        if not hmac.compare_digest(token.encode(), expected.encode()):
            return None
        return AccessToken(token=token, client_id="holder", scopes=[])
