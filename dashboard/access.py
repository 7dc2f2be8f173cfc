"""Who may open the dashboard: the users file with its password hashes, tokens and scopes.

The file is JSON, lies outside of the project and belongs to whoever runs the server, with rights for nobody else. It is
maintained by `python -m dashboard user …` and read anew whenever it changed, so that a removed user is out at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dashboard.access_scopes import Scope, read_scope

MINIMUM_PASSWORD, MAXIMUM_PASSWORD = 12, 512
TOKEN_DAYS = 365
# No address: names of users stand in the log, and addresses of people must not.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_TOKEN = re.compile(r"concord_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_VERSION = 1


class AccessError(Exception):
    """The users file cannot be used, or a user cannot be made so; the message says what to do."""


@dataclass(frozen=True)
class Token:
    """A machine's way in: only its hash is kept.

    Attributes:
        token_id: identifies it in the list and in the log.
        name: what it is for.
        secret_hash: SHA-256 of the secret, which has 256 random bits.
        created_at: when it was made, UTC.
        expires_at: from when on it is refused, UTC.
    """

    token_id: str
    name: str
    secret_hash: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class User:
    """Somebody who may log in. A user without password can only use tokens."""

    name: str
    scope: Scope
    password_hash: str | None = None
    tokens: tuple[Token, ...] = ()
    created_at: datetime | None = None

    @property
    def credential(self) -> str:
        """Changes with the password: sessions of an old password end."""
        return hashlib.sha256((self.password_hash or "").encode()).hexdigest()


@dataclass
class Users:
    """The users of one users file, as it stands now."""

    path: Path
    _cache: tuple[tuple[int, int, int], Mapping[str, User]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # Two at a time: each takes 64 MiB and a core, and anybody can ask for one.
    _turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(2))
    _hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _dummy: str = ""

    def all(self) -> Mapping[str, User]:
        """Every user by name.

        Raises:
            AccessError: the file is missing, unsafe or wrong.
        """
        with self._lock:
            try:
                status = self.path.stat()
            except FileNotFoundError:
                raise AccessError(
                    f"there is no users file {self.path}; make one with `python -m dashboard user add <name> --all`"
                ) from None
            state = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._cache is None or self._cache[0] != state:
                if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise AccessError(f"{self.path} can be read by others; run `chmod 600 {self.path}`")
                self._cache = (state, _read(self.path))
            return self._cache[1]

    def by_password(self, name: str, password: str) -> User | None:
        """The user of that name, if this is the password. An unknown name costs the same time as a wrong password."""
        user = self.all().get(name)
        with self._turns:
            if not self._dummy:
                self._dummy = self._hasher.hash(secrets.token_urlsafe(32))
            expected = user.password_hash if user and user.password_hash else self._dummy
            try:
                is_right = self._hasher.verify(expected, password[: MAXIMUM_PASSWORD + 1])
            except (VerificationError, InvalidHashError):
                return None
        return user if is_right and user and user.password_hash else None

    def by_token(self, text: str, now: datetime) -> tuple[User, Token] | None:
        """The user whose token this is, if it is one and has not expired."""
        found = _TOKEN.fullmatch(text)
        given = _hash_of(found[2] if found else "")
        match: tuple[User, Token] | None = None
        for user in self.all().values():
            for token in user.tokens:
                same_id = hmac.compare_digest(token.token_id, found[1] if found else "")
                if hmac.compare_digest(token.secret_hash, given) and same_id and now < token.expires_at:
                    match = (user, token)
        return match

    def add(self, name: str, scope: Scope, password: str | None) -> User:
        """Add a user; without a password, for tokens only."""
        _require_name(name)
        with self._changed() as users:
            if name in users:
                raise AccessError(f"there is a user {name} already; remove it first, or set its password or scope")
            user = User(name, scope, self._hashed(name, password) if password is not None else None, (), _now())
            users[name] = user
        return user

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password; all sessions of the old one end."""
        with self._changed() as users:
            users[name] = replace(_known(users, name), password_hash=self._hashed(name, password))

    def set_scope(self, name: str, scope: Scope) -> None:
        """Let a user see something else, from the next request on."""
        with self._changed() as users:
            users[name] = replace(_known(users, name), scope=scope)

    def remove(self, name: str) -> None:
        """Remove a user with all tokens."""
        with self._changed() as users:
            _known(users, name)
            del users[name]

    def add_token(self, name: str, purpose: str, days: int = TOKEN_DAYS) -> str:
        """Make a token for a user; the text that is returned is kept nowhere."""
        if not 1 <= days <= 3650:
            raise AccessError("a token lasts from 1 to 3650 days")
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        now = _now()
        token = Token(token_id, purpose[:80], _hash_of(secret), now, now + timedelta(days=days))
        with self._changed() as users:
            user = _known(users, name)
            users[name] = replace(user, tokens=(*user.tokens, token))
        return f"concord_{token_id}_{secret}"

    def remove_token(self, name: str, token_id: str) -> None:
        """Remove one token of a user."""
        with self._changed() as users:
            user = _known(users, name)
            kept = tuple(token for token in user.tokens if token.token_id != token_id)
            if len(kept) == len(user.tokens):
                raise AccessError(f"{name} has no token {token_id}")
            users[name] = replace(user, tokens=kept)

    def _hashed(self, name: str, password: str) -> str:
        if not MINIMUM_PASSWORD <= len(password) <= MAXIMUM_PASSWORD:
            raise AccessError(f"a password has from {MINIMUM_PASSWORD} to {MAXIMUM_PASSWORD} characters")
        if name in password.lower() or len(set(password)) < 5:
            raise AccessError("this password is too easy: it holds the user's name or hardly any different characters")
        return self._hasher.hash(password)

    @contextmanager
    def _changed(self) -> Iterator[dict[str, User]]:
        """The users, to be changed; written beside and renamed, one writer at a time."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            users = dict(self.all()) if self.path.exists() else {}
            yield users
            _write(self.path, users)
        finally:
            os.close(lock)


def _known(users: Mapping[str, User], name: str) -> User:
    if name not in users:
        raise AccessError(f"there is no user {name}; there are {', '.join(sorted(users)) or 'none'}")
    return users[name]


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AccessError(
            "a user's name has up to 64 small letters, digits, dots, dashes or underscores; it is no e-mail address,"
            " since it stands in the log"
        )


def _hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _read(path: Path) -> dict[str, User]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise AccessError(f"{path} cannot be read: {type(error).__name__}") from None
    if (
        not isinstance(content, dict)
        or content.get("version") != _VERSION
        or not isinstance(content.get("users"), dict)
    ):
        raise AccessError(f"{path} is no users file of version {_VERSION}")
    users = {}
    for name, record in content["users"].items():
        try:
            _require_name(name)
            users[name] = _user(name, record)
        except (AccessError, KeyError, TypeError, ValueError, AttributeError) as error:
            # What stands in the record is not repeated: it holds hashes.
            reason = str(error) if isinstance(error, (AccessError, ValueError)) else "a part of it is missing"
            raise AccessError(f"{path}: user {name!r} is wrong: {reason}") from None
    return users


def _user(name: str, record: Mapping[str, Any]) -> User:
    password_hash = record.get("password_hash")
    if password_hash is not None and not str(password_hash).startswith("$argon2id$"):
        raise ValueError("its password hash is not of argon2id")
    return User(
        name,
        read_scope(record["scope"]),
        password_hash,
        tuple(
            Token(
                token["token_id"],
                token["name"],
                token["secret_hash"],
                datetime.fromisoformat(token["created_at"]),
                datetime.fromisoformat(token["expires_at"]),
            )
            for token in record.get("tokens", [])
        ),
        datetime.fromisoformat(record["created_at"]) if record.get("created_at") else None,
    )


def _write(path: Path, users: Mapping[str, User]) -> None:
    content = {
        "version": _VERSION,
        "users": {
            user.name: {
                "scope": user.scope.as_record(),
                "password_hash": user.password_hash,
                "created_at": user.created_at.isoformat() if user.created_at else None,
                "tokens": [
                    {
                        "token_id": token.token_id,
                        "name": token.name,
                        "secret_hash": token.secret_hash,
                        "created_at": token.created_at.isoformat(),
                        "expires_at": token.expires_at.isoformat(),
                    }
                    for token in user.tokens
                ],
            }
            for user in sorted(users.values(), key=lambda user: user.name)
        },
    }
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
