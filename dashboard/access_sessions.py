"""Sessions of people in browsers, their protection against forged forms, and the brake on guessed passwords."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dashboard.access import User

Clock = Callable[[], float]
_SESSIONS_PER_USER = 20


@dataclass
class Session:
    """Somebody who logged in. It lives in the server's memory: a restart, or a logout, ends it for good.

    Attributes:
        user_name: whose it is.
        credential: the user's credential at login; another password ends the session.
        form_token: must come back with every form of this session.
        began: clock at login.
        used: clock at the last request.
    """

    user_name: str
    credential: str
    form_token: str
    began: float
    used: float


@dataclass
class Sessions:
    """All sessions, by the hash of their secret.

    Attributes:
        idle_seconds: a session that is not used for so long ends.
        longest_seconds: every session ends after so long.
        clock: seconds that only go forward.
    """

    idle_seconds: float = 3600.0
    longest_seconds: float = 12 * 3600.0
    clock: Clock = time.monotonic
    _sessions: dict[str, Session] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def begin(self, user: User) -> str:
        """Begin a session; returns the secret for the cookie."""
        secret, now = secrets.token_urlsafe(32), self.clock()
        with self._lock:
            self._forget(now)
            own = [key for key, session in self._sessions.items() if session.user_name == user.name]
            for key in own[: max(len(own) - _SESSIONS_PER_USER + 1, 0)]:
                del self._sessions[key]
            self._sessions[_hash(secret)] = Session(user.name, user.credential, secrets.token_urlsafe(32), now, now)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session of this secret, if it has not ended; being asked for counts as use."""
        now = self.clock()
        with self._lock:
            self._forget(now)
            session = self._sessions.get(_hash(secret))
            if session is not None:
                session.used = now
            return session

    def end(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_hash(secret), None)

    def login_form_token(self, nonce: str) -> str:
        """What the login form must bring back for the nonce in the form's cookie."""
        return hmac.new(self._key, nonce.encode(), hashlib.sha256).hexdigest()

    def _forget(self, now: float) -> None:
        ended = [
            key
            for key, session in self._sessions.items()
            if now - session.used >= self.idle_seconds or now - session.began >= self.longest_seconds
        ]
        for key in ended:
            del self._sessions[key]


def same(given: str, expected: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


@dataclass
class _Failures:
    count: int
    last: float


@dataclass
class Brake:
    """Slows down whoever guesses: after some free failures each further one doubles the wait.

    An attempt counts as failed before it is judged, so that many at once gain nothing.

    Attributes:
        free: failures without a wait, for each kind of key.
        first_seconds: the wait after the first failure that is not free.
        longest_seconds: no wait is longer.
        forget_seconds: without an attempt for so long all is forgotten.
        clock: seconds that only go forward.
    """

    free: dict[str, int] = field(default_factory=lambda: {"user": 5, "address": 20})
    first_seconds: float = 5.0
    longest_seconds: float = 900.0
    forget_seconds: float = 3600.0
    clock: Clock = time.monotonic
    _failures: OrderedDict[tuple[str, str], _Failures] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attempt(self, keys: Sequence[tuple[str, str]]) -> float:
        """Begin an attempt; returns the seconds that must pass first, 0 where it may be judged now."""
        now = self.clock()
        with self._lock:
            wait = max(self._wait(key, now) for key in keys)
            if wait <= 0:
                for key in keys:
                    failures = self._failures.pop(key, _Failures(0, now))
                    self._failures[key] = _Failures(failures.count + 1, now)
                while len(self._failures) > 10_000:
                    self._failures.popitem(last=False)
            return wait

    def succeeded(self, user_key: tuple[str, str], keys: Sequence[tuple[str, str]]) -> None:
        """An attempt was right: the user begins anew; of the others only this attempt is taken back."""
        with self._lock:
            self._failures.pop(user_key, None)
            for key in keys:
                if key in self._failures:
                    self._failures[key].count -= 1

    def _wait(self, key: tuple[str, str], now: float) -> float:
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        if now - failures.last >= self.forget_seconds:
            del self._failures[key]
            return 0.0
        beyond = failures.count - self.free[key[0]]
        if beyond < 0:
            return 0.0
        pause = min(self.first_seconds * 2 ** min(beyond, 30), self.longest_seconds)
        return max(0.0, failures.last + pause - now)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
