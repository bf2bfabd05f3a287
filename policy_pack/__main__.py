"""The pack as the Pulumi engine starts it: with this folder, not the repository, where modules are found."""

import gc
import sys
from pathlib import Path

# Requests make many objects and no cycles: looking for cycles takes a quarter of a check of the whole stack.
gc.set_threshold(100_000)
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pulumi_policy import PolicyPack  # noqa: E402

from policy_pack.pack import NAME, POLICIES  # noqa: E402

PolicyPack(NAME, list(POLICIES))
