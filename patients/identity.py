"""Normalized names and phone numbers. Two records with the same keys may be one person; a search compares keys."""

import unicodedata

import phonenumbers
from django.conf import settings

from core.api.visible_text import IGNORED_IN_COMPARISONS

LONGEST_NAME_KEY = 400
# Combining classes of 200 and above are accents; 10 to 36 are the points and vowel marks of Hebrew, Arabic and Syriac.
# The marks of Indic and other scripts have other classes below 200; they are part of the spelling.
_ACCENTS = frozenset({*range(10, 37), *range(200, 256)})
# Letters that Unicode does not decompose into a letter and an accent.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})  # noqa: RUF001
_APOSTROPHES = frozenset("'`´‘’‛ʹʻʼ＇")  # noqa: RUF001 - letters that look alike are the subject
_PART_OF_A_WORD = frozenset("LMN")
_OF_NO_ACCOUNT = frozenset({"Cf", "Cc"})


def name_key(name: str) -> str:
    """Return the key of a name: its words without case, accents, apostrophes and punctuation, in alphabetical order."""
    return " ".join(sorted(name_words(name)))


def name_words(text: str) -> list[str]:
    """Return the normalized words of a name, in the given order; a name that consists of symbols is one word."""
    folded = _folded(text)[:LONGEST_NAME_KEY]
    letters = [letter if unicodedata.category(letter)[0] in _PART_OF_A_WORD else " " for letter in folded]
    return "".join(letters).split() or folded.split()


def phone_key(phone: str) -> str:
    """Return the key of a phone number: E.164, with the hospital's country unless the number has a country code.

    The key of a text that is not a phone number is its digits, in any script, with a leading `+` if it has one.
    """
    try:
        number = phonenumbers.parse(phone, settings.OPD_PHONE_REGION)
    except phonenumbers.NumberParseException:
        return ("+" if is_international(phone) else "") + _digits(phone)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def phone_digits(text: str) -> str:
    """Return the digits of a text without letters, which a search compares with phone keys; "" for any other text."""
    return "" if any(letter.isalpha() for letter in text) else _digits(text)


def is_international(phone: str) -> bool:
    """Return whether the phone number is written with a `+` and a country code."""
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
