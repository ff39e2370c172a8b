"""Name and phone as compared: two registrations with the same keys look like one person, and a search compares keys."""

import unicodedata

import phonenumbers
from django.conf import settings

from core.api.visible_text import IGNORED_IN_COMPARISONS

LONGEST_NAME_KEY = 400
# A marks class of 200 and above is an accent, 10 to 36 the points and vowel marks of Hebrew, Arabic and Syriac. The
# marks of Indic and other scripts have lower classes; they are part of the spelling.
_ACCENTS = frozenset({*range(10, 37), *range(200, 256)})
# Letters that Unicode does not decompose into a letter and an accent.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})  # noqa: RUF001
_APOSTROPHES = frozenset("'`´‘’‛ʹʻʼ＇")  # noqa: RUF001 - letters that look alike are the subject
_PART_OF_A_WORD = frozenset("LMN")
_OF_NO_ACCOUNT = frozenset({"Cf", "Cc"})


def name_key(name: str) -> str:
    """The name as compared: its words, without case, accents, apostrophes and punctuation, in alphabetical order."""
    return " ".join(sorted(name_words(name)))


def name_words(text: str) -> list[str]:
    """The words of a name as compared, in the order given; a name of nothing but symbols is one word."""
    folded = _folded(text)[:LONGEST_NAME_KEY]
    letters = [letter if unicodedata.category(letter)[0] in _PART_OF_A_WORD else " " for letter in folded]
    return "".join(letters).split() or folded.split()


def phone_key(phone: str) -> str:
    """The phone as compared: E.164, read as a number of the hospital's country unless it has a country code.

    What no country code fits is compared by its digits, in any script, with a leading `+` if it has one.
    """
    try:
        number = phonenumbers.parse(phone, settings.OPD_PHONE_REGION)
    except phonenumbers.NumberParseException:
        return ("+" if is_international(phone) else "") + _digits(phone)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_digits(text: str) -> str:
    """The digits of a text that can only be a phone, or nothing: what a search for part of a phone compares."""
    return "" if any(letter.isalpha() for letter in text) else _digits(text)


def is_international(phone: str) -> bool:
    """Whether the phone is written with a `+` and its country code."""
    return phone.strip(" ()").startswith(("+", "\uff0b"))


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = (letter for letter in decomposed if not _is_ignored(letter))
    return unicodedata.normalize("NFC", "".join(kept).translate(_PLAIN))


def _is_ignored(letter: str) -> bool:
    return (
        letter in _APOSTROPHES
        or letter in IGNORED_IN_COMPARISONS
        or unicodedata.combining(letter) in _ACCENTS
        or (unicodedata.category(letter) in _OF_NO_ACCOUNT and not letter.isspace())
    )


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(letter)) for letter in text if letter.isdecimal())
