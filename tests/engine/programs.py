"""Resources of small test programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

Program = Callable[[], object]


def config_map(
    name: str, namespace: str, data: Any, opts: ResourceOptions | None = None
) -> kubernetes.core.v1.ConfigMap:
    return kubernetes.core.v1.ConfigMap(
        name, metadata={"name": name, "namespace": namespace}, data=data, opts=opts
    )
