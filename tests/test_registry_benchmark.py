"""The benchmark of the registry, on a few records: it counts what is there, and says what it took."""

from pathlib import Path

from benchmarks.registry import COMMANDS, LIMITS, at_once, check_and_copy, fill, report, size, timed
from hyperx_cl.registry.store import Registry


def test_it_measures_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "registry.sqlite3"
    fill(file, 20, seed=1)
    with Registry.open(str(file), readonly=True) as registry:
        known = registry.languages()
        assert len(known) == 20 and "mt" in [stored.language for stored in known]
        assert all(stored.losses and stored.scores for stored in known)
    writers = at_once(tmp_path / "shared.sqlite3", processes=2, adds=3)
    assert (writers["rows"], writers["distinct_versions"], writers["errors"], writers["problems"]) == (6, 6, 0, 0)
    took = timed(COMMANDS["languages near mt"], file, 1)
    assert 0 < took["cpu_least"] and 0 < took["wall_least"] <= took["wall_median"]
    told = report({
        "machine": {"processor": "x", "cores": 2, "python": "3"}, "load": [0.5], "seed": 1, "records": 20,
        "limits": LIMITS, "bytes": size(file), "commands": {"languages near mt": took},
        "check_and_backup": check_and_copy(file), "writers": writers,
    })  # fmt: skip
    assert "2 processes × 3 adds" in told and "6 rows, 6 distinct versions, 0 errors" in told
