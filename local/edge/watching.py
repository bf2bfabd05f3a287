"""Keeps what is known of a kind of objects as the API server has it."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import urlencode

from local.edge.api import Api, ApiError, Object
from local.edge.table import Known
from runtime.logs import log

PAGE = 250
"""Objects: what a page takes of memory while it is read."""
WATCH_SECONDS = (240, 300)
"""The API server ends a watch after a time between these; then everything is listed anew."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 1.0


async def follow(api: Api, path: str, known: Known[Any], selector: str = "") -> NoReturn:
    """List, watch, and begin again whenever a watch ends, whyever. With the API away, what is known stays."""
    pause, well = FIRST_PAUSE_SECONDS, True
    while True:
        try:
            version = await _list(api, path, selector, known)
            log("listed", path=path, count=len(known.all))
            pause, well = FIRST_PAUSE_SECONDS, True
            await _watch(api, path, selector, version, known)
        except (ApiError, OSError) as error:
            if well:
                log("api-away", level="warning", path=path, error=f"{type(error).__name__}: {error}")
            well = False
        await asyncio.sleep(pause * random.uniform(0.5, 1))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _list(api: Api, path: str, selector: str, known: Known[Any]) -> str:
    """All objects; the version that a watch goes on from."""
    found: list[Object] = []
    more = ""
    while True:
        asked = {"labelSelector": selector, "limit": PAGE, **({"continue": more} if more else {})}
        page = await api.call("GET", f"{path}?{urlencode(asked)}")
        found += page["items"]
        more = page["metadata"].get("continue", "")
        if not more:
            known.replace(found)
            return str(page["metadata"]["resourceVersion"])


async def _watch(api: Api, path: str, selector: str, version: str, known: Known[Any]) -> None:
    asked = {
        "watch": 1,
        "labelSelector": selector,
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": random.randint(*WATCH_SECONDS),
    }
    async with aclosing(api.watch(f"{path}?{urlencode(asked)}")) as events:
        async for event in events:
            match event["type"], event["object"]:
                case "ADDED" | "MODIFIED", one:
                    known.put(one)
                case "DELETED", one:
                    known.remove(one)
                case "ERROR", problem:
                    if problem.get("code") == HTTPStatus.GONE:
                        return
                    raise ApiError(problem.get("code", 0), str(problem.get("message")))
