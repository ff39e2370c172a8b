"""The background tasks of this app; idempotent and without arguments."""

from celery import shared_task

from accounts.audit import read_trail
from accounts.auth import admin_sessions, one_time_codes, sessions
from accounts.limits import attempts, lockout


@shared_task(name="accounts.tasks.seal_reads")
def seal_reads() -> None:
    """Seal the read trail."""
    while read_trail.seal_reads():
        pass


@shared_task(name="accounts.tasks.tidy")
def tidy() -> None:
    """Delete expired sessions, codes, counts and addresses."""
    sessions.delete_expired_sessions()
    admin_sessions.SessionStore.clear_expired()
    one_time_codes.delete_expired_codes()
    attempts.delete_old_counts()
    lockout.delete_old_addresses()
