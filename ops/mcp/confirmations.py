"""Confirmation tokens of outages: a dry run returns one, and the run that takes it is exactly that outage."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ops.errors import OperatorError

LIFETIME_SECONDS = 300.0
REMEMBERED = 1000
"""Tokens that a server remembers, the oldest are forgotten first."""
AGAIN = "call simulate_regional_outage with dry_run true for a new token"


@dataclass(frozen=True, kw_only=True)
class Outage:
    stack: str
    region: str
    fault: str

    def __str__(self) -> str:
        return f"{self.stack}/{self.region}/{self.fault}"


@dataclass(frozen=True, kw_only=True)
class Grant:
    outage: Outage
    until: float
    used: bool = False


class Confirmations:
    """A token names its outage: `<stack>/<region>/<fault>/<secret>`. It is valid once, for LIFETIME_SECONDS,
    in the server that returned it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._grants: dict[str, Grant] = {}

    def issue(self, outage: Outage) -> str:
        token = f"{outage}/{secrets.token_urlsafe(24)}"
        self._grants[token] = Grant(outage=outage, until=self._now() + LIFETIME_SECONDS)
        for forgotten in list(self._grants)[:-REMEMBERED]:
            del self._grants[forgotten]
        return token

    def use(self, token: str | None, outage: Outage) -> None:
        """Raises OperatorError for a token that does not confirm this outage; then nothing was used."""
        if not token:
            raise OperatorError(f"confirmation_token: missing (required with dry_run false): {AGAIN}")
        named = token.rpartition("/")[0]
        if named != str(outage):
            raise OperatorError(
                f"confirmation_token: is for {named or 'no outage'}, this call is for {outage}: {AGAIN}"
            )
        grant = self._grants.get(token)
        if grant is None:
            raise OperatorError(
                "confirmation_token: this server has not returned it, or has been restarted since: " + AGAIN
            )
        if grant.used:
            raise OperatorError(f"confirmation_token: was used already, and is valid once: {AGAIN}")
        if self._now() >= grant.until:
            raise OperatorError(f"confirmation_token: has expired after {LIFETIME_SECONDS:.0f} s: {AGAIN}")
        self._grants[token] = replace(grant, used=True)
