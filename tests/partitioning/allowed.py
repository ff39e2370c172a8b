"""The functions that may scan every partition, each with the reason; `docs/howto/growing.md` has the same list."""

LOOK_UP = "tokens.engine.locate._fetch_row"
LINK = "live.links.token_of"

ALLOWED: dict[str, str] = {
    LOOK_UP: "an id and nothing else: asked once for each id and process, three index probes in each part",
    LINK: "the code of a tracking link and nothing else: its facility is known when the statement runs, not before",
    "tokens.queries.due.slots_due": "the sweep: what is due anywhere, by an index that holds nothing else",
    "tokens.audit.invariants.broken": "check_invariants goes through every row",
    "tokens.audit.verify.bad_rows": "verify_log goes through every row",
    "tokens.api.slots.SlotListView.get": "a list for a superuser or a patient that names no facility",
    "tokens.api.tokens.TokenListView.get": "a list for them that names no slot; with `slot` it stays in its facility",
    "tokens.api.waiting_list.WaitingListView.get": "likewise",
    "tokens.api.events.EventListView.get": "the whole log, for a superuser; with `slot` or `token` not",
    "tokens.operations.slots.delete": "a slot is deleted: Django looks for rows that still point at it",
}
