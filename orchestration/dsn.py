"""The connection string of a PostgreSQL server: read, described and masked, so that its password is never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

_CONNECT_SECONDS = 10
_SECRETS = ("password", "sslpassword", "passfile", "oauth_client_secret")
_HOW = "give postgresql://user:password@host:5432/database, or host=… dbname=… user=…"
_MASK = "****"


class DsnError(ValueError):
    """The text is no connection string; the message does not repeat it, since it may hold a password."""


@dataclass(frozen=True)
class PostgresDsn:
    """A connection string in one of libpq's two forms. Its `str` and `repr` hold no password.

    Attributes:
        connection_string: As given; for the driver alone.
        parameters: Its parts by libpq's names, passwords left out.
        secrets: What must never be shown.
    """

    connection_string: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)

    def __str__(self) -> str:
        """`user@host:port/database`, as far as the string says so."""
        part = self.parameters.get
        user = f"{part('user')}@" if part("user") else ""
        place = part("host") or part("hostaddr") or (f"service {part('service')}" if part("service") else "localhost")
        port = f":{part('port')}" if part("port") else ""
        return self.mask(f"{user}{place}{port}/{part('dbname') or part('user') or ''}")

    def mask(self, text: str) -> str:
        """The text without the connection string and its passwords, should it hold them."""
        for secret in sorted({self.connection_string, *self.secrets, *_machine_secrets()}, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return text

    @property
    def with_timeout(self) -> str:
        """The connection string, with a limit to the time that connecting may take where it sets none itself."""
        if "connect_timeout" in self.parameters or "PGCONNECT_TIMEOUT" in os.environ:
            return self.connection_string
        if not _is_uri(self.connection_string):
            return f"{self.connection_string} connect_timeout={_CONNECT_SECONDS}"
        joint = "&" if "?" in _split_credentials(self.connection_string)[1] else "?"
        return f"{self.connection_string}{joint}connect_timeout={_CONNECT_SECONDS}"


def read_dsn(text: str) -> PostgresDsn:
    """Read a connection string.

    Raises:
        DsnError: it is none that libpq would take.
    """
    parts = _read_uri(text) if _is_uri(text) else _read_pairs(text)
    secrets = {value for name, value in parts if name in _SECRETS and value}
    # The password as it stands in the string may be written in another way than the password itself.
    secrets |= {raw for raw in _written_passwords(text) if raw}
    return PostgresDsn(text, {name: value for name, value in parts if name not in _SECRETS}, frozenset(secrets))


def _is_uri(text: str) -> bool:
    return text.startswith(("postgresql://", "postgres://"))


def _read_uri(text: str) -> list[tuple[str, str]]:
    credentials, rest = _split_credentials(text)
    place, _, query = rest.partition("?")
    if "@" in place:
        # libpq would take a part of the password for a host, and name it.
        raise DsnError(
            "is no PostgreSQL connection string: write @ as %40, / as %2F and : as %3A within user and password"
        )
    hosts, _, database = place.partition("/")
    host, port = hosts, ""
    if "," not in hosts:
        bracket = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", hosts)
        if bracket is None or (bracket[2] and not bracket[2].isdigit()):
            raise DsnError(f"is no PostgreSQL connection string: its host and port cannot be read; {_HOW}")
        host, port = bracket[1].strip("[]"), bracket[2] or ""
    user, _, password = credentials.partition(":")
    parts = [("user", user), ("password", password), ("host", host), ("port", port), ("dbname", database)]
    return [(name, unquote(value)) for name, value in parts if value] + parse_qsl(query)


def _split_credentials(text: str) -> tuple[str, str]:
    """What stands before the @ and after it, where there is one, by libpq's rule."""
    rest = text.partition("://")[2]
    credentials = re.match(r"([^@/]*)@", rest)
    return (credentials[1], rest[credentials.end() :]) if credentials else ("", rest)


def _read_pairs(text: str) -> list[tuple[str, str]]:
    pair = r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)"
    if not text.strip() or not re.fullmatch(rf"(?:{pair})+\s*", text):
        scheme = re.match(r"([A-Za-z][\w+.-]*)://", text)
        given = f" (it begins with {scheme[1]}://)" if scheme else ""
        raise DsnError(f"is no PostgreSQL connection string{given}; {_HOW}")
    return [
        (name.lower(), re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith("'") else value))
        for name, value in re.findall(pair, text)
    ]


def _written_passwords(text: str) -> list[str]:
    if not _is_uri(text):
        return re.findall(r"password\s*=\s*'((?:[^'\\]|\\.)*)'", text)
    credentials, rest = _split_credentials(text)
    return [credentials.partition(":")[2], *re.findall(r"[?&](?:ssl)?password=([^&]*)", rest)]


def _machine_secrets() -> set[str]:
    """What libpq takes from the environment where the string has no password."""
    return {os.environ[name] for name in ("PGPASSWORD",) if os.environ.get(name)}
