"""An S3 service in memory that counts requests and bytes: what a gate's rclone asks of it, and no more."""

from __future__ import annotations

import bisect
import hashlib
import json
import threading
from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 1000
COUNTS = "/_counts"
"""Answers with the counts since it was asked last."""


class Object(NamedTuple):
    content: bytes
    headers: dict[str, str]
    at: str
    """Time of the upload, as listings have it."""


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, Object] = {}
        """By bucket and key: `<bucket>/<key>`."""
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def replicate(self, writer: str, buckets: dict[str, str]) -> None:
        """Make every bucket hold what the writer's holds below its own prefix."""
        own = f"{buckets[writer]}/{writer}/"
        with self.lock:
            for key, content in [one for one in self.objects.items() if one[0].startswith(own)]:
                for region, bucket in buckets.items():
                    if region != writer:
                        self.objects[f"{bucket}/{key.partition('/')[2]}"] = content

    def size(self, prefix: str) -> int:
        return sum(len(one.content) for key, one in self.objects.items() if key.startswith(prefix))


class Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {
            name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta-")
        }
        headers |= {
            "ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
            "Last-Modified": formatdate(usegmt=True),
        }
        with self.server.lock:
            taken = self.headers.get("If-None-Match") == "*" and self._key in self.server.objects
            if not taken:
                at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                self.server.objects[self._key] = Object(content, headers, at)
        self._count("put", len(content))
        if taken:
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            self._answer(200, headers={"ETag": headers["ETag"]})

    def do_GET(self) -> None:
        if self.path == COUNTS:
            with self.server.lock:
                counts, self.server.counts = self.server.counts, Counter()
            self._answer(200, json.dumps(counts).encode())
        elif "/" in self._key.strip("/"):
            self._object(self.server.objects.get(self._key))
        else:
            self._list({name: value[0] for name, value in parse_qs(urlsplit(self.path).query).items()})

    def do_HEAD(self) -> None:
        found = self.server.objects.get(self._key)
        self._count("head")
        length = {"Content-Length": str(len(found.content))} if found else {}
        self._answer(200 if found else 404, headers={**found.headers, **length} if found else {})

    def do_DELETE(self) -> None:
        with self.server.lock:
            self.server.objects.pop(self._key, None)
        self._count("delete")
        self._answer(204)

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/")

    def _object(self, found: Object | None) -> None:
        self._count("get", 0, len(found.content) if found else 0)
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, found.content, found.headers)

    def _list(self, query: dict[str, str]) -> None:
        bucket, prefix = self._key.strip("/"), query.get("prefix", "")
        after = query.get("continuation-token") or query.get("marker") or ""
        with self.server.lock:
            below = f"{bucket}/{prefix}"
            keys = sorted(key for key in self.server.objects if key.startswith(below))
            start = bisect.bisect_right(keys, f"{bucket}/{after}") if after else 0
            page = [(key, self.server.objects[key]) for key in keys[start : start + PAGE]]
        self._count("list")
        more = start + PAGE < len(keys)
        last = page[-1][0].partition("/")[2] if page else ""
        rows = "".join(
            f"<Contents><Key>{escape(key.partition('/')[2])}</Key><Size>{len(one.content)}</Size>"
            f"<LastModified>{one.at}</LastModified><ETag>{escape(one.headers['ETag'])}</ETag></Contents>"
            for key, one in page
        )
        token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if more else ""
        self._answer(
            200,
            f"<ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}"
            f"</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}<NextMarker>{escape(last)}"
            f"</NextMarker>{rows}</ListBucketResult>".encode(),
        )

    def _count(self, what: str, received: int = 0, sent: int = 0) -> None:
        with self.server.lock:
            self.server.counts.update({what: 1, "bytes_in": received, "bytes_out": sent})

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
