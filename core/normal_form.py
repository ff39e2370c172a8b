"""The normal form in which user names and e-mail addresses are compared: NFKC_Casefold of the Unicode Standard."""

import re
import unicodedata

from django.core.exceptions import ValidationError

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt, Unicode 15): characters that are not displayed.
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


LOOK_ALIKE = "Use plain letters: some of these are other forms of letters, or invisible."


def normal_form(text: str) -> str:
    """Return the text without differences of case, width and composition; the normal form of the result is itself."""
    while (folded := _fold(text)) != text:
        text = folded
    return text


def is_normal(text: str) -> bool:
    """Return whether the text is its own normal form, capital letters aside."""
    # Letter by letter, because str.lower() turns a capital sigma at the end of a word into another letter.
    lowered = "".join(letter if letter.casefold() == letter else letter.lower() for letter in text)
    # The small form of the dotted capital I is two characters, which no address may contain.
    return "\u0130" not in text and unicodedata.is_normalized("NFKC", text) and normal_form(text) == lowered


def identity_key(text: str) -> str:
    """Return the key by which a user is looked up.

    It is the normal form. Text that is not normal is its own key, which no user has: a look-alike finds no account and
    counts against no account's limits.
    """
    return normal_form(text) if is_normal(text) else text


def validate_normal(text: str) -> None:
    """Refuse a user name or an e-mail address with letters that only look like the ones of its normal form."""
    if not is_normal(text):
        raise ValidationError(LOOK_ALIKE, code="look-alike")


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", IGNORABLE.sub("", unicodedata.normalize("NFKC", text).casefold()))
