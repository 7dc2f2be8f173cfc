"""What dbt does for each node though nothing comes of it, left out. What it builds, tests and reports stays the same.

A build of the smallest demo spends most of its time on some 750 nodes, and more than half of that was spent on three
things: on debug events, which dbt makes into messages and lines before it finds that nobody reads them, some twenty a
node; on the namespace of macros, all of which dbt looks up by name, one by one, for each of the two contexts of a node;
and on parsers of dates, of which it makes five for every table that a statement gives back, most of them empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import agate
from dbt.clients.jinja import MacroGenerator
from dbt.context.configured import ConfiguredContext
from dbt.context.macro_resolver import TestMacroNamespace
from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import agate_helper
from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import get_event_manager

_DEBUG = frozenset({EventLevel.DEBUG, EventLevel.TEST})
_AS_MADE = "_concord_as_made"
_fire_event = EventManager.fire_event
_make_event, _get_of_event, _set_of_event = BaseEvent.__init__, BaseEvent.__getattr__, BaseEvent.__setattr__
_make_type_tester = agate_helper.build_type_tester


def make_lean() -> None:
    """Make dbt in this process lean."""
    EventManager.fire_event = _fire_event_if_read  # type: ignore[method-assign]
    BaseEvent.__init__ = _make_event_when_read  # type: ignore[method-assign]
    BaseEvent.__getattr__ = _get_of_made_event  # type: ignore[method-assign]
    BaseEvent.__setattr__ = _set_of_made_event  # type: ignore[method-assign]
    MacroNamespaceBuilder.build_namespace = _build_namespace_by_package  # type: ignore[method-assign]
    ManifestContext.to_dict = _context_with_macros  # type: ignore[method-assign]
    agate_helper.build_type_tester = _type_tester
    agate_helper.empty_table = _empty_table


def _fire_event_if_read(
    self: EventManager,
    e: BaseEvent,
    level: EventLevel | None = None,
    node: Any = None,
    force_warn_or_error_handling: bool = False,
) -> None:
    """Fire an event, unless it is for debugging and every log begins above that."""
    if force_warn_or_error_handling or (level or e.level_tag()) not in _DEBUG or _is_debug_read(self):
        _fire_event(self, e, level, node, force_warn_or_error_handling)


def _is_debug_read(manager: Any) -> bool:
    # dbt's own callback looks for one kind of warning.
    return any(callback is not track_behavior_change_warn for callback in manager.callbacks) or any(
        logger.level in _DEBUG for logger in manager.loggers
    )


def _make_event_when_read(self: BaseEvent, *args: Any, **kwargs: Any) -> None:
    """Make an event; one for debugging that nobody reads becomes a message only if somebody looks into it."""
    if isinstance(self, DebugLevel) and not _is_debug_read(get_event_manager()):
        object.__setattr__(self, _AS_MADE, (args, kwargs))
    else:
        _make_event(self, *args, **kwargs)


def _make_now(event: BaseEvent) -> None:
    made = event.__dict__.pop(_AS_MADE, None)
    if made is not None:
        _make_event(event, *made[0], **made[1])


def _get_of_made_event(self: BaseEvent, key: str) -> Any:
    _make_now(self)
    return _get_of_event(self, key)


def _set_of_made_event(self: BaseEvent, key: str, value: Any) -> None:
    if key != "pb_msg":
        _make_now(self)
    _set_of_event(self, key, value)


def _build_namespace_by_package(
    self: MacroNamespaceBuilder, macros_by_package: Mapping[str, Mapping[str, Any]], ctx: dict[str, Any]
) -> MacroNamespace:
    """The macros of a context, package by package; their names are unique in a project that was parsed."""
    spaces = {
        package: {name: _generator(macro, ctx, self.node, self.thread_ctx) for name, macro in macros.items()}
        for package, macros in macros_by_package.items()
    }
    internal: dict[str, Any] = {}
    for package in reversed(self.internal_package_names_order):
        internal |= spaces.get(package, {})
    return MacroNamespace(
        global_namespace={} if self.root_package == self.search_package else spaces.get(self.root_package, {}),
        local_namespace=spaces.get(self.search_package, {})
        if self.search_package not in self.internal_package_names
        else {},
        global_project_namespace=internal,
        packages={name: space for name, space in spaces.items() if name not in self.internal_package_names},
    )


def _generator(macro: Any, context: dict[str, Any], node: Any, stack: Any) -> MacroGenerator:
    """A macro that can be called; its constructors, one for each class it comes from, only note these four."""
    made = MacroGenerator.__new__(MacroGenerator)
    made.__dict__ = {"context": context, "macro": macro, "node": node, "stack": stack}
    return made


def _context_with_macros(self: ManifestContext) -> dict[str, Any]:
    """The context with all macros by name, each place after those that its names give way to."""
    context = ConfiguredContext.to_dict(self)
    for names in _places(self.namespace):
        context.update(names)
    return context


def _places(namespace: MacroNamespace | TestMacroNamespace) -> Iterator[Mapping[str, Any]]:
    if isinstance(namespace, TestMacroNamespace):
        yield namespace.local_namespace
        yield namespace.project_namespace
    else:
        yield from reversed(list(namespace._search_order()))


def _type_tester(text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")) -> Any:
    nulls = None if string_null_values is None else tuple(string_null_values)
    return _type_tester_of(frozenset(text_columns), nulls)


@cache
def _type_tester_of(text_columns: frozenset[str], string_null_values: tuple[str, ...] | None) -> Any:
    """What finds the types of a table's columns; dbt shares one between its threads too."""
    return _make_type_tester(text_columns, string_null_values=string_null_values)


def _empty_table() -> agate.Table:
    return agate.Table(rows=[], column_types=agate_helper.DEFAULT_TYPE_TESTER)
