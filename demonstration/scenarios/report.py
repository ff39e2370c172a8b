"""The daily report."""

from demonstration.clinic import Clinic, Thing
from demonstration.outcome import expect

COUNTS = (
    "total_slots",
    "total_tokens",
    "confirmed_tokens",
    "completed_tokens",
    "cancelled_tokens",
    "no_show_tokens",
    "waitlisted",
)
RATES = ("cancellation_rate", "no_show_rate", "capacity_utilization")


def daily_report(clinic: Clinic) -> None:
    """A small day with every kind of token, and the daily report that counts them."""
    slot = clinic.slot(start="10:00", end="11:00", seats=5)
    clinic.slot(start="11:00", end="12:00", seats=5)
    seen = [clinic.book(slot, clinic.patient(), "FOLLOWUP", arrived=True) for _ in range(2)]
    clinic.book(slot, clinic.patient(), "ONLINE")
    absent = clinic.book(slot, clinic.patient(), "ONLINE")
    cancelled = clinic.book(slot, clinic.patient(), "WALKIN")
    clinic.cancel(cancelled)
    clinic.book(slot, clinic.patient(), "WALKIN")
    clinic.queue_up(slot, clinic.patient(), "WALKIN")
    for token in seen:
        clinic.act(clinic.call_next(slot), "start")
        clinic.act(token, "complete")
    clinic.act(absent, "no_show")

    day = clinic.tomorrow().isoformat()
    report: Thing = clinic.client.get("reports/daily/", date=day, doctor_id=clinic.doctor["id"])
    names = [*COUNTS, *RATES]
    rows = [(name.replace("_", " "), report[name]) for name in names]
    clinic.board.table(f"{clinic.doctor['name']} on {day}", ("Figure", "Value"), rows)
    counts = [report[name] for name in COUNTS]
    wanted = [2, 6, 2, 2, 1, 1, 1]
    expect("The report counts", seen=counts, wanted=wanted)
    rates = [float(report[name]) for name in RATES]
    expect(
        "Cancellations and no-shows in percent of tokens, seats in percent of capacity",
        seen=rates,
        wanted=[16.67, 16.67, 50.0],
    )
    by_category = {row["category"]: row["count"] for row in report["category_breakdown"] if row["count"]}
    expect("By category", seen=by_category, wanted={"FOLLOWUP": 2, "ONLINE": 2, "WALKIN": 2})
    rows = [(row["status"], row["count"]) for row in report["status_breakdown"]]
    clinic.board.table("By status", ("Status", "Tokens"), rows)
    expect("The statuses add up", seen=sum(count for _, count in rows), wanted=6)
    expect("The report has only the requested doctor", seen=len(report["doctors"]), wanted=1)
