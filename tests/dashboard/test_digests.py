"""The weekly digests: what they say is what the page says, and sending is once, safe and loud about failure."""

import email
import email.policy
import json
import re
import smtplib
import urllib.error
from typing import ClassVar

import pytest

from dashboard import digests
from dashboard.digests import Delivery, DigestError, read_delivery, read_digests, week_of, write_digests
from dashboard.expressions import names_in
from dashboard.spec import Slot

SECRET = "s3cret"
MAILED = Delivery(
    smtp=f"smtps://user:{SECRET}@mail.example:465",
    sender="concord@company.example",
    recipients={"leadership": ("chief@company.example",), "sales": ("sales@company.example",)},
)


def mail_of(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


class Server:
    """Stands for a mail server; remembers what it was told."""

    sent: ClassVar[list] = []
    fails = False

    def __init__(self, host, port, timeout, context=None):
        self.said = [host, port]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def starttls(self, context):
        self.said.append("starttls")

    def login(self, user, password):
        if Server.fails:
            raise smtplib.SMTPAuthenticationError(535, f"no {password} for {user}".encode())
        self.said.append((user, password))

    def send_message(self, mail):
        Server.sent.append((mail["To"], mail["Subject"], self.said))


@pytest.fixture
def server(monkeypatch):
    Server.sent, Server.fails = [], False
    monkeypatch.setattr(digests.smtplib, "SMTP_SSL", Server)
    monkeypatch.setattr(digests.smtplib, "SMTP", Server)
    return Server


def test_every_line_names_what_its_panel_has(content):
    views = {panel.id: panel.by_name for panel in content.panels}
    for digest in read_digests():
        assert set(digest.panels) <= set(views)
        for line in (*digest.wins, *digest.attention):
            if line.panel not in content.data:
                continue
            programs = [line.wording.when, *(p.value for p in line.wording.parts if isinstance(p, Slot))]
            for name in {name for program in programs if program for name in names_in(program)}:
                view, _, rest = name.partition(".")
                known = {"groups", *(views[line.panel][view].by_name if view != "page" else ())}
                assert view == "page" or rest.split(".")[-1] in known, name


def test_digests_say_what_the_page_says_wins_first(content, tmp_path):
    paths = write_digests(content, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        f"{week_of(content)}/{role}.eml" for role in ("leadership", "marketing", "sales")
    ]
    for path, digest in zip(paths, read_digests(), strict=True):
        mail = mail_of(path)
        plain, html = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
        assert content.header.build_id in plain
        assert ("DEMO" in mail["Subject"]) == content.header.is_demo
        for name in digest.panels:
            if name in content.data:
                panel = next(panel for panel in content.panels if panel.id == name)
                figures = content.show(panel, content.first_state)
                said = "".join(piece.text for piece in figures.say(panel.sentence))
                assert panel.empty in plain if figures.is_empty else said in plain
        if "WINS" in plain and "NEEDS ATTENTION" in plain:
            assert plain.index("WINS") < plain.index("NEEDS ATTENTION")
        assert "<script" not in html
        assert "http" not in re.sub(r"<a [^>]*>", "", html)
        pictures = {
            part["Content-ID"].strip("<>"): part for part in mail.walk() if part.get_content_type() == "image/png"
        }
        assert set(re.findall(r'src=["\']cid:([^"\']+)', html)) == set(pictures)
        assert all(part.get_content().startswith(b"\x89PNG") for part in pictures.values())
    assert any("cid:" in mail_of(path).get_body(("html",)).get_content() for path in paths)


def test_a_week_is_sent_once(content, tmp_path, server):
    write_digests(content, tmp_path, MAILED)
    write_digests(content, tmp_path, MAILED)
    assert [to for to, _, _ in server.sent] == ["chief@company.example", "sales@company.example"]
    assert server.sent[0][2] == ["mail.example", 465, ("user", SECRET)]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"company.example" not in kept


def test_a_plain_connection_is_encrypted_before_anything_is_said(content, tmp_path, server):
    write_digests(
        content, tmp_path, Delivery(f"smtp://user:{SECRET}@mail.example", "a@b.example", {"sales": ("c@d.example",)})
    )
    assert server.sent[0][2] == ["mail.example", 587, "starttls", ("user", SECRET)]


def test_what_cannot_be_sent_is_an_error_without_secrets_and_tried_again(content, tmp_path, server):
    server.fails = True
    with pytest.raises(DigestError, match=r"leadership by mail \(SMTPAuthenticationError\)") as error:
        write_digests(content, tmp_path, MAILED)
    assert SECRET not in str(error.value)
    assert "example" not in str(error.value).replace(str(tmp_path), "")
    assert (tmp_path / week_of(content) / "sales.eml").exists()
    server.fails = False
    write_digests(content, tmp_path, MAILED)
    assert len(server.sent) == 2


def test_a_webhook_gets_the_text(content, tmp_path, monkeypatch):
    asked = []

    class Answer:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def urlopen(request, timeout):
        if len(asked) == 2:
            raise urllib.error.URLError("refused")
        asked.append((request.full_url, json.loads(request.data)))
        return Answer()

    monkeypatch.setattr(digests.urllib.request, "urlopen", urlopen)
    with pytest.raises(DigestError, match="sales by webhook"):
        write_digests(content, tmp_path, Delivery(webhook="https://hooks.example/T0K3N"))
    assert [body["role"] for _, body in asked] == ["leadership", "marketing"]
    assert all("Data until" in body["text"] for _, body in asked)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"CONCORD_DIGEST_SMTP": f"ftp://u:{SECRET}@x"}, "must begin with smtp"),
        ({"CONCORD_DIGEST_SMTP": f"smtp://u:{SECRET}@x"}, "CONCORD_DIGEST_FROM is not"),
        ({"CONCORD_DIGEST_SMTP": "smtp://x", "CONCORD_DIGEST_FROM": "a@b.example"}, "CONCORD_DIGEST_TO is not"),
        ({"CONCORD_DIGEST_TO": "everybody=a@b.example"}, "roles leadership, marketing, sales"),
        ({"CONCORD_DIGEST_FROM": "a@b.example"}, "need CONCORD_DIGEST_SMTP"),
        ({"CONCORD_DIGEST_WEBHOOK": "http://x.example"}, "must begin with https"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_value_is_not(environment, says):
    with pytest.raises(DigestError, match=says) as error:
        read_delivery(environment)
    assert SECRET not in str(error.value)
    assert read_delivery({}) == Delivery(None, None, {}, None)
