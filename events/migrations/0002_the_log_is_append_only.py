"""The database numbers the log, tells readers how far it is complete, and refuses to change it."""

from django.db import migrations

NUMBER = """
CREATE SEQUENCE event_seq;

CREATE FUNCTION event_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- In this order: whoever drew a lower number had its transaction open by now, so it lies below the horizon that is taken
    -- next. Once every transaction below the horizon has ended, no lower number can appear any more.
    NEW.seq := nextval('event_seq');
    NEW.horizon := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    RETURN NEW;
END $$;

CREATE TRIGGER event_number BEFORE INSERT ON events_event FOR EACH ROW EXECUTE FUNCTION event_number();
"""

APPEND_ONLY = """
CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON events_event
FOR EACH ROW EXECUTE FUNCTION event_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.RunSQL(NUMBER, "DROP TRIGGER event_number ON events_event; DROP FUNCTION event_number; DROP SEQUENCE event_seq;"),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER event_append_only ON events_event; DROP FUNCTION event_append_only;"),
    ]
