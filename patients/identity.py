"""What makes two registrations look like one person: the name and the phone, as compared."""

import unicodedata


def name_key(name: str) -> str:
    """The name as compared: compatibility forms unified, case folded, white space collapsed."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())[:400]


def phone_key(phone: str) -> str:
    """The phone as compared: its digits, in any script, with a leading `+` if it has one."""
    digits = "".join(str(unicodedata.decimal(letter)) for letter in phone if letter.isdecimal())
    return ("+" if phone.strip().startswith(("+", "\uff0b")) else "") + digits


def phone_digits(text: str) -> str:
    """The digits of a text that can only be a phone, or nothing: what a search for a phone compares."""
    return "" if any(letter.isalpha() for letter in text) else phone_key(text).lstrip("+")
