"""Errors come out as sentences without addresses or tokens."""

import pytest

from hyperx_cl.errors import ConflictError, DataError, HyperXError, NetworkError
from hyperx_cl.share.speaking import speaking


@pytest.mark.parametrize(
    "error, kind", [(TimeoutError("hf_secret"), NetworkError), (OSError("hf_secret"), DataError)]
)  # fmt: skip
def test_an_error_is_a_sentence_without_what_it_said(error: Exception, kind: type[HyperXError]) -> None:
    with pytest.raises(kind) as caught, speaking("org/name"):
        raise error
    assert str(caught.value).startswith("org/name ") and "secret" not in str(caught.value)


def test_an_error_of_ours_stays_as_it_is() -> None:
    with pytest.raises(ConflictError, match="^so$"), speaking("org/name"):
        raise ConflictError("so")
