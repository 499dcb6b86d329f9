"""The words of the public pages, by language. A language is one file in `words/`; all have the same keys (a test holds it).

Names that the declaration gives stay as they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files

import msgspec

Words = Callable[..., str]

LANGUAGES = ("en", "nb", "cy")


def _read(language: str) -> Mapping[str, str]:
    data = files("cityward.web.public").joinpath("words", f"{language}.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, str])


TEXTS: Mapping[str, Mapping[str, str]] = {language: _read(language) for language in LANGUAGES}


def words_of(language: str) -> Words:
    """What says a key in a language, with its gaps filled."""
    texts = TEXTS[language]

    def say(key: str, **gaps: object) -> str:
        return texts[key].format_map(gaps)

    return say


def chosen(asked: str, accepted: str) -> str:
    """The language of a page: what was asked for, else the first known one that the browser accepts, else English."""
    if asked in LANGUAGES:
        return asked
    for part in accepted[:200].split(","):
        tag = part.partition(";")[0].strip().lower()
        short = {"no": "nb", "nn": "nb"}.get(tag.partition("-")[0], tag.partition("-")[0])
        if short in LANGUAGES:
            return short
    return LANGUAGES[0]
