"""`languages`: keys, ids, versions, neighbours, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hyperx_cl.artefact import LanguageRecord
from hyperx_cl.registry.store import Registry
from tests.cli.conftest import Cli

Picture = Callable[[], dict[str, bytes]]
KEYS = [
    "language", "model", "fingerprint", "version", "current", "hash", "parent", "method", "created", "numbers", "tasks",
    "name", "family", "scripts", "seen", "losses", "scores", "author",
]  # fmt: skip


@pytest.fixture
def versions(stocked: Path) -> None:
    """Two versions of Maltese beside en and tr."""
    with Registry.open() as registry:
        model = registry.model().fingerprint
        for seed in (1, 2):
            vector = np.random.default_rng(seed).standard_normal(64).astype(np.float32)
            record = LanguageRecord(
                "mt",
                model,
                {"embedding": vector},
                {"method": "mlm", "losses": {"learnt": seed}, "sentences": list("abcdef")},
            )
            registry.add_language(record, new_version=True)


@pytest.mark.usefixtures("versions")
def test_list_show_history_and_near(cli: Cli) -> None:
    listed = cli("languages", "list", "--json").data
    assert list(listed) == ["schema_version", "languages"]
    assert [list(language) for language in listed["languages"]] == [KEYS] * 3
    assert [(x["language"], x["version"], x["name"]) for x in listed["languages"]][1] == ("mt", 2, "Maltese")
    shown = cli("languages", "show", "mlt", "--json", "--version", "1").data["language"]
    assert list(shown) == [*KEYS, "pieces", "transliteration", "tensors", "provenance"]
    assert (shown["version"], shown["current"], shown["provenance"]["losses"]) == (1, False, {"learnt": 1})
    told = cli("languages", "show", "mt").out
    assert "losses.learnt\t2\n" in told and "sentences\t6 of them (--json has all)\n" in told
    assert [x["version"] for x in cli("languages", "history", "mt", "--json").data["versions"]] == [1, 2]
    near = cli("languages", "near", "mt", "-k", "1", "--json").data["near"]
    assert [list(neighbour) for neighbour in near] == [["language", "version", "cosine"]]
    assert set(cli("languages", "near", "mt", "--quiet").out.split()) == {"en", "tr"}


@pytest.mark.usefixtures("versions")
def test_use_and_remove(cli: Cli, everything: Picture) -> None:
    assert cli("languages", "use", "mt", "1").out == "mt of model tiny is version 1 now\n"
    before = everything()
    unasked = cli("languages", "remove", "mt")
    assert unasked.code == 2 and "Remove all 2 versions of mt from model tiny? Say so with --yes" in unasked.err
    dry = cli("languages", "remove", "mt", "--version", "2", "--dry-run", "--json").data
    assert ([x["version"] for x in dry["removed"]], dry["dry_run"]) == ([2], True)
    assert everything() == before
    assert cli("languages", "remove", "mt", "--version", "2", "--yes", "--quiet").out == "mt@2\n"
    assert everything() != before  # a version that was not in use counts too
    assert cli("languages", "remove", "mt", "--yes").out == "removed all 1 versions of mt from model tiny\n"
    assert cli("languages", "list", "--quiet").out == "en\ntr\n"


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["show", "fo"], 3, "language 'fo' (Faroese) is not stored for model 'tiny'"),
        (["show", "mt", "--version", "9"], 3, "has no version 9: it has 1, 2"),
        (["use", "mt", "9"], 3, "has no version 9"),
        (["history", "malteese"], 3, "is not a language code"),
        (["near", "fo"], 3, "is not stored"),
        (["remove", "fo", "--yes"], 3, "is not stored"),
        (["list", "--model", "tinny"], 3, "did you mean 'tiny'"),
    ],
)
def test_refused(cli: Cli, everything: Picture, words: list[str], code: int, sentence: str) -> None:
    before = everything()
    ended = cli("languages", *words)
    assert (ended.code, ended.out) == (code, "")
    assert sentence in ended.err and ended.err.count("\n") == 1
    assert everything() == before


@pytest.mark.usefixtures("versions")
def test_language_of_another_model_is_named_with_what_to_type(cli: Cli) -> None:
    with Registry.open() as registry:
        known = registry.model()
        registry.add_model("other", "cd" * 32, "/models/other", known.backbone, known.config)
    ended = cli("languages", "show", "mt", "--model", "other")
    assert ended.code == 3
    assert "only for model 'tiny': pass --model tiny, or learn it for this model with" in ended.err


@pytest.mark.usefixtures("versions")
def test_corrections_are_shown(cli: Cli) -> None:
    with Registry.open() as registry:
        record = registry.language("mt").record
        said = LanguageRecord("mt", record.model, record.tensors, {**record.provenance, "licence": "CC0-1.0"})
        registry.add_language(said, run=7)
    lines = cli("languages", "show", "mt").out.splitlines()
    assert {"licence\tCC0-1.0", "corrections.1.run\t7", "corrections.1.was.licence\tNone"} <= set(lines)


@pytest.mark.usefixtures("versions")
def test_search(cli: Cli) -> None:
    def found(*words: str) -> list[str]:
        return cli("languages", "list", "--quiet", *words).out.split()

    assert found("--code", "mlt,tur") == ["mt", "tr"]
    assert found("--name", "turk") == ["tr"]
    assert found("--family", "semitic") == ["mt"]
    assert found("--script", "Latin", "--task", "pos") == ["en", "tr"]
    assert found("--author", "nobody") == []
    assert found("--all-models") == ["en", "mt", "tr"]
    assert "No stored language fits" in cli("languages", "list", "--author", "nobody").out
    both = cli("languages", "list", "--all-models", "--model", "tiny")
    assert both.code == 2 and "exclude each other" in both.err
    typed = cli("languages", "list", "--family", "Semitik")
    assert typed.code == 3 and "did you mean 'Semitic'" in typed.err


@pytest.mark.usefixtures("versions")
def test_rollback(cli: Cli) -> None:
    assert cli("languages", "rollback", "mlt").out == "mt of model tiny is version 1 now\n"
    refused = cli("languages", "rollback", "mt")
    assert refused.code == 4 and "is the first: choose another with `hyperx-cl languages use mt VERSION`" in refused.err
    assert cli("languages", "use", "mt", "2", "--json").data["language"]["current"] is True
    (first, second) = cli("languages", "history", "mt").out.splitlines()[1:]
    assert first.split("\t")[:2] == ["1", "mlm"] and second.split("\t")[:2] == ["2 *", "mlm"]


@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("twin", ["mlt", "MT", "mt-Latn"])
def test_every_command_takes_any_code_of_a_language(cli: Cli, twin: str) -> None:
    for words in (["show"], ["history"], ["near"], ["use", twin, "1"], ["use", twin, "2"], ["rollback"]):
        told = cli("languages", *(words if twin in words else [*words, twin]), "--json")
        assert told.code == 0, told.err
    assert cli("languages", "list", "--code", twin, "--quiet").out == "mt\n"
    assert cli("languages", "remove", twin, "--yes", "--quiet").out == "mt@1\nmt@2\n"
