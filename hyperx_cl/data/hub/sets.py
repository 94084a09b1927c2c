"""The data sets of the Hub that the built-in tasks read, and whose language each of their configurations is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hyperx_cl.errors import NotFoundError
from hyperx_cl.languages import canonical


@dataclass(frozen=True)
class HubSet:
    """A data set of the Hub.

    Attributes:
        task: The task that reads it.
        repo: Its id on the Hub.
        folder: Of a data root, where its files go.
        form: What the names of its configurations look like: a group ``code``, and ``date`` where there are several.
        codes: Configurations, or their codes, that stand for another language than `canonical` says; None for those
            that stand for none.
        licence: What is known of it where the data set's card says nothing; ``{config}`` stands for the configuration.
    """

    task: str
    repo: str
    folder: str
    form: re.Pattern[str]
    codes: Mapping[str, str | None] = field(default_factory=dict)
    licence: str = ""

    def language_of(self, config: str) -> str | None:
        """The language of a configuration, or None where its name is not of a language that we know."""
        found = self.form.fullmatch(config)
        if not found:
            return None
        for name in (config, found["code"]):
            if name in self.codes:
                return self.codes[name]
        try:
            return canonical(found["code"])
        except NotFoundError:
            return None


# What Wikipedia calls its editions is not always what the standard means: `als` is Alemannic there and Tosk Albanian
# here, `no` is Bokmål, `nrm` is Norman; Simple English is not what anybody means by English.
_EDITIONS = {"als": "gsw", "no": "nb", "nrm": "nrf", "simple": None, "mo": None}

UD = HubSet(
    "pos", "commul/universal_dependencies", "ud", re.compile(r"(?P<code>[a-z]{2,3})_[a-z0-9]+"),
    {"no_bokmaal": "nb", "no_nynorsk": "nn", "no_nynorsklia": "nn"},
    "the treebank's own, see https://universaldependencies.org/treebanks/{config}/",
)  # fmt: skip
WIKIANN = HubSet(
    "ner", "unimelb-nlp/wikiann", "ner", re.compile(r"(?P<code>[a-z]{2,8}(-[a-z]+)*)"), _EDITIONS,
    "not stated; the text is from Wikipedia (CC BY-SA)",
)  # fmt: skip
WIKIPEDIA = HubSet(
    "mlm", "wikimedia/wikipedia", "mlm", re.compile(r"(?P<date>\d{8})\.(?P<code>[a-z]{2,8}(-[a-z]+)*)"), _EDITIONS,
    "CC-BY-SA-3.0, GFDL",
)  # fmt: skip

SETS = {each.task: each for each in (UD, WIKIANN, WIKIPEDIA)}

WITHOUT_WORDS = frozenset(
    "ar_nyuad en_esl en_gumreddit fr_ftb gun_dooley ja_bccwj ja_bccwjluw qhe_hiencs".split()
)  # fmt: skip
"""Treebanks that come without their words, which somebody else has the right to: ``_`` stands for each."""

ALSO = {"no": "nb", "kmr": "ku"}
"""Where a language has no configuration under its own code, the code under which it usually has one."""
