"""The output of the demonstration: lines and tables."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

STYLE = {"EMERGENCY": "bold red", "PRIORITY_PAID": "yellow", "FOLLOWUP": "cyan", "ONLINE": "green", "WALKIN": "white"}


class Board:
    """Prints lines and tables, with times in the facility's time zone."""

    def __init__(self, *, console: Console) -> None:
        self.console = console
        self.zone = ZoneInfo("UTC")

    def title(self, text: str) -> None:
        """Print the heading of a scenario."""
        self.console.rule(f"[bold]{escape(text)}")

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(f"  {escape(text)}")

    def warn(self, text: str) -> None:
        """Print one line as a warning."""
        self.console.print(f"  [yellow]{escape(text)}")

    def clock(self, moment: str | None, *, seconds: bool = False) -> str:
        """Return a time of the API as local time of day."""
        if not moment:
            return "-"
        return datetime.fromisoformat(moment).astimezone(self.zone).strftime("%H:%M:%S" if seconds else "%H:%M")

    def queue(self, tokens: Iterable[dict[str, Any]], *, title: str) -> None:
        """Print a queue, or all tokens of a slot."""
        rows = [
            (
                t["token_number"] or "-",
                t["ticket"],
                t["patient_name"],
                t["category"],
                f"{t['priority']:.2f}",
                t["status"],
                self.clock(t["estimated_time"]),
            )
            for t in tokens
        ]
        self.table(title, ("Place", "Ticket", "Patient", "Category", "Priority", "Status", "Expected"), rows)

    def waiting(self, entries: Iterable[dict[str, Any]], *, title: str) -> None:
        """Print a waiting list."""
        rows = [(e["position"], e["patient_name"], e["category"], f"{e['priority']:.2f}", e["status"]) for e in entries]
        self.table(title, ("Place", "Patient", "Category", "Priority", "Status"), rows)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print a table; rows with a category get the colour of the category."""
        table = Table(title=escape(title), title_justify="left", title_style="bold", min_width=len(title))
        for column in columns:
            table.add_column(column)
        for row in rows:
            cells = [escape(str(cell)) for cell in row]
            table.add_row(*cells, style=next((STYLE[cell] for cell in cells if cell in STYLE), None))
        self.console.print(table)
