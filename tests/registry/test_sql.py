"""SQL is written with parameters: no text of it is put together out of values."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAKING = {
    "text",
    "exec_driver_sql",
    "literal_column",
    "column",
    "literal",
    "DDL",
    "execute",
    "executemany",
    "executescript",
}
OURS = {"LOCK_SECONDS", "LOCK", "VERSION_TABLE"}
"""Constants of this project that stand in statements which take no parameters."""


def built(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls that take SQL, and are given something else than a whole literal or a statement of SQLAlchemy's."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) in TAKING and call.args:
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.JoinedStr) and not _constant(part):
                    yield call
                elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod | ast.Add) and _holds_text(part):
                    yield call
                elif isinstance(part, ast.Call) and _name(part.func) in ("format", "join", "format_map"):
                    yield call


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _constant(text: ast.JoinedStr) -> bool:
    """Whether nothing but constants of ours stands in an f-string."""
    inner = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
    return all(_name(value) in OURS for value in inner)


def _holds_text(sum_: ast.BinOp) -> bool:
    return any(isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
               for part in (sum_.left, sum_.right))  # fmt: skip


def test_the_registry_puts_no_value_into_sql() -> None:
    files = [*(ROOT / "registry").rglob("*.py")]
    assert len(files) > 25
    calls = 0
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        calls += sum(isinstance(node, ast.Call) and _name(node.func) in TAKING for node in ast.walk(tree))
        assert [f"{file.name}:{call.lineno}" for call in built(tree)] == []
    assert calls > 10


@pytest.mark.parametrize(
    "line",
    [
        "session.execute(text(f'DELETE FROM t WHERE name = {name}'))", "text('SELECT %s' % name)", "text('a' + name)",
        "connection.exec_driver_sql('SELECT {}'.format(name))", "c.execute(f'PRAGMA {x}')", "text(' '.join(parts))",
    ],
)  # fmt: skip
def test_such_lines_would_be_found(line: str) -> None:
    assert list(built(ast.parse(line)))


def test_statements_with_parameters_are_none() -> None:
    lines = (
        "session.execute(select(T).where(T.name == name)); text('PRAGMA integrity_check'); c.execute('SELECT ?', (x,))"
    )
    assert not list(built(ast.parse(lines)))
