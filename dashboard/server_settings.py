"""The settings of the dashboard's server, read from the environment once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from orchestration.settings import PROJECT_ROOT, SETTINGS, SettingsError

DEFAULT_PORT = 8765
_PREFIX = "CONCORD_DASHBOARD_"


@dataclass(frozen=True)
class ServerSettings:
    """Everything that the server needs to know from outside.

    Attributes:
        warehouse: folder of the warehouse; the server reads its link, its builds and its page.
        users: the users file.
        host: address that the server listens on.
        port: port that it listens on; 0 takes a free one.
        url: address by which people reach it, where that is another one: behind a proxy, or from other machines.
        certificate: TLS certificate chain, where the server speaks TLS itself.
        key: the certificate's private key.
        proxies: addresses of proxies that are believed when they say whose request they pass on.
    """

    warehouse: Path
    users: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    url: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    proxies: tuple[str, ...] = ()

    @property
    def link(self) -> Path:
        """The published warehouse."""
        return self.warehouse / "concord.duckdb"

    @property
    def page(self) -> Path:
        """The page of the newest build."""
        return self.warehouse / "dashboard.html"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def is_secure(self) -> bool:
        """Whether people reach the server by TLS, its own or a proxy's."""
        return self.certificate is not None or (self.url or "").startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which the server answers; any other may be a page that turned its own name to our address."""
        names = {urlsplit(self.url).hostname or ""} if self.url else set()
        if self.is_loopback:
            names |= {"localhost", "127.0.0.1", "::1"}
        return frozenset(names - {""})


def read_server_settings(environment: Mapping[str, str], *, project: Path = PROJECT_ROOT) -> ServerSettings:
    """Read and check the settings.

    Raises:
        SettingsError: naming the setting, its value and what is accepted.
    """
    given = {
        name: value.strip() for name, value in environment.items() if name.startswith("CONCORD_") and value.strip()
    }
    unknown = sorted(name for name in given if name.startswith(_PREFIX) and name not in SETTINGS)
    if unknown:
        known = ", ".join(name for name in SETTINGS if name.startswith(_PREFIX))
        raise SettingsError(f"unknown setting{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}; known are {known}")
    host = given.get("CONCORD_DASHBOARD_HOST", "127.0.0.1")
    url = _url(given.get("CONCORD_DASHBOARD_URL"))
    if not is_loopback(host) and url is None:
        raise SettingsError(
            f"CONCORD_DASHBOARD_HOST={host} lets other machines in: say by CONCORD_DASHBOARD_URL under which address"
            " they reach the dashboard, such as https://concord.example.com; without TLS others can read along"
        )
    certificate, key = (_file(name, given) for name in ("CONCORD_DASHBOARD_CERTIFICATE", "CONCORD_DASHBOARD_KEY"))
    if (certificate is None) != (key is None):
        raise SettingsError("CONCORD_DASHBOARD_CERTIFICATE and CONCORD_DASHBOARD_KEY are needed both, or neither")
    return ServerSettings(
        warehouse=_path(given.get("CONCORD_WAREHOUSE", "warehouse"), project),
        users=users_file(environment, project=project),
        host=host,
        port=_port(given.get("CONCORD_DASHBOARD_PORT", str(DEFAULT_PORT))),
        url=url,
        certificate=certificate,
        key=key,
        proxies=_proxies(given.get("CONCORD_DASHBOARD_PROXIES", "")),
    )


def users_file(environment: Mapping[str, str], *, project: Path = PROJECT_ROOT) -> Path:
    """The users file; never inside of the project, where it could be committed, and never beside what is served.

    Raises:
        SettingsError: it lies where it must not.
    """
    given = environment.get("CONCORD_DASHBOARD_USERS", "").strip()
    base = Path(environment.get("XDG_CONFIG_HOME", "").strip() or "~/.config").expanduser()
    path = (_path(given, project) if given else base / "concord" / "dashboard-users.json").resolve()
    if path.is_relative_to(project.resolve()):
        raise SettingsError(f"CONCORD_DASHBOARD_USERS={path} lies inside of the project; choose a place outside of it")
    if path.is_dir():
        raise SettingsError(f"CONCORD_DASHBOARD_USERS={path} is a folder; name a file")
    return path


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _path(value: str, project: Path) -> Path:
    path = Path(value).expanduser()
    return path if path.is_absolute() else project / path


def _file(name: str, given: Mapping[str, str]) -> Path | None:
    if name not in given:
        return None
    path = Path(given[name]).expanduser()
    if not path.is_file():
        raise SettingsError(f"{name}={given[name]}: there is no such file")
    return path


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise SettingsError(f"CONCORD_DASHBOARD_PORT={text}: must be a port, such as {DEFAULT_PORT}")
    return int(text)


def _url(text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise SettingsError(
            f"CONCORD_DASHBOARD_URL={text}: must be the address of the dashboard alone, such as https://concord.example.com"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _proxies(text: str) -> tuple[str, ...]:
    proxies = tuple(part.strip() for part in text.split(",") if part.strip())
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            raise SettingsError(
                f"CONCORD_DASHBOARD_PROXIES={text}: must be addresses or networks separated by commas, such as 10.0.0.5"
            ) from None
    return proxies
