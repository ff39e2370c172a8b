"""Detect invisible characters, and those that change the direction of others, in text that people read."""

import unicodedata

from rest_framework import serializers

# Format characters, surrogates, private use, unassigned code points, and separators of lines and paragraphs.
_INVISIBLE_KINDS = frozenset({"Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and symbols that are displayed as nothing: fillers, the combining grapheme joiner, Khmer's inherent
# vowels, the blank Braille pattern, the object replacement character, and the null note head.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\U00016fe4\U0001d159")
_VARIATIONS = frozenset(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_EMOJI_STYLES = frozenset("\ufe0e\ufe0f")
_JOINERS = frozenset("\u200c\u200d")
IGNORED_IN_COMPARISONS = _BLANKS | _VARIATIONS | _JOINERS
_VIRAMA = 9
# The scripts, by the first word of their letters' names, in which a joiner changes how a word is written ...
_JOINING = frozenset({
    "ARABIC", "SYRIAC", "MANDAIC", "NKO", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA",
    "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "MYANMAR", "KHMER", "BALINESE", "JAVANESE",
    "SUNDANESE",
})  # fmt: skip
# ... and those whose letters have variants selected by a character after them.
_VARYING = frozenset({"CJK", "MONGOLIAN", "MYANMAR", "PHAGS-PA"})


def visible_letters(text: str) -> str:
    """Return the text without blanks and without characters that are displayed as nothing."""
    return "".join(
        letter
        for letter in text
        if letter.isprintable() and not letter.isspace() and letter not in IGNORED_IN_COMPARISONS
    )


def invisible_in(text: str) -> str | None:
    """Return the first invisible character, or None. Control characters are not checked here.

    Zero-width joiners and non-joiners are allowed between letters of a script that needs them, after a virama, and
    between the parts of an emoji; variation selectors directly after a letter that has variants, or an emoji.
    """
    if text.isascii():
        return None
    around = f" {text} "
    for before, letter, after in zip(around, around[1:], around[2:], strict=False):
        if letter in _JOINERS:
            hidden = not _joins(before, after)
        elif letter in _VARIATIONS:
            hidden = _script(before) not in _VARYING and not (letter in _EMOJI_STYLES and _is_emoji(before))
        else:
            hidden = letter in _BLANKS or unicodedata.category(letter) in _INVISIBLE_KINDS
        if hidden:
            return letter
    return None


def refuse_invisible(text: str) -> None:
    """Raise DRF's ValidationError for text with an invisible character."""
    if (letter := invisible_in(text)) is not None:
        raise serializers.ValidationError(
            f"The invisible character U+{ord(letter):04X} is not allowed.", code="invisible-character"
        )


def _joins(before: str, after: str) -> bool:
    if _is_emoji(before):
        return _is_emoji(after)
    script = _script(before)
    return script in _JOINING and (unicodedata.combining(before) == _VIRAMA or _script(after) == script)


def _is_emoji(letter: str) -> bool:
    """Return whether this is a symbol, a skin tone, or the style of a symbol."""
    return letter in _EMOJI_STYLES or unicodedata.category(letter) in {"So", "Sk"}


def _script(letter: str) -> str | None:
    """Return the script of a letter or mark, by the first word of its name; None for anything else."""
    if letter in _JOINERS or letter in _VARIATIONS or unicodedata.category(letter)[0] not in "LM":
        return None
    return unicodedata.name(letter, "").partition(" ")[0]
