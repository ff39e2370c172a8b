"""What the engine writes to people: codes, and nothing that a stranger who reads the mail could use later."""

from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from core import logs

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def send(*, template: str, address: str, code: str = "") -> None:
    """Send one of the mails in templates/accounts/mail; returns at once, whether the address exists or not."""
    subject, _, text = render_to_string(
        f"accounts/mail/{template}.txt", {"code": code, "hospital": settings.OPD_FACILITY_NAME}
    ).partition("\n")
    message = EmailMessage(subject=subject.strip(), body=text.strip() + "\n", to=[address])
    if settings.OPD_MAIL_IN_BACKGROUND:
        _threads.submit(_deliver, message)
    else:
        _deliver(message)


def _deliver(message: EmailMessage) -> None:
    try:
        message.send()
    except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; the address or the code must not be logged
        logs.failure("mail_not_sent", error)
