"""Text on a facility's colour is black or white, whichever is easier to read."""

import pytest

from clinics.branding import text_colour


@pytest.mark.parametrize(
    ("background", "text"),
    [
        ("#ffffff", "#000000"),
        ("#000000", "#ffffff"),
        ("#FFFF00", "#000000"),
        ("#0000ff", "#ffffff"),
        ("#ff0000", "#000000"),
        ("#00ff00", "#000000"),
        ("#757575", "#ffffff"),  # 4.61 with white, 4.56 with black
        ("#767676", "#000000"),  # 4.54 with white, 4.62 with black
        ("#0b6e4f", "#ffffff"),
    ],
)
def test_the_text_contrasts_most(background: str, text: str) -> None:
    assert text_colour(background) == text


def test_every_grey_can_be_read() -> None:
    """One of the two always reaches the 4.5:1 that WCAG asks for: black turns to white only once."""
    texts = [text_colour(f"#{grey:02x}{grey:02x}{grey:02x}") for grey in range(256)]
    assert texts == ["#ffffff"] * texts.count("#ffffff") + ["#000000"] * texts.count("#000000")
