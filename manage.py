#!/usr/bin/env python
"""Django's command line for the engine; `./setup.sh manage ...` calls it with the environment set."""

import os
import sys

# These commands define tables, read all rows or delete rows of append-only tables, so they use DATABASE_OWNER_URL.
OWNER_COMMANDS = {"migrate", "backup", "restore", "partition_tables", "erase_patient", "erase_facility", "flush"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    if OWNER_COMMANDS.intersection(sys.argv[1:2]):
        os.environ["OPD_AS_OWNER"] = "on"
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
