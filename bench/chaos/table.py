"""The table of results."""

from rich.console import Console
from rich.table import Table

from bench.chaos.playing import Performance


def show(performance: Performance, console: Console) -> None:
    """Print the verdict on every fault, and the broken invariants."""
    table = Table(title="Responses compared with the database")
    table.add_column("fault")
    for name in ("acknowledged", "regained", "refused", "lost", "sold twice", "wrong answers", "longest gap"):
        table.add_column(name, justify="right")
    for one in performance.verdicts:
        bad = (len(one.lost), len(one.sold_twice), len(one.wrong))
        table.add_row(
            one.fault,
            *(str(number) for number in (one.acknowledged, one.regained, one.refused, *bad)),
            f"{one.longest_gap:.2f} s",
            style="" if one.is_good else "bold red",
        )
    console.print(table)
    for one in performance.verdicts:
        for line in [*one.lost, *one.sold_twice, *one.wrong][:20]:
            console.print(f"{one.fault}: {line}", style="red", markup=False)
    for line in performance.broken[:20]:
        console.print(line, style="red", markup=False)
    if performance.is_good:
        console.print("Nothing acknowledged was lost, nothing was done twice, and every invariant holds.")
