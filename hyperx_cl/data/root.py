"""A folder of data by language, and reading a task's sentences from it."""

from pathlib import Path

from hyperx_cl.data.conllu import read_conllu
from hyperx_cl.data.examples import Sentence
from hyperx_cl.data.ner import read_iob2
from hyperx_cl.data.tasks import Task, check_labels
from hyperx_cl.errors import NotFoundError, UsageError, did_you_mean
from hyperx_cl.file_names import of_code, to_code

SPLITS = ("train", "dev", "test")

_TEXT_ENDINGS = (".txt", ".txt.gz", ".txt.bz2", ".txt.xz")


class DataRoot:
    """A data root.

    ```
    ud/<lang>/{train,dev,test}.conllu   words with labels in their columns
    ner/<lang>/{train,dev,test}.conll   word<TAB>IOB2 tag
    mlm/<lang>.txt[.gz|.bz2|.xz]        raw text
    ```

    A language whose code names a device on Windows (``con``) may have a ``_`` behind it (``con_``), there and anywhere.
    A task of another name has a folder of that name (``chunks/<lang>/train.conll``), or else reads a column of ``ud``.

    Args:
        path: The folder.

    Raises:
        NotFoundError: Where there is no such folder, or none of the three in it.
    """

    def __init__(self, path: str | Path) -> None:
        """Check that the folder looks like a data root."""
        self.path = Path(path)
        if not any((self.path / name).is_dir() for name in ("ud", "ner", "mlm")):
            raise NotFoundError(f"{path} is no data root: it must hold at least one of the folders ud, ner and mlm")

    def labelled(self, task_name: str, language: str, split: str) -> Path | None:
        """Find a task's file, or None where there is none.

        Raises:
            UsageError: For a split other than train, dev and test.
        """
        if split not in SPLITS:
            raise UsageError(f"unknown split {split!r}{did_you_mean(split, SPLITS)}: use train, dev or test")
        folders = [self._folder(task_name) / name for name in dict.fromkeys((of_code(language), language))]
        found = (folder / f"{split}{ending}" for folder in folders for ending in (".conllu", ".conll"))
        return next((path for path in found if path.is_file()), None)

    def text(self, language: str) -> Path | None:
        """Find a language's raw text, or None where there is none."""
        names = dict.fromkeys((of_code(language), language))
        found = (self.path / "mlm" / f"{name}{ending}" for name in names for ending in _TEXT_ENDINGS)
        return next((path for path in found if path.is_file()), None)

    def languages(self, task_name: str) -> list[str]:
        """The languages that have any file for a task (``mlm``: raw text), sorted."""
        if task_name == "mlm":
            names = {to_code(path.name.split(".")[0]) for path in (self.path / "mlm").glob("*.txt*")}
            return sorted(name for name in names if self.text(name))
        folders = {to_code(path.name) for path in self._folder(task_name).glob("*") if path.is_dir()}
        return sorted(name for name in folders if any(self.labelled(task_name, name, split) for split in SPLITS))

    def load(self, task: Task, language: str, split: str) -> list[Sentence]:
        """Read a task's sentences, labels mapped and checked (unless the task's label set is not known yet).

        Args:
            task: Of kind ``words`` or ``spans``.
            language: As the folder is called.
            split: ``train``, ``dev`` or ``test``.

        Raises:
            NotFoundError: Where there is no such file, with the languages that have one.
            DataError: For a file that cannot be used.
            UsageError: For another split or a task without labels.
        """
        if task.kind == "mlm":
            raise UsageError(f"task {task.name!r} has no labelled sentences: ask for the text of {language!r} instead")
        path = self.labelled(task.name, language, split)
        if path is None:
            have = [name for name in self.languages(task.name) if self.labelled(task.name, name, split)]
            raise NotFoundError(
                f"{self.path} has no {split} sentences for {task.name} in {language!r}{did_you_mean(language, have)}: "
                f"it has them for {' '.join(have) or 'no language'}"
            )
        if path.suffix == ".conllu":
            sentences = read_conllu(path, column=task.column, label_map=task.label_map)
        else:
            sentences = read_iob2(path, label_map=task.label_map)
        if task.labels:
            check_labels(sentences, task, path)
        return sentences

    def _folder(self, task_name: str) -> Path:
        own = self.path / task_name
        return own if own.is_dir() or task_name == "ner" else self.path / "ud"


def read_sentences(task: Task, path: Path) -> list[Sentence]:
    """Read a task's sentences from a file: CoNLL-U by its name or for labels of words, else a word and its tag a line.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is malformed.
    """
    if task.kind == "words" or ".conllu" in path.suffixes:
        return read_conllu(path, column=task.column, label_map=task.label_map)
    return read_iob2(path, label_map=task.label_map)
