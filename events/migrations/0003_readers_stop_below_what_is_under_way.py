"""Writers publish from where on they number; readers stop below the lowest such place.

A transaction that numbers events holds a shared advisory lock, until its end, that says: my numbers lie above this one.
What lies at or below all of these can't be joined by another event any more.
"""

from django.db import migrations

# The upper 16 bits of the locks' keys, so that no other lock is taken for one of these; the other 48 are the number.
TAG = 20565

NUMBER = """
CREATE OR REPLACE FUNCTION event_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.seq := nextval('event_seq');
    RETURN NEW;
END $$;
"""
NUMBER_BEFORE = """
CREATE OR REPLACE FUNCTION event_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.seq := nextval('event_seq');
    NEW.horizon := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    RETURN NEW;
END $$;
"""

UNDER_WAY = f"""
CREATE FUNCTION event_under_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Before the first number is drawn: whoever sees this lock knows a lower bound of them all.
    PERFORM pg_advisory_xact_lock_shared(({TAG}::bigint << 48) | last_value) FROM event_seq;
    RETURN NULL;
END $$;

CREATE TRIGGER event_under_way BEFORE INSERT ON events_event
FOR EACH STATEMENT EXECUTE FUNCTION event_under_way();

CREATE FUNCTION event_complete_until() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    drawn bigint;
    under_way bigint;
BEGIN
    -- In this order: whoever drew a number up to this one has its lock by now, or has ended and can be seen.
    SELECT last_value INTO drawn FROM event_seq;
    SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) INTO under_way
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = {TAG}
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid();
    RETURN LEAST(drawn, under_way);
END $$;
"""
UNDER_WAY_BEFORE = """
DROP FUNCTION event_complete_until;
DROP TRIGGER event_under_way ON events_event;
DROP FUNCTION event_under_way;
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0002_the_log_is_append_only")]

    operations = [
        migrations.RunSQL(NUMBER, NUMBER_BEFORE),
        migrations.RemoveField(model_name="event", name="horizon"),
        migrations.RunSQL(UNDER_WAY, UNDER_WAY_BEFORE),
    ]
