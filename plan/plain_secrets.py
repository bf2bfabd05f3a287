"""Whether a text is a secret: by the name that it has, or by its format."""

from __future__ import annotations

import re

NAMED = re.compile(
    r"(^|[_\-.])(API_?-?KEY|(ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION)[_-]?KEY|SECRET|TOKEN|PASSWORD|PASSWD"
    r"|CREDENTIALS?)$",
    re.IGNORECASE,
)
"""The end of a secret's name: MAX_TOKENS, TOKEN_LIMIT and API_KEY_FILE are none."""
KNOWN = re.compile(
    r"\bA(KIA|SIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}|\b[sr]k[-_][A-Za-z0-9_-]{20,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[a-z]-[A-Za-z0-9-]{10,}|\bhf_[A-Za-z0-9]{30,}|\bpul-[0-9a-f]{40}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"
)
"""Keys of AWS, Google, OpenAI, Anthropic, DeepSeek, Stripe; tokens of GitHub, GitLab, Slack, Hugging Face and
Pulumi; JSON web tokens; private keys; URLs with a password."""
_NO_SECRET = re.compile(
    r"-?\d+(\.\d+)?|true|false|yes|no|on|off|none|null|[./~].*|https?://\S*", re.IGNORECASE
)
"""Values of settings that only have a secret's name: numbers, switches, paths, URLs."""


def is_secret(name: str, value: str) -> bool:
    return bool(KNOWN.search(value)) or bool(value and NAMED.search(name) and not _NO_SECRET.fullmatch(value))
