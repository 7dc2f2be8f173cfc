"""The project's own generic dbt tests can fail, each in every way that it names."""

import re

import duckdb
import jinja2
import pytest

from orchestration.settings import PROJECT_ROOT
from tests.activity.rendered_sql import rendered

ROWS = "(values ('a', 1, 'x'), ('b', 1, 'y'), ('b', null, 'z')) as rows (k, n, t)"


def failures(test, model, **arguments):
    """The rows that a generic test returns for a relation, by its own SQL."""
    text = (PROJECT_ROOT / f"tests/dbt/generic/{test}.sql").read_text()
    body = re.search(r"{% test .*? %}(.*){% endtest %}", text, re.S).group(1)
    template = jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(body)
    return duckdb.connect().sql(template.render(model=model, **arguments)).fetchall()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({"key": ["t"]}, [], id="holds"),
        pytest.param({"key": ["k"]}, [("b", 2, 0)], id="key_twice"),
        pytest.param({"key": ["k", "n"]}, [("b", None, 1, 1)], id="key_with_a_gap"),
        pytest.param({"key": ["k", "n"], "nullable": ["n"]}, [], id="a_null_is_a_value_of_the_key"),
        pytest.param({"key": ["t"], "also_filled": ["k", "n"]}, [("z", 1, 1)], id="other_column_with_a_gap"),
        pytest.param({"key": ["n"], "nullable": ["n"]}, [(1, 2, 0)], id="nullable_key_twice"),
    ],
)
def test_grain(arguments, expected):
    assert failures("grain", ROWS, **{"nullable": [], "also_filled": [], **arguments}) == expected


def test_unique_combination():
    assert failures("unique_combination", ROWS, columns=["k"]) == [("b", 2)]
    assert failures("unique_combination", ROWS, columns=["k", "n"]) == []


@pytest.mark.parametrize(
    ("least", "found"), [(100, []), (99, [("SMB", "Mid-Market")])], ids=["beside each other", "overlapping"]
)
def test_segments_that_overlap_are_named(least, found):
    with duckdb.connect() as connection:
        connection.execute("create table segments (segment varchar, min_employees bigint, max_employees bigint)")
        connection.execute("insert into segments values ('SMB', 1, 99), ('Mid-Market', ?, null)", [least])
        assert connection.execute(rendered("tests/dbt/assert_segments_do_not_overlap.sql")).fetchall() == found
