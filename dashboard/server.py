"""The server of the dashboard: the page of the newest build, the rows behind its figures, and what a figure means.

`create_app` makes the application, `serve` runs it under uvicorn. Everything but the login needs a session or a token.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import secrets
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import uvicorn
from markupsafe import escape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard.access import MAXIMUM_PASSWORD, AccessError, Users
from dashboard.access_sessions import same
from dashboard.drill_downs import DRILL_DOWNS, OPENS, DrillDown
from dashboard.drill_downs_query import (
    EXPORT_ROWS,
    OPERATORS,
    RequestRefusedError,
    RowRequest,
    export_query,
    next_cursor,
    page_query,
    read_request,
    require_offered,
    totals_query,
)
from dashboard.server_figures import scoped_tables
from dashboard.server_guard import Gate, Guard, Viewer, address_of, log
from dashboard.server_page_file import PageFile
from dashboard.server_passports import Passport, passport, passports
from dashboard.server_render import cell, csv_parts, export_cell, own_policy, style, templates
from dashboard.server_scoped_page import ScopedPages
from dashboard.server_settings import ServerSettings
from dashboard.server_warehouse import BuildFacts, Limits, Reader, Warehouse, WarehouseError
from orchestration.settings import SettingsError

_LOGIN_COOKIE = "concord_login"
_MAXIMUM_FORM = 8192
_LINKS = "core.dim_system_links"
# Comes first on the page, in the page's colours.
_BAR = (
    "<style>.session .inner{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding-top:.6rem;padding-bottom:.6rem;"
    "font-size:var(--size-s)}@media print{.session{display:none}}</style>"
    '<nav class="session" aria-label="Your session"><div class="inner"><!-- scope -->'
    '<a href="/figures">Figures by month</a> <a href="/rows">Rows</a>'
    ' <a href="/passport">Passports</a> <a href="/account">Account and log out</a></div></nav>'
)


@dataclass(frozen=True)
class RowAnswer:
    """A request for rows that was read and judged, and the build that answers it.

    Attributes:
        headers: what the answer carries in every form.
        count: rows that there are, over all pages.
        totals: sums over them, where sums mean something.
    """

    reader: Reader
    viewer: Viewer
    asked: RowRequest
    headers: dict[str, str]
    count: int
    totals: dict[str, Any]

    def page(self) -> tuple[Sequence[dict[str, Any]], str | None]:
        """The rows of the asked page, and the cursor of the next one."""
        return _page(self.asked, list(self.reader.each(page_query(self.asked, self.viewer.scope))))


class Dashboard:
    """The handlers of the application and what they share."""

    def __init__(self, settings: ServerSettings, gate: Gate, limits: Limits | None = None) -> None:
        self.settings, self.gate = settings, gate
        self.warehouse = Warehouse(settings.link, limits)
        self._started = secrets.token_hex(8)
        self.scoped_pages = ScopedPages()
        self.page = PageFile(settings.page, _BAR)

    def open(self) -> None:
        """Open the newest build ahead of the first request."""
        with self.warehouse.newest():
            self.page.newest()

    def routes(self) -> list[Route]:
        """All addresses that there are."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/figures", self.figures, methods=["GET"]),
            Route("/login", self.login_form, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/account", self.account, methods=["GET"]),
            Route("/rows", self.list_rows, methods=["GET"]),
            Route("/rows/{drill_down_id:str}.csv", self.export_csv, methods=["GET"]),
            Route("/rows/{drill_down_id:str}.json", self.rows_json, methods=["GET"]),
            Route("/rows/{drill_down_id:str}", self.rows, methods=["GET"]),
            Route("/passport", self.list_passports, methods=["GET"]),
            Route("/passport/{metric:str}", self.passport, methods=["GET"]),
        ]

    # --- the page -----------------------------------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        """The page. Who may see only a part of the company gets a page of that part, never the company's page."""
        viewer = _viewer(request)
        if viewer.scope.is_all:
            page = self.page.newest()
            if page is None:
                with self.warehouse.newest() as reader:
                    return self._html(request, "no_page.html", reader.facts, title="The page is not there yet")
        else:
            with self.warehouse.newest() as reader:
                sentence = f"<p><strong>Only {escape(str(viewer.scope))}.</strong></p>"
                page = self.scoped_pages.of(reader, viewer.scope, _BAR.replace("<!-- scope -->", sentence))
                if page is None:
                    return self._figures(request, reader, viewer)
        headers = {
            "ETag": page.etag,
            "Content-Security-Policy": page.policy,
            "Cache-Control": "private, no-cache",
            "X-Concord-Build": page.build_id,
            "Vary": "Accept-Encoding",
        }
        if _is_known(request, page.etag):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(page.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type="text/html")
        return Response(page.content, headers=headers, media_type="text/html")

    def figures(self, request: Request) -> Response:
        """The metrics by month, as much of them as the viewer may see, each opened to its rows."""
        viewer = _viewer(request)
        with self.warehouse.newest() as reader:
            return self._figures(request, reader, viewer)

    def _figures(self, request: Request, reader: Reader, viewer: Viewer) -> Response:
        tables, left_out = scoped_tables(reader, viewer.scope)
        return self._html(
            request,
            "figures.html",
            reader.facts,
            title="Figures by month" if viewer.scope.is_all else f"Your part: {viewer.scope}",
            tables=tables,
            left_out=left_out,
            listed=[drill_down for drill_down, refusal in self._offered(reader, viewer) if refusal is None],
        )

    # --- logging in and out -------------------------------------------------------------------------------------------

    def login_form(self, request: Request, error: str = "", status: int = 200, wait: float = 0) -> Response:
        """The form; its token is bound to a cookie, so that no other site can fill it in for somebody."""
        target = _own_target(request.query_params.get("next", "/"))
        if request.state.viewer is not None and not error:
            return RedirectResponse(target, 303)
        nonce = secrets.token_urlsafe(32)
        response = self._html(
            request,
            "login.html",
            None,
            title="Log in",
            status=status,
            error=error,
            action=f"/login?next={quote(target, safe='')}",
            form_token=self.gate.sessions.login_form_token(nonce),
        )
        if wait > 0:
            response.headers["Retry-After"] = str(int(wait) + 1)
        response.set_cookie(
            _LOGIN_COOKIE, nonce, max_age=1800, path="/login", secure=self.settings.is_secure, httponly=True,
            samesite="strict",
        )  # fmt: skip
        return response

    async def login(self, request: Request) -> Response:
        """Judge a name and a password."""
        form = await _form(request)
        nonce = request.cookies.get(_LOGIN_COOKIE, "")
        if not nonce or not same(form.get("form_token", ""), self.gate.sessions.login_form_token(nonce)):
            _note(request, event="login refused", refused="form token")
            return self.login_form(request, "This form had expired. Try again.", 403)
        name, password = form.get("user", "").strip(), form.get("password", "")
        return await run_in_threadpool(self._log_in, request, name, password)

    def _log_in(self, request: Request, name: str, password: str) -> Response:
        user_key = ("user", hashlib.sha256(name.encode()).hexdigest())
        address_key = ("address", address_of(request.scope))
        # A name that nobody has may be a password in the wrong field: it does not come into the log.
        known = name if name in self.gate.users.all() else "(unknown)"
        wait = self.gate.brake.attempt([user_key, address_key])
        if wait > 0:
            _note(request, event="login refused", attempted=known, refused="too many failures")
            return self.login_form(request, "Too many failed attempts. Wait a little and try again.", 429, wait)
        user = self.gate.users.by_password(name, password) if len(password) <= MAXIMUM_PASSWORD else None
        if user is None:
            _note(request, event="login refused", attempted=known, refused="name or password")
            return self.login_form(request, "This name and this password do not belong together.", 401)
        self.gate.brake.succeeded(user_key, [address_key])
        if request.state.viewer is not None:
            self.gate.sessions.end(request.state.viewer.session_secret)
        secret = self.gate.sessions.begin(user)
        _note(request, event="login", user=user.name)
        response = RedirectResponse(_own_target(request.query_params.get("next", "/")), 303)
        response.set_cookie(
            self.gate.cookie, secret, path="/", secure=self.settings.is_secure, httponly=True, samesite="strict",
            max_age=int(self.gate.sessions.longest_seconds),
        )  # fmt: skip
        response.delete_cookie(_LOGIN_COOKIE, path="/login", httponly=True, samesite="strict")
        return response

    async def logout(self, request: Request) -> Response:
        """End the session, here and in the browser's cache."""
        viewer = _viewer(request)
        form = await _form(request)
        if viewer.session is None or not same(form.get("form_token", ""), viewer.session.form_token):
            _note(request, event="logout refused", refused="form token")
            raise HTTPException(403, "This form does not belong to your session.")
        self.gate.sessions.end(viewer.session_secret)
        _note(request, event="logout")
        response = RedirectResponse("/login", 303)
        response.delete_cookie(
            self.gate.cookie, path="/", secure=self.settings.is_secure, httponly=True, samesite="strict"
        )
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def account(self, request: Request) -> Response:
        """Who is logged in, what that user sees, and the way out."""
        viewer = _viewer(request)
        return self._html(
            request,
            "account.html",
            None,
            title="Account",
            form_token=viewer.session.form_token if viewer.session else None,
        )

    # --- rows ---------------------------------------------------------------------------------------------------------

    def list_rows(self, request: Request) -> Response:
        """All row queries that this build can answer for this viewer."""
        viewer = _viewer(request)
        with self.warehouse.newest() as reader:
            offered = self._offered(reader, viewer)
            return self._html(
                request,
                "list_rows.html",
                reader.facts,
                title="Rows",
                listed=[drill_down for drill_down, refusal in offered if refusal is None],
                refused=[(drill_down, refusal) for drill_down, refusal in offered if refusal is not None],
            )

    def rows(self, request: Request) -> Response:
        """One page of rows."""
        return self._answered(request, self._rows_page)

    def rows_json(self, request: Request) -> Response:
        """One page of rows for machines."""
        return self._answered(request, self._rows_as_json)

    def export_csv(self, request: Request) -> Response:
        """All rows of a request as a file, up to a cap that its name tells."""
        return self._answered(request, self._rows_as_csv)

    def _answered(self, request: Request, answer: Callable[[Request, RowAnswer], Response]) -> Response:
        """What every form of rows begins with: the request is read and judged, and what the viewer has is not sent."""
        viewer, asked = self._asked(request)
        with self.warehouse.newest() as reader:
            self._require_tables(reader, asked.drill_down)
            headers = self._row_headers(request, reader.facts, viewer)
            if _is_known(request, headers["ETag"]):
                return Response(status_code=304, headers=headers)
            (totals,) = reader.each(totals_query(asked, viewer.scope))
            return answer(request, RowAnswer(reader, viewer, asked, headers, totals.pop("all_rows"), totals))

    def _rows_page(self, request: Request, found: RowAnswer) -> Response:
        asked = found.asked
        rows, following = found.page()
        shown = [column for column in asked.drill_down.all_columns if column.is_shown]
        base = f"/rows/{asked.drill_down.drill_down_id}"
        return self._html(
            request,
            "rows.html",
            found.reader.facts,
            title=asked.drill_down.title,
            headers=found.headers,
            asked=asked,
            base=base,
            shown=shown,
            notes=_notes(found.reader, asked.drill_down),
            rows=[[_written(column, row) for column in shown] for row in rows],
            records=_records(found.reader, asked.drill_down, rows),
            count=found.count,
            totals=[
                (asked.drill_down.column(name), value) for name, value in found.totals.items() if value is not None
            ],
            chips=[
                (condition.sentence, _link(base, asked, without=condition.column.name, operator=condition.operator))
                for condition in asked.conditions
            ],
            sorts={
                column.name: _link(
                    base,
                    asked,
                    sort=("-" if asked.sort == column and not asked.is_descending else "") + column.name,
                )
                for column in shown
            },
            fields=_fields(asked, shown),
            first=_link(base, asked) if asked.after is not None else None,
            next=_link(base, asked, after=following) if following else None,
            csv=_link(f"{base}.csv", asked),
            export_rows=EXPORT_ROWS,
        )

    def _rows_as_json(self, request: Request, found: RowAnswer) -> Response:
        rows, following = found.page()
        return JSONResponse(
            {
                "build_id": found.reader.facts.build_id,
                "rows_of": found.asked.drill_down.drill_down_id,
                "count": found.count,
                "totals": {name: _plain(value) for name, value in found.totals.items()},
                "rows": [{name: _plain(value) for name, value in row.items()} for row in rows],
                "next": _link(request.url.path, found.asked, after=following) if following else None,
            },
            headers=found.headers,
        )

    def _rows_as_csv(self, request: Request, found: RowAnswer) -> Response:
        asked, reader = found.asked, found.reader
        # Made whole before it is sent: what fails, fails with a status, never as a file that ends too early.
        content = b"".join(
            csv_parts(asked.drill_down.all_columns, reader.each(export_query(asked, found.viewer.scope)))
        )
        capped = f"-first-{EXPORT_ROWS}" if found.count > EXPORT_ROWS else ""
        name = f"concord-{asked.drill_down.drill_down_id}-{reader.facts.build_id}{capped}.csv"
        headers = found.headers | {
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Concord-Rows": str(found.count),
        }
        return Response(content, headers=headers, media_type="text/csv; charset=utf-8")

    def _asked(self, request: Request) -> tuple[Viewer, RowRequest]:
        viewer = _viewer(request)
        drill_down = DRILL_DOWNS.get(request.path_params["drill_down_id"])
        if drill_down is None:
            raise RequestRefusedError(f"there are no such rows; known are {', '.join(DRILL_DOWNS)}", 404)
        require_offered(drill_down, viewer.scope)
        return viewer, read_request(drill_down, _pairs(request))

    def _offered(self, reader: Reader, viewer: Viewer) -> list[tuple[DrillDown, str | None]]:
        offered: list[tuple[DrillDown, str | None]] = []
        for drill_down in DRILL_DOWNS.values():
            if not reader.has(drill_down.tables):
                continue
            try:
                require_offered(drill_down, viewer.scope)
                offered.append((drill_down, None))
            except RequestRefusedError as refusal:
                offered.append((drill_down, str(refusal)))
        return offered

    def _require_tables(self, reader: Reader, drill_down: DrillDown) -> None:
        if not reader.has(drill_down.tables):
            raise RequestRefusedError(f"the present build has no {drill_down.title.lower()}", 404)

    def _row_headers(self, request: Request, facts: BuildFacts, viewer: Viewer) -> dict[str, str]:
        # Another process may write its pages otherwise.
        url = request.url
        said = f"{self._started}\n{facts.build_id}\n{viewer.user.name}\n{viewer.scope}\n{url.path}?{url.query}"
        return {
            "ETag": f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"',
            "Cache-Control": "private, no-cache",
            "X-Concord-Build": facts.build_id,
        }

    # --- passports ----------------------------------------------------------------------------------------------------

    def list_passports(self, request: Request) -> Response:
        """All metrics of the present build."""
        _viewer(request)
        with self.warehouse.newest() as reader:
            return self._html(
                request, "list_passports.html", reader.facts, title="Passports", metrics=passports(reader)
            )

    def passport(self, request: Request) -> Response:
        """What a metric means, where it comes from and how far it can be trusted now."""
        viewer = _viewer(request)
        with self.warehouse.newest() as reader:
            found: Passport | None = passport(reader, request.path_params["metric"], viewer.scope)
            if found is None:
                raise RequestRefusedError("there is no such metric; the list of passports has them all", 404)
            return self._html(request, "passport.html", reader.facts, title=found.label, passport=found)

    # --- what all share -----------------------------------------------------------------------------------------------

    def _html(
        self,
        request: Request,
        template: str,
        facts: BuildFacts | None,
        *,
        title: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        text = (
            templates()
            .get_template(template)
            .render(title=title, build=facts, viewer=request.state.viewer, style=style(), **values)
        )
        return HTMLResponse(
            text,
            status,
            {
                "Content-Security-Policy": own_policy(),
                **({"X-Concord-Build": facts.build_id} if facts else {}),
                **(headers or {}),
            },
        )

    def refuse(self, request: Request, error: Exception) -> Response:
        """An answer to what is not offered, in words: a page for people, a line for machines."""
        status = getattr(error, "status", getattr(error, "status_code", 500))
        message = str(error.detail) if isinstance(error, HTTPException) else str(error)
        if isinstance(error, AccessError):
            status, message = 503, "the users file cannot be used now"
        elif status == 404 and isinstance(error, HTTPException):
            message = "there is no such page"
        message = message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
        # The message may repeat what was asked for; the log has only that it was refused, and why it can be.
        _note(request, refused=f"{type(error).__name__} {status}")
        headers = {"Retry-After": "5"} if status == 503 else {}
        if "text/html" in request.headers.get("accept", "") and getattr(request.state, "viewer", None) is not None:
            titles = {400: "This cannot be read", 403: "Not yours to see", 404: "Not here"}
            title = titles.get(status, "Not now" if status >= 500 else "Refused")
            return self._html(
                request, "refused.html", None, title=title, status=status, headers=headers, message=message
            )
        return PlainTextResponse(message + "\n", status, headers)


def create_app(settings: ServerSettings, gate: Gate | None = None, limits: Limits | None = None) -> Guard:
    """The whole application behind its guard.

    Args:
        settings: what is served, and to whom.
        gate: users, sessions and brakes; made from the settings where it is not given.
        limits: what queries may take.
    """
    gate = gate or Gate(settings, Users(settings.users))
    dashboard = Dashboard(settings, gate, limits)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        # The first viewer should not wait for the file to be opened; where there is none yet, pages will say so.
        with contextlib.suppress(WarehouseError):
            await run_in_threadpool(dashboard.open)
        yield
        dashboard.warehouse.close()

    refused = (RequestRefusedError, WarehouseError, HTTPException, AccessError)
    app = Starlette(
        routes=dashboard.routes(),
        exception_handlers=dict.fromkeys(refused, dashboard.refuse),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Guard(app, gate)


def serve(settings: ServerSettings) -> None:
    """Serve until stopped.

    Raises:
        SettingsError: nobody could log in.
    """
    users = Users(settings.users)
    try:
        if not users.all():
            raise AccessError(f"{settings.users} has no user; add one with `python -m dashboard user add <name> --all`")
    except AccessError as error:
        raise SettingsError(str(error)) from None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    for warning in warnings_of(settings):
        log.warning(json.dumps({"event": "warning", "message": warning}))
    config = uvicorn.Config(
        create_app(settings, Gate(settings, users)),
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        access_log=False,
        server_header=False,
        log_level="warning",
        http="h11",
        ws="none",
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        limit_concurrency=200,
        backlog=256,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=16_384,
    )
    _Server(config, settings).run()


class _Server(uvicorn.Server):
    """Says where it can be reached, once it can be."""

    def __init__(self, config: uvicorn.Config, settings: ServerSettings) -> None:
        super().__init__(config)
        self.settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                scheme = "https" if self.settings.certificate else "http"
                url = self.settings.url or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
                log.info(json.dumps({"event": "serving", "url": url, "port": port}))
                sys.stdout.write(f"The dashboard is at {url}; stop it with Ctrl+C.\n")
                sys.stdout.flush()


def warnings_of(settings: ServerSettings) -> list[str]:
    """What whoever starts the server should know."""
    warnings = []
    if not settings.is_loopback and not settings.is_secure:
        warnings.append(
            "other machines reach this server without TLS: passwords and figures can be read on the way; set"
            " CONCORD_DASHBOARD_CERTIFICATE and CONCORD_DASHBOARD_KEY, or a proxy with TLS and an https"
            " CONCORD_DASHBOARD_URL"
        )
    if not settings.link.is_symlink():
        warnings.append(f"{settings.link} is not there yet: pages say so until the main job has published")
    return warnings


def _viewer(request: Request) -> Viewer:
    viewer = request.state.viewer
    assert viewer is not None, "the guard lets nobody in without a user"
    return viewer


def _note(request: Request, **facts: Any) -> None:
    request.state.line.update(facts)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; each once."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send a form.")
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MAXIMUM_FORM:
            raise HTTPException(413, "This form is too large.")
    try:
        pairs = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError:
        raise HTTPException(400, "This form cannot be read.") from None
    return dict(pairs)


def _pairs(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=200, errors="strict")
    except ValueError:
        raise RequestRefusedError("the parameters cannot be read") from None


def _own_target(text: str) -> str:
    """Where to go after the login: an address of our own, never of another site."""
    parts = urlsplit(text)
    is_own = not parts.scheme and not parts.netloc and text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_own and text.isprintable() and "\\" not in text and len(text) <= 2000 else "/"


def _is_known(request: Request, etag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return etag in {part.strip().removeprefix("W/") for part in given.split(",")}


def _page(asked: RowRequest, found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str | None]:
    rows = found[: asked.size]
    return rows, next_cursor(asked, rows[-1]) if len(found) > asked.size else None


def _link(
    base: str,
    asked: RowRequest,
    *,
    without: str | None = None,
    operator: str = "",
    sort: str | None = None,
    after: str | None = None,
) -> str:
    left_out = None if without is None else without + (f".{operator}" if operator else "")
    pairs = [pair for pair in asked.pairs if pair[0] != left_out]
    order = sort or asked.order
    if order != asked.drill_down.order:
        pairs.append(("sort", order))
    if asked.size != 50:
        pairs.append(("size", str(asked.size)))
    if after:
        pairs.append(("after", after))
    return base + (f"?{urlencode(pairs)}" if pairs else "")


def _notes(reader: Reader, drill_down: DrillDown) -> dict[str, str]:
    """What the published file says of each column."""
    return {
        column.name: reader.comments.get(f"{drill_down.tables[0]}.{column.name}", "")
        for column in drill_down.all_columns
    }


def _written(column: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    value = row[column.name]
    opens = OPENS.get(column.name)
    return {
        "text": cell(value, column.kind),
        "kind": column.kind,
        "link": f"/rows/{opens}?{urlencode({column.name: value})}" if opens and value is not None else None,
    }


def _records(reader: Reader, drill_down: DrillDown, rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """For each row the address of its record in the system that it comes from, where a pattern for it is agreed."""
    columns = [column.name for column in drill_down.record_columns]
    patterns = {}
    if columns and reader.has([_LINKS]):
        patterns = {
            (link["system"], link["object"]): link["url_pattern"]
            for link in reader.rows(f"select system, object, url_pattern from {_LINKS} order by system, object")
        }
    return [_record(patterns, [row[name] for name in columns]) for row in rows]


def _record(patterns: Mapping[tuple[Any, Any], str], record: Sequence[Any]) -> str | None:
    pattern = patterns.get((record[0], record[1])) if record else None
    if pattern is None or record[2] is None or not pattern.startswith(("https://", "http://")):
        return None
    return pattern.replace("{record_id}", quote(str(record[2]), safe=""))


def _plain(value: Any) -> Any:
    """A value for JSON: numbers that JSON would round are written as texts."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else export_cell(value)


def _fields(asked: RowRequest, shown: Sequence[Any]) -> list[dict[str, Any]]:
    """The fields of the form that narrows the rows, with what is asked already."""
    given: dict[str, list[str]] = {}
    for name, value in asked.pairs:
        given.setdefault(name, []).append(value)
    fields = []
    for column in shown:
        ranged = column.kind not in {"text", "flag"}
        for operator in ("from", "before") if ranged else ("",):
            name = column.name + (f".{operator}" if operator else "")
            values = given.pop(name, [])
            fields.append(
                {
                    "name": name,
                    "label": f"{column.label} {OPERATORS[operator]}" if operator else column.label,
                    "kind": column.kind,
                    "value": values[0] if values else "",
                    "more": values[1:],
                }
            )
    hidden = [(name, value) for name, values in given.items() for value in values]
    return [*fields, *({"name": name, "kind": "hidden", "value": value, "more": []} for name, value in hidden)]
