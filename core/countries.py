"""The country of a time zone, from the tables that come with the time zone database."""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=256)
def country_of_zone(zone: str) -> str | None:
    """Return the ISO 3166 code of the zone's country; None for a zone without one, such as UTC.

    An older name of a zone (Asia/Calcutta) has the country of the current one (Asia/Kolkata).
    """
    countries = {name: country for country, _, name, *_ in _rows("zone.tab")}
    if zone not in countries:
        zone = next((row[1] for row in _rows("tzdata.zi", " ") if row[0] == "L" and row[2] == zone), zone)
    return countries.get(zone)


def _rows(table: str, separator: str = "\t") -> Iterator[list[str]]:
    text = (files("tzdata") / "zoneinfo" / table).read_text(encoding="utf-8")
    return (line.split(separator) for line in text.splitlines() if not line.startswith("#"))
