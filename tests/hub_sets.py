"""Small data sets as the Hub has them: treebanks, names and articles, as Parquet files made on the spot."""

import io
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

UD = "commul/universal_dependencies"
WIKIANN = "unimelb-nlp/wikiann"
WIKIPEDIA = "wikimedia/wikipedia"


def parquet(
    columns: Mapping[str, Any], *, names: Mapping[str, Sequence[str]] | None = None, group: int = 1000
) -> bytes:
    """A Parquet file.

    Args:
        columns: Name to values.
        names: Of the numbers in columns of lists, kept in the file as `datasets` keeps them.
        group: Rows in a row group.
    """
    table = pa.table(dict(columns))
    if names:
        features = {
            name: {"feature": _feature(name, names), "_type": "Sequence"} for name in columns
        }  # fmt: skip
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=group, compression="none")
    return file.getvalue()


def treebank(sentences: int, word: str = "Kelb") -> bytes:
    """Sentences of four words, ``Kelb0 ma jiġrix .``, of which the second and third are written together."""
    rows = range(sentences)
    return parquet(
        {
            "sent_id": [f"s{n}" for n in rows], "text": [f"{word}{n} majiġrix." for n in rows],
            "tokens": [[f"{word}{n}", "ma", "jiġrix", "."] for n in rows],
            "lemmas": [["kelb", "ma", "ġera", "."] for _ in rows],
            "upos": [["NOUN", "PART", "VERB", "PUNCT"] for _ in rows], "xpos": [[None] * 4 for _ in rows],
            "feats": [["Gender=Masc|Number=Sing", None, "_", None] for _ in rows],
            "head": pa.array([[3, 3, 0, 3] for _ in rows], pa.list_(pa.uint16())),
            "deprel": [["nsubj", "advmod:neg", "root", "punct"] for _ in rows], "deps": [[None] * 4 for _ in rows],
            "misc": [[None, None, "SpaceAfter=No", None] for _ in rows],
            "mwt": [[{"id": "2-3", "form": "majiġrix", "feats": None, "misc": "SpaceAfter=No"}] for _ in rows],
        }
    )  # fmt: skip


def entities(
    words: Sequence[Sequence[str]], tags: Sequence[Sequence[int]], names: Sequence[str] | None = None
) -> bytes:
    """Sentences with names."""
    columns = {"tokens": [list(each) for each in words], "ner_tags": [list(each) for each in tags]}
    return parquet(columns, names={"ner_tags": names} if names else None)


def split_files(config: str, train: bytes, dev: bytes, test: bytes) -> dict[str, bytes]:
    """The three files of a configuration, called as `datasets` calls them."""
    splits = {"train": train, "validation": dev, "test": test}
    return {f"{config}/{split}-00000-of-00001.parquet": data for split, data in splits.items()}


def articles(count: int, sentences: int, *, seed: int = 0, group: int = 10, width: int = 40) -> bytes:
    """Articles under a heading, whose sentences are all different and cannot be compressed."""
    rng = random.Random(seed)
    texts = []
    for number in range(count):
        lines = (
            f"Sentenza {seed} {number} {n} {rng.randbytes(width).hex()} tispiċċa hawn." for n in range(sentences)
        )  # fmt: skip
        texts.append("Storja\n\n" + " ".join(lines) + "\n\nĦoloq\n")
    return parquet({"id": [str(n) for n in range(count)], "title": ["Titlu"] * count, "text": texts}, group=group)


def _feature(name: str, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    if name in names:
        return {"names": list(names[name]), "_type": "ClassLabel"}
    return {"dtype": "string", "_type": "Value"}
