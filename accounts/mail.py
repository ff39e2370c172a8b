"""E-mail to users: one-time codes and notices, without data that a third party could use later."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from core.observability import logs

_executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def send(*, template: str, address: str, code: str = "", hospital: str = "", dry_run: bool = False) -> None:
    """Send a mail of templates/accounts/mail in the background; with `dry_run`, take as long but send nothing.

    `hospital` is the name of the sender, by default OPD_FACILITY_NAME.
    """
    work = partial(_deliver, template, address, code, hospital or settings.OPD_FACILITY_NAME, dry_run)
    if settings.OPD_MAIL_IN_BACKGROUND:
        _executor.submit(work)
    else:
        work()


def _deliver(template: str, address: str, code: str, hospital: str, dry_run: bool) -> None:
    if dry_run:
        return
    text = render_to_string(f"accounts/mail/{template}.txt", {"code": code, "hospital": " ".join(hospital.split())})
    subject, _, body = text.partition("\n")
    try:
        EmailMessage(subject=subject.strip(), body=body.strip() + "\n", to=[address]).send()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; the address or the code must not be logged
        logs.failure("mail_not_sent", error)
