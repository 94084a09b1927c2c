"""The configured Hub is asked and nobody else, wherever it sends, and what it calls files leads nowhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import HUB_TOKEN
from tests.hostile.pack import CONFIG, INDEX, MT, REPO, WEIGHTS, good
from tests.hostile.pulling import Somebody, expect_one_sentence
from tests.hub_server import Fault, HubServer, serving

PATHS = {"index": INDEX, "note": f"{MT.path}.json", "numbers": f"{MT.path}.safetensors", "weights": WEIGHTS}
ELSEWHERE = ("../../../../owned", "..", "/tmp/owned", "..\\owned", "a/b", "")


@pytest.fixture
def foreign() -> Iterator[HubServer]:
    """Another host that would answer: 127.0.0.2."""
    with serving("127.0.0.2") as found:
        found.models.put(REPO, dict(good()))
        yield found


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("status", [302, 307])
def test_a_hub_that_sends_elsewhere_is_not_followed(
    puller: Somebody, foreign: HubServer, what: str, method: str, status: int
) -> None:
    where = f"{foreign.url}/{REPO}/resolve/main/{PATHS[what]}"
    headers = {"Location": where, "ETag": '"abc"', "X-Repo-Commit": "a" * 40, "X-Linked-Size": "10"}
    puller.hub.faults.append(Fault(f"/{PATHS[what]}", status=status, method=method, times=9, headers=headers))
    expect_unfollowed(puller, foreign)


@pytest.mark.parametrize("path", ["/tree/", "/revision/"])
def test_nor_is_one_whose_lists_lead_elsewhere(puller: Somebody, foreign: HubServer, path: str) -> None:
    headers = {"Link": f'<{foreign.url}/api/models/{REPO}/tree/main?cursor=1>; rel="next"'}
    if path == "/revision/":
        headers = {"Location": f"{foreign.url}/api/models/{REPO}/revision/main"}
    puller.hub.faults.append(Fault(path, status=302 if path == "/revision/" else None, times=9, headers=headers))
    expect_unfollowed(puller, foreign)


def expect_unfollowed(puller: Somebody, foreign: HubServer) -> None:
    before = puller.state()
    ended = puller.pull({})
    assert ended.code == 5, ended.err
    expect_one_sentence(ended.err.splitlines(keepends=True)[-1], "127.0.0.2", "HF_ENDPOINT")
    assert puller.state() == before
    assert {f"http://{place}" for place in ended.connected} <= {puller.hub.url}
    assert foreign.log == []


def test_a_redirect_within_the_hub_is_followed(puller: Somebody) -> None:
    where = f"{puller.hub.url}/{REPO}/resolve/main/{INDEX}?again"
    puller.hub.faults.append(Fault(f"/{INDEX}", status=307, times=1, headers={"Location": where}))
    assert puller.pull({}).code == 0


@pytest.mark.parametrize("header", ["ETag", "X-Linked-ETag", "X-Repo-Commit"])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_a_hub_calls_files_and_commits_leads_nowhere(puller: Somebody, header: str, name: str) -> None:
    before = puller.state()
    puller.hub.faults.append(Fault(f"/{CONFIG}", times=9, headers={header: f'"{name}"' if "ETag" in header else name}))
    ended = puller.pull({})
    assert ended.code == 6, ended.err
    expect_one_sentence(ended.err.splitlines(keepends=True)[-1], "names that no file or commit has")
    assert puller.state() == before and ended.written == []


def test_a_file_that_is_not_there_is_not_noted_elsewhere(puller: Somebody) -> None:
    headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": "../../../../owned"}
    puller.hub.faults.append(Fault(f"/{CONFIG}", status=404, times=9, headers=headers))
    ended = puller.pull({})
    assert ended.code == 6 and ended.written == [], ended.err


def test_a_hub_at_a_commit_that_is_none(puller: Somebody) -> None:
    body = b'{"id": "org/pack", "sha": "../../owned", "private": false, "tags": [], "siblings": []}'
    puller.hub.faults.append(Fault("/revision/", status=200, times=9, body=body))
    ended = puller.pull({})
    assert ended.code == 6 and "commit that none can be called" in ended.err


@pytest.mark.parametrize("body", [b"", b"[", b"{}", b"[1]", b'[{"type": "file"}]', b"null", b"<html>", b"[" * 100_000])
@pytest.mark.parametrize("path", ["/revision/", "/tree/"])
def test_answers_that_are_none_are_one_sentence(puller: Somebody, path: str, body: bytes) -> None:
    before = puller.state()
    puller.hub.faults.append(Fault(path, status=200, times=99, body=body))
    ended = puller.pull({}, how="library")
    assert ended.code in (3, 5, 6), ended.err
    expect_one_sentence(ended.err)
    assert puller.state() == before


def test_a_file_that_is_longer_than_it_was_said_to_be(puller: Somebody, tmp_path: Path) -> None:
    before = puller.state()
    puller.hub.faults.append(Fault(f"/{MT.path}.json", status=200, method="GET", times=99, body=b"{}" * 10**6, headers={
        "ETag": '"abc"', "X-Repo-Commit": "a" * 40}))  # fmt: skip
    ended = puller.pull({})
    assert ended.code in (5, 6), ended.err
    expect_one_sentence(ended.err.splitlines(keepends=True)[-1])
    assert puller.state() == before


def test_no_address_in_a_repository_is_ever_asked(puller: Somebody, foreign: HubServer) -> None:
    url = f"{foreign.url}/x"
    told = {**MT.note["provenance"], "source": url, "licence": url, "author": url, "data": url}
    changes = {**MT.with_note(provenance=told, licences=[url]), "README.md": f"![]({url})\n<{url}>".encode()}
    ended = puller.pull(changes)
    assert ended.code == 0, ended.err
    assert {f"http://{place}" for place in ended.connected} <= {puller.hub.url}
    assert foreign.log == [] and HUB_TOKEN not in ended.out + ended.err
