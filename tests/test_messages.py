"""Every error sentence of the three folders, read where it is raised: one sentence that tells what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ERRORS = ("HyperXError", "UsageError", "NotFoundError", "ConflictError", "NetworkError", "DataError", "StorageError")

ACTIONS = (
    "add ask bring check choose close compare convert copy correct cut download drop export fix forget free get "
    "give go have install keep learn leave list load lower make mark mend move name number open pass pip pull push "
    "put raise read remove rename report restore resume run say score see set split start store tag take tell train "
    "try turn update use write"
).split()
TELLS_WHAT_TO_DO = re.compile(
    rf"(^|[:;,.(}}] ?|\b(?:or|and|so|then) )({'|'.join(ACTIONS)})\b"
    # What is allowed, or what there is, tells it as well.
    r"|\bmust\b|\bneeds?\b|\bhas to\b|\bhave to\b|\bat (least|most)\b|\bexpected\b|`hyperx-cl "
    r"|\b(it has|known are|the tasks are|belongs to|exclude each other|on upos alone|are needed)\b",
    re.IGNORECASE,
)
STATED = (
    # Nothing is to be done but to see what is said: the words themselves name the place and the way it should be.
    "a CoNLL-U row has 10 columns with tabs between them",
    "where CoNLL-U has 10, separated by tabs",
    "is not the number of a word, as 3, 3-4 or 3.1 are",
    "is not a word, a tab and a tag such as O or B-PER",
    "runs backwards or overlaps another one",
    "a range goes past the",
    "is of what belongs to a pair, which --full does not learn",
    "no replacement may hold what another rule reads",
    "with --train the languages are those that are named there",
    "in --data-dir the dev files are those of the folder",
    "there is nothing to learn",
    "there is nothing to train",
    "is one file too many",
    "so it cannot tag",
    "there is no task {",
    "has its own",
    "this is not of the form",
    "is no way for a run to end",
    "which does not come before it",
    "There is no sound change",
    "There is no spelling",
    "Typology has no field",
    "The family has no language",
    "No task '",
    "cannot be loaded: {",
    "cannot be found: {",
    "no driver for {",
    "cannot be used ({",
    "has nothing to train",
    "a .safetensors and a .json file",
)


def written(node: ast.expr) -> str | None:
    """A message as it stands in the source, what is filled in as ``{…}``; None where others have made all of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            f"{{{ast.unparse(part.value)}}}" if isinstance(part, ast.FormattedValue) else ast.literal_eval(part)
            for part in node.values
        )
    return None


def messages() -> Iterator[tuple[str, str]]:
    """Every message and where it is raised."""
    for folder in ("hyperx_cl", "cli", "registry"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if any(part.is_symlink() for part in file.parents):
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                    said = written(node.args[0]) if node.args else None
                    if said is not None and re.search(r"\w", re.sub(r"\{.*?\}", "", said)):
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", said


MESSAGES = dict(messages())


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 350
    assert {where.partition("/")[0] for where in MESSAGES} == {"hyperx_cl", "cli", "registry"}


def unclear(said: str) -> str:
    """What is wrong with a message; empty where nothing is."""
    if re.search(r"\s{2}|[\n\t]|^\s|\s$", said):
        return "is not one line"
    if len(re.sub(r"\{[^}]*\}", "", said)) > 300:
        return "is too long to be read at a glance"
    if re.search(r"\b(invalid|illegal|oops|please)\b", said, re.IGNORECASE) and "please report" not in said:
        return "says no more than that something is wrong"
    if not TELLS_WHAT_TO_DO.search(said) and not any(words in said for words in STATED):
        return "does not say what to do"
    return ""


def test_every_message_is_one_sentence_that_tells_what_to_do() -> None:
    found = [f"{where} {wrong}: {said}" for where, said in MESSAGES.items() if (wrong := unclear(said))]
    assert not found, "\n".join(found)


def test_what_is_excused_is_still_said() -> None:
    assert [words for words in STATED if not any(words in said for said in MESSAGES.values())] == []


@pytest.mark.parametrize(
    "said", ["The file is broken.", "two\nlines: give one", "invalid value", "a: " + "x" * 400, "it is so: this is why"]
)
def test_a_poor_message_would_be_found(said: str) -> None:
    assert unclear(said)
