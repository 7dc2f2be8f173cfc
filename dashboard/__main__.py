"""The dashboard by hand: `python -m dashboard render`, `panels`, `digests`, `serve`, `user …` (who may open it)."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence

from dashboard.access import TOKEN_DAYS, AccessError, Users
from dashboard.access_scopes import EVERYTHING, Scope
from dashboard.digests import DigestError, delivery_of_this_process, write_digests
from dashboard.figures import FigureError
from dashboard.page import PAGE_NAME, PageError, read_content, write_page
from dashboard.server_settings import read_server_settings, users_file
from dashboard.spec import SpecError, read_panels
from orchestration.settings import SettingsError, read_settings


def main(arguments: Sequence[str]) -> int:
    """Run a command; 0 where all that was asked for happened."""
    asked = _parser().parse_args(list(arguments))
    try:
        match asked.command:
            case "render":
                settings = read_settings(os.environ)
                target = settings.warehouse / PAGE_NAME
                print(f"{target} ({write_page(settings.published, target) / 1e6:.2f} MB)")
            case "panels":
                for panel in read_panels():
                    print(f"{panel.fold or 'page':10} {panel.place:4g}  {panel.id:20} {panel.title}")
            case "digests":
                settings = read_settings(os.environ)
                content = read_content(settings.published)
                for path in write_digests(content, settings.warehouse / "digests", delivery_of_this_process()):
                    print(path)
            case "serve":
                from dashboard.server import serve

                serve(read_server_settings(os.environ))
            case _:
                print(_user(asked, Users(users_file(os.environ))))
    except (SpecError, PageError, FigureError, DigestError) as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    except (AccessError, SettingsError, ValueError) as error:
        print(f"The dashboard cannot do that: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _user(asked: argparse.Namespace, users: Users) -> str:
    match asked.action:
        case "add":
            user = users.add(asked.name, _scope(asked), None if asked.without_password else _password())
            return f"{user.name} may log in and sees {user.scope}. Users file: {users.path}"
        case "password":
            users.set_password(asked.name, _password())
            return f"{asked.name} has another password; sessions of the old one have ended."
        case "scope":
            scope = _scope(asked)
            users.set_scope(asked.name, scope)
            return f"{asked.name} sees {scope} now."
        case "token":
            return users.add_token(asked.name, asked.purpose, asked.days)
        case "remove-token":
            users.remove_token(asked.name, asked.token_id)
            return f"{asked.name} has no token {asked.token_id} any more."
        case "remove":
            users.remove(asked.name)
            return f"{asked.name} is removed; sessions and tokens have ended."
        case _:
            lines = []
            for user in users.all().values():
                lines.append(f"{user.name}: {user.scope}" + ("" if user.password_hash else "; tokens only"))
                lines += [
                    f"  token {token.token_id} ({token.name}), until {token.expires_at:%Y-%m-%d}"
                    for token in user.tokens
                ]
            return "\n".join(lines) or "Nobody may log in yet."


def _password() -> str:
    """The password from a prompt, or one line of standard input; never from the command line, which others can see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise AccessError("the two passwords differ")
    return password


def _scope(asked: argparse.Namespace) -> Scope:
    if asked.all == bool(asked.region or asked.team):
        raise AccessError("say what the user sees: --all, or --region and --team, each as often as needed")
    if asked.all:
        return EVERYTHING
    return Scope(
        tuple(sorted(set(asked.region))) if asked.region else None,
        tuple(sorted(set(asked.team))) if asked.team else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("render", help="make dashboard.html of the newest published build")
    commands.add_parser("panels", help="check the spec and list its panels")
    commands.add_parser("digests", help="write the week's digests, and send them where that is set")
    commands.add_parser("serve", help="serve the dashboard; settings are CONCORD_DASHBOARD_…")
    user = commands.add_parser("user", help="who may open the dashboard").add_subparsers(dest="action", required=True)
    add = user.add_parser("add", help="add a user; the password is asked for, or read from standard input")
    add.add_argument("--without-password", action="store_true", help="for tokens only")
    scope = user.add_parser("scope", help="what a user sees")
    for one in (add, scope):
        one.add_argument("name")
        one.add_argument("--all", action="store_true", help="the whole company")
        one.add_argument("--region", action="append", default=[], help="only this region; may be repeated")
        one.add_argument("--team", action="append", default=[], help="only this team; may be repeated")
    user.add_parser("password", help="another password").add_argument("name")
    token = user.add_parser("token", help="a token for a machine; printed once and kept nowhere")
    token.add_argument("name")
    token.add_argument("--purpose", default="", help="what it is for, for the list")
    token.add_argument("--days", type=int, default=TOKEN_DAYS, help="how long it lasts")
    remove_token = user.add_parser("remove-token", help="take a token back")
    remove_token.add_argument("name")
    remove_token.add_argument("token_id")
    user.add_parser("remove", help="remove a user with all tokens").add_argument("name")
    user.add_parser("list", help="users, scopes and tokens")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
