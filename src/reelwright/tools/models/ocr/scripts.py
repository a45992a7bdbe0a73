"""Which recogniser of PP-OCR reads a language: that in the box knows Latin, Chinese and Japanese,
others are models of their own.
"""

from __future__ import annotations

# ISO 639-1, by the name with which RapidOCR's files begin.
_OTHERS: dict[str, tuple[str, ...]] = {
    "cyrillic": ("bg", "mk", "sr", "kk", "ky", "mn", "tg"),
    "eslav": ("ru", "uk", "be"),
    "devanagari": ("hi", "mr", "ne", "sa"),
    "korean": ("ko",),
    "el": ("el",),
    "th": ("th",),
    "ta": ("ta",),
    "te": ("te",),
}
_KEYS = {language: key for key, languages in _OTHERS.items() for language in languages}
# Where a language is written in two: the script's subtag says which.
_SCRIPTS = {"latn": None, "cyrl": "cyrillic", "hang": "korean", "deva": "devanagari"}


def recogniser_key(languages: tuple[str, ...]) -> str | None:
    """How the file of the recogniser of `languages` (BCP 47) begins; None: that in the box reads
    them. The first that needs one of its own decides: those read Latin letters too."""
    for language in languages:
        primary, *others = language.casefold().replace("_", "-").split("-")
        script = next((part for part in others if part in _SCRIPTS), None)
        key = _SCRIPTS[script] if script else _KEYS.get(primary)
        if key is not None:
            return key
    return None
