"""What stands before every page: whose request it is, whether it may pass, its log line, its headers."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import AccessError, User, Users
from dashboard.access_scopes import Scope as ViewerScope
from dashboard.access_sessions import Brake, Session, Sessions
from dashboard.server_settings import ServerSettings

log = logging.getLogger("concord.dashboard")

# Longer queries are refused; the address of a figure's rows has some hundred characters.
MAXIMUM_QUERY, MAXIMUM_PATH = 8192, 300
OPEN_PATHS = frozenset({"/login"})
_METHODS = frozenset({"GET", "HEAD", "POST"})
_HOST = re.compile(r"(?:\[([0-9a-fA-F:]{2,45})\]|([A-Za-z0-9.-]{1,253}))(?::([0-9]{1,5}))?")
_PARAMETER = re.compile(r"[a-z_]{1,40}(\.[a-z]{1,10})?")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
# What holds for every answer that does not bring a policy of its own.
STRICTEST_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Viewer:
    """Whose request it is.

    Attributes:
        user: the user.
        session: the session of a browser, None of a machine.
        session_secret: that session's secret.
        token_id: the token of a machine, None of a browser.
    """

    user: User
    session: Session | None = None
    session_secret: str = ""
    token_id: str | None = None

    @property
    def scope(self) -> ViewerScope:
        """What the viewer may see."""
        return self.user.scope


@dataclass
class Gate:
    """What decides about requests: the users, their sessions, and the brake on guesses."""

    settings: ServerSettings
    users: Users
    sessions: Sessions = field(default_factory=Sessions)
    brake: Brake = field(default_factory=Brake)
    token_brake: Brake = field(default_factory=lambda: Brake(free={"address": 100}))

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; the prefix makes browsers refuse one that another host set."""
        return "__Host-concord" if self.settings.is_secure else "concord"


class _RefusalError(Exception):
    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app, self.gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request, pass it on or refuse it, and log it in either case."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        began = time.perf_counter()
        line: dict[str, Any] = {"request": secrets.token_hex(6), "user": None}
        scope.setdefault("state", {})["line"] = line
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(MutableHeaders(raw=message.setdefault("headers", [])), line, status)
            await send(message)

        try:
            try:
                scope["state"]["viewer"] = self._judge(scope, line)
            except _RefusalError as refusal:
                line["refused"] = str(refusal)
                response = Response(f"{refusal}\n", refusal.status, refusal.headers, "text/plain")
                await response(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
        except Exception as error:
            # The message may hold values of the request or of the file; where it happened does not.
            line["error"] = type(error).__name__
            line["at"] = _places(error)
            if status:
                raise
            text = f"The server failed at this request; its log has it under {line['request']}.\n"
            await Response(text, 500, media_type="text/plain")(scope, receive, answer)
        finally:
            self._write(scope, line, status, time.perf_counter() - began)

    def _judge(self, scope: Scope, line: dict[str, Any]) -> Viewer | None:
        headers = Headers(scope=scope)
        self._require_host(headers.getlist("host"))
        if scope["method"] not in _METHODS:
            raise _RefusalError(405, "This method is not offered.", {"Allow": "GET, HEAD, POST"})
        if scope["method"] == "POST":
            self._require_same_origin(headers)
        try:
            viewer = self._viewer(scope, headers, line)
        except AccessError as error:
            log.error(json.dumps({"event": "users file", "message": str(error)}))
            raise _RefusalError(503, "Nobody can be let in now: the users file cannot be used.") from None
        if viewer is not None:
            line["user"] = viewer.user.name
            if viewer.token_id:
                line["token"] = viewer.token_id
        elif scope["path"] not in OPEN_PATHS:
            raise self._unknown(scope, headers)
        path = scope["path"]
        if len(scope["query_string"]) > MAXIMUM_QUERY or len(path) > MAXIMUM_PATH:
            raise _RefusalError(414, "This address is too long.")
        if not path.isprintable() or "\\" in path or any(part in {".", ".."} for part in path.split("/")):
            raise _RefusalError(400, "This is no address of the dashboard.")
        return viewer

    def _viewer(self, scope: Scope, headers: Headers, line: dict[str, Any]) -> Viewer | None:
        authorizations = headers.getlist("authorization")
        if authorizations:
            return self._by_token(scope, authorizations, line)
        secret = cookie_parser(headers.get("cookie", "")).get(self.gate.cookie)
        session = self.gate.sessions.find(secret) if secret else None
        if session is None or secret is None:
            return None
        user = self.gate.users.all().get(session.user_name)
        if user is None or user.credential != session.credential:
            self.gate.sessions.end(secret)
            return None
        return Viewer(user, session, secret)

    def _by_token(self, scope: Scope, authorizations: list[str], line: dict[str, Any]) -> Viewer:
        key = ("address", address_of(scope))
        wait = self.gate.token_brake.attempt([key])
        if wait > 0:
            raise _RefusalError(
                429, "Too many wrong tokens came from this address.", {"Retry-After": str(int(wait) + 1)}
            )
        scheme, _, text = authorizations[0].partition(" ")
        found = None
        if len(authorizations) == 1 and scheme.lower() == "bearer":
            found = self.gate.users.by_token(text.strip(), datetime.now(UTC))
        if found is None:
            line["event"] = "wrong token"
            raise _RefusalError(401, "This token is wrong, expired or removed.", {"WWW-Authenticate": "Bearer"})
        self.gate.token_brake.succeeded(("none", ""), [key])
        user, token = found
        return Viewer(user, token_id=token.token_id)

    def _unknown(self, scope: Scope, headers: Headers) -> _RefusalError:
        """People are led to the login; machines are told."""
        if scope["method"] in {"GET", "HEAD"} and "text/html" in headers.get("accept", ""):
            target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            suffix = f"?next={quote(target, safe='/')}" if target != "/" and len(target) <= 2000 else ""
            return _RefusalError(303, "Log in first.", {"Location": f"/login{suffix}"})
        return _RefusalError(401, "Log in, or bring a token.", {"WWW-Authenticate": "Bearer"})

    def _require_host(self, given: list[str]) -> None:
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if found is None or (found[1] or found[2]).lower().rstrip(".") not in self.gate.settings.hosts:
            raise _RefusalError(421, "The dashboard does not answer under this name.")

    def _require_same_origin(self, headers: Headers) -> None:
        """A form comes from our own page, or not from a browser."""
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin")
        if site not in {"same-origin", "none"} or (
            origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        ):
            raise _RefusalError(403, "This form came from another site.")

    def _add_headers(self, headers: MutableHeaders, line: Mapping[str, Any], status: int) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if status != 304:
            # A 304 renews the headers of what the browser has: the policy that came with it stays.
            headers.setdefault("Content-Security-Policy", STRICTEST_POLICY)
        headers.setdefault("Cache-Control", "private, no-store")
        headers.add_vary_header("Cookie")
        headers.add_vary_header("Authorization")
        headers["X-Request-Id"] = str(line["request"])
        if self.gate.settings.is_secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")

    def _write(self, scope: Scope, line: dict[str, Any], status: int, seconds: float) -> None:
        """One line a request. Values of parameters are left out, and so is everything that was typed."""
        names = {part.partition("=")[0] for part in scope["query_string"].decode("latin-1").split("&")} - {""}
        entry = {
            "event": line.pop("event", "request"),
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "address": address_of(scope),
            "method": scope["method"],
            "path": _cut(scope["path"]),
            "parameters": sorted({name if _PARAMETER.fullmatch(name) else "(other)" for name in names})[:30],
            "status": status,
            "seconds": round(seconds, 3),
            **({"error_at": line.pop("at")} if "at" in line else {}),
            **line,
        }
        level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
        log.log(level, json.dumps(entry))


def address_of(scope: Scope) -> str:
    """Where the request comes from, as the connection or a believed proxy says."""
    return scope["client"][0] if scope.get("client") else "unknown"


def _cut(text: str) -> str:
    """A word of the request as it may stand in the log: short, and nothing that looks like an address or a secret."""
    text = re.sub(r"[^\s/@]+@[^\s/]+", "(address)", text)
    text = re.sub(r"concord_[0-9a-f]{16}_[A-Za-z0-9_-]+", "(token)", text)
    return text if len(text) <= 80 else text[:80] + "…"


def _places(error: BaseException) -> list[str]:
    places, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-6:]
