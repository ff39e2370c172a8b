"""What the workers do for this app; each may run twice, and carries nothing."""

from celery import shared_task

from accounts import admin_sessions, attempts, codes, lockout, sessions, trail


@shared_task(name="accounts.tasks.seal_reads")
def seal_reads() -> None:
    """Seal the read trail."""
    while trail.seal_reads():
        pass


@shared_task(name="accounts.tasks.tidy")
def tidy() -> None:
    """Remove what has expired: sessions, codes, counts and addresses."""
    sessions.delete_expired_sessions()
    admin_sessions.SessionStore.clear_expired()
    codes.delete_expired_codes()
    attempts.delete_old_counts()
    lockout.delete_old_addresses()
