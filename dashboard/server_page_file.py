"""The page of the newest build as it is served: its file with a bar for the viewer, and a policy of its own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
import threading
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

# The page says of which build it is.
_BUILD = re.compile(r'<html\b[^>]*\bdata-build="([^"<>]{1,80})"')
# The link that skips to the figures stays the first one: that is where those who need it look for it.
_BODY = re.compile(r"<body\b[^>]*>(?:\s*<a class=\"skip\"[^>]*>[^<]*</a>)?", re.IGNORECASE)
# Scripts of these kinds are data; a browser does not run them and the policy need not name them.
_DATA_TYPES = frozenset({"application/json", "application/ld+json", "text/plain"})


@dataclass(frozen=True)
class ServedPage:
    """A page ready to be sent.

    Attributes:
        build_id: the build that the page says it is of; empty where it says nothing.
        content: the page, UTF-8.
        compressed: the same, gzipped. The page repeats nothing of a request, so compressing gives nothing away.
        policy: its Content-Security-Policy.
        etag: changes with the content.
    """

    build_id: str
    content: bytes
    compressed: bytes
    policy: str
    etag: str


class PageFile:
    """A page file that a publish replaces now and then; prepared once for each content."""

    def __init__(self, path: Path, bar: str) -> None:
        self.path = path
        self._bar = bar
        self._lock = threading.Lock()
        self._served: tuple[tuple[int, int, int], ServedPage] | None = None

    def newest(self) -> ServedPage | None:
        """The page as its file stands now, or None where there is none."""
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    # The identity and the content of one open file: a page that is replaced meanwhile is another one.
                    status = os.fstat(file.fileno())
                    identity = (status.st_ino, status.st_mtime_ns, status.st_size)
                    if self._served is None or self._served[0] != identity:
                        self._served = (identity, prepare_page(file.read().decode(), self._bar))
            except FileNotFoundError:
                return None
            return self._served[1]


def prepare_page(text: str, bar: str) -> ServedPage:
    """Put the viewer's bar into a page and work out what its policy must allow.

    Args:
        text: the page.
        bar: HTML that comes first in its body. It may bring a style.
    """
    found = _BUILD.search(text)
    text = _BODY.sub(lambda tag: tag.group() + bar, text, count=1)
    content = text.encode()
    return ServedPage(
        found[1] if found else "",
        content,
        gzip.compress(content, 6, mtime=0),
        page_policy(text),
        f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )


def page_policy(text: str) -> str:
    """The policy that lets a page run exactly the scripts and styles that stand in it, and reach nothing."""
    inline = _Inline()
    inline.feed(text)
    inline.close()
    scripts = " ".join(_source(script) for script in inline.scripts) or "'none'"
    styles = " ".join(_source(style) for style in inline.styles) or "'none'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            f"style-src {styles}",
            # Drawings and tables set sizes and colours on elements; such styles can load nothing from anywhere.
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            "font-src data:",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _Inline(HTMLParser):
    """The texts of a page's scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._into: list[str] | None = None
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember where the following text belongs."""
        if tag == "script" and dict(attrs).get("type") not in _DATA_TYPES:
            self._into, self._parts = self.scripts, []
        elif tag == "style":
            self._into, self._parts = self.styles, []

    def handle_data(self, data: str) -> None:
        """Keep the text of a script or a style."""
        if self._into is not None:
            self._parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Put the text where it belongs."""
        if self._into is not None and tag in {"script", "style"}:
            text = "".join(self._parts)
            if text not in self._into:
                self._into.append(text)
            self._into = None
