"""A tuning service that does nothing but answer: creates are done at once, the listing is kept ready by page.

Plain HTTP/1.1 over asyncio, one process, no checks: what is measured against it is the client. ``python service.py PORT
[SNAPSHOTS]`` listens on loopback; ``GET /counts`` tells what was asked since the last time.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_CREATED = "2026-01-01T00:00:00Z"
_BASE = {"name": "models/text-bison-001", "supportedGenerationMethods": ["createTunedTextModel"]}


@dataclass
class Service:
    """The models, the pages made of them, and the counts."""

    snapshots: int
    models: list[dict[str, object]] = field(default_factory=list)
    pages: dict[tuple[int, int, bool], tuple[bytes, bytes]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def answer(self, method: str, target: str, body: bytes) -> tuple[bytes, bytes]:
        """Return an answer, plain and compressed."""
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/counts":
            counts, self.counts = self.counts, Counter()
            return _both(counts)
        self.counts[f"{method} {url.path}"] += 1
        if url.path.endswith("/models"):
            return _both({"models": [_BASE]})
        if method == "POST":
            return _both(self._create(query["tunedModelId"], json.loads(body)))
        return self._page(int(query["pageSize"]), int(query.get("pageToken", 0)), curves="fields" not in query)

    def _create(self, identifier: str, model: dict[str, object]) -> dict[str, object]:
        name = f"tunedModels/{identifier}"
        task = model.pop("tuningTask")
        assert isinstance(task, dict)
        hyper = {"epochCount": 5, "batchSize": 4, "learningRate": 0.001, **task.get("hyperparameters", {})}
        made = {**model, "name": name, "state": "ACTIVE", "createTime": _CREATED, "updateTime": _CREATED}
        self.models.append({**made, "tuningTask": {"hyperparameters": hyper}})
        self.pages.clear()
        return {"name": f"{name}/operations/1", "done": True, "metadata": {"tunedModel": name}, "response": made}

    def _page(self, size: int, start: int, *, curves: bool) -> tuple[bytes, bytes]:
        curves = curves and self.snapshots > 0
        key = size, start, curves
        if key not in self.pages:
            models = self.models[start : start + size]
            if curves:
                models = [self._with_curve(model) for model in models]
            more = {"nextPageToken": str(start + size)} if start + size < len(self.models) else {}
            self.pages[key] = _both({"tunedModels": models, **more})
        return self.pages[key]

    def _with_curve(self, model: dict[str, object]) -> dict[str, object]:
        points = [
            {"step": step, "epoch": step // 4, "meanLoss": 9.0 / step, "computeTime": _CREATED}
            for step in range(1, self.snapshots + 1)
        ]
        task = model["tuningTask"]
        assert isinstance(task, dict)
        return {**model, "tuningTask": {**task, "snapshots": points}}

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it is closed."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                headers = head.lower()
                at = headers.find(b"content-length:")
                length = int(headers[at + 15 : headers.index(b"\r\n", at)]) if at >= 0 else 0
                plain, small = self.answer(method, target, await reader.readexactly(length))
                zipped = b"gzip" in headers
                content = small if zipped else plain
                self.counts["bytes"] += 0 if target == "/counts" else len(content)
                encoding = b"content-encoding: gzip\r\n" if zipped else b""
                start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + encoding
                writer.write(start + b"content-length: %d\r\n\r\n" % len(content) + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _both(value: object) -> tuple[bytes, bytes]:
    plain = json.dumps(value, separators=(",", ":")).encode()
    return plain, gzip.compress(plain, 1)


async def main(port: int, snapshots: int) -> None:
    """Serve until killed."""
    server = await asyncio.start_server(Service(snapshots).connection, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))  # noqa: PLR2004
