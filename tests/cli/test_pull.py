"""Pull as a command: what does not belong is refused, what broke off goes on; `tests/hostile` has what is bad."""

import json
import shutil
import time
from pathlib import Path

import pytest

from hyperx_cl.registry.store import Registry
from tests.conftest import Online
from tests.hub_server import Fault, HubServer
from tests.sharing import REPO, Homes, language


@pytest.fixture
def shared(homes: Homes, hub: HubServer) -> Homes:
    """Anna has pushed everything, Ben has pulled the model, and it is Ben who goes on."""
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    homes.go("ben")
    homes("pull", REPO, "--model")
    return homes


def paths(hub: HubServer) -> tuple[str, str]:
    """Numbers and note of the one version of mt."""
    files = hub.models.repositories[REPO].files
    (numbers,) = [path for path in files if path.startswith("languages/mt/") and path.endswith(".safetensors")]
    return numbers, numbers.replace(".safetensors", ".json")


def test_a_file_that_is_too_large_is_not_even_asked_for(shared: Homes, hub: HubServer) -> None:
    _, note = paths(hub)
    hub.models.put(REPO, {note: b" " * (2**20 + 1)})
    before = len(hub.log)
    _, err = shared("pull", REPO, "--lang", "mt", code=6)
    assert "at most 1,048,576 are read" in err
    assert not [answer for answer in hub.log[before:] if answer.path.endswith(note)]


def test_only_files_of_the_layout_are_ever_read(shared: Homes, hub: HubServer) -> None:
    mark = "0" * 64
    evil = ("setup.py", "languages/mt/code.py", "languages/mt/x.safetensors", f"languages/../{mark}.safetensors",
            f"languages/mt/{mark}.pkl", "pytorch_model.bin", "tasks/evil/run.json", ".gitattributes")  # fmt: skip
    hub.models.put(REPO, dict.fromkeys(evil, b"import os"))
    hub.log.clear()
    shared("pull", REPO)
    read = [answer.path for answer in hub.log if "/resolve/" in answer.path]
    assert read and not [path for path in read if path.endswith(evil)]


def test_a_language_without_its_model_says_where_to_get_it(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    homes.go("ben")
    _, err = homes("pull", REPO, "--lang", "mt", code=3)
    assert f"`hyperx-cl pull {REPO} --model`" in err
    _, err = homes("pull", REPO, "--lang", "mtt", code=3)
    said = json.loads(homes("pull", REPO, "--dry-run", "--json")[0])
    assert said["new_model"] and said["bytes"] > 1000 and said["versions"] == {}
    with Registry.open(readonly=True) as registry:
        assert registry.list_models() == []


def test_what_is_not_there_is_one_sentence(shared: Homes, hub: HubServer) -> None:
    for words, code, said in (
        (("org/nothing",), 3, "not on the Hub, or not for you"), ((f"{REPO}@v9",), 3, "no such revision"),
        ((REPO, "--lang", "fo"), 3, "no 'fo'"), ((REPO, "--lang", "mt@ffff"), 3, "in a version ffff"),
        (("no-owner",), 2, "org/name"), ((REPO, "--as", "x"), 2, "leave --as out"),
    ):  # fmt: skip
        _, err = shared("pull", *words, code=code)
        assert said in err and err.startswith("Error: ") and err.count("\n") == 1
    hub.models.put("org/empty", {"README.md": b"hello"})
    _, err = shared("pull", "org/empty", code=3)
    assert "no index.json" in err


def test_what_broke_off_goes_on_and_a_slow_hub_is_waited_for(homes: Homes, hub: HubServer) -> None:
    fresh = "org/never-fetched"  # nothing of it is in the cache
    homes("push", fresh, "--licence", "CC-BY-SA-4.0")
    homes.go("ben")
    hub.faults.append(Fault("/model.safetensors", status=400, method="GET", times=1))
    _, err = homes("pull", fresh, code=5)
    assert "status 400" in err
    weights = hub.models.repositories[fresh].files["model.safetensors"]
    hub.faults.append(Fault("/model.safetensors", truncated=True, method="GET", times=1))
    hub.faults.append(Fault("languages/mt", wait=lambda: time.sleep(0.3), times=2))
    hub.faults.append(Fault("/tree/", status=503, times=1))
    hub.log.clear()
    homes("pull", fresh)
    sent = [answer for answer in hub.log if "/resolve/" in answer.path and answer.method == "GET"]
    assert [answer.bytes for answer in sent if answer.path.endswith("model.safetensors")] == [
        len(weights) // 2, len(weights)
    ]  # fmt: skip
    assert not [answer for answer in sent if answer.path.endswith("config.json")]  # that was whole
    with Registry.open(readonly=True) as registry:
        assert registry.check() == []


def test_from_the_cache_without_a_network(shared: Homes, hub: HubServer) -> None:
    hub.log.clear()
    _, err = shared("pull", REPO, "--lang", "mt", "--offline", code=5)  # Ben has fetched nothing of it yet
    assert "cache" in err
    shared("pull", REPO)
    shared.go("cleo")
    hub.log.clear()
    said = json.loads(shared("pull", REPO, "--offline", "--json")[0])
    assert hub.log == []
    assert said["new_model"] and said["versions"]["mt"] == 1
    assert said["revision"] == hub.models.repositories[REPO].branches["main"]


def test_the_environment_keeps_away_from_the_hub_too(shared: Homes, hub: HubServer, offline_worker: Online) -> None:
    shared("pull", REPO)
    shared.go("dora")
    hub.log.clear()
    code, out, err = offline_worker("pull", REPO, "--json")
    assert code == 0, err
    assert json.loads(out)["versions"]["mt"] == 1
    assert offline_worker("pull", "org/other")[0] == 5
    assert hub.log == []


def test_a_version_in_use_is_not_changed_by_an_older_one(shared: Homes, hub: HubServer) -> None:
    shared("pull", REPO)
    with Registry.open() as registry:
        there = registry.language("mt").stored
        newer = language(there.fingerprint, seed=80)
        registry.add_language(newer, new_version=True, parent=there.hash)
    said = json.loads(shared("pull", REPO, "--lang", "mt", "--json")[0])
    assert (said["there"], said["versions"]) == (["mt"], {})
    with Registry.open(readonly=True) as registry:
        assert registry.language("mt").stored.hash == newer.hash


def test_a_name_that_is_taken_is_refused_before_anything_is_fetched(homes: Homes, hub: HubServer, home: Path) -> None:
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    folder = homes.go("ben")
    (folder / "models" / "languages").mkdir(parents=True)
    _, err = homes("pull", REPO, code=4)
    assert "--as NAME" in err
    homes("pull", REPO, "--as", "mine")
    assert (folder / "models" / "mine" / "model.safetensors").is_file()


def test_a_damaged_cache_is_mended(shared: Homes, hub: HubServer) -> None:
    shared("pull", REPO)
    numbers, note = paths(hub)
    for path in (numbers, note, "index.json"):
        (kept,) = {file.resolve() for file in hub.cache.glob(f"**/models--org--languages/snapshots/*/{path}")
                   if file.read_bytes() == hub.models.repositories[REPO].files[path]}  # fmt: skip
        kept.write_bytes(b"x" * kept.stat().st_size)
    shared.go("cleo")
    shared("pull", REPO)
    with Registry.open(readonly=True) as registry:
        assert registry.check() == []


def test_a_name_that_leads_elsewhere_is_refused(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    home = homes.go("ben")
    for name in ("../../elsewhere", "con"):
        _, err = homes("pull", REPO, "--as", name, code=2)
        assert f"{name!r} cannot name a model" in err
    assert not (home.parent / "elsewhere").exists()


def test_a_record_that_only_says_base_training_left_it_is_refused(homes: Homes, hub: HubServer) -> None:
    with Registry.open() as registry:
        forged = language(registry.model().fingerprint, "en", part=False, method="joint")
        registry.add_language(forged, new_version=True)
    homes("push", REPO, "--lang", "en")
    homes.go("ben")
    shutil.copy(homes.folder / "anna" / "registry.sqlite3", homes.go("ben"))
    with Registry.open() as registry:
        registry.remove_language("en", 2)
    _, err = homes("pull", REPO, "--lang", "en", code=6)
    assert "not what its model holds" in err
