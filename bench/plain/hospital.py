"""The data of PLAIN under measurement, written in SQL."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench.target import PASSWORD, USERNAME, Target


class Plain(Target):
    """PLAIN as a target of the benchmark."""

    name = "plain"

    def prepare(self, *, patients: int) -> None:
        self._create_user()
        self.patients = [str(uuid.uuid4()) for _ in range(patients)]
        rows = ((each, f"Patient {number}", f"+9198{number:08d}") for number, each in enumerate(self.patients))
        with self._connect() as connection:
            _copy(connection, "plain_patient", "id, name, phone", rows)
        self.sign_in()

    def make_slots(self, *, doctors: int, each: int = 1, capacity: int, start: datetime | None = None) -> list[str]:
        begin = start or self.tomorrow()
        ids = [str(uuid.uuid4()) for _ in range(doctors)]
        new_doctors = ((id_, f"Dr {id_[:8]}", "General") for id_ in ids)
        rows = []
        for doctor in ids:
            for place in range(each):
                at = begin + timedelta(minutes=60 * place)
                end = at + timedelta(minutes=60)
                rows.append((str(uuid.uuid4()), doctor, at, end, capacity, 0, 0, "ACTIVE"))
        columns = "id, doctor_id, start_time, end_time, max_capacity, current_capacity, delay_minutes, status"
        with self._connect() as connection:
            _copy(connection, "plain_doctor", "id, name, specialization", new_doctors)
            _copy(connection, "plain_slot", columns, rows)
        return [row[0] for row in rows]

    def fill(self, slot: str, patients: Sequence[str], *, arrived: bool = False) -> list[str]:
        now = datetime.now(UTC)
        with self._connect() as connection:
            row = connection.execute(
                "SELECT max_capacity, current_capacity, start_time FROM plain_slot WHERE id = %s", [slot]
            ).fetchone()
            assert row is not None
            capacity, held, start = row
            free = max(0, capacity - held)
            seated, waiting = patients[:free], patients[free:]
            status = "CHECKED_IN" if arrived else "CONFIRMED"
            tokens = [
                (str(uuid.uuid4()), slot, each, held + place, "4.10", "ONLINE", status,
                 start + timedelta(minutes=10 * place), now + timedelta(microseconds=place), now)
                for place, each in enumerate(seated, start=1)
            ]  # fmt: skip
            columns = "id, slot_id, patient_id, token_number, priority, category, status, estimated_time"
            columns += ", created_at, updated_at"
            _copy(connection, "plain_token", columns, tokens)
            entries = [
                (str(uuid.uuid4()), slot, each, "ONLINE", "4.10", "WAITING", now + timedelta(microseconds=place))
                for place, each in enumerate(waiting)
            ]
            columns = "id, slot_id, patient_id, category, priority, status, created_at"
            _copy(connection, "plain_waitlistentry", columns, entries)
            connection.execute(
                "UPDATE plain_slot SET current_capacity = current_capacity + %s WHERE id = %s", [len(seated), slot]
            )
        return [row[0] for row in [*tokens, *entries]]

    def seats(self, slot: str) -> tuple[int, int]:
        with self._connect() as connection:
            row = connection.execute(
                "SELECT current_capacity, (SELECT count(*) FROM plain_waitlistentry"
                " WHERE slot_id = plain_slot.id AND status = 'WAITING') FROM plain_slot WHERE id = %s",
                [slot],
            ).fetchone()
        assert row is not None
        return row[0], row[1]

    def _connect(self) -> psycopg.Connection:
        return self.stage.connect("plain")

    def _create_user(self) -> None:
        from django.contrib.auth.hashers import make_password

        with self._connect() as connection:
            connection.execute(
                "INSERT INTO auth_user (username, password, email, first_name, last_name, is_superuser, is_staff,"
                " is_active, date_joined) VALUES (%s, %s, '', '', '', false, true, true, now())",
                [USERNAME, make_password(PASSWORD, hasher=_default_hasher())],
            )


def _copy(connection: psycopg.Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _default_hasher() -> Any:
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    return PBKDF2PasswordHasher()
