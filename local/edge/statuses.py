"""Tells the region's Ingresses the address at which they are answered."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import NoReturn

from local.edge.api import Api, ApiError
from local.edge.objects import Ingress
from local.edge.table import Key, Known
from runtime.logs import log

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/{}/ingresses/{}/status"
MERGE_PATCH = "application/merge-patch+json"
PAUSE_SECONDS = 0.2
AGAIN_SECONDS = 1.0


async def write(api: Api, ingresses: Known[Ingress], address: str) -> NoReturn:
    """Patch whichever says otherwise, as soon as it is seen; again each second where it failed."""
    changed = asyncio.Event()
    ingresses.on_change.append(changed.set)
    while True:
        changed.clear()
        wrong = [key for key, one in ingresses.all.items() if one.addresses != (address,)]
        done = [await _patch(api, key, address) for key in wrong]
        if all(done):
            await changed.wait()
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            await asyncio.sleep(AGAIN_SECONDS)


async def _patch(api: Api, key: Key, address: str) -> bool:
    """Whether it is done with."""
    body = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
    try:
        await api.call("PATCH", INGRESSES.format(*key), body, MERGE_PATCH)
    except (ApiError, OSError) as error:
        if isinstance(error, ApiError) and error.status == HTTPStatus.NOT_FOUND:
            return True
        log("status-not-written", level="warning", ingress="/".join(key), error=str(error))
        return False
    return True
