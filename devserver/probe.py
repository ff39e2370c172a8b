"""Check in a few milliseconds whether the web process on this machine is ready; imports little more than `socket`.

python -I -S devserver/probe.py; the exit code is 0 if it is ready.
"""

import os
import socket
import sys


def is_ready() -> bool:
    """Return whether the web process on OPD_PORT answers /healthz/ready with 200."""
    name = os.environ.get("OPD_ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".").replace("*", "") or "localhost"
    request = f"GET /healthz/ready HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ.get("OPD_PORT") or 8000)), timeout=3) as link:
            link.sendall(request.encode())
            return link.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready() else 1)
