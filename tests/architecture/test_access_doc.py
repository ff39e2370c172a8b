"""docs/access.md matches the permission table."""

from accounts.access.permission_table import PERMISSIONS
from docs.render_access import IN_WORDS, PAGE, page


def test_the_page_is_what_the_table_of_permissions_renders() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m docs.render_access`"


def test_every_capability_has_words_and_no_words_are_left_over() -> None:
    assert IN_WORDS.keys() == PERMISSIONS.keys()
