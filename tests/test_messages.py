"""Every error sentence of the three folders, read where it is made: one sentence that tells what to do."""

import re
from pathlib import Path

import pytest

from tests.error_sentences import Sentence, sentences

ROOT = Path(__file__).parents[1]
ACTIONS = (
    "add ask bring check choose close compare convert copy correct cut download drop export fix forget free get "
    "give go have install keep learn leave list load lower make mark mend move name number open pass pip pull push "
    "put raise read remove rename report restore resume run say score see set split start store tag take tell train "
    "try turn update use write"
).split()
TELLS_WHAT_TO_DO = re.compile(
    rf"(^|[:;,.(}}] ?|\b(?:or|and|so|then) )({'|'.join(ACTIONS)})\b"
    # What is allowed, or what there is, tells it as well.
    r"|\bplease report\b|\bmust\b|\bneeds?\b|\bhas to\b|\bhave to\b|\bat (least|most)\b|\bexpected\b|`hyperx-cl "
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
    "no driver for {",
    "cannot be used ({",
    "has nothing to train",
    "a .safetensors and a .json file",
)


PASSED_ON = {
    # Sentences of other errors, with the place they come from.
    "{source}: {error}",
    "{path}: {error}",
    "{name}: {error}",
    "{'; '.join(refused.values())}",
    # What `cli/app.py` shows: an error's own, and Typer's about words that it does not know, with where to look.
    "{str(error)}",
    "{str(closed)}",
    "{message().rstrip('.')}",
    "{told}{'' if told.endswith('?') else '.'}{where}",
}


@pytest.fixture(scope="module")
def found() -> list[Sentence]:
    """What is raised anywhere in the three folders."""
    return sentences(ROOT)


@pytest.fixture(scope="module")
def messages(found: list[Sentence]) -> set[Sentence]:
    """Those of them that have words of their own."""
    return {each for each in found if each.has_words}


def test_the_messages_are_found(found: list[Sentence], messages: set[Sentence]) -> None:
    assert len(messages) > 550
    assert {each.where.partition("/")[0] for each in messages} == {"hyperx_cl", "cli", "registry"}
    assert {each.said for each in found if not each.has_words} == PASSED_ON


SOURCE = {
    "hyperx_cl/errors.py": """
class HyperXError(Exception): ...
class DataError(HyperXError): ...
class DeepError(DataError):
    def __init__(self, step):
        super().__init__(f"in its own words, {step}")
""",
    "cli/asking.py": """
import typer
from hyperx_cl import errors

def ask(word, path):
    if word:
        raise typer.BadParameter("of a word")
    raise errors.DataError(_why(path))

class Asking:
    def ask(self):
        raise DeepError(1)

def _why(path):
    if path:
        return f"{path} by a function"
    return "or by " + ("one" if path else "the other")
""",
    "registry/telling.py": """
def tell(error, name):
    told = f"of a variable, {name}"
    if name:
        kept = DataError(told)
    try:
        raise type(error)(f"anew, {error}") from error
    except DataError as error:
        raise DataError(f"{name}: {error}")
""",
}


def test_a_sentence_is_found_however_it_is_made(tmp_path: Path) -> None:
    for name, text in SOURCE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = sentences(tmp_path)
    assert {each.said for each in found if each.has_words} == {
        "in its own words, {step}", "of a word", "{path} by a function", "or by one", "or by the other",
        "of a variable, {name}", "anew, {error}",
    }  # fmt: skip
    assert [(each.where, each.said) for each in found if not each.has_words] == [
        ("registry/telling.py:9", "{name}: {error}")
    ]


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


def test_every_message_is_one_sentence_that_tells_what_to_do(messages: set[Sentence]) -> None:
    poor = [f"{each.where} {wrong}: {each.said}" for each in messages if (wrong := unclear(each.said))]
    assert not poor, "\n".join(poor)


def test_what_is_excused_is_still_said(messages: set[Sentence]) -> None:
    assert [words for words in STATED if not any(words in each.said for each in messages)] == []


@pytest.mark.parametrize(
    "said", ["The file is broken.", "two\nlines: give one", "invalid value", "a: " + "x" * 400, "it is so: this is why"]
)
def test_a_poor_message_would_be_found(said: str) -> None:
    assert unclear(said)
