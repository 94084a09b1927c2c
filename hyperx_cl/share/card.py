"""The model card, made from the index alone: what is in a repository, from what data, with which scores."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperx_cl.errors import HyperXError
from hyperx_cl.foreign import UNSAFE
from hyperx_cl.languages import name as name_of
from hyperx_cl.share.index import Index
from hyperx_cl.share.layout import LANGUAGES, TASKS

MARK = "<!-- made by hyperx-cl; remove this line to keep a card of your own -->"
LIBRARY = "hyperx-cl"
TAGS = ["hyperx-cl", "hypernetwork", "multilingual", "low-resource-languages"]
LOSSES = ("random", "zero", "mean", "nearest", "start", "learnt")
"""The controls of a language learnt from text, and what it came to."""

_KNOWN = frozenset(
    "apache-2.0 mit cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 "
    "cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 "
    "cc-by-nc-sa-4.0 gfdl gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 odc-by odbl pddl".split()
)
"""Licences that the Hub knows by these names."""

_PLAIN_CODE = re.compile(r"[a-z]{2,3}")
_PRIVATE = re.compile(r"q[a-t][a-z]")


def card(repo_id: str, index: Index) -> str:
    """The whole ``README.md``.

    Args:
        repo_id: ``org/name``.
        index: What the repository holds.
    """
    parts = [
        f"---\n{metadata(repo_id, index)}\n---", MARK, f"# {_title(repo_id)}", _about(index), _languages(index),
        _tasks(index), _scores(index), _losses(index), _licences(index), _loading(repo_id, index), _limits(index),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def metadata(repo_id: str, index: Index) -> str:
    """The YAML at its head, by `huggingface_hub.ModelCardData`."""
    from huggingface_hub import ModelCardData

    model = index.model
    backbone = model["backbone"] if model else {}
    results = _results(index)
    plain = sorted({code.split("-")[0] for code in _codes(index)})
    data = ModelCardData(
        library_name=LIBRARY, tags=TAGS, pipeline_tag="token-classification",
        language=[code for code in plain if _PLAIN_CODE.fullmatch(code) and not _PRIVATE.fullmatch(code)] or None,
        base_model=str(backbone["id"]) if backbone.get("revision") else None,
        model_name=_title(repo_id) if results else None, eval_results=results or None, **_licence(index.licences()),
    )  # fmt: skip
    return data.to_yaml(line_break="\n")


def _licence(licences: Sequence[str]) -> dict[str, Any]:
    """One licence that the Hub knows, or ``other`` with the names of all."""
    if len(licences) == 1 and licences[0].lower() in _KNOWN:
        return {"license": licences[0].lower()}
    slug = "-and-".join(re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-") for licence in licences)
    return {"license": "other", "license_name": slug[:100] or "unknown", "license_link": "#licences-of-the-data"}


def _results(index: Index) -> "list[Any]":
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="token-classification", task_name=f"{score['task']} in {name_of_code(row['name'])}",
            dataset_type="custom", dataset_name=f"{row['name']} {score['split']}", dataset_split=str(score["split"]),
            dataset_config=str(row["name"]), metric_type=_metric(str(score["metric"])),
            metric_name=str(score["metric"]), metric_value=round(float(score["value"]), 4), verified=False,
        )
        for row, score in _scored(index)
        if _metric(str(score["metric"])) != "loss"
    ]  # fmt: skip


def _metric(name: str) -> str:
    lower = name.lower()
    return "f1" if "f1" in lower else "accuracy" if "accuracy" in lower else "loss" if "loss" in lower else "custom"


def _title(repo_id: str) -> str:
    return repo_id.split("/")[-1]


def _about(index: Index) -> str:
    model = index.model
    kind = "A model and languages" if model and index.languages() else "A model" if model else "Languages for a model"
    text = (
        f"{kind} of [Hyper-X](https://arxiv.org/abs/2205.12148): one hypernetwork reads a task, a language and a layer "
        "vector and writes the adapters of a frozen multilingual transformer. Made with hyperx-cl; every file is "
        "safetensors or JSON, and nothing in here is ever run."
    )
    if model is None:
        made = ", ".join(f"`{mark}`" for mark in sorted(index.models()))
        return f"{text}\n\nThey belong to the model with fingerprint {made}, which is not in this repository."
    backbone = model["backbone"]
    place = f" at commit `{backbone['revision']}`" if backbone.get("revision") else " (a folder; its hash decides)"
    tasks = (f"{task} ({labels} labels)" if labels else task for task, labels in model["tasks"].items())
    rows = [
        ("backbone, not in this repository", f"`{_cell(backbone['id'])}`{place}"),
        ("hash of the backbone", f"`{backbone['fingerprint']}`"),
        ("fingerprint of the model", f"`{model['fingerprint']}`"), ("numbers of the model", f"{model['numbers']:,}"),
        ("base languages", ", ".join(model["languages"])), ("tasks of base training", ", ".join(tasks)),
    ]  # fmt: skip
    return f"{text}\n\n{_table(('', ''), rows)}"


def _languages(index: Index) -> str:
    rows = [
        (
            code, name_of_code(code), f"`{row['hash'][:12]}`", row["told"].get("method", ""), f"{row['numbers']:,}",
            ", ".join(row["tasks"]), row["told"].get("source") or "", ", ".join(row["licences"]),
        )
        for code, versions in index.languages().items()
        for row in versions
    ]  # fmt: skip
    header = ("code", "language", "version", "method", "numbers", "tasks of its own", "text from", "licences")
    return f"## Languages\n\n{_table(header, rows)}" if rows else ""


def _tasks(index: Index) -> str:
    rows = [
        (row["name"], f"`{row['hash'][:12]}`", str(row["labels"]), f"{row['numbers']:,}", ", ".join(row["licences"]))
        for place, row in sorted(index.records.items())
        if place.kind == TASKS
    ]
    header = ("task", "version", "labels", "numbers", "licences")
    return f"## Tasks learnt after base training\n\n{_table(header, rows)}" if rows else ""


def _scores(index: Index) -> str:
    rows, before = [], False
    for row, score in _scored(index):
        other = score["of"] != row["hash"]
        before |= other
        rows.append((
            row["name"], str(score["task"]), str(score["metric"]), f"{score['value']:.4f}",
            f"{score['low']:.4f} to {score['high']:.4f}", str(score["split"]), str(score.get("sentences", "")),
            f"`{row['hash'][:12]}`{' *' if other else ''}",
        ))  # fmt: skip
    if not rows:
        return "## Scores\n\nNone was measured before this was shared."
    header = ("language", "task", "metric", "value", "95 % interval", "split", "sentences", "version")
    note = "\n\n\\* scored before its matrices were rounded to fp16, in which they travel." if before else ""
    return (
        f"## Scores\n\nMeasured by whoever shared the record, on their own files.\n\n{_table(header, rows)}{note}"
    )  # fmt: skip


def _losses(index: Index) -> str:
    rows = []
    for code, versions in index.languages().items():
        for row in versions:
            losses = row["told"].get("losses")
            if isinstance(losses, Mapping) and losses:
                values = [losses.get(name) for name in LOSSES]
                shown = [f"{value:.4f}" if isinstance(value, int | float) else "" for value in values]
                rows.append((code, f"`{row['hash'][:12]}`", *shown))
    if not rows:
        return ""
    header = ("language", "version", *LOSSES)
    return (
        "## Controls\n\nMLM loss on held-out text, nats a masked piece, lower is better: with a random vector, zero, "
        "the mean of the base languages' vectors, the nearest language's, what learning started from, and what it "
        f"came to. A lower loss does not always mean better tags.\n\n{_table(header, rows)}"
    )


def _licences(index: Index) -> str:
    told = "\n".join(f"- {_cell(licence)}" for licence in index.licences())
    return f"## Licences of the data\n\nAll that anything in here was learnt from:\n\n{told}" if told else ""


def _loading(repo_id: str, index: Index) -> str:
    code = next(iter(index.languages()), None)
    first = f"hyperx-cl pull {repo_id}"
    tag = f'echo "…" | hyperx-cl tag --lang {code} --task TASK' if code else "hyperx-cl models list"
    python = (
        f'model = HyperX.from_pretrained("{repo_id}"' + (f', languages=["{code}"]' if code else "") + ")"
        if index.model
        else f'hyperx_cl.pull("{repo_id}")'
    )
    load = "from hyperx_cl import HyperX" if index.model else "import hyperx_cl"
    return (
        f"## How to load\n\n```bash\npip install hyperx-cl\n{first}\n{tag}\n```\n\n```python\n{load}\n\n{python}\n```"
    )


def _limits(index: Index) -> str:
    listed = [
        f"{row['name']} ({', '.join(_listed(row))})"
        for place, row in sorted(index.records.items())
        if place.kind == LANGUAGES and (row["pieces"] or row["rules"])
    ]
    text = (
        "## Limits\n\nScores are of the data named beside them and of nothing else; names suffer more often than tags."
    )
    return f"{text} Single characters are listed in the records of {'; '.join(listed)}." if listed else text


def _listed(row: Mapping[str, Any]) -> Iterable[str]:
    if row["pieces"]:
        yield f"a token patch of {row['pieces']} pieces"
    if row["rules"]:
        yield f"a transliteration of {row['rules']} rules"


def _scored(index: Index) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for versions in index.languages().values():
        for row in versions:
            for score in row["scores"]:
                yield row, score


def _codes(index: Index) -> set[str]:
    return {*index.languages(), *(index.model["languages"] if index.model else ())}


def name_of_code(code: str) -> str:
    """A language's name; the code itself where nobody knows one."""
    try:
        return name_of(code)
    except HyperXError:
        return code


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: Any) -> str:
    """A value that cannot leave its cell: no bar, no line break, no tag, no link or picture."""
    text = re.sub(f"{UNSAFE.pattern}+", " ", str(value))
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")[:300]
