"""The page for a viewer of a part of the company: the panels whose every figure can be limited to that part.

A panel is shown if all its views can be filtered by each dimension of the scope; the filter is then put into their
queries, so that nothing of others is ever read. Of any other panel a sentence says why it is left out.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from dashboard.access_scopes import DIMENSIONS, Scope
from dashboard.figures import FigureError
from dashboard.page import PageError, read_content_of, render
from dashboard.server_guard import log
from dashboard.server_page_file import ServedPage, prepare_page
from dashboard.server_warehouse import Reader
from dashboard.spec import Panel, SpecError, read_panels

_KEPT = 8


class ScopedPages:
    """Rendered pages of the newest build, one for each scope; made when first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[tuple[str, Scope], ServedPage | None] = OrderedDict()

    def of(self, reader: Reader, scope: Scope, bar: str) -> ServedPage | None:
        """The page of a scope, or None where no panel can be limited to it."""
        key = (reader.facts.build_id, scope)
        with self._lock:
            if key not in self._pages:
                self._pages[key] = _page(reader, scope, bar)
                while len(self._pages) > _KEPT:
                    self._pages.popitem(last=False)
            self._pages.move_to_end(key)
            return self._pages[key]


def _page(reader: Reader, scope: Scope, bar: str) -> ServedPage | None:
    try:
        panels = scoped_panels(read_panels(), scope)
        with reader.connection() as connection:
            content = read_content_of(connection, panels)
        # What the teams noted is not recorded by region or team.
        content.log = {}
        if not content.data:
            return None
        return prepare_page(render(content), bar)
    except (SpecError, FigureError, PageError) as error:
        log.error(json.dumps({"event": "scoped page", "error": type(error).__name__, "message": str(error)}))
        return None


def scoped_panels(panels: Sequence[Panel], scope: Scope) -> list[Panel]:
    """The panels as a scope may see them.

    Args:
        panels: the panels of the company's page.
        scope: what the viewer may see.
    """
    return [_limited(panel, scope) if can_be_limited(panel, scope) else _left_out(panel, scope) for panel in panels]


def can_be_limited(panel: Panel, scope: Scope) -> bool:
    """Whether every view of a panel has all dimensions of a scope, but for those that are of the company by nature."""
    parts = [view for view in panel.views if not view.is_of_company]
    return bool(parts) and all(set(scope.limits) <= set(view.filters) for view in parts)


def _limited(panel: Panel, scope: Scope) -> Panel:
    conditions = " and ".join(
        f"everything.{dimension} in ({', '.join(_literal(value) for value in values)})"
        for dimension, values in scope.limits.items()
    )
    views = tuple(
        replace(
            view,
            query=f"select everything.* from ({view.query}\n) as everything"
            f" where {'false' if view.is_of_company else conditions}",
        )
        for view in panel.views
    )
    return replace(panel, views=views)


def _left_out(panel: Panel, scope: Scope) -> Panel:
    if not panel.views:
        return panel
    dimensions = " and ".join(scope.limits)
    parts = " and ".join(DIMENSIONS[dimension] for dimension in scope.limits)
    text = (
        f"{panel.title}: not all of its figures are recorded by {dimensions}, so they are for viewers of all {parts}."
    )
    return replace(
        panel, views=(), tiles=(), charts=(), sentence=(), support=(), needs=(), shown_if=None, waits_for=text
    )


def _literal(value: str) -> str:
    """A text as SQL; it comes from the users file, not from a request."""
    return "'" + value.replace("'", "''") + "'"
