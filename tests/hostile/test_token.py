"""The login of the Hub goes to the Hub and nowhere else: into no file, log, error or card."""

from pathlib import Path

import pytest

from tests.hostile.pack import CONFIG, INDEX, MT, REPO, good
from tests.hostile.pulling import Somebody
from tests.hub_server import Fault

TOKEN = "hf_RecognisableInAnyHeap0123456789"


@pytest.fixture
def known(puller: Somebody) -> Somebody:
    """Somebody who is logged in by a token that the Hub knows."""
    puller.hub.models.tokens[TOKEN] = "org"
    puller.environment["HF_TOKEN"] = TOKEN
    return puller


def expect_kept(somebody: Somebody, *said: str) -> None:
    """No file of the home or the cache, nothing that was said, and nothing that was sent has it."""
    files = [file for place in (somebody.home, somebody.cache) for file in place.rglob("*") if file.is_file()]
    assert len(files) > 1
    assert not [file for file in [*files, somebody.said] if TOKEN.encode() in file.read_bytes()]
    assert not [text for text in said if TOKEN in text]
    held = [data for there in somebody.hub.models.repositories.values() for data in there.files.values()]
    assert not [data for data in held if TOKEN.encode() in data]
    assert not [answer.path for answer in somebody.hub.log if TOKEN in answer.path]
    named = [str(file) for file in files]
    assert not [name for name in named if TOKEN in name]


def test_after_a_pull_and_a_push(known: Somebody) -> None:
    assert (pulled := known.pull({})).code == 0
    pushed = known("push", "org/other", "--of", "pack", "--lang", "mt", "--licence", "CC0-1.0", "--debug")
    assert pushed.code == 0, pushed.err
    assert "README.md" in known.hub.models.repositories["org/other"].files
    private = known("pull", "org/other", "--lang", "mt", "--debug")
    expect_kept(known, *(text for ended in (pulled, pushed, private) for text in (ended.out, ended.err)))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
@pytest.mark.parametrize("where", ["/revision/", f"/{CONFIG}", "/api/repos/create"])
def test_whatever_the_server_answers(known: Somebody, where: str, status: int) -> None:
    said = f"{TOKEN} is no good\x1b[31m"
    headers = {
        "X-Error-Message": TOKEN,
        "X-HF-Warning": f"x{status}; {TOKEN}",
        "X-Request-Id": TOKEN,
        "WWW-Authenticate": TOKEN,
    }
    times = 1 if status == 500 else 99  # a server that stumbles is asked again, with pauses
    body = f'{{"error": "{TOKEN} is no good \\u001b[31m"}}'.encode()
    known.hub.faults.append(Fault(where, status=status, times=times, headers=headers, body=body))
    if "create" in where:
        known.pull({})
        ended = known("push", "org/other", "--of", "pack", "--lang", "mt", "--licence", "CC0-1.0", "--debug")
    else:
        ended = known.pull({}, "--debug")
    assert status == 500 or ended.code, ended.err
    assert "\x1b" not in ended.err + ended.out and said not in ended.err
    expect_kept_said(known, ended.out, ended.err)


def expect_kept_said(somebody: Somebody, *said: str) -> None:
    assert not [text for text in (*said, somebody.said.read_text()) if TOKEN in text]
    files = [file for place in (somebody.home, somebody.cache) for file in place.rglob("*") if file.is_file()]
    assert not [file for file in files if TOKEN.encode() in file.read_bytes()]


def test_an_address_that_holds_it(known: Somebody) -> None:
    where = f"{known.hub.url}/{REPO}/resolve/main/{INDEX}?token={TOKEN}"
    known.hub.faults += [
        Fault(f"/{INDEX}", status=307, times=1, headers={"Location": where}), Fault(f"/{INDEX}", status=400, times=9)
    ]  # fmt: skip
    ended = known.pull({}, "--debug")
    assert ended.code, ended.err
    expect_kept_said(known, ended.out, ended.err)


def test_a_repository_that_knows_it(known: Somebody, tmp_path: Path) -> None:
    """Who has stolen it may write it anywhere; what is refused is told without it."""
    ended = known.pull(
        {f"{MT.path}.json": good()[f"{MT.path}.json"].replace(b"hyperx-cl/pack@1", TOKEN.encode())}, "--debug"
    )
    assert ended.code == 6
    assert TOKEN not in ended.err + ended.out
