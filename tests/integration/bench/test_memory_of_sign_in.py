"""Many concurrent sign-ins leave no memory allocated in the serving threads."""

import subprocess
import sys
from pathlib import Path

CROWD = """
import threading
import django
from django.conf import settings
settings.configure(PASSWORD_HASHERS=["accounts.auth.hashers.Argon2Hasher"])
from accounts.auth.hashers import Argon2Hasher

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 // 2**20

hasher, done = Argon2Hasher(), threading.Barrier(17)

def sign_in():
    hasher.encode("Quiet-Harbour-27", "a-salt-of-some-length")
    done.wait()
    done.wait()

before = resident()
for _ in range(16):
    threading.Thread(target=sign_in, daemon=True).start()
done.wait()
print(resident() - before)
done.wait()
"""


def test_sixteen_threads_give_back_what_their_hashes_took() -> None:
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", CROWD], cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60, "16 hashes of 19 MiB stayed in memory"
