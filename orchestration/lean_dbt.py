"""What dbt does for each node though nothing comes of it, left out. What it builds, tests and reports stays the same.

A build of the smallest demo spends most of its time on some 750 nodes, and about half of that was spent on two things:
on debug events, which dbt makes into messages and lines before it finds that nobody reads them, some twenty a node; and
on the namespace of macros, all of which dbt looks up by name, one by one, for each of the two contexts of a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbt.clients.jinja import MacroGenerator
from dbt.context.configured import ConfiguredContext
from dbt.context.macro_resolver import TestMacroNamespace
from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.tracking import track_behavior_change_warn
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager

_DEBUG = frozenset({EventLevel.DEBUG, EventLevel.TEST})
_fire_event = EventManager.fire_event
_build_namespace = MacroNamespaceBuilder.build_namespace


def make_lean() -> None:
    """Make dbt in this process lean."""
    EventManager.fire_event = _fire_event_if_read  # type: ignore[method-assign]
    MacroNamespaceBuilder.build_namespace = _build_namespace_by_package  # type: ignore[method-assign]
    ManifestContext.to_dict = _context_with_macros  # type: ignore[method-assign]


def _fire_event_if_read(
    self: EventManager,
    e: BaseEvent,
    level: EventLevel | None = None,
    node: Any = None,
    force_warn_or_error_handling: bool = False,
) -> None:
    """Fire an event, unless it is for debugging and every log begins above that."""
    is_read = (
        force_warn_or_error_handling
        # dbt's own looks for one kind of warning.
        or any(callback is not track_behavior_change_warn for callback in self.callbacks)
        or (level or e.level_tag()) not in _DEBUG
        or any(logger.level in _DEBUG for logger in self.loggers)
    )
    if is_read:
        _fire_event(self, e, level, node, force_warn_or_error_handling)


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
