"""Weekly digests by role, made from the figures of the page: mail with pictures inline and plain text, wins first.

They are always written to `digests/<ISO week>/`. Where a mail server or a webhook is set, each week's digest is sent
once, by the first build of the week; what was sent is remembered beside the mail. A digest that cannot be sent is an
error: it was asked for. Neither passwords nor addresses appear in errors.
"""

from __future__ import annotations

import copy
import json
import os
import smtplib
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any

import yaml

from dashboard import charts
from dashboard.figures import PanelFigures, Piece
from dashboard.page import Content
from dashboard.spec import Alternative, Panel, SpecError, read_clause

SPEC = Path(__file__).with_name("digests.yml")
SECONDS_TO_SEND = 30
ROLES = ("leadership", "marketing", "sales")


class DigestError(Exception):
    """A digest cannot be made or sent; the message says which, and never holds a password or an address."""


@dataclass(frozen=True)
class Line:
    """A sentence about a panel, said where its condition holds."""

    panel: str
    wording: Alternative


@dataclass(frozen=True)
class Digest:
    """What a role is told."""

    role: str
    title: str
    wins: tuple[Line, ...]
    attention: tuple[Line, ...]
    panels: tuple[str, ...]


@dataclass(frozen=True)
class Delivery:
    """Where digests are sent.

    Attributes:
        smtp: `smtp://` (with STARTTLS) or `smtps://`, user and password in it where the server wants them.
        sender: the address that they come from.
        recipients: addresses by role.
        webhook: an https address that gets each digest as JSON: role, subject, text.
    """

    smtp: str | None = None
    sender: str | None = None
    recipients: Mapping[str, tuple[str, ...]] | None = None
    webhook: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything is to be sent at all."""
        return bool(self.smtp or self.webhook)


def read_delivery(environment: Mapping[str, str]) -> Delivery:
    """Where to send, from the environment.

    Raises:
        DigestError: naming the setting that is missing or unusable, not its value.
    """
    given = {name: value for name in _SETTINGS if (value := environment.get(f"CONCORD_DIGEST_{name}", "").strip())}
    recipients: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (part.strip() for part in given.get("TO", "").split(";"))):
        role, _, addresses = part.partition("=")
        if role.strip() not in ROLES or not addresses:
            raise DigestError(
                f"CONCORD_DIGEST_TO must read role=address,address;role=address with the roles {', '.join(ROLES)}"
            )
        recipients[role.strip()] = tuple(filter(None, (address.strip() for address in addresses.split(","))))
    if "SMTP" in given:
        if urllib.parse.urlsplit(given["SMTP"]).scheme not in {"smtp", "smtps"}:
            raise DigestError("CONCORD_DIGEST_SMTP must begin with smtp:// or smtps://")
        for name, found in (("FROM", given.get("FROM")), ("TO", recipients)):
            if not found:
                raise DigestError(f"CONCORD_DIGEST_SMTP is set, and CONCORD_DIGEST_{name} is not")
    elif "FROM" in given or recipients:
        raise DigestError("CONCORD_DIGEST_FROM and CONCORD_DIGEST_TO need CONCORD_DIGEST_SMTP")
    if "WEBHOOK" in given and urllib.parse.urlsplit(given["WEBHOOK"]).scheme != "https":
        raise DigestError("CONCORD_DIGEST_WEBHOOK must begin with https://")
    return Delivery(given.get("SMTP"), given.get("FROM"), recipients, given.get("WEBHOOK"))


_SETTINGS = ("SMTP", "FROM", "TO", "WEBHOOK")


def read_digests(path: Path = SPEC) -> tuple[Digest, ...]:
    """The digests' spec.

    Raises:
        SpecError: naming file and role.
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    if set(raw) != set(ROLES):
        raise SpecError(f"{path.name}: has {', '.join(raw)}; wanted are {', '.join(ROLES)}")
    digests = []
    for role, given in raw.items():
        unknown = set(given) - {"title", "wins", "attention", "panels"}
        if unknown:
            raise SpecError(f"{path.name}: {role} has unknown keys {', '.join(sorted(unknown))}")

        def lines(key: str, role: str = role, given: Mapping[str, Any] = given) -> tuple[Line, ...]:
            return tuple(
                Line(
                    str(line["panel"]),
                    read_clause({k: v for k, v in line.items() if k != "panel"}, path.name, f"{role}.{key}[{number}]"),
                )
                for number, line in enumerate(given.get(key, []))
            )

        digests.append(
            Digest(role, str(given["title"]), lines("wins"), lines("attention"), tuple(given.get("panels", [])))
        )
    return tuple(digests)


def week_of(content: Content) -> str:
    """The ISO week that a build belongs to, `2026-W27`."""
    year, week, _ = content.header.as_of.isocalendar()
    return f"{year}-W{week:02d}"


def _said(line: Line, shown: Mapping[str, PanelFigures]) -> str | None:
    figures = shown.get(line.panel)
    if figures is None:
        return None
    try:
        pieces = figures.say(((line.wording,),))
    except KeyError:
        # The panel was changed and has no such view any more: a test of the spec says so.
        return None
    return "".join(piece.text for piece in pieces) or None


def make_mail(digest: Digest, content: Content) -> EmailMessage:
    """The digest of a role as mail to nobody yet: plain text, and HTML with its pictures inline."""
    import css_inline

    state = content.first_state
    panels: dict[str, Panel] = {panel.id: panel for panel in content.panels if panel.id in content.data}
    shown = {name: content.show(panel, state) for name, panel in panels.items()}
    wins = [text for line in digest.wins if (text := _said(line, shown))]
    attention = [text for line in digest.attention if (text := _said(line, shown))]
    header = content.header
    marks = [
        *(["DEMO"] if header.is_demo else []),
        *(["PROVISIONAL: not signed by both teams"] if header.is_provisional else []),
        *([f"stale: {', '.join(header.stale)}"] if header.stale else []),
    ]
    until = f"Data until {header.as_of:%d %b %Y, %H:%M} UTC, build {header.build_id}."
    subject = f"{'[DEMO] ' if header.is_demo else ''}{digest.title}, {week_of(content)}"
    text = [subject, "", *(f"({mark})" for mark in marks), until, ""]
    html = [f"<p class='marks'>{escape(' · '.join([*marks, until]))}</p>", f"<h1>{escape(digest.title)}</h1>"]
    for title, found in (("Wins", wins), ("Needs attention", attention)):
        if found:
            text += [title.upper(), *(f"- {line}" for line in found), ""]
            html.append(f"<h2>{title}</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in found)}</ul>")
    pictures: list[tuple[str, bytes]] = []
    for name in digest.panels:
        if name not in shown:
            continue
        panel, figures = panels[name], shown[name]
        said = (_text(figures.say(clauses)) for clauses in (panel.sentence, panel.support))
        sentence = panel.empty if figures.is_empty else " ".join(filter(None, said))
        text += [panel.title.upper(), sentence, ""]
        html.append(f"<h2>{escape(panel.title)}</h2><p>{escape(sentence)}</p>")
        for chart in panel.charts[:1]:
            partial = content.calendar.partial_month
            drawing = charts.model(
                chart, figures.shown[chart.view], content.currency, partial.isoformat() if partial else None
            )
            if drawing.marks:
                picture = f"{name}@concord"
                pictures.append((picture, charts.picture(drawing)))
                html.append(f"<p class='title'>{escape(chart.title)}</p>")
                html.append(f"<img src='cid:{picture}' alt='{escape(chart.title)}' width='520'>")
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["Date"] = format_datetime(header.as_of.replace(tzinfo=UTC))
    mail["Message-ID"] = f"<{header.build_id}.{digest.role}@concord.invalid>"
    mail.set_content("\n".join(text))
    page = f"<!doctype html><html lang='en'><head><style>{_STYLE}</style></head><body>{''.join(html)}</body></html>"
    mail.add_alternative(css_inline.inline(page), subtype="html")
    for picture, content_ in pictures:
        mail.get_payload()[1].add_related(content_, "image", "png", cid=f"<{picture}>", disposition="inline")
    return mail


_STYLE = (
    "body{font-family:system-ui,sans-serif;font-size:15px;line-height:1.5;color:#1c2430;max-width:600px;padding:16px}"
    "h1{font-size:22px;margin:8px 0}h2{font-size:15px;margin:20px 0 4px}p,ul{margin:0 0 8px}ul{padding-left:20px}"
    ".marks,.title{font-size:13px;color:#566070}img{max-width:100%;height:auto}"
)


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


Send = Callable[[EmailMessage, str], None]


def write_digests(content: Content, folder: Path, delivery: Delivery | None = None) -> list[Path]:
    """Write the week's digests, and send those that were not sent yet, where that is set.

    Raises:
        DigestError: a digest could not be sent; the others were tried.
    """
    delivery = delivery or Delivery()
    week = folder / week_of(content)
    week.mkdir(parents=True, exist_ok=True)
    paths, failed = [], []
    for digest in read_digests():
        recipients = (delivery.recipients or {}).get(digest.role, ())
        mail = make_mail(digest, content)
        path = week / f"{digest.role}.eml"
        draft = path.with_name(f".{path.name}.tmp")
        draft.write_bytes(bytes(mail))
        draft.replace(path)
        paths.append(path)
        for way, wanted, send in (
            ("mail", delivery.smtp and recipients, _send_mail),
            ("webhook", delivery.webhook, _send_webhook),
        ):
            sent = week / f"{digest.role}.{way}.sent"
            if not wanted or sent.exists():
                continue
            try:
                send(mail, digest.role, delivery)
            except (OSError, smtplib.SMTPException, urllib.error.URLError) as error:
                # The error's own words may hold the address or what the server said of the password.
                failed.append(f"{digest.role} by {way} ({type(error).__name__})")
                continue
            sent.write_text(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} build {content.header.build_id}\n")
    if failed:
        raise DigestError(f"written to {week}, but could not be sent: {', '.join(failed)}")
    return paths


def _send_mail(mail: EmailMessage, role: str, delivery: Delivery) -> None:
    address = urllib.parse.urlsplit(str(delivery.smtp))
    context = ssl.create_default_context()
    host, secure = address.hostname or "localhost", address.scheme == "smtps"
    if secure:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, address.port or 465, timeout=SECONDS_TO_SEND, context=context)
    else:
        server = smtplib.SMTP(host, address.port or 587, timeout=SECONDS_TO_SEND)
    with server:
        # A password goes over the wire encrypted or not at all; a relay on this machine needs neither.
        if not secure and (address.username or host not in {"localhost", "127.0.0.1", "::1"}):
            server.starttls(context=context)
        if address.username:
            server.login(urllib.parse.unquote(address.username), urllib.parse.unquote(address.password or ""))
        server.send_message(_addressed(mail, role, delivery))


def _addressed(mail: EmailMessage, role: str, delivery: Delivery) -> EmailMessage:
    """The mail with sender and recipients, who stand in no file."""
    addressed = copy.deepcopy(mail)
    addressed["From"] = delivery.sender
    addressed["To"] = ", ".join((delivery.recipients or {}).get(role, ()))
    return addressed


def _send_webhook(mail: EmailMessage, role: str, delivery: Delivery) -> None:
    body = mail.get_body(("plain",))
    payload = {"role": role, "subject": mail["Subject"], "text": body.get_content() if body else ""}
    request = urllib.request.Request(
        str(delivery.webhook),
        data=json.dumps(payload).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=SECONDS_TO_SEND):
        pass


def delivery_of_this_process() -> Delivery:
    """Where to send, as this process's environment says."""
    return read_delivery(os.environ)
