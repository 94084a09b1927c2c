"""A Hub of the tests' own: data sets in memory, served over loopback HTTP as the client libraries ask for them.

It answers what a Parquet data set needs when it is listed and streamed: ``/api/datasets/ID`` with its commit and card,
the tree, ``paths-info``, and ``resolve``, which redirects to a signed address that serves ranges. Every answer is in
the log, with the bytes sent.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_models import Models

SIGNATURE = "ofTheTests"
"""Of an address that a file is served under: nobody else may see it."""

_API = re.compile(r"/api/datasets/([\w.-]+/[\w.-]+)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?")
_STORE = re.compile(r"/_store/([0-9a-f]{40})/([\w.-]+/[\w.-]+)/(.+)")
_RESOLVE = re.compile(r"/datasets/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)")


@dataclass
class Fault:
    """Something that goes wrong: for requests whose path holds `match`, `times` times.

    Attributes:
        match: A piece of the path.
        status: Answered instead of what was asked for; None for another kind of fault.
        truncated: Whether the connection closes after half of the body.
        method: Of the requests, such as ``GET``; any if empty.
        wait: Called before the answer.
        times: How often.
        headers: Of the answer, in place of those of that name; others stay.
        body: Of an answer with that `status`.
    """

    match: str
    status: int | None = None
    truncated: bool = False
    method: str = ""
    wait: Callable[[], object] | None = None
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "as the test wants it"}'


@dataclass
class Answer:
    """One line of the log."""

    method: str
    path: str
    status: int
    bytes: int


@dataclass
class HubServer:
    """The server.

    Attributes:
        url: Its address, for ``HF_ENDPOINT``.
        log: What was answered.
        faults: What shall go wrong.
        models: Repositories of models, which take uploads.
        cache: Where the processes that have this Hub keep what they download.
    """

    url: str = ""
    models: Models = field(default_factory=Models)
    cache: Path = Path()
    log: list[Answer] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _sets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, repo: str, files: Mapping[str, bytes], card: Mapping[str, Any] | None = None) -> str:
        """Make a data set, or a new commit of it; earlier commits stay.

        Returns:
            The commit.
        """
        digest = hashlib.sha1(repo.encode())
        for path, data in sorted(files.items()):
            digest.update(path.encode() + hashlib.sha1(data).digest())
        commit = digest.hexdigest()
        kept = self._sets.setdefault(repo, {"commits": {}})
        kept["main"] = commit
        kept["commits"][commit] = (dict(files), dict(card or {}))
        return commit

    def sent(self, match: str, method: str = "GET") -> int:
        """Bytes sent for requests whose path holds `match`."""
        return sum(answer.bytes for answer in self.log if match in answer.path and answer.method == method)

    def asked(self, match: str) -> int:
        """How often a path that holds `match` was asked for."""
        return sum(match in answer.path for answer in self.log)

    def reset(self) -> None:
        """Forget data sets, log and faults."""
        self._sets.clear()
        self.models.reset()
        self.log.clear()
        self.faults.clear()

    def find(self, repo: str, revision: str) -> tuple[str, dict[str, bytes], dict[str, Any]] | None:
        """A data set's commit, files and card."""
        kept = self._sets.get(repo)
        commit = kept and (kept["main"] if revision in ("main", "") else revision)
        if not kept or commit not in kept["commits"]:
            return None
        return commit, *kept["commits"][commit]

    def fault(self, path: str, method: str) -> Fault | None:
        """Take a fault for a request, if there is one left."""
        for fault in self.faults:
            if fault.match in path and fault.method in ("", method) and fault.times > 0:
                fault.times -= 1
                return fault
        return None


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[HubServer]:
    """Serve until the end of the block."""
    hub = HubServer()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer((host, 0), handler)
    server.daemon_threads = True
    hub.url = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self._body = self._read()
        path = unquote(urlsplit(self.path).path)
        fault = self.hub.fault(path, self.command)
        if fault and fault.wait:
            fault.wait()
        self._forged = fault.headers if fault else {}
        if fault and fault.status:
            self._send(fault.status, fault.body)
            return
        self._truncated = bool(fault and fault.truncated)
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip()
        # An escaped slash stays one: a pull request's branch is one piece of a path.
        reply = self.hub.models.route(
            self.hub.url, self.command, path if "%2F" not in self.path else urlsplit(self.path).path, query, self._body,
            token,
        )  # fmt: skip
        if reply is not None:
            self._send(reply.status, reply.body, reply.headers)
        elif found := _API.fullmatch(path):
            self._api(found[1], found[2] or "", unquote(found[3] or "main"), found[4] or "")
        elif found := _RESOLVE.fullmatch(path):
            self._redirect(found[1], found[2], found[3])
        elif found := _STORE.fullmatch(path):
            self._store(found[2], found[1], found[3])
        else:
            self._send(404, {"error": f"no such page: {path}"})

    def _read(self) -> bytes:
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _api(self, repo: str, verb: str, revision: str, rest: str) -> None:
        found = self.hub.find(repo, revision)
        if found is None:
            known = self.hub.find(repo, "main") is not None
            self._send(404, {"error": "none"}, {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"})
            return
        commit, files, card = found
        if verb in ("", "revision"):
            siblings = [{"rfilename": path} for path in sorted(files)]
            self._send(
                200, {"id": repo, "sha": commit, "cardData": card, "siblings": siblings, "private": False, "tags": []}
            )
        elif verb == "tree":
            below = [path for path in sorted(files) if path.startswith(rest)]
            deep = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() == "true"
            entries = [_entry(path, files[path]) for path in below if deep or "/" not in path[len(rest) :].lstrip("/")]
            self._send(200, entries)
        else:
            wanted = json.loads(self._body)["paths"]
            folders = {path.rsplit("/", depth)[0] for path in files for depth in range(1, path.count("/") + 1)}
            entries = [_entry(path, files[path]) for path in wanted if path in files]
            entries += [{"type": "directory", "path": path, "oid": "0" * 40} for path in wanted if path in folders]
            self._send(200, entries)

    def _redirect(self, repo: str, revision: str, path: str) -> None:
        found = self.hub.find(repo, revision)
        if found is None or path not in found[1]:
            self._send(404, {"error": "none"}, {"X-Error-Code": "EntryNotFound" if found else "RevisionNotFound"})
            return
        data = found[1][path]
        headers = {
            "X-Repo-Commit": found[0], "ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Linked-Size": str(len(data)),
            "Location": f"{self.hub.url}/_store/{found[0]}/{repo}/{path}?Signature={SIGNATURE}",
        }  # fmt: skip
        self._send(302, b"", headers)

    def _store(self, repo: str, revision: str, path: str) -> None:
        found = self.hub.find(repo, revision)
        if found is None or f"Signature={SIGNATURE}" not in self.path:
            self._send(403, {"error": "no signature"})
            return
        self._send(200, found[1][path], {"Accept-Ranges": "bytes"})

    def _send(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        data, headers = body if isinstance(body, bytes) else json.dumps(body).encode(), dict(headers or {})
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted and self.command == "GET" and status == 200 and headers.get("Accept-Ranges"):
            start, end, whole = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1), len(data)
            status, data = 206, data[start : end + 1]
            headers["Content-Range"] = f"bytes {start}-{end}/{whole}"
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers, **self._forged}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.command == "GET" and status in (200, 206) and getattr(self, "_truncated", False)
        sent = b"" if self.command == "HEAD" else data[: len(data) // 2] if cut else data
        self.hub.log.append(Answer(self.command, unquote(urlsplit(self.path).path), status, len(sent)))
        with suppress(ConnectionError):  # who has read enough hangs up
            self.wfile.write(sent)
        if cut:
            self.close_connection = True


def _entry(path: str, data: bytes) -> dict[str, Any]:
    return {
        "type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest(),
        "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134},
    }  # fmt: skip
