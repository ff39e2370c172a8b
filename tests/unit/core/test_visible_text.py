# ruff: noqa: RUF001 - letters that look alike, or like nothing, are the subject
"""The visible characters that names may contain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api.visible_text import invisible_in, visible_letters
from core.normal_form import IGNORABLE

# One of each kind: zero width, joiners in Latin text, directions, hyphenation, fillers, variations, tags, private use.
INVISIBLE = [
    "\u200b", "\u200c", "\u200d", "\u2060", "\u2061", "\ufeff", "\u202a", "\u202e", "\u2066", "\u2069", "\u200e",
    "\u200f", "\u061c", "\u00ad", "\u034f", "\u115f", "\u1160", "\u3164", "\uffa0", "\u17b4", "\u17b5", "\u180b",
    "\u180e", "\u2028", "\u2029", "\u2800", "\ufe00", "\ufe0f", "\ufff9", "\ufffc", "\U000e0041", "\U000e0100",
    "\U0001d173", "\ue000", "\U000f0000", "\ufffe", "\u206a", "\U0001d159", "\U00016fe4",
]  # fmt: skip

REAL_NAMES = [
    "Asha d/o Ram", "Asha Rao (2nd wife's side)", "O'Brien-Śmith, jr.", "D’Souza", "Nguyễn Thị Ánh", "José",
    "Jose\u0301", "Dr. A. P. J. Abdul Kalam", "Baby-1 of Meena", "M/s Rao & Sons", "आशा राव", "ஆஷா ராவ்", "ആശാ റാവു", "আশা রাও",
    "ਆਸ਼ਾ", "ශ්\u200dරී ලංකා", "क्\u200dष", "शरद्\u200cचंद्र", "സുരേന്ദ്രന്\u200d", "র\u200d্যাব", "علی\u200cرضا", "محمد بن سلمان",
    "משה", "山田太郎", "葛\U000e0100城", "김철수", "Ελένη", "Нина", "สมชาย", "မြင့်", "ᠮᠣᠩᠭᠣᠯ", "ابو بكر",
    "Asha\u00a0Rao", "👩\u200d⚕\ufe0f Asha", "👩🏽\u200d🦰 Asha", "❤\ufe0f",
]  # fmt: skip


@pytest.mark.parametrize("mark", INVISIBLE)
def test_what_cannot_be_seen(mark: str) -> None:
    assert invisible_in(f"As{mark}ha") == mark
    assert invisible_in(f"आ{mark}शा") == mark or mark in "\u200c\u200d"
    assert invisible_in(f"Asha{mark}") == invisible_in(f"{mark}Asha") == mark


def test_nothing_that_unicode_ignores_by_default_is_seen() -> None:
    ignored = [letter for letter in map(chr, range(0x110000)) if IGNORABLE.match(letter)]
    assert len(ignored) > 4000
    assert [letter for letter in ignored if invisible_in(f"As{letter}ha") != letter] == []
    assert visible_letters("A " + "".join(ignored) + "b\u2800\u3000") == "Ab"


@pytest.mark.parametrize("name", REAL_NAMES)
def test_what_can_be_seen(name: str) -> None:
    assert invisible_in(name) is None


@pytest.mark.parametrize(
    "text",
    ["आशा\u200d", "\u200dआशा", "आ\u200d\u200dशा", "आ\u200d शा", "आ\u200dsha", "a\u200dशा", "山\u200d田", "علی\u200c",
     "7\u200d7",
     "क\u200cA", "葛\U000e0100\U000e0101", "a\U000e0100", "a\u200d🙂",
     "🙂\u200d", "🙂\u200da", "🙂\u200d\u200d🙂", "🙂\u200b🙂"],
)  # fmt: skip
def test_joiners_and_variations_only_where_a_script_has_them(text: str) -> None:
    assert invisible_in(text) is not None


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"], max_codepoint=0x10FF)))
def test_letters_digits_and_punctuation_pass(text: str) -> None:
    assert invisible_in(text) is None
