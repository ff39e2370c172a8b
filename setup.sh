#!/usr/bin/env bash
# One command from a fresh clone to a working OPD: ./setup.sh help
# This file only finds a Python; what is done with it stands in devserver.
set -eu
cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")"
unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONSTARTUP

fits() { # a name on the PATH may be there and still not work, so it is tried
    "$1" -c "import sys; assert sys.version_info >= (3, 11); $2" >/dev/null 2>&1
}

for needed in 'import ensurepip, venv' ''; do # rather one that can make virtual environments
    for python in ${OPD_PYTHON:+"$OPD_PYTHON"} python3.13 python3.12 python3.11 python3 python .venv/bin/python; do
        if fits "$python" "$needed"; then
            exec "$python" -m devserver "$@"
        fi
    done
done

found=$(python3 --version 2>&1 || true)
echo "setup.sh: Python 3.11 or later is needed (found: ${found:-none}). Install one and start again;" >&2
echo "          if it is not on the PATH, say where it is: OPD_PYTHON=/path/to/python3.12 ./setup.sh" >&2
exit 1
