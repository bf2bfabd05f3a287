"""How a region can be taken down."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Way(StrEnum):
    SCALE = "scale"
    NODE = "node"
    NETWORK = "network"
    GRAY = "gray"


LOCAL_WAYS = (Way.NODE, Way.NETWORK)
WORDS: Mapping[Way, str] = {
    Way.SCALE: "workloads scaled away",
    Way.NODE: "node stopped",
    Way.NETWORK: "network cut",
    Way.GRAY: "gray failure: it accepts connections and does not answer",
}
