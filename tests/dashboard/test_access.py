"""Users, sessions, the brake on guesses, and the commands that maintain them."""

import io
import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.access import AccessError, Users
from dashboard.access_scopes import EVERYTHING, Scope
from dashboard.access_sessions import Brake, Sessions
from dashboard.server_settings import read_server_settings, users_file
from orchestration.settings import PROJECT_ROOT, SettingsError

PASSWORD = "violet kettle 93 harbour"


@pytest.fixture
def users(tmp_path):
    users = Users(tmp_path / "private" / "users.json")
    users.add("ana", EVERYTHING, PASSWORD)
    users.add("emil", Scope(regions=("EMEA",), teams=("Inside", "Field")), None)
    return users


def test_the_file_holds_hashes_only_and_is_for_its_owner_alone(users):
    token = users.add_token("emil", "nightly export")
    text = users.path.read_text()
    assert PASSWORD not in text
    assert token.rpartition("_")[2] not in text
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in text
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(users.path.parent.stat().st_mode) == 0o700
    read = Users(users.path).all()
    assert read == users.all()
    assert read["emil"].scope == Scope(regions=("EMEA",), teams=("Field", "Inside"))
    assert [token.name for token in read["emil"].tokens] == ["nightly export"]


def test_a_password_opens_its_own_user_only(users):
    assert users.by_password("ana", PASSWORD).name == "ana"
    for name, password in [("ana", PASSWORD + " "), ("ana", ""), ("emil", ""), ("emil", PASSWORD), ("", PASSWORD)]:
        assert users.by_password(name, password) is None


def test_an_unknown_name_costs_one_verification_like_a_known_one(users, monkeypatch):
    users.by_password("nobody", "warm up")
    verified = []
    real = type(users._hasher).verify
    monkeypatch.setattr(type(users._hasher), "verify", lambda self, *given: verified.append(1) or real(self, *given))
    for name in ("ana", "nobody", "emil"):
        verified.clear()
        assert users.by_password(name, "wrong") is None
        assert verified == [1], name


def test_a_token_expires_and_is_taken_back(users):
    token = users.add_token("emil", "", days=3)
    now = datetime.now(UTC)
    user, found = users.by_token(token, now)
    assert (user.name, found.token_id) == ("emil", token.split("_")[1])
    assert users.by_token(token, now + timedelta(days=3, seconds=1)) is None
    users.remove_token("emil", found.token_id)
    assert users.by_token(token, now) is None
    with pytest.raises(AccessError, match=f"emil has no token {found.token_id}"):
        users.remove_token("emil", found.token_id)
    with pytest.raises(AccessError, match="from 1 to 3650 days"):
        users.add_token("emil", "", days=0)


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("Bo", PASSWORD, "a user's name has up to 64 small letters"),
        ("bo@corp.example", PASSWORD, "it is no e-mail address"),
        ("../x", PASSWORD, "a user's name"),
        ("", PASSWORD, "a user's name"),
        ("ana", PASSWORD, "there is a user ana already"),
        ("bo", "short", "a password has from 12 to 512 characters"),
        ("bo", "x" * 513, "a password has from 12 to 512 characters"),
        ("kim", "my name is Kim, yes", "this password is too easy"),
        ("bo", "ababababababab", "this password is too easy"),
    ],
)
def test_users_that_cannot_be_are_refused_in_words(users, name, password, message):
    with pytest.raises(AccessError, match=message):
        users.add(name, EVERYTHING, password)
    assert set(users.all()) == {"ana", "emil"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("version"), "is no users file of version 1"),
        (lambda content: content["users"]["ana"].pop("scope"), "user 'ana' is wrong: a part of it is missing"),
        (lambda content: content["users"]["ana"].update(scope={}), "user 'ana' is wrong: no scope"),
        (lambda content: content["users"]["ana"].update(password_hash=PASSWORD), "not of argon2id"),
        (lambda content: content["users"].update({"A B": {}}), "user 'A B' is wrong: a user's name"),
    ],
)
def test_a_file_that_is_wrong_lets_nobody_in(users, change, message):
    content = json.loads(users.path.read_text())
    change(content)
    users.path.write_text(json.dumps(content))
    with pytest.raises(AccessError, match=message) as error:
        users.all()
    assert PASSWORD not in str(error.value)
    with pytest.raises(AccessError):
        users.by_password("ana", PASSWORD)


def test_a_file_that_others_can_read_is_not_used(users):
    users.path.chmod(0o640)
    with pytest.raises(AccessError, match="can be read by others; run `chmod 600"):
        users.all()
    users.path.unlink()
    with pytest.raises(AccessError, match="there is no users file"):
        users.all()


def test_two_changes_at_once_are_both_kept(tmp_path):
    path = tmp_path / "users.json"
    script = (
        "import sys; from pathlib import Path; from dashboard.access import Users; from dashboard.access_scopes import"
    )
    script += " EVERYTHING\nfor n in range(20): Users(Path(sys.argv[1])).add(f'{sys.argv[2]}{n}', EVERYTHING, None)"
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), name], cwd=PROJECT_ROOT) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(Users(path).all()) == 60
    assert sorted(file.name for file in tmp_path.iterdir()) == ["users.json", "users.json.lock"]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_sessions_end_by_idleness_by_age_and_by_number(users):
    clock = Clock()
    sessions = Sessions(idle_seconds=60, longest_seconds=600, clock=clock)
    ana = users.all()["ana"]
    secret = sessions.begin(ana)
    for _ in range(11):
        clock.now += 54
        assert sessions.find(secret).user_name == "ana"
    clock.now += 54
    assert sessions.find(secret) is None, "used all the time, but too old"
    secret = sessions.begin(ana)
    clock.now += 60
    assert sessions.find(secret) is None, "not used for too long"
    secrets = [sessions.begin(ana) for _ in range(25)]
    assert [sessions.find(secret) is not None for secret in secrets] == [False] * 5 + [True] * 20
    sessions.end(secrets[-1])
    assert sessions.find(secrets[-1]) is None
    assert sessions.find("") is None


def test_the_brake_doubles_forgets_and_is_let_go_by_success():
    clock = Clock()
    brake = Brake(
        free={"user": 3, "address": 5}, first_seconds=10, longest_seconds=70, forget_seconds=1000, clock=clock
    )
    keys = [("user", "ana"), ("address", "1.2.3.4")]
    assert [brake.attempt(keys) for _ in range(3)] == [0, 0, 0]
    waits = []
    for _ in range(5):
        wait = brake.attempt(keys)
        waits.append(wait)
        clock.now += wait
        assert brake.attempt(keys) == 0
    assert waits == [10, 20, 40, 70, 70]
    other = [("user", "emil"), ("address", "5.6.7.8")]
    assert brake.attempt(other) == 0
    assert brake.attempt([("user", "emil"), ("address", "1.2.3.4")]) > 0, "the address is held back for all names"
    clock.now += 1000
    assert brake.attempt(keys) == 0
    brake.succeeded(keys[0], keys[1:])
    assert [brake.attempt(keys) for _ in range(3)] == [0, 0, 0]
    assert brake.attempt(keys) == 10


def test_many_names_do_not_fill_the_memory():
    brake = Brake()
    for number in range(10_500):
        brake.attempt([("user", str(number))])
    assert len(brake._failures) == 10_000


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"HOST": "0.0.0.0"}, r"CONCORD_DASHBOARD_HOST=0.0.0.0 lets other machines in: say by CONCORD_DASHBOARD_URL"),
        ({"HOST": "::"}, "lets other machines in"),
        ({"HOST": "10.1.2.3"}, "lets other machines in"),
        ({"PORT": "80a"}, "must be a port"),
        ({"PORT": "70000"}, "must be a port"),
        ({"URL": "concord.example.com"}, "must be the address of the dashboard alone"),
        ({"URL": "https://concord.example.com/x"}, "must be the address"),
        ({"URL": "javascript://x"}, "must be the address"),
        ({"CERTIFICATE": "/nothing.pem"}, "there is no such file"),
        ({"CERTIFICATE": __file__}, "are needed both"),
        ({"PROXIES": "proxy.example"}, "must be addresses or networks"),
        ({"USERS": str(PROJECT_ROOT / "users.json")}, "lies inside of the project"),
        ({"USERS": "users.json"}, "lies inside of the project"),
        ({"USERS": "/"}, "is a folder"),
        ({"USER": "/x"}, "unknown setting CONCORD_DASHBOARD_USER;"),
    ],
)
def test_settings_that_would_open_a_door_are_refused(settings, message):
    given = {f"CONCORD_DASHBOARD_{name}": value for name, value in settings.items()}
    with pytest.raises(SettingsError, match=message):
        read_server_settings(given)


def test_settings_say_under_which_names_the_server_answers_and_what_to_warn_of(tmp_path):
    from dashboard.server import warnings_of

    base = {"CONCORD_WAREHOUSE": str(tmp_path), "CONCORD_DASHBOARD_USERS": str(tmp_path / "u.json")}
    alone = read_server_settings(base)
    assert alone.hosts == {"localhost", "127.0.0.1", "::1"}
    assert (alone.is_loopback, alone.is_secure) == (True, False)
    behind = read_server_settings({**base, "CONCORD_DASHBOARD_URL": "https://Concord.example.com"})
    assert behind.hosts == {"localhost", "127.0.0.1", "::1", "concord.example.com"}
    assert behind.is_secure
    opened = read_server_settings(
        {**base, "CONCORD_DASHBOARD_HOST": "0.0.0.0", "CONCORD_DASHBOARD_URL": "http://concord.example.com:8765"}
    )
    assert opened.hosts == {"concord.example.com"}
    assert "without TLS: passwords and figures can be read on the way" in warnings_of(opened)[0]
    assert not [text for text in warnings_of(alone) if "TLS" in text]
    assert users_file({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "concord" / "dashboard-users.json"


def test_users_are_maintained_by_commands_that_never_see_a_password(tmp_path, monkeypatch, capsys):
    from dashboard.__main__ import main

    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONCORD_DASHBOARD_USERS", str(tmp_path / "users.json"))

    def run(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = main(["user", *arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    assert run("list")[0] == 2
    assert run("add", "ana", "--all", typed=PASSWORD + "\n")[0] == 0
    status, text = run("add", "bo", typed=PASSWORD)
    assert (status, "say what the user sees: --all, or --region and --team" in text) == (2, True)
    assert run("add", "bo", "--all", "--region", "EMEA", typed=PASSWORD)[0] == 2
    assert run("add", "bo", "--region", "EMEA", "--team", "Inside", "--without-password")[0] == 0
    status, token = run("token", "bo", "--purpose", "export", "--days", "7")
    assert status == 0
    status, text = run("list")
    assert "ana: the whole company" in text
    assert "bo: region EMEA, only team Inside; tokens only" in text
    assert "(export), until " in text
    assert token.strip() not in text
    assert Users(tmp_path / "users.json").by_token(token.strip(), datetime.now(UTC))[0].name == "bo"
    assert run("password", "bo", typed="another 1 password")[0] == 0
    assert Users(tmp_path / "users.json").by_password("bo", "another 1 password").name == "bo"
    assert run("scope", "bo", "--all")[0] == 0
    assert run("remove-token", "bo", token.split("_")[1])[0] == 0
    assert run("remove", "bo")[0] == 0
    status, text = run("remove", "bo")
    assert (status, "there is no user bo; there are ana" in text) == (2, True)
    with pytest.raises(SystemExit):
        main(["user", "add", "cy", "--all", "--password", PASSWORD])
