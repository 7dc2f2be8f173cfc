"""A real server in a process of its own, on a free port of this machine, and what it wrote into its log."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from dashboard.access import Users
from dashboard.access_scopes import EVERYTHING, Scope
from orchestration.settings import PROJECT_ROOT

PASSWORDS = {"ana": "violet kettle 93 harbour", "emil": "quiet lantern 41 meadow", "tess": "copper orchard 7 signal"}


@dataclass
class Served:
    """A running server: its address, the users file, its log so far."""

    url: str
    users: Users
    log_file: Path
    tokens: dict
    answered: set = field(default_factory=set)

    def client(self, user=None, **options):
        """A client like a browser: it asks for HTML and follows nothing by itself; logged in where a user is named."""
        client = self._client({"Accept": "text/html"}, **options)
        if user:
            response = self.log_in(client, user, PASSWORDS[user])
            assert response.status_code == 303, response.text
        return client

    def log_in(self, client, user, password, **changes):
        form = client.get("/login").text
        token = re.search(r'name="form_token" value="([^"]+)"', form)[1]
        fields = {"form_token": token, "user": user, "password": password, **changes}
        return client.post("/login", data={name: value for name, value in fields.items() if value is not None})

    def machine(self, user):
        """A client with a user's token."""
        return self._client({"Authorization": f"Bearer {self.tokens[user]}"})

    def _client(self, headers, **options):
        hooks = {"response": [lambda answer: self.answered.add(answer.headers.get("x-request-id"))]}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, event_hooks=hooks, **options)

    def raw(self, target, token=None, method="GET", host=None, headers=()):
        """Send a request line as it stands; libraries would tidy the path up."""
        address = httpx.URL(self.url)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{address.port}'}", "Connection: close"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        with socket.create_connection((address.host, address.port), timeout=30) as connection:
            connection.sendall("\r\n".join([*lines, *headers, "", ""]).encode("latin-1"))
            answer = b""
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^x-request-id: (\w+)", head)
        self.answered.add(found[1].decode() if found else None)
        return int(head.split()[1]), head.decode("latin-1"), body.decode("utf-8", "replace")

    def log(self):
        """The lines of the log, read as JSON; a request's line is written after its answer, so it is waited for."""
        for _ in range(200):
            lines = [json.loads(line) for line in self.log_file.read_text().splitlines()]
            if self.answered - {None} <= {line.get("request") for line in lines}:
                return lines
            time.sleep(0.05)
        raise AssertionError("a request was answered and not logged")


def users_of(folder, team):
    """Three users: Ana sees all, Emil one region, Tess one team; each has a token."""
    users = Users(folder / "access" / "users.json")
    users.add("ana", EVERYTHING, PASSWORDS["ana"])
    users.add("emil", Scope(regions=("EMEA",)), PASSWORDS["emil"])
    users.add("tess", Scope(teams=(team,)), PASSWORDS["tess"])
    return users, {name: users.add_token(name, "tests") for name in PASSWORDS}


@contextmanager
def serving(folder, warehouse, users, tokens, **settings):
    """The server as `make dashboard` starts it."""
    log_file = folder / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    environment |= {
        "CONCORD_WAREHOUSE": str(warehouse),
        "CONCORD_DASHBOARD_USERS": str(users.path),
        "CONCORD_DASHBOARD_PORT": "0",
        **settings,
    }
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "serve"],
            cwd=PROJECT_ROOT,
            env=environment,
            stderr=log,
            stdout=subprocess.DEVNULL,
        )
    try:
        yield Served(_url(process, log_file), users, log_file, tokens)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _url(process, log_file):
    for _ in range(600):
        for line in log_file.read_text().splitlines():
            if '"serving"' in line:
                return json.loads(line)["url"]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log_file.read_text()}")
