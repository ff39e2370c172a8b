"""A small client of the API: it signs in, retries safely, and describes every unexpected answer in an error."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from demonstration.outcome import SurpriseError, UnreachableError

TRIES = 6
RETRYABLE = {429, 503}
MAX_PAUSE_SECONDS = 10.0


class Client:
    """Uses /api/v1/ as one signed-in user; writes carry an Idempotency-Key, so a retry never books twice."""

    def __init__(self, *, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._username = username
        self._password = password
        self._http = httpx.Client(base_url=f"{self.url}/api/v1/", timeout=30.0, follow_redirects=False)
        self._signed_in_at = datetime.min.replace(tzinfo=UTC)
        self._ticks_then = 0.0

    def sign_in(self) -> None:
        """Get an access token; raise UnreachableError with advice if that fails."""
        try:
            answer = self._http.post("auth/token/", json={"username": self._username, "password": self._password})
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"No answer from {self.url} ({error}). Is the server running? Set OPD_URL."
            ) from error
        if answer.status_code in (400, 401):
            raise UnreachableError(
                f"{self.url} refuses the credentials of {self._username!r}. Check OPD_USERNAME and OPD_PASSWORD."
            )
        if answer.status_code != 200:
            raise UnreachableError(f"Sign-in at {self.url} answered {answer.status_code}: {describe(answer)}")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        if "date" not in answer.headers:
            raise UnreachableError(
                f"{self.url} sends no Date header, so its deadlines cannot be compared with its clock."
            )
        self._signed_in_at = parsedate_to_datetime(answer.headers["date"])
        self._ticks_then = time.monotonic()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def now(self) -> datetime:
        """Return the server's time, accurate to a second, because deadlines are in the server's time."""
        return self._signed_in_at + timedelta(seconds=time.monotonic() - self._ticks_then)

    def headers(self) -> dict[str, str]:
        """Return the authorization header, for a caller with its own connections."""
        return {"Authorization": str(self._http.headers["Authorization"])}

    def get(self, path: str, *, want: int = 200, **params: Any) -> Any:
        """Send a GET request and return the body; raise SurpriseError unless the status is `want`."""
        return _body(self.send("GET", path, want=want, params=params))

    def post(self, path: str, body: dict[str, Any] | None = None, *, want: int = 200) -> Any:
        """Send a POST request and return the body; raise SurpriseError unless the status is `want`."""
        return _body(self.send("POST", path, want=want, json=body or {}))

    def send(self, method: str, path: str, *, want: int | tuple[int, ...], **parts: Any) -> httpx.Response:
        """Send a request; after 429 and 503 wait as the server asks and retry, after 401 sign in again once."""
        headers = dict(parts.pop("headers", {}))
        if method != "GET":
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        wanted = (want,) if isinstance(want, int) else want
        signed_in_again = False
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._http.request(method, path, headers=headers, **parts)
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise SurpriseError(f"{method} {path}: no answer ({error})") from error
                time.sleep(0.3 * attempt)
                continue
            if answer.status_code in wanted:
                return answer
            if answer.status_code == 401 and not signed_in_again:
                self.sign_in()
                signed_in_again = True
            elif answer.status_code in RETRYABLE and attempt < TRIES:
                time.sleep(pause_of(answer))
            else:
                break
        raise SurpriseError(f"{method} {path}: expected {want}, got {answer.status_code} - {describe(answer)}")


def pause_of(answer: httpx.Response) -> float:
    """Return the seconds of Retry-After, at most MAX_PAUSE_SECONDS."""
    value = answer.headers.get("retry-after", "1")
    return min(float(value), MAX_PAUSE_SECONDS) if value.replace(".", "", 1).isdigit() else 1.0


def describe(answer: httpx.Response) -> str:
    """Return the problem as text: code, detail and the invalid fields."""
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:200] or "(empty answer)"
    if not isinstance(problem, dict):
        return str(problem)[:200]
    wrong = "; ".join(f"{e.get('field')}: {e.get('detail')}" for e in problem.get("errors", []))
    return " - ".join(str(part) for part in (problem.get("code"), problem.get("detail"), wrong) if part)[:400]


def _body(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None
