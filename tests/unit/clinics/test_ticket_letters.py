"""Ticket letters."""

import pytest

from clinics.doctors import MAX_DOCTORS, ticket_letters


@pytest.mark.parametrize(
    ("number", "letters"),
    [
        (1, "A"),
        (2, "B"),
        (26, "Z"),
        (27, "AA"),
        (28, "AB"),
        (52, "AZ"),
        (53, "BA"),
        (702, "ZZ"),
        (703, "AAA"),
        (MAX_DOCTORS, "ZZZZ"),
    ],
)
def test_letters_count_like_the_columns_of_a_sheet(number: int, letters: str) -> None:
    assert ticket_letters(number) == letters


def test_no_two_doctors_share_letters() -> None:
    made = [ticket_letters(number) for number in range(1, 20_000)]
    assert len(set(made)) == len(made)
    assert all(1 <= len(letters) <= 4 for letters in made)


@pytest.mark.parametrize("number", [0, -1, MAX_DOCTORS + 1])
def test_beyond_four_letters_there_are_no_doctors(number: int) -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        ticket_letters(number)
