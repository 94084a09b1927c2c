"""Pull as a command: what is damaged or forged is refused before anything is stored, what broke off goes on."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from hyperx_cl.registry.store import Registry
from hyperx_cl.sealed import METADATA, read_metadata
from hyperx_cl.share.note import sha256
from tests.conftest import Online
from tests.hub_server import Fault, HubServer
from tests.sharing import REPO, Homes, language

Change = Callable[[bytes, dict[str, Any]], tuple[bytes, dict[str, Any]]]


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


def rebuilt(change: Callable[[dict[str, np.ndarray]], None], **identity: object) -> Change:
    """Change tensors and identity, and let size and SHA-256 of the note be those of what comes out."""

    def make(data: bytes, note: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
        tensors = dict(load(data))
        change(tensors)
        told = read_metadata(data) | identity
        fresh = save(tensors, {METADATA: json.dumps(told)})
        return fresh, note | {"file": {"sha256": sha256(fresh), "size": len(fresh)}}

    return make


def _put(name: str, value: object) -> Callable[[dict[str, np.ndarray]], None]:
    return lambda tensors: tensors.update({name: np.asarray(value)})


def _note(**changes: object) -> Change:
    return lambda data, note: (data, note | changes)


FORGED: dict[str, tuple[Change, str]] = {
    "a byte flipped": (lambda data, note: (data[:-1] + bytes([data[-1] ^ 1]), note), "SHA-256"),
    "cut short": (lambda data, note: (data[:-10], note), "bytes"),
    "no safetensors": (lambda data, note: _told(b"\x80\x04pickle" * 9, note), "header"),
    "a header as long as a book": (lambda data, note: _told((2**40).to_bytes(8, "little") + data, note), "header"),
    "other numbers": (rebuilt(_put("embedding", np.zeros(64, np.float32))), "hashes to"),
    "numbers that are not finite": (rebuilt(_put("embedding", np.full(64, np.nan, np.float32))), "not finite"),
    "doubles": (rebuilt(_put("embedding", np.zeros(64))), "dtype F64"),
    "a tensor of no record": (rebuilt(_put("evil", np.zeros(3, np.float32))), "no tensor of a language record"),
    "another format": (rebuilt(lambda tensors: None, format="hyperx-cl/pack@9"), "update hyperx-cl"),
    "a note of another format": (_note(format="hyperx-cl/pack@9"), "update hyperx-cl"),
    "a note of another language": (_note(name="ug"), "another record"),
    "a note that tells of more numbers": (_note(numbers=3), "than its note tells"),
    "a note that is none": (_note(provenance=[]), "not the note"),
    "a note without a method": (_note(provenance={}), "not the note"),
    "a note with a score that is none": (_note(scores=[{"task": "pos"}]), "not the note"),
}


def _told(data: bytes, note: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    return data, note | {"file": {"sha256": sha256(data), "size": len(data)}}


def test_what_is_forged_or_damaged_is_refused_and_nothing_is_stored(shared: Homes, hub: HubServer) -> None:
    numbers, note = paths(hub)
    files = hub.models.repositories[REPO].files
    for what, (change, words) in FORGED.items():
        data, told = change(files[numbers], json.loads(files[note]))
        hub.models.put(REPO, {numbers: data, note: json.dumps(told).encode()})
        _, err = shared("pull", REPO, "--lang", "mt", code=6)
        assert words in err and err.count("Error: ") == 1, (what, err)
        with Registry.open(readonly=True) as registry:
            assert [stored.language for stored in registry.languages()] == ["en", "tr"], what
    hub.models.put(REPO, {numbers: files[numbers], note: files[note]})
    shared("pull", REPO, "--lang", "mt")


def test_numbers_beyond_the_bounds_and_shapes_of_another_model_are_refused(shared: Homes, hub: HubServer) -> None:
    homes, anna = shared, shared.folder / "anna"
    with Registry.open() as registry:
        mark = registry.model().fingerprint
    wide = {"embedding": np.full(64, 200, np.float32)}
    other = {"embedding": np.ones(8, np.float32)}
    beyond = {**language(mark).tensors, "shift.ids": np.array([1, 2, 2e6], np.float32)}
    for code, tensors, words in (("ug", wide, "root mean square"), ("fo", other, "fit"), ("yo", beyond, "fit")):
        homes.go(anna.name)
        with Registry.open() as registry:
            record = language(mark, code)
            registry.add_language(type(record)(code, mark, tensors, record.provenance))
        homes("push", REPO, "--lang", code)
        homes.go("ben")
        _, err = homes("pull", REPO, "--lang", code, code=6)
        assert words in err
    with Registry.open(readonly=True) as registry:
        assert [stored.language for stored in registry.languages()] == ["en", "tr"]


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


def test_a_model_whose_weights_were_changed_is_refused_and_leaves_no_folder(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    weights = hub.models.repositories[REPO].files["model.safetensors"]
    home = homes.go("ben")
    for data, words in ((weights[:-1] + b"\x01", "fingerprint"), (weights[:-8], "fill"), (b"PK\x03\x04" * 9, "header")):
        hub.models.put(REPO, {"model.safetensors": data})
        _, err = homes("pull", REPO, code=6)
        assert words in err
        assert not list(home.glob("models/*"))
    with Registry.open(readonly=True) as registry:
        assert registry.list_models() == []


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
    _, err = homes("pull", REPO, "--as", "../../elsewhere", code=2)
    assert "cannot name a model" in err
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
