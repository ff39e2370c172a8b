"""How a facility shows itself: its name and colours on screens, slips, e-mails and files."""

import re

BLACK, WHITE = "#000000", "#ffffff"
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def text_colour(background: str) -> str:
    """Return black or white, whichever contrasts more with a background `#rrggbb` (WCAG 2.2, contrast ratio)."""
    luminance = _luminance(background)
    return BLACK if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else WHITE


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
