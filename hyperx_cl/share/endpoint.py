"""Only the Hub that is configured is asked, and what it says of files names none outside the cache.

A server may send a client anywhere, and name what it serves as it likes: `huggingface_hub` makes paths of that. So
every request and every answer is looked at while one of ours is under way; what others in the process ask for is let
alone.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from hyperx_cl.errors import DataError, NetworkError

_asked: ContextVar[str] = ContextVar("_asked", default="")
"""What is being asked for, while it is."""

_STORAGE = re.compile(r"(.+\.)?(hf\.co|huggingface\.co)")
"""Hosts of the Hub's own, where it and its mirrors send for large files."""

_ETAG = re.compile(r'(W/)?"?(?!\.+"?$)[^/\\"\x00-\x1f]{1,200}"?')  # it becomes the name of a file
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PORTS = {"http": 80, "https": 443}


@contextmanager
def only_the_hub(what: str, *, uploading: bool = False) -> Iterator[None]:
    """Let requests reach the configured endpoint alone, and the Hub's own storage.

    Args:
        what: That is being asked for, for the sentence.
        uploading: Large files go wherever the Hub has room for them.

    Raises:
        NetworkError: From a request that would go elsewhere.
        DataError: From an answer that names a file or commit as none can be called.
    """
    from huggingface_hub import utils

    hooks = utils.get_session().event_hooks
    if _request not in hooks["request"]:  # a client that another part of the process shares
        hooks["request"].append(_request)
        hooks["response"].append(_response)
    said = logging.getLogger("huggingface_hub")
    before, level = _asked.set("" if uploading else what), said.level
    said.setLevel(logging.CRITICAL)  # what a server says is no sentence of ours
    try:
        yield
    finally:
        said.setLevel(level)
        _asked.reset(before)


@contextmanager
def opened(repo_id: str, path: str, commit: str, token: str | bool | None) -> Iterator[Callable[[int], bytes]]:
    """A file of a repository, to read only its beginning.

    Raises:
        OSError: Or another error of the client, for `hyperx_cl.share.speaking`: it cannot be had.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    url = hf_hub_url(repo_id, path, revision=commit)
    with get_session().stream("GET", url, headers=build_hf_headers(token=token)) as answer:
        hf_raise_for_status(answer)
        pieces, kept = answer.iter_bytes(), b""

        def read(count: int) -> bytes:
            nonlocal kept
            while len(kept) < count and (piece := next(pieces, b"")):
                kept += piece
            found, kept = kept[:count], kept[count:]
            return found

        yield read


def is_commit(text: object) -> bool:
    """Whether a text is the name of a commit."""
    return isinstance(text, str) and bool(_COMMIT.fullmatch(text))


def _request(request: Any) -> None:
    from huggingface_hub import constants

    if (what := _asked.get()) and not _allowed(str(request.url), constants.ENDPOINT):
        raise NetworkError(
            f"{what} leads to {request.url.host}, which is not the Hub that was asked: name one in HF_ENDPOINT that "
            "gives its files itself"
        )


def _response(response: Any) -> None:
    if what := _asked.get():
        headers = response.headers
        etags = [headers.get(name, "x") for name in ("ETag", "X-Linked-ETag")]
        if not all(map(_ETAG.fullmatch, etags)) or not is_commit(headers.get("X-Repo-Commit", "0" * 40)):
            raise DataError(f"{what} is served with names that no file or commit has: report it to whoever runs it")


def _allowed(url: str, endpoint: str) -> bool:
    """Whether an address is one of the endpoint's, or of the Hub's storage."""
    there, here = urlsplit(url), urlsplit(endpoint)
    if there.scheme == "https" and _STORAGE.fullmatch(there.hostname or ""):
        return True
    origins = [(parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)) for parts in (there, here)]
    return origins[0] == origins[1]
