"""KMS keys of the stack's buckets: what roles may do with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from policy_pack.stack import Stack
from policy_pack.writing import listed

THROUGH = "kms:ViaService"
OF_S3 = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}


def uses_key(
    action: str, key: str, conditions: Mapping[str, Any], stack: Stack, pods: Collection[str] | None
) -> bool:
    """Whether the role of pods in these regions, or of S3 (None), needs an action with a key: through S3
    alone, and to encrypt in the pods' own region."""
    regions = {region for region, own in stack.keys.items() if own == key}
    through = set(listed((conditions.get("StringEquals") or {}).get(THROUGH, [])))
    if not regions or not through or not through <= {f"s3.{each}.amazonaws.com" for each in stack.keys}:
        return False
    if pods is None:
        return action in OF_S3
    return action == "kms:Decrypt" or (action == "kms:GenerateDataKey" and set(pods) == regions)
