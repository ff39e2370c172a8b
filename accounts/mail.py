"""What the engine writes to people: codes, and nothing that a stranger who reads the mail could use later."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from core.observability import logs

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def send(*, template: str, address: str, code: str = "", only_pretend: bool = False) -> None:
    """Send one of the mails in templates/accounts/mail; returns at once, and takes as long when it only pretends."""
    work = partial(_deliver, template, address, code, only_pretend)
    if settings.OPD_MAIL_IN_BACKGROUND:
        _threads.submit(work)
    else:
        work()


def _deliver(template: str, address: str, code: str, only_pretend: bool) -> None:
    if only_pretend:
        return
    text = render_to_string(
        f"accounts/mail/{template}.txt", {"code": code, "hospital": " ".join(settings.OPD_FACILITY_NAME.split())}
    )
    subject, _, body = text.partition("\n")
    try:
        EmailMessage(subject=subject.strip(), body=body.strip() + "\n", to=[address]).send()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; the address or the code must not be logged
        logs.failure("mail_not_sent", error)
