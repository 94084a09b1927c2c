"""Reaching the Hub's data: never when offline, and its errors as sentences of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from hyperx_cl.errors import DataError, HyperXError, NetworkError, NotFoundError
from hyperx_cl.share.trying import status_of, unreachable


def expect_online(what: str) -> None:
    """Refuse to go to the Hub where the user asked to stay offline.

    Raises:
        NetworkError: ``HF_HUB_OFFLINE`` (or ``TRANSFORMERS_OFFLINE``) is set.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise NetworkError(
            f"{what} would have to be fetched from the Hub, but HF_HUB_OFFLINE is set: unset it, or give files of your "
            "own"
        )


@contextmanager
def speaking(what: str) -> Iterator[None]:
    """Turn what goes wrong between here and the Hub into one sentence; addresses, which may be signed, stay out of it.

    Args:
        what: That is being fetched, for the sentence.

    Raises:
        NetworkError: The Hub cannot be reached, or does not answer as it should.
        NotFoundError: It has no such data set, revision or file, or shows it to others only.
        DataError: What it gave cannot be read.
    """
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except HyperXError:
        raise
    except GatedRepoError as error:
        raise NotFoundError(
            f"{what} is shown on the Hub only to those who asked for it: ask for it there, or use files of your own"
        ) from error
    except OfflineModeIsEnabled as error:
        raise NetworkError(
            f"{what} cannot be fetched, as HF_HUB_OFFLINE is set: use files of your own, or unset it"
        ) from error
    except HfHubHTTPError as error:
        status = status_of(error)
        if status in (401, 403, 404):
            raise NotFoundError(
                f"{what} is not on the Hub, or not for you (status {status}); use files of your own"
            ) from error
        raise NetworkError(f"{what} could not be fetched: the Hub answered with status {status}; try again") from error
    except Exception as error:
        if unreachable(error):
            raise NetworkError(
                f"{what} could not be fetched: the Hub cannot be reached ({type(error).__name__}); "
                "try the same command again, it goes on with what is missing"
            ) from error
        if isinstance(error, FileNotFoundError):
            raise NotFoundError(f"{what} is not on the Hub any more; use files of your own") from error
        if isinstance(error, (ValueError, OSError, TypeError, KeyError)):  # pyarrow's errors are among these
            raise DataError(
                f"{what} cannot be read ({type(error).__name__}): it is damaged, or has changed; use files of your own"
            ) from error
        raise
