#!/usr/bin/env bash
# One command from a fresh clone to a working OPD: ./setup.sh help
# This script only finds a Python interpreter; the package devserver does the work.
set -eu
cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")"
unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONSTARTUP

fits() { # a program on the PATH may exist and still not work, so run it
    "$1" -c "import sys; assert sys.version_info >= (3, 11); $2" >/dev/null 2>&1
}

for needed in 'import ensurepip, venv' ''; do # prefer a Python that can create virtual environments
    for python in ${OPD_PYTHON:+"$OPD_PYTHON"} python3.13 python3.12 python3.11 python3 python .venv/bin/python; do
        if fits "$python" "$needed"; then
            exec "$python" -m devserver "$@"
        fi
    done
done

found=$(python3 --version 2>&1 || true)
echo "setup.sh: Python 3.11 or later is needed (found: ${found:-none}). Install one and start again;" >&2
echo "          if it is not on the PATH, set its path: OPD_PYTHON=/path/to/python3.12 ./setup.sh" >&2
exit 1
