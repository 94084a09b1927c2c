"""One tokenizer as several languages read with it: each transliteration and token patch gives a view of its own."""

from collections.abc import Sequence
from typing import Any

from hyperx_cl.data.tokenpatch import patched_tokenizer
from hyperx_cl.data.transliteration import transliterating
from hyperx_cl.errors import DataError
from hyperx_cl.transliteration import Transliteration


class TokenizerViews:
    """Views of a backbone's tokenizer, each made once, so that what is encoded with one can be shared.

    Args:
        tokenizer: The backbone's; never changed.
        vocabulary: Rows of the backbone's word embeddings, behind which a token patch begins.
    """

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._made: dict[tuple[Transliteration, tuple[str, ...]], Any] = {((), ()): tokenizer}

    def view(self, transliteration: Transliteration = (), pieces: Sequence[str] = ()) -> Any:
        """The tokenizer that reads some letters as others, and then knows some pieces more.

        Raises:
            DataError: The vocabulary is another one than the pieces were found with.
        """
        key = (transliteration, tuple(pieces))
        if key not in self._made:
            self._made[key] = self._patched(*key) if pieces else transliterating(self.view(), transliteration)
        return self._made[key]

    def _patched(self, transliteration: Transliteration, pieces: tuple[str, ...]) -> Any:
        made = patched_tokenizer(self.view(transliteration), pieces)
        if made.convert_tokens_to_ids(pieces[0]) != self._vocabulary:
            raise DataError("The tokenizer and the backbone have vocabularies of two sizes; use its own tokenizer.")
        return made
