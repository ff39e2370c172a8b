"""The errors of users and codes, and the database constraints that they report."""

from core.api.problem_details import register_constraint
from core.errors import InUse, ValidationFailed


class UsernameTaken(ValidationFailed):
    """The request is not valid"""

    def __init__(self) -> None:
        super().__init__([{"field": "username", "code": "unique", "detail": "This user name is taken."}])


class EmailTaken(ValidationFailed):
    """The request is not valid"""

    def __init__(self) -> None:
        super().__init__([{"field": "email", "code": "unique", "detail": "This e-mail address is taken."}])


class LastAdministrator(InUse):
    """The last active administrator must remain"""

    template = "This is the last active administrator: create another one first."


class WrongCode(ValidationFailed):
    """The request is not valid"""

    def __init__(self) -> None:
        detail = "The code is wrong, was used, has expired, or was tried too often."
        super().__init__([{"field": "otp", "code": "invalid-code", "detail": detail}])


register_constraint("user_username_once", UsernameTaken)
register_constraint("user_email_once", EmailTaken)
register_constraint("user_name_is_no_address", UsernameTaken)
register_constraint("user_address_is_no_name", EmailTaken)
