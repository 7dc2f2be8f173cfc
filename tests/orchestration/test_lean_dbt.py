"""dbt made lean does what dbt does: the same macros by the same names, and every event that somebody reads."""

from io import StringIO
from types import SimpleNamespace

import agate
import pytest
from dbt.adapters.events.types import ConnectionUsed
from dbt.clients.jinja import MacroStack
from dbt.context.configured import ConfiguredContext
from dbt.context.macros import MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import agate_helper
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.functions import env_scrubber
from dbt_common.events.logger import LineFormat, LoggerConfig
from dbt_common.events.types import Formatting, Note

from orchestration import lean_dbt

INTERNAL = ["dbt_duckdb", "dbt"]
NAMES = {
    "concord": ["as_of", "ref_of", "create_table_as"],
    "dbt_utils": ["star", "as_of"],
    "dbt": ["create_table_as", "statement", "star"],
    "dbt_duckdb": ["create_table_as", "star"],
}
DBT_BUILDS, DBT_FIRES, DBT_TO_DICT = (
    MacroNamespaceBuilder.build_namespace,
    EventManager.fire_event,
    ManifestContext.to_dict,
)


@pytest.fixture
def macros():
    return {
        package: {name: SimpleNamespace(name=name, package_name=package) for name in names}
        for package, names in NAMES.items()
    }


@pytest.mark.parametrize("search", NAMES)
def test_macros_have_the_same_names_and_the_same_order_of_precedence(macros, search, monkeypatch):
    monkeypatch.setattr(ConfiguredContext, "to_dict", lambda self: {"star": "a builtin", "var": "a builtin"})

    def context(build, to_dict):
        holder, stack, node = {"of": "this node"}, MacroStack(), SimpleNamespace()
        builder = MacroNamespaceBuilder("concord", search, stack, INTERNAL, node)
        built = build(builder, macros, holder)
        made = ManifestContext.__new__(ManifestContext)
        made.namespace = built
        values = to_dict(made)
        for generator in [value for value in values.values() if hasattr(value, "macro")]:
            assert (generator.context, generator.node, generator.stack) == (holder, node, stack)
            assert generator.context is holder
        of_packages = {
            (package, name): getattr(built.get_from_package(package, name), "macro", None)
            for package in [None, "dbt", "concord", "dbt_utils"]
            for name in ["as_of", "star", "statement", "ref_of"]
        }
        return {name: plain(value) for name, value in values.items()}, of_packages

    def plain(value):
        return {name: plain(one) for name, one in value.items()} if isinstance(value, dict) else vars_of(value)

    def vars_of(value):
        return vars(value).get("macro") if hasattr(value, "__dict__") else value

    lean = context(lean_dbt._build_namespace_by_package, lean_dbt._context_with_macros)
    assert lean == context(DBT_BUILDS, DBT_TO_DICT)
    assert lean[0]["star"] is not None
    assert lean[0]["var"] == "a builtin"


@pytest.mark.parametrize(
    ("log_level", "has_reader", "expected"),
    [
        (EventLevel.INFO, False, ["told"]),
        (EventLevel.DEBUG, False, ["detail", "told"]),
        (EventLevel.INFO, True, ["detail", "told"]),
    ],
)
def test_only_events_that_nobody_reads_are_left_out(log_level, has_reader, expected):
    manager, written, read = EventManager(), StringIO(), []
    manager.add_logger(
        LoggerConfig(
            name=f"test_{log_level}_{has_reader}", level=log_level, output_stream=written,
            line_format=LineFormat.PlainText, scrubber=env_scrubber,
        )
    )  # fmt: skip
    manager.add_callback(track_behavior_change_warn)
    if has_reader:
        manager.add_callback(lambda message: read.append(message.info.msg))
    lean_dbt._fire_event_if_read(manager, Formatting(msg="detail"), level=EventLevel.DEBUG)
    lean_dbt._fire_event_if_read(manager, Note(msg="told"), level=EventLevel.INFO)
    assert (read if has_reader else [line.split()[-1] for line in written.getvalue().splitlines()]) == expected


def test_an_event_that_is_looked_into_is_made_as_dbt_makes_it(monkeypatch):
    for name in ("__init__", "__getattr__", "__setattr__"):
        monkeypatch.setattr(BaseEvent, name, getattr(BaseEvent, name))
    expected = [event.message() for event in two_events()]
    monkeypatch.setattr(lean_dbt, "get_event_manager", EventManager)
    monkeypatch.setattr(BaseEvent, "__init__", lean_dbt._make_event_when_read)
    monkeypatch.setattr(BaseEvent, "__getattr__", lean_dbt._get_of_made_event)
    monkeypatch.setattr(BaseEvent, "__setattr__", lean_dbt._set_of_made_event)
    read, changed = two_events()
    assert "pb_msg" not in vars(read)
    assert [read.message(), changed.message()] == expected
    _, changed = two_events()
    changed.conn_name = "another"
    assert "another" in changed.message()
    assert "pb_msg" in vars(Note(msg="told")), "no event for debugging"


def two_events():
    return ConnectionUsed(conn_type="duckdb", conn_name="first"), ConnectionUsed(conn_type="duckdb", conn_name="second")


def test_tables_are_typed_as_dbt_types_them():
    def types(build):
        tester = build(["name"], string_null_values=())
        table = agate.Table([["null", 1], ["x", 2]], ["name", "failures"], column_types=tester)
        return [repr(kind.__class__) for kind in table.column_types], [tuple(row) for row in table.rows]

    assert types(lean_dbt._type_tester) == types(agate_helper.build_type_tester)
    assert lean_dbt._type_tester(["name"], ()) is lean_dbt._type_tester(["name"], ())
    assert lean_dbt._type_tester([], ()) is not lean_dbt._type_tester(["name"], ())
    assert (len(lean_dbt._empty_table().rows), len(lean_dbt._empty_table().columns)) == (0, 0)


def test_this_process_keeps_dbt_as_it_is():
    assert (MacroNamespaceBuilder.build_namespace, EventManager.fire_event, ManifestContext.to_dict) == (
        DBT_BUILDS,
        DBT_FIRES,
        DBT_TO_DICT,
    )
