"""Push and pull as commands, over real HTTP against the Hub of the tests: what arrives, what stays, what is said."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard, ModelCardData

from hyperx_cl.registry.store import Registry
from hyperx_cl.share.note import sha256
from hyperx_cl.share.travel import pack, travelling
from tests.conftest import HUB_TOKEN, Online, another
from tests.hub_server import Fault, HubServer
from tests.sharing import REPO, Homes, language, logits, task


def files(hub: HubServer) -> dict[str, bytes]:
    """What is on the main branch."""
    return hub.models.repositories[REPO].files


def commits(hub: HubServer) -> int:
    """How often something was committed."""
    return len(hub.models.repositories[REPO].commits) - 1


def told(homes: Homes, *words: str, code: int = 0) -> dict[str, Any]:
    """What a command tells as JSON."""
    found: dict[str, Any] = json.loads(homes(*words, "--json", code=code)[0])
    return found


def mark() -> str:
    """Fingerprint of the home's model."""
    with Registry.open(readonly=True) as registry:
        return registry.model().fingerprint


def test_all_that_is_pushed_arrives_in_an_empty_home_with_the_same_bits(
    homes: Homes, hub: HubServer, tiny_backbone: Path
) -> None:
    with Registry.open() as registry:
        before, stored = registry.model(), registry.language("mt").record
    out, err = homes("push", REPO, "--licence", "CC-BY-SA-4.0", "--tag", "v1", "--json")
    said = json.loads(out)
    assert said["changed"] and said["created"] and said["rounded"] == ["mt"]
    assert commits(hub) == 1
    assert hub.models.repositories[REPO].tags == {"v1": said["commit"]}
    assert {path.split("/")[0] for path in files(hub)} == {
        "config.json", "model.safetensors", "index.json", "README.md", "languages"
    }  # fmt: skip
    mine = logits(tiny_backbone, "mt"), logits(tiny_backbone, "en")
    with Registry.open(readonly=True) as registry:
        first, second = registry.history("mt")
    assert (first.hash, second.parent, second.current) == (stored.hash, stored.hash, True)
    homes.go("ben")
    out, err = homes("pull", f"{REPO}@v1", "--as", "theirs", "--json")
    said = json.loads(out)
    assert (said["new_model"], said["model"], said["versions"]["mt"]) == (True, "theirs", 1)
    assert (logits(tiny_backbone, "mt"), logits(tiny_backbone, "en")) == mine
    with Registry.open(readonly=True) as registry:
        model, pulled = registry.model(), registry.language("mt")
        assert registry.check() == []
    assert model.fingerprint == before.fingerprint
    assert pulled.stored.hash == second.hash
    np.testing.assert_array_equal(pulled.record.tensors["shift.ids"], stored.tensors["shift.ids"])
    assert pulled.stored.provenance["hub"]["revision"] == said["revision"] == hub.models.repositories[REPO].tags["v1"]
    assert pulled.stored.provenance["hub"]["scores"][0]["value"] == 0.51234
    out, _ = homes("push", REPO, "--json")  # what came from there needs no word about licences, and changes nothing
    assert not json.loads(out)["changed"]
    out, _ = homes("pull", REPO, "--json")
    assert sorted(json.loads(out)["there"]) == ["en", "mt", "tr"]
    assert commits(hub) == 1
    everywhere = b"".join(file.read_bytes() for file in _all_files(homes.folder, hub))
    assert HUB_TOKEN.encode() not in everywhere + b"".join(files(hub).values())
    assert not [answer for answer in hub.log if HUB_TOKEN in answer.path]


def _all_files(folder: Path, hub: HubServer) -> list[Path]:
    """What anybody has: homes, and the cache of huggingface_hub."""
    cache = Path(hub.cache)
    assert list(cache.rglob("*.safetensors"))
    return [file for place in (folder, cache) for file in place.rglob("*") if file.is_file()]


def test_a_language_goes_alone(homes: Homes, hub: HubServer) -> None:
    with Registry.open() as registry:
        registry.add_language(language(mark(), "ug", part=False))
    assert told(homes, "push", REPO, "--lang", "mt")["rounded"] == ["mt"]
    before = files(hub)
    said = told(homes, "push", REPO, "--lang", "ug")
    (numbers,) = [path for path in said["files"] if path.endswith(".safetensors")]
    assert set(said["files"]) == {numbers, numbers.replace(".safetensors", ".json"), "index.json", "README.md"}
    assert sum(size for path, size in said["files"].items() if path != "README.md") <= 64 * 1024
    assert {path: data for path, data in files(hub).items() if path in before and "/" in path} == {
        path: data for path, data in before.items() if "/" in path
    }
    with Registry.open(readonly=True) as registry:
        assert [version.version for version in registry.history("ug")] == [1]  # a vector is not rounded


def test_what_is_looked_at_first_changes_nothing(homes: Homes, hub: HubServer) -> None:
    said = told(homes, "push", REPO, "--lang", "mt", "--dry-run")
    assert said["dry_run"] and said["created"] and any(path.startswith("languages/mt/") for path in said["files"])
    assert hub.models.repositories == {}
    with Registry.open(readonly=True) as registry:
        assert len(registry.history("mt")) == 1


def test_data_without_a_licence_is_refused_before_anything_is_sent(homes: Homes, hub: HubServer) -> None:
    with Registry.open() as registry:
        registry.add_language(language(mark(), "ug", licence=None))
    _, err = homes("push", REPO, "--lang", "ug", code=2)
    assert "no licence is known" in err and "--licence" in err
    assert hub.models.repositories == {}
    _, err = homes("push", REPO, "--model", code=2)
    assert "no licence" in err
    homes("push", REPO, "--lang", "ug", "--licence", "CC0-1.0")
    assert "license: cc0-1.0" in files(hub)["README.md"].decode()


def test_disjoint_languages_that_two_push_at_once_both_arrive(
    homes: Homes, hub: HubServer, hub_environment: dict[str, str], second: Online
) -> None:
    with Registry.open() as registry:
        registry.add_language(language(mark(), "ug", seed=9))
    homes("push", REPO, "--lang", "mt")
    with Registry.open() as registry:
        registry.add_language(language(mark(), "fo", seed=10))
    hub.faults.append(Fault("/commit/main", wait=lambda: second("push", REPO, "--lang", "fo")))
    homes("push", REPO, "--lang", "ug")
    assert [answer.status for answer in hub.log if "/commit/" in answer.path] == [200, 200, 412, 200]
    assert {path.split("/")[1] for path in files(hub) if "/" in path} == {"mt", "ug", "fo"}
    assert {row["name"] for row in json.loads(files(hub)["index.json"])["records"]} == {"mt", "ug", "fo"}
    assert all(f"| {code} |" in files(hub)["README.md"].decode() for code in ("mt", "ug", "fo"))


def test_the_same_language_from_two_people_is_two_versions(homes: Homes, hub: HubServer, second: Online) -> None:
    homes("push", REPO, "--licence", "CC-BY-SA-4.0")
    homes.go("ben")
    homes("pull", REPO, "--model")
    with Registry.open() as registry:
        registry.add_language(language(mark(), seed=50, created="2026-02-02"))
    anna = homes.folder / "anna"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPERX_HOME", str(anna))
        with Registry.open() as registry:
            registry.add_language(language(mark(), seed=60, created="2026-03-03"), new_version=True)
            there = registry.history("mt")
    hub.faults.append(Fault("/commit/main", wait=lambda: _push_as(second, anna)))
    homes("push", REPO, "--lang", "mt")
    marks = {path.split("/")[2].split(".")[0] for path in files(hub) if path.startswith("languages/mt/")}
    assert len(marks) == 3  # Anna's first and her third, Ben's own
    assert there[0].hash not in marks  # rounded before it went
    homes.go("cleo")
    said = told(homes, "pull", REPO)
    assert len(said["others"]["mt"]) == 2
    other = said["others"]["mt"][0]
    assert told(homes, "pull", REPO, "--lang", f"mt@{other[:8]}")["versions"] == {"mt": 2}
    with Registry.open(readonly=True) as registry:
        assert [(v.hash, v.current) for v in registry.history("mt")] == [
            (said["languages"]["mt"], False),
            (other, True),
        ]


def _push_as(second: Online, home: Path) -> None:
    before = os.environ["HYPERX_HOME"]
    os.environ["HYPERX_HOME"] = str(home)
    try:
        assert second("push", REPO, "--lang", "mt")[0] == 0
    finally:
        os.environ["HYPERX_HOME"] = before


@pytest.mark.parametrize("status", [409, 412, 429, 500, 503])
def test_what_passes_is_tried_again(homes: Homes, hub: HubServer, status: int) -> None:
    hub.faults.append(Fault("/commit/main", status=status, times=1))
    homes("push", REPO, "--lang", "mt")
    assert commits(hub) == 1


@pytest.mark.parametrize(
    "match, status, code, words",
    [
        ("/api/repos/create", 401, 5, "needs a login"), ("/api/repos/create", 403, 5, "closed to this login"),
        ("/preupload/", 403, 5, "closed to this login"), ("/commit/", 400, 5, "status 400"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_and_leaves_the_registry_as_it_was(
    homes: Homes, hub: HubServer, match: str, status: int, code: int, words: str
) -> None:
    hub.faults.append(Fault(match, status=status, times=9))
    _, err = homes("push", REPO, "--lang", "mt", code=code)
    (line,) = [line for line in err.splitlines() if not line.startswith("The record")]
    assert line.startswith("Error: org/languages") and words in line
    with Registry.open(readonly=True) as registry:
        assert len(registry.history("mt")) == 1


def test_a_private_repository_a_pull_request_and_a_tag_that_is_taken(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--lang", "mt", "--private", "--tag", "v1")
    assert hub.models.repositories[REPO].private
    with Registry.open() as registry:
        registry.add_language(language(mark(), "ug", part=False))
    _, err = homes("push", REPO, "--lang", "ug", "--tag", "v1", code=4)
    assert "tag 'v1'" in err and commits(hub) == 1
    said = told(homes, "push", REPO, "--lang", "ug", "--create-pr")
    assert said["url"].endswith("/discussions/1") and not [path for path in files(hub) if "/ug/" in path]
    assert told(homes, "pull", f"{REPO}@refs/pr/1", "--lang", "ug", "--dry-run")["there"] == ["ug"]
    homes("push", "org/open", "--lang", "mt")
    _, err = homes("push", "org/open", "--lang", "mt", "--private", code=4)
    assert "public" in err
    homes("push", REPO, "--lang", "ug", "--create-pr", "--tag", "v2", code=2)
    homes("push", "../etc/passwd", "--lang", "ug", code=2)


def test_a_repository_is_of_one_model(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--lang", "mt")
    with Registry.open() as registry:
        first = registry.model()
        registry.add_model("other", "b7" * 32, "/nowhere", first.backbone, first.config)
        registry.add_language(language("b7" * 32, "mt"))
    _, err = homes("push", REPO, "--lang", "mt", "--of", "other", code=4)
    assert "repository of its own" in err and commits(hub) == 1


def test_every_number_of_the_card_is_the_registry_s(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--licence", "CC-BY-4.0")
    text = files(hub)["README.md"].decode()
    card = ModelCard(text)
    assert isinstance(card.data, ModelCardData)
    assert (card.data.library_name, card.data.language) == ("hyperx-cl", ["en", "mt", "tr"])
    assert card.data.license == "other" and "- CC-BY-4.0\n- CC-BY-SA-4.0" in text
    (result,) = card.data.eval_results or []
    assert (result.metric_value, result.metric_name) == (0.5123, "POS accuracy, syntactic words")
    with Registry.open(readonly=True) as registry:
        stored = {code: registry.history(code) for code in ("en", "mt", "tr")}
        model = registry.model()
    (score,) = registry_scores(stored["mt"][-1].fingerprint)
    (losses,) = [v.provenance["losses"] for v in stored["mt"] if v.current]
    known = {f"{v.numbers:,}" for versions in stored.values() for v in versions}
    known |= {f"{value:.4f}" for value in (*losses.values(), score["value"], score["low"], score["high"])}
    known |= {str(score["sentences"]), *(str(len(task["labels"])) for task in model.config["tasks"])}
    known |= {f"{_numbers(files(hub)['model.safetensors']):,}"}
    tables = [line for line in text.splitlines() if line.startswith("|") and "arxiv" not in line]
    shown = set(
        re.findall(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w.])", re.sub(r"`[^`]*`|CC-BY\S*|95 %", "", "\n".join(tables)))
    )
    assert len(shown) >= 12
    assert shown <= known


def registry_scores(fingerprint: str) -> list[dict[str, Any]]:
    """What the run of the home has scored."""
    with Registry.open(readonly=True) as registry:
        found: list[dict[str, Any]] = registry.list_runs()[0].metrics["scored"]
    assert fingerprint
    return found


def _numbers(data: bytes) -> int:
    from safetensors.numpy import load

    return sum(array.size for array in load(data).values())


def test_letters_are_said_first_and_no_path_goes_along(homes: Homes, hub: HubServer, trained: Path) -> None:
    with Registry.open() as registry:
        record = language(mark(), "ug", source=f"{homes.folder}/ug/wiki.txt", notes="the whole text of a sentence")
        patched = dict(record.tensors) | {
            "patch.embeddings": np.ones((1, 32), np.float32), "patch.bias": np.ones(1, np.float32)
        }  # fmt: skip
        registry.add_language(replace(record, tensors=patched, pieces=("ۇ",), transliteration=(("ب", "b"),)))
        whole = replace(record, language="fo", tensors=patched, pieces=("føroya",))
        registry.add_language(whole)
        registry.add_task(task(mark()))
    _, err = homes("push", REPO, "--licence", "CC0-1.0")
    assert "The record of fo lists the 1 pieces of its token patch, in letters, words among them." in err
    assert "The record of ug lists the 1 pieces of its token patch, in letters." in err
    assert "rules of its transliteration" in err
    everything = b"\n".join(data for data in files(hub).values())
    for told_nowhere in (str(homes.folder), str(trained), os.path.expanduser("~"), os.uname().nodename, "whole text"):
        assert told_nowhere.encode() not in everything
    assert b'"source": "wiki.txt"' in everything
    assert "ug (a token patch of 1 pieces, a transliteration of 1 rules)" in files(hub)["README.md"].decode()
    homes.go("ben")
    said = told(homes, "pull", REPO)
    assert said["tasks"] == ["number"]
    with Registry.open(readonly=True) as registry:
        assert registry.language("ug").record.pieces == ("ۇ",)
        assert registry.task("number").record.labels == ("none", "Plur", "Sing")


def test_a_card_of_somebody_s_own_stays(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--lang", "mt")
    hub.models.put(REPO, {"README.md": b"---\nlibrary_name: hyperx-cl\n---\nOurs.\n"})
    with Registry.open() as registry:
        registry.add_language(language(mark(), "ug", part=False))
    _, err = homes("push", REPO, "--lang", "ug")
    assert "somebody's own" in err and files(hub)["README.md"].endswith(b"Ours.\n")


def test_an_index_that_was_lost_or_is_wrong_is_made_anew(homes: Homes, hub: HubServer) -> None:
    homes("push", REPO, "--licence", "CC-BY-4.0")
    right = files(hub)["index.json"]
    hub.models.put(REPO, {"index.json": b"{}", "notes/by-hand.txt": b"hello"})
    homes("push", REPO, "--lang", "mt")
    assert files(hub)["index.json"] == right
    assert commits(hub) == 3


def test_offline_nothing_is_pushed(homes: Homes, cli: Any) -> None:
    ended = cli("push", REPO, "--lang", "mt")
    assert ended.code == 5 and "HF_HUB_OFFLINE" in ended.err


def test_by_xet_the_same_bits_arrive(
    homes: Homes, hub: HubServer, hub_environment: dict[str, str], trained: Path, tmp_path: Path, tiny_backbone: Path
) -> None:
    hf_xet = pytest.importorskip("hf_xet")
    with Registry.open(readonly=True) as registry:
        data = pack(travelling(registry.language("mt").record))
    (tmp_path / "sent").write_bytes(data)
    (hashed,) = hf_xet.hash_files([str(tmp_path / "sent")])
    hub.models.cas = f"local://{tmp_path / 'cas'}"
    hub.models.sent[sha256(data)] = data, hashed.hash
    kept = {name: value for name, value in hub_environment.items() if name != "HF_HUB_DISABLE_XET"}
    with another(kept | {"HF_HOME": str(tmp_path / "hf")}) as modern:
        code, _, err = modern("push", "org/xet", "--lang", "mt")
        assert code == 0, err
        mine = logits(tiny_backbone, "mt")
        shutil.copy(trained / "registry.sqlite3", homes.go("ben"))
        hub.log.clear()
        code, _, err = modern("pull", "org/xet", "--lang", "mt")
        assert code == 0, err
    assert hub.asked("xet-read-token") and not hub.models.stores
    assert not [a for a in hub.log if a.method == "GET" and "/resolve/" in a.path and a.path.endswith(".safetensors")]
    assert logits(tiny_backbone, "mt") == mine
