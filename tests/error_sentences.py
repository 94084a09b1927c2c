"""Finds every sentence that an error of the tools can have, in the source: whatever it is put together from.

An error is made by the name of its class, which may be one of our tree, however deep, or Typer's for a word on the
command line; by ``type(error)(…)``; or in its own ``__init__``. Its message may stand there, or be made before, in a
variable or a function of the same file. What is filled in is written as ``{…}``.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("hyperx_cl", "cli", "registry")
BASE, TYPER = "HyperXError", "BadParameter"
SHOWN = ("cli/app.py", "_failed")
"""What puts a message on the screen: its third argument."""


@dataclass(frozen=True)
class Sentence:
    """One message as it stands in the source.

    Args:
        where: Its file and line.
        said: The text.
    """

    where: str
    said: str

    @property
    def has_words(self) -> bool:
        """Whether it says something itself; else it passes on what others say."""
        return bool(re.search(r"\w", re.sub(r"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "", self.said)))


def sentences(root: Path) -> list[Sentence]:
    """All of them, in the order of files and lines."""
    files = [file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py"))]
    trees = {
        file.relative_to(root): ast.parse(file.read_text(encoding="utf-8"))
        for file in files
        if not any(part.is_symlink() for part in file.parents)
    }
    errors = error_classes(list(trees.values()))
    found = [each for file, tree in trees.items() for each in _File(str(file), tree, errors).sentences()]
    return list(dict.fromkeys(found))


def error_classes(trees: list[ast.Module]) -> dict[str, bool]:
    """Our error classes, all that have the base above them, and whether each puts its sentence together itself."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {BASE: False, TYPER: False}
    while more := [
        each for each in classes if each.name not in names and {_last(base) for base in each.bases} & {*names}
    ]:
        for each in more:
            names[each.name] = any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in each.body)
    return names


class _File:
    """One file: which errors it makes, and what they say."""

    def __init__(self, name: str, tree: ast.Module, errors: dict[str, bool]) -> None:
        self._name, self._tree, self._errors = name, tree, errors
        self._scopes = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
        self._functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name in errors]
        self._speaking = {method for node in classes for method in node.body}
        """Methods of error classes that are here."""

    def sentences(self) -> Iterator[Sentence]:
        """What each error can say, of those made here."""
        for scope in self._scopes:
            for call in (node for node in _own(scope) if isinstance(node, ast.Call)):
                for said in self._texts(self._message(call, scope), scope):
                    yield Sentence(f"{self._name}:{call.lineno}", said)

    def _message(self, call: ast.Call, scope: ast.AST) -> ast.expr | None:
        """The argument that is the message; None of a call that makes no error, or one that finds its words itself."""
        name, given = ast.unparse(call.func), call.args
        if (self._name, name) == SHOWN:
            return given[2]
        itself = name == "super().__init__" and scope in self._speaking
        anew = isinstance(call.func, ast.Call) and ast.unparse(call.func.func) == "type"
        made = itself or anew or self._errors.get(_last(call.func)) is False
        return given[0] if made and given else None

    def _texts(self, node: ast.expr | None, scope: ast.AST) -> list[str]:
        """All texts that an expression can be."""
        match node:
            case None:
                return []
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return _each([self._part(part) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _each([self._texts(left, scope), self._texts(right, scope)])
            case ast.IfExp(body=one, orelse=other):
                return [*self._texts(one, scope), *self._texts(other, scope)]
            case ast.Name(id=name) if values := _assigned(scope, name):
                return [text for value in values for text in self._texts(value, scope)]
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                made = self._functions[name]
                returned = [each.value for each in _own(made) if isinstance(each, ast.Return)]
                return [text for value in returned for text in self._texts(value, made)]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=" "), attr="join"), args=[words]):
                match words:
                    case ast.Call(func=ast.Attribute(value=inner, attr="split")):  # the same in one line
                        return self._texts(inner, scope)
        return [f"{{{ast.unparse(node)}}}"]

    @staticmethod
    def _part(part: ast.expr) -> list[str]:
        if isinstance(part, ast.FormattedValue):
            return [f"{{{ast.unparse(part.value)}}}"]
        return [ast.literal_eval(part)]


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of functions in it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _own(node)


def _assigned(scope: ast.AST, name: str) -> list[ast.expr]:
    """What a variable is set to in a scope, by its name alone; nothing where it is also set as one of several."""
    return [
        node.value
        for node in _own(scope)
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]
    ]


def _each(parts: list[list[str]]) -> list[str]:
    """Every way to put one of each together."""
    texts = [""]
    for options in parts:
        texts = [text + option for text in texts for option in options]
    return texts


def _last(name: ast.expr) -> str:
    return ast.unparse(name).rpartition(".")[2]
