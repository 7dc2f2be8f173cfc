"""The compiler takes what it understands, refuses everything else by name, and its rules catch what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from expectations.__main__ import PROJECT, main
from expectations.contract import ContractError, read_contract, read_contracts
from expectations.judge import Judge, JudgementError
from expectations.rules import CompiledContract, Definitions, compile_contract, match_headers

FIXTURES = PROJECT / "tests" / "landing" / "contracts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The fixture contracts, to be changed."""
    shutil.copytree(FIXTURES, tmp_path / "contracts")
    (tmp_path / "sizes.csv").write_text("size\nsmall\nlarge\n")
    return tmp_path / "contracts"


def compiled(folder: Path, name: str = "shop.deals") -> CompiledContract:
    return compile_contract(read_contracts(folder)[name], Definitions(folder.parent))


def test_the_sources_are_up_to_date() -> None:
    assert main(["compile", "--check"]) == 0


def test_an_outdated_source_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--contracts", str(folder), "--definitions", str(tmp_path), "--models", str(tmp_path / "models")]
    path = tmp_path / "models" / "staging" / "shop" / "_shop__sources.yml"
    assert main([*places, "compile", "--check"]) == 1
    assert str(path) in capsys.readouterr().err
    assert main([*places, "compile"]) == 0
    assert main([*places, "compile", "--check"]) == 0
    source = yaml.safe_load(path.read_text())["sources"][0]
    assert (source["name"], source["schema"]) == ("shop", "raw")
    deals = next(table for table in source["tables"] if table["name"] == "deals")
    assert deals["identifier"] == "shop__deals"
    assert deals["config"]["meta"]["owner"] == "sales_operations"
    types = {column["name"]: column["data_type"] for column in deals["columns"]}
    assert (types["amount"], types["_modified_at"]) == ("decimal(18,2)", "timestamp")


def test_every_project_contract_compiles() -> None:
    definitions = Definitions(PROJECT / "seeds")
    contracts = read_contracts()
    assert len(contracts) > 90
    for contract in contracts.values():
        entry = compile_contract(contract, definitions)
        assert {"unique:key", "max_cell"} <= set(entry.by_id)


def test_parents_come_before_children(folder: Path) -> None:
    order = list(read_contracts(folder))
    assert order.index("shop.customers") < order.index("shop.deals")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: DataContract\n", "kind: DataContract\ncolour: blue\n", "unknown key 'colour'"),
        ("id: shop.deals\n", "id: shop.orders\n", "'shop.orders' is not one of shop.deals"),
        ("apiVersion: v3.1.0", "apiVersion: v2.0.0", "'v2.0.0' is not one of v3.1.0"),
        ("version: 2.0.0\n", "version: 2.0.0\nversion: 2.1.0\n", "key 'version' stands twice"),
        ("      - name: stage\n", "      - name: stage\n        pii: true\n", "column 'stage': unknown key 'pii'"),
        ("      - name: stage\n", "      - name: amount\n", "column amount stands twice"),
        ("metric: invalidValues", "metric: niceValues", "'niceValues' is not one of invalidValues"),
        ("{validValues: [open, won, lost]}", "{validValues: []}", "validValues needs a list"),
        ("mustBe: 0", "mustBe: 3", "3 is not one of 0"),
        ("rule: usual_volume, minRatio", "rule: usual_weather, minRatio", "'usual_weather' is not one of"),
        ("{rule: usual_volume, minRatio: 0.6, maxRatio: 3.0}", "{rule: usual_volume, minRatio: 0.6}", "needs maxRatio"),
        ("column: amount, maxRatio", "column: price, maxRatio", "names column 'price', which the contract"),
        ("column: amount, maxRatio", "column: stage, maxRatio", "column 'stage' is no number or integer"),
        ("{minimum: 0, maximum: 100000000}", "{minimum: zero}", "needs a number, found 'zero'"),
        ("{minimum: '2000-01-01', maximum", "{minimum: 'the start', maximum", "is no ISO date or timestamp"),
        ("{minimum: 0, maximum", "{maxLength: 3, maximum", "unknown key 'maxLength'"),
        ("physicalType: decimal(18,2)", "physicalType: varchar", "physicalType 'varchar' does not carry"),
        ("classification: internal", "classification: secret", "'secret' is not one of public, internal, personal"),
        ("to: shop.customers.customer_id", "to: shop.customers", "is not <system>.<object>.<column>"),
        ("to: shop.customers.customer_id", "to: shop.customers.number", "refers to shop.customers.number"),
        ("to: shop.customers.customer_id", "to: shop.deals.deal_id", "can only be a warning"),
        ("        primaryKey: true\n", "", "no column is a primaryKey"),
        ("{property: owner, value: sales_operations}", "{property: owner, value: nobody}", "'nobody' is not one of"),
        ("  - {property: delivery, value: delta}\n", "", "delivery must be said"),
        ("  - {property: eventTime, value: created_at}\n", "", "a delta extract needs eventTime"),
        ("{property: tolerance, value: 0.2}", "{property: tolerance, value: 20}", "is a share between 0 and 1"),
        ("{property: blocksPublish, value: true}", "{property: blocksPublish, value: 'yes'}", "needs true or false"),
        ("modifiedAt, value: modified_at}", "modifiedAt, value: stage}", "is no timestamp or date"),
        ("        name: won_is_closed\n        severity: error", "        name: won_is_closed\n        severity: fatal",
         "'fatal' is not one of error, warning"),
    ],
)  # fmt: skip
def test_what_is_not_understood_raises_with_file_and_key(folder: Path, old: str, new: str, says: str) -> None:
    path = folder / "shop" / "deals.odcs.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError) as error:
        read_contracts(folder)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_file_that_is_no_contract_raises(folder: Path) -> None:
    (folder / "shop" / "deals.yaml").write_text("a: 1")
    with pytest.raises(ContractError, match="deals.yaml: is no contract"):
        read_contracts(folder)


def test_strict_references_in_a_circle_raise(folder: Path) -> None:
    path = folder / "shop" / "customers.odcs.yaml"
    path.write_text(path.read_text().replace(
        "            to: shop.customers.customer_id\n            customProperties:\n"
        "              - {property: severity, value: warning}\n", "            to: shop.deals.deal_id\n"))  # fmt: skip
    with pytest.raises(ContractError, match="go in a circle among shop.customers, shop.deals"):
        read_contracts(folder)


def test_an_agreed_list_that_does_not_exist_raises(folder: Path) -> None:
    (folder.parent / "sizes.csv").unlink()
    with pytest.raises(ContractError, match="validValuesFrom 'sizes:size': no definitions table sizes.csv"):
        compiled(folder, "shop.customers")


def test_a_field_mapping_to_no_column_raises(folder: Path) -> None:
    (folder.parent / "field_mappings.csv").write_text(
        "system,object,source_field,target_column\nshop,deals,Phase__c,phase\n"
    )
    with pytest.raises(ContractError, match="'Phase__c' goes to column 'phase', which the contract does not have"):
        compiled(folder)


def test_the_hash_follows_judgement_not_wording(folder: Path) -> None:
    before = compiled(folder).content_hash
    path = folder / "shop" / "deals.odcs.yaml"
    path.write_text(path.read_text().replace("description: Stage.", "description: Where it stands."))
    assert compiled(folder).content_hash == before
    path.write_text(path.read_text().replace("maximum: 100000000", "maximum: 200000000"))
    assert compiled(folder).content_hash != before


def test_headers_prefer_the_exact_name_and_use_each_once(folder: Path) -> None:
    entry = compiled(folder, "shop.customers")
    assert match_headers(entry, ["company", "Name", "property_email", "email", "CustomerID"]) == {
        "name": 1,
        "email": 3,
        "customer_id": 4,
    }
    assert match_headers(entry, ["company", "id"]) == {"name": 0}


# The rules themselves, each with a value that passes and one that does not ----------------------------------------

GOOD = {
    "deal_id": "'D1'", "customer_id": "'C1'", "stage": "'won'", "amount": "10.00", "close_date": "date '2026-06-30'",
    "created_at": "timestamp '2026-03-01 08:00:00'", "modified_at": "timestamp '2026-03-09 08:00:00'",
    "is_closed": "true", "is_won": "true",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("not_null:deal_id", {"deal_id": "null"}),
        ("type:amount", {"amount": "null", "amount$text": "'much'"}),
        ("accepted_values:stage", {"stage": "'Won'"}),
        ("in_range:amount", {"amount": "-0.01"}),
        ("in_range:amount", {"amount": "100000000.01"}),
        ("in_range:close_date", {"close_date": "date '1999-12-31'"}),
        ("in_range:close_date", {"close_date": "date '2100-01-01'"}),
        ("in_range:created_at", {"created_at": "timestamp '1970-01-01 00:00:00'"}),
        ("not_after_delivery:created_at", {"created_at": "timestamp '2026-03-11 06:00:01'"}),
        ("condition:won_is_closed", {"is_closed": "false"}),
        ("reference:customer_id", {"customer_id": "'C2'"}),
        ("max_length:stage", {"stage": "repeat('x', 1000001)"}),
        ("max_cell", {"_extra": "repeat('x', 1000001)"}),
    ],
)
def test_each_row_rule_catches_what_it_says_and_nothing_else(folder: Path, rule: str, changes: dict[str, str]) -> None:
    entry = compiled(folder)
    predicate = entry.by_id[rule].predicate

    def is_broken(values: dict[str, str]) -> bool:
        texts = {
            f"{column.name}$text": f"cast({values[column.name]} as varchar)"
            for column in entry.contract.columns
            if not column.is_text
        }
        row = {"_extra": "null", "_landed_at": "timestamp '2026-03-10 06:00:00'", **texts, **values}
        listed = ", ".join(f'{value} as "{name}"' for name, value in row.items())
        with duckdb.connect() as connection:
            connection.execute("create schema raw; create table raw.shop__customers as select 'C1' as customer_id")
            return bool(connection.execute(f"select coalesce({predicate}, false) from (select {listed})").fetchone()[0])

    assert not is_broken(GOOD)
    assert is_broken({**GOOD, **changes})


def test_nulls_break_only_what_says_so(folder: Path) -> None:
    entry = compiled(folder)
    empty = {
        **dict.fromkeys(GOOD, "null"),
        **{f"{c.name}$text": "cast(null as varchar)" for c in entry.contract.columns if not c.is_text},
        "_extra": "cast(null as varchar)",
        "_landed_at": "timestamp '2026-03-10'",
    }
    types = {column.name: column.physical_type for column in entry.contract.columns}
    listed = ", ".join(
        f'cast({value} as {types.get(name, "varchar" if name != "_landed_at" else "timestamp")}) as "{name}"'
        for name, value in empty.items()
    )
    with duckdb.connect() as connection:
        connection.execute("create schema raw; create table raw.shop__customers as select 'C1' as customer_id")
        broken = [
            rule.id
            for rule in entry.row_rules
            if rule.predicate
            and connection.execute(f"select coalesce({rule.predicate}, false) from (select {listed})").fetchone()[0]
        ]
    assert broken == ["not_null:deal_id"]


def test_a_pattern_is_matched_in_full(folder: Path) -> None:
    predicate = compiled(folder, "shop.customers").by_id["pattern:customer_id"].predicate
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {predicate} from (values ('C-1'), ('C 1'), ('x; C1')) as t(customer_id)"
        ).fetchall()
    assert rows == [(False,), (True,), (True,)]


# The judge --------------------------------------------------------------------------------------------------------


def test_the_judge_sees_flags_and_figures_on_the_lent_connection(folder: Path) -> None:
    entry = compiled(folder)
    flags = ", ".join(f"i % 100 = {n} as {entry.flag(rule)}" for n, rule in enumerate(entry.row_rules[:3]))
    rest = ", ".join(f"false as {entry.flag(rule)}" for rule in entry.row_rules[3:])
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as gate")
        connection.begin()
        connection.execute(
            f"create table gate.main.staged as select i % 2 as _load_number, {flags}, {rest} from range(1000) as t(i)"
        )
        connection.execute(
            "create table gate.main.figures as select * from (values (1, 'tolerance', 0.3, null, 0.2), "
            "(2, 'tolerance', 0.1, null, 0.2), (1, 'usual_volume', 5, 10, 100), (1, 'columns', null, 1, 1)) "
            "as t(load_number, rule, figure, minimum, maximum)"
        )
        with Judge(connection, "gate.main") as judge:
            rows = {verdict.rule: verdict.figures for verdict in judge.rows(entry, "staged")}
            files = {verdict.rule: verdict.figures for verdict in judge.files(entry, "figures")}
            with pytest.raises(JudgementError, match="another connection"):
                Judge(connection, "gate.main")
        assert connection.execute("select count(*) from gate.main.staged").fetchone() == (
            1000,
        )  # still our transaction
        connection.rollback()
    assert rows == {
        entry.row_rules[0].id: {0: 10},
        entry.row_rules[1].id: {1: 10},
        entry.row_rules[2].id: {0: 10},
    }
    assert files == {"tolerance": {1: 0.3}, "usual_volume": {1: 5.0}}


def test_a_suite_that_cannot_run_raises_instead_of_passing(folder: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as gate; create table gate.main.staged (_load_number bigint)")
        with Judge(connection, "gate.main") as judge, pytest.raises(JudgementError, match="shop.deals row rules"):
            judge.rows(compiled(folder), "staged")


def test_the_suite_names_its_contract_and_owner(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--contracts", str(folder), "--definitions", str(folder.parent)]
    assert main([*places, "suite", "shop.deals"]) == 0
    suites = yaml.safe_load(capsys.readouterr().out)
    meta = suites[0]["expectations"][0]["meta"]
    assert (meta["contract"], meta["version"], meta["owner"]) == ("shop.deals", "2.0.0", "sales_operations")
    assert "reference:customer_id (error)" in meta["rules"]
    assert main([*places, "suite", "shop.orders"]) == 1


def test_reading_one_contract_keeps_what_it_says(folder: Path) -> None:
    contract = read_contract(folder / "shop" / "deals.odcs.yaml")
    assert (contract.key, contract.owner, contract.tolerance) == (("deal_id",), "sales_operations", 0.2)
    assert (contract.modified_at, contract.event_time, contract.blocks_publish) == (
        ("modified_at",),
        "created_at",
        True,
    )
