"""The pack for the Pulumi engine, which has this folder, not the repository, on the module path."""

import gc
import sys
from pathlib import Path

# A check creates many objects and no cycles: collecting cycles takes a quarter of its time.
gc.set_threshold(100_000)
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pulumi_policy import PolicyPack  # noqa: E402

from policy_pack.pack import NAME, POLICIES  # noqa: E402

PolicyPack(NAME, list(POLICIES))
