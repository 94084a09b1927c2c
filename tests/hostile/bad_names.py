"""Names that lead elsewhere, that forge a terminal, or that hide what is run: of files, languages and tasks."""

import io
import zipfile
from collections.abc import Iterator

from tests.hostile.attack import Attack, let_alone
from tests.hostile.forging import as_json
from tests.hostile.pack import (
    CONFIG,
    DEFINITION,
    INDEX,
    MODEL,
    MT,
    NUMBER,
    POS,
    SHAPE,
    WEIGHTS,
    Files,
    Model,
    alone,
    head,
    instead,
    language,
    part,
    task,
)

HASH = "0" * 64
PATHS = ("../../x", "/etc/passwd", "..", ".", "a/b", "C:\\x", "..\\..\\x", "~/x", "con.txt", "x\0y", "", " ", "a" * 65)
ESCAPES = ("\x1b]0;owned\x07", "\x1b[31mred", "\x9b2J", "a\nb", "a\tb", "\u202egnp", "\u2066x", "\u2028")


PICKLE = b"cbuiltins\nexec\n(Vopen('owned', 'w').close()\ntR."  # calls exec when it is loaded


def zipped() -> bytes:
    """What torch saves."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", PICKLE)
    return file.getvalue()


def attacks() -> Iterator[Attack]:
    """All of them."""
    yield from _pickles()
    yield from _files()
    yield from _languages()
    yield from _tasks()
    yield from _backbones()


def _pickles() -> Iterator[Attack]:
    for kind, data in (("a pickle", PICKLE), ("a zip of torch", zipped()), ("a script", b"#!/bin/sh\ntouch owned\n")):
        yield Attack(f"{kind} as numbers", MT.with_data(data), "mt", "cannot be used")
        yield Attack(f"{kind} as numbers of a task", NUMBER.with_data(data), "number", "cannot be used")
        yield Attack(f"{kind} as weights", {WEIGHTS: data}, "org/pack", "cannot be used")
        yield Attack(f"{kind} as a note", {f"{MT.path}.json": data}, MT.path, "not the note")
        yield Attack(f"{kind} as a configuration", {CONFIG: data}, "org/pack", "none of a hyperx-cl model")
        yield let_alone(f"{kind} as an index", {INDEX: data})
        others = ("pytorch_model.bin", "model.pkl", "model.pt", "setup.py", "modeling.py", f"languages/mt/{HASH}.pkl",
                  f"{MT.path}.pkl", "tasks/evil/run.json", "conftest.py", "sitecustomize.py")  # fmt: skip
        yield let_alone(f"{kind} under other names", dict.fromkeys(others, data))


def _files() -> Iterator[Attack]:
    """Files whose names are none of the layout, each with a record that would be taken under a right one."""
    for name in (
        f"languages/../{HASH}", f"../languages/mt/{HASH}", f"/languages/mt/{HASH}", f"languages/mt/../mt/{HASH}",
        f"languages\\mt\\{HASH}", f"C:/languages/mt/{HASH}", f"languages//mt/{HASH}", f"./languages/mt/{HASH}",
        f"languages/mt /{HASH}", f"languages/mt\n/{HASH}", f"languages/mt/{HASH}\n", f"LANGUAGES/mt/{HASH}",
        f"languages/mt/{HASH.replace('0', 'A')}", f"languages/{'m' * 65}/{HASH}", f"languages/m\u0442/{HASH}",
        f"languages/-mt/{HASH}", f"x/languages/mt/{HASH}", f"languages/mt/{HASH}/x", f"languages/con.txt/{HASH}",
        f"languages/\x1b]0;owned\x07/{HASH}", f"languages/[red]/{HASH}",
    ):  # fmt: skip
        told: Files = {f"{name}.safetensors": MT.data, f"{name}.json": as_json(MT.note)}
        yield let_alone(f"files called {name.replace(HASH, 'HASH')!r}", told)
    yield let_alone("numbers without a note", {f"languages/fo/{HASH}.safetensors": MT.data})
    yield let_alone("a note without numbers", {f"languages/fo/{HASH}.json": b"{"})
    for name in ("MT", "Mt", "mT"):  # one folder with mt on Windows and on a Mac
        yield Attack(
            f"a language called {name}", language(MODEL.mark, part(), name).files, name, "canonical code is 'mt'"
        )
    yield Attack(
        "a language under a longer code", language(MODEL.mark, part(), "mlt").files, "mlt", "canonical code is 'mt'"
    )
    for code in ("zzzzz", "aux1", "nul-nul-nul", "xx"):
        yield Attack(f"a language called {code}", language(MODEL.mark, part(), code).files, code, "no language's code")
    yield Attack(
        "the record of another language", language(MODEL.mark, part(), "ug", name="mt").files, "mt", "its note tells"
    )


def _languages() -> Iterator[Attack]:
    for code in (*PATHS, *ESCAPES):
        files = instead(language(MODEL.mark, part(), code, name="mt"))
        said = "cannot name a language", "another record"
        if "\0" in code:
            said = "is not a language record", "is not the note"
        yield Attack(f"numbers of a language called {code[:12]!r}", files, "mt", said[0])
        yield Attack(f"a note of a language called {code[:12]!r}", MT.with_note(name=code), MT.path, said[1])
        yield Attack(f"a base language called {code[:12]!r}", alone(Model.of(languages=["en", code])), "org/pack")
    yield Attack(
        "a base language under a longer code", alone(Model.of(languages=["eng", "tr"])), "org/pack", "canonical"
    )


def _tasks() -> Iterator[Attack]:
    for name in (*PATHS, *ESCAPES):
        told = DEFINITION | {"name": name}
        yield Attack(f"a task called {name[:12]!r}", instead(task(MODEL.mark, head(), told, name="number")), "number")
        yield Attack(f"a base task called {name[:12]!r}", alone(Model.of(tasks=[POS | {"name": name}])), "org/pack")
    for text in ESCAPES:
        for key, value in (("labels", ["a", text]), ("column", text), ("label_map", {"a": text})):
            told = DEFINITION | {key: value}
            yield Attack(
                f"{text!r} in the {key} of a task", instead(task(MODEL.mark, head(), told)), "number", "control"
            )
            yield Attack(
                f"{text!r} in the {key} of a base task", alone(Model.of(tasks=[POS | {key: value}])), "org/pack"
            )
    for key, wrong in (
        ("kind", "code"), ("kind", None), ("labels", ["a", "a"]), ("labels", "ab"), ("labels", [1, 2]), ("column", 1),
        ("label_map", ["a"]), ("label_map", {"a": 1}), ("extra", 1), ("name", None),
    ):  # fmt: skip
        definition = DEFINITION | {key: wrong}
        if key != "extra":
            yield Attack(
                f"a task whose {key} is {wrong!r}",
                instead(task(MODEL.mark, head(), definition, name="number")),
                "number",
            )
        yield Attack(f"a base task whose {key} is {wrong!r}", alone(Model.of(tasks=[POS | {key: wrong}])), "org/pack")


def _backbones() -> Iterator[Attack]:
    for where in ("../../x", "/srv/x", "~/x", "C:\\x", "a/../b", "..", "\\\\host\\x", "a\\b", *ESCAPES):
        yield Attack(
            f"a backbone called {where!r}", alone(Model.of(backbone={"id": where})), "org/pack", "none of a hyperx-cl"
        )
    for key, wrong in (
        ("revision", ...), ("revision", 1), ("revision", "\x1b[31m"), ("fingerprint", "x"), ("fingerprint", "B2" * 32),
        ("model_type", "\x1b]0;x"), ("model_type", "m" * 65), ("layers", 0), ("layers", -1), ("layers", True),
        ("layers", 2**40), ("hidden", "16"), ("vocabulary", None), ("vocabulary", [200]), ("id", 1),
    ):  # fmt: skip
        told = "missing" if wrong is ... else repr(wrong)
        yield Attack(f"a backbone whose {key} is {told[:24]}", alone(Model.of(backbone={key: wrong})), "org/pack")
    for key, wrong in (
        ("embedding", "8"), ("embedding", True), ("embedding", 0), ("projected", 2**40), ("bottleneck", 2**62),
        ("adapter_site", 1), ("placement", "x"), ("exec", "x"), ("dropout", 1), ("source_hidden", 10**9),
    ):  # fmt: skip
        yield Attack(f"a model whose {key} is {wrong!r}", alone(Model.of(model=SHAPE | {key: wrong})), "org/pack")
