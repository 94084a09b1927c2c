"""Rows of Parquet files on the Hub, streamed by `datasets`: a part of a file at a time, never the whole of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hyperx_cl.data.hub.listing import HubFile, Listing
from hyperx_cl.data.hub.reaching import speaking

Row = Mapping[str, Any]

_READS = 3
_PIECE = 2 << 20  # bytes that are asked for at once; the usual 32 MiB are more than a small text needs


class Stream:
    """The rows of some files.

    Args:
        listing: The data set at one commit.
        files: Some of its files.
        what: What this is, for messages.
        columns: Those that are read, a few megabytes at a time, so that reading may stop early; None for all of them.

    Raises:
        NotFoundError: A file is not there.
        NetworkError: The Hub cannot be reached.
        DataError: A file is not Parquet.
    """

    def __init__(
        self, listing: Listing, files: Sequence[HubFile], what: str, columns: Sequence[str] | None = None
    ) -> None:
        import datasets
        from pyarrow import CacheOptions
        from pyarrow.dataset import ParquetFragmentScanOptions

        places = [f"hf://datasets/{listing.repo}@{listing.revision}/{file.path}" for file in files]
        self._what = what
        options: dict[str, Any] = {}
        if columns is not None:
            cache = CacheOptions(lazy=True, prefetch_limit=0, range_size_limit=_PIECE)
            options = {
                "columns": list(columns),
                "fragment_scan_options": ParquetFragmentScanOptions(cache_options=cache),
            }
        with speaking(what), _quietly():
            self._rows = datasets.load_dataset(
                "parquet", data_files={"train": places}, split="train", streaming=True, **options
            )  # fmt: skip

    def names(self, column: str) -> tuple[str, ...]:
        """The label names of a column of numbers, empty where the file names none."""
        feature = (self._rows.features or {}).get(column)
        return tuple(getattr(getattr(feature, "feature", None), "names", None) or ())

    def __iter__(self) -> Iterator[Row]:
        """The rows, in their order."""
        with speaking(self._what), _quietly():
            yield from self._rows


@contextmanager
def _quietly() -> Iterator[None]:
    """Let `datasets` say nothing, as errors are told once and by us, and give up after three tries.

    Each try takes up to half a minute: twenty, as is usual, would leave a user in doubt for long.
    """
    import datasets

    names = ("STREAMING_READ_MAX_RETRIES", "STREAMING_OPEN_MAX_RETRIES")
    before = {name: getattr(datasets.config, name) for name in names}
    verbosity, bars = datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()
    try:
        for name in names:
            setattr(datasets.config, name, _READS)
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)
        datasets.disable_progress_bars()
        yield
    finally:
        for name, value in before.items():
            setattr(datasets.config, name, value)
        datasets.logging.set_verbosity(verbosity)
        if not bars:
            datasets.enable_progress_bars()
