"""Prepare the database before the engine starts, in one process; the only module of devserver that imports Django.

python -m devserver.prepare CREDENTIALS
"""

import os
import sys

from devserver.console import step


def prepare(*, credentials: str) -> None:
    """Create or update the tables and the first users; may be repeated."""
    os.environ["OPD_AS_OWNER"] = "on"
    import django
    from django.core.management import call_command

    django.setup()
    step("Bringing the database up to date")
    call_command("migrate", interactive=False, verbosity=0)
    step("Ensuring that there is an administrator and a front-desk user")
    call_command("ensure_staff", "--credentials", credentials)
    sys.stdout.flush()


if __name__ == "__main__":
    prepare(credentials=sys.argv[1])
