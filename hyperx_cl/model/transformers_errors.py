"""What transformers says while it loads a backbone: its notes are kept off the screen, its errors become sentences."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from hyperx_cl.errors import DataError, HyperXError, NetworkError, NotFoundError


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' own bars and notes off stderr: the commands have theirs."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def plain_errors(id_or_path: str) -> Iterator[None]:
    """Say in one sentence why a backbone cannot be loaded.

    Raises:
        NotFoundError: There is no such folder, and the Hub does not have it.
        NetworkError: It is not in the cache and the Hub cannot be reached.
        DataError: Its files are damaged.
    """
    if id_or_path.startswith((".", os.sep, "~")) and not Path(id_or_path).is_dir():
        raise NotFoundError(f"There is no backbone folder {id_or_path}; give the folder it lies in.")
    try:
        yield
    except (HyperXError, ImportError, MemoryError):
        raise
    except Exception as error:  # whatever a damaged file leads transformers, tokenizers and safetensors to
        plain = _of_folder(id_or_path, error) if Path(id_or_path).is_dir() else _of_hub(id_or_path, error)
        if plain is None:
            raise
        raise plain from error


def _of_folder(folder: str, error: Exception) -> HyperXError:
    if not (Path(folder) / "config.json").is_file() or not any(Path(folder).glob("*.safetensors")):
        return NotFoundError(
            f"The backbone {folder} cannot be loaded: it needs config.json, weights in safetensors and its tokenizer."
        )
    return DataError(f"The backbone in {folder} cannot be read ({_reason(error)}); copy or download the folder again.")


def _of_hub(name: str, error: Exception) -> HyperXError | None:
    if isinstance(error, (SafetensorError, RuntimeError)):
        return DataError(
            f"The backbone {name} cannot be read ({_reason(error)}); remove it from the Hub's cache and try again."
        )
    if not isinstance(error, (OSError, ValueError)):
        return None
    if "offline" in str(error).lower() or "couldn't connect" in str(error).lower():
        return NetworkError(
            f"The backbone {name} is neither a folder nor in the cache, and the Hub cannot be reached; "
            "give the folder it lies in (--backbone DIR), or try again with a connection."
        )
    return NotFoundError(f"The backbone {name} cannot be loaded: {_reason(error)}")


def _reason(error: Exception) -> str:
    if "ignore_mismatched_sizes" in str(error):
        return "its weights have other sizes than its config.json says"
    first = str(error).partition("\n")[0].partition(". ")[0]
    return first.strip().rstrip(".:") or type(error).__name__
