"""What goes wrong between here and the Hub when something is shared, as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from hyperx_cl.errors import ConflictError, DataError, HyperXError, NetworkError, NotFoundError
from hyperx_cl.share.trying import CONFLICTS, status_of, unreachable


@contextmanager
def speaking(what: str) -> Iterator[None]:
    """Turn what goes wrong between here and the Hub into one sentence; addresses and tokens stay out of it.

    Args:
        what: That is being pushed or pulled, for the sentence.

    Raises:
        NetworkError: The Hub cannot be reached, does not answer as it should, or does not let this user in.
        NotFoundError: It has no such repository, revision or file, or shows it to others only.
        ConflictError: Others kept changing the repository.
        DataError: What it gave is not what it said it would.
    """
    from huggingface_hub import errors as hub

    try:
        yield
    except HyperXError:
        raise
    except hub.GatedRepoError as error:
        raise NotFoundError(
            f"{what} is shown only to those who asked for it: ask for it on its page on the Hub"
        ) from error
    except hub.RevisionNotFoundError as error:
        raise NotFoundError(f"{what} has no such revision: name a branch, a tag or a commit") from error
    except hub.RepositoryNotFoundError as error:
        raise NotFoundError(
            f"{what} is not on the Hub, or not for you: check the name, or log in with `hf auth login`"
        ) from error
    except hub.LocalEntryNotFoundError as error:
        raise _unreached(what, error) from error
    except hub.EntryNotFoundError as error:
        raise NotFoundError(f"{what} lacks a file that it should have: check that it is a repository of this format, "
                            "or ask whoever shared it") from error  # fmt: skip
    except hub.OfflineModeIsEnabled as error:
        raise _offline(what) from error
    except hub.LocalTokenNotFoundError as error:
        raise NetworkError(f"{what} needs a login: run `hf auth login`, or set HF_TOKEN") from error
    except hub.HfHubHTTPError as error:
        raise _answered(what, status_of(error)) from error
    except hub.HFValidationError as error:
        raise NotFoundError(f"{what} cannot be a repository on the Hub: name one as org/name") from error
    except Exception as error:
        if unreachable(error):
            raise _unreached(what, error) from error
        if not isinstance(error, MemoryError):  # a client that trips over what came
            raise DataError(
                f"{what} did not come as it should ({type(error).__name__}): run the same command again"
            ) from error
        raise


def _answered(what: str, status: int | None) -> HyperXError:
    if status == 401:
        return NetworkError(f"{what} needs a login that the Hub accepts: run `hf auth login`, or set HF_TOKEN anew")
    if status == 403:
        return NetworkError(f"{what} is closed to this login: use a token that may write there, or another repository")
    if status in CONFLICTS:
        return ConflictError(f"{what} is being changed by others all the time (status {status}): try again later")
    if status == 404:
        return NotFoundError(f"{what} is not on the Hub, or not for you: check the name")
    return NetworkError(f"{what} could not be reached: the Hub answered with status {status}; try again later")


def _unreached(what: str, error: Exception) -> NetworkError:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return _offline(what)
    return NetworkError(
        f"{what} could not be reached ({type(error).__name__}): try the same command again, it goes on with what is "
        "missing"
    )


def _offline(what: str) -> NetworkError:
    return NetworkError(
        f"{what} is not all in the cache, and the Hub is not to be asked: unset HF_HUB_OFFLINE, or leave --offline out"
    )
