"""Name servers of a domain, asked of this machine's resolvers."""

from __future__ import annotations

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, Resolver


class DnsError(Exception):
    """No resolver gave a usable answer."""


def name_servers(domain: str, resolver: Resolver | None = None) -> set[str]:
    """The name servers that the domain's parent, or the domain itself, names; none without a delegation.
    Raises DnsError."""
    try:
        answer = (resolver or Resolver()).resolve(domain, "NS", raise_on_no_answer=False)
    except NXDOMAIN:
        return set()
    except DNSException as error:
        raise DnsError(f"the name servers of {domain} are not known: {error}") from error
    return {record.target.to_text(omit_final_dot=True).lower() for record in answer.rrset or ()}
