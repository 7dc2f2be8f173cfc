"""Rules that the project as a whole keeps, read from dbt's manifest and the files of the repository."""

import json
import os
import re
import subprocess
from collections import Counter

import duckdb
import pytest
import yaml

from orchestration.preparation import prepare
from orchestration.settings import PROJECT_ROOT, SETTINGS

# What a model of a layer may read.
MAY_READ = {
    "staging": {"source", "staging", "seed"},
    "intermediate": {"staging", "intermediate", "seed"},
    "mart": {"staging", "intermediate", "mart", "seed"},
    "report": {"mart"},
    "metrics": {"mart", "report", "metrics", "seed"},
}
PREFIXES = {
    "staging": ("stg_",),
    "intermediate": ("int_",),
    "mart": ("dim_", "fct_", "bridge_", "map_"),
    "report": ("rpt_",),
}
OWNERS = {"analytics", "marketing_operations", "sales_operations", "finance_operations"}


def layer_of(node):
    if node["resource_type"] in {"source", "seed"}:
        return node["resource_type"]
    folder = node["fqn"][1]
    if folder == "marts":
        return "report" if node["name"].startswith("rpt_") else "mart"
    return folder


def models(manifest):
    return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def parents(manifest, node):
    nodes = {**manifest["nodes"], **manifest["sources"]}
    return [nodes[key] for key in node["depends_on"]["nodes"] if key in nodes]


def violations_of_layers(manifest):
    found = []
    for node in models(manifest).values():
        layer = layer_of(node)
        for parent in parents(manifest, node):
            # The build's context is the clock of every layer.
            if parent["name"] == "stg_concord__build_context":
                continue
            if layer_of(parent) not in MAY_READ.get(layer, set()):
                found.append(f"{node['name']} ({layer}) reads {parent['name']} ({layer_of(parent)})")
    return found


def test_every_layer_reads_only_what_it_may(manifest):
    assert violations_of_layers(manifest) == []


def test_the_layering_rule_would_be_noticed(manifest):
    report = next(node for node in models(manifest).values() if layer_of(node) == "report")
    staging = next(key for key, node in models(manifest).items() if layer_of(node) == "staging")
    broken = {**report, "depends_on": {"nodes": [staging]}}
    assert violations_of_layers({**manifest, "nodes": {**manifest["nodes"], "model.x.broken": broken}}) != []


def test_staging_of_a_system_reads_that_system_alone(manifest):
    found = []
    for node in models(manifest).values():
        if layer_of(node) != "staging":
            continue
        system = node["fqn"][2]
        found += [
            f"{node['name']} reads {parent['source_name']}.{parent['name']}"
            for parent in parents(manifest, node)
            if parent["resource_type"] == "source" and parent["source_name"] != system
        ]
    assert found == []


def test_names_say_the_layer(manifest):
    found = [
        node["name"]
        for node in models(manifest).values()
        if layer_of(node) in PREFIXES and not node["name"].startswith(PREFIXES[layer_of(node)])
    ]
    assert found == []


def test_every_model_has_a_grain_an_owner_and_described_columns(manifest):
    found = []
    for node in models(manifest).values():
        description = " ".join(node["description"].split())
        if not description.startswith(("One row per", "One row a", "One row,", "One row for")):
            found.append(f"{node['name']}: its description does not begin with the grain ({description[:40]!r})")
        if node["config"].get("group") not in OWNERS:
            found.append(f"{node['name']}: no owner")
        if not node["columns"]:
            found.append(f"{node['name']}: no columns described")
        found += [
            f"{node['name']}.{name}: not described"
            for name, column in node["columns"].items()
            if not column["description"]
        ]
    assert found == []


def test_every_model_has_a_tested_key(manifest):
    """By one test a model, `grain`: hundreds of tests of single columns would be most of the main job's time."""
    tested = Counter(
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "grain"
    )
    assert sorted(node["name"] for key, node in models(manifest).items() if tested[key] != 1) == []


def test_what_the_grain_tests_say_is_not_tested_again(manifest):
    assert [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "not_null"
        and (node.get("attached_node") or "").startswith("model.")
        and not node["config"].get("where")
    ] == []


def test_every_mart_has_an_enforced_contract(manifest):
    found = [
        node["name"]
        for node in models(manifest).values()
        if layer_of(node) == "mart" and not node["config"]["contract"]["enforced"]
    ]
    assert found == []


@pytest.mark.slow
def test_every_mart_says_who_reads_it(manifest):
    read = {key for exposure in manifest["exposures"].values() for key in exposure["depends_on"]["nodes"]}
    unread = [
        node["name"]
        for key, node in models(manifest).items()
        if layer_of(node) in {"mart", "report"} and key not in read
    ]
    assert not unread, f"no exposure names {', '.join(unread)}"


def test_every_column_that_is_there_is_described(manifest, build):
    described = {(n["schema"], n["alias"]): set(n["columns"]) for n in models(manifest).values()}
    found = [
        f"{schema}.{table}.{column}"
        for schema, table, column in build.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where not internal and database_name = current_database()"
        ).fetchall()
        if (schema, table) in described and column not in described[schema, table]
    ]
    assert found == []


def test_warnings_stand_beside_their_reason(manifest):
    found = [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node["config"]["severity"].lower() == "warn"
        and not (node["description"] or re.search(r"^-- Fails if", node.get("raw_code") or "", re.M))
    ]
    assert found == []


def test_one_yaml_beside_each_model(manifest):
    found = []
    for node in models(manifest).values():
        patch = (node["patch_path"] or "").removeprefix("concord://")
        if patch != re.sub(r"\.(sql|py)$", ".yml", node["original_file_path"]):
            found.append(f"{node['original_file_path']} is described in {patch or 'no file'}")
    assert found == []


def test_macros_are_documented_and_each_has_its_own_file(manifest):
    own = [m for m in manifest["macros"].values() if m["package_name"] == "concord" and m["path"].startswith("macros/")]
    files = Counter(macro["path"] for macro in own if "__" not in macro["name"])
    assert [path for path, count in files.items() if count > 1] == []
    documented = yaml.safe_load((PROJECT_ROOT / "macros/_macros.yml").read_text())["macros"]
    names = {macro["name"] for macro in documented}
    assert sorted({macro["name"] for macro in own if "__" not in macro["name"]} - names) == []


# What models that add to the last build may read though no lookup remembers it, and why nothing is missed.
FOLLOWS_FROM = {
    "int_activity_kinds": "the agreed definitions alone",
    "int_country_regions": "the agreed definitions alone",
    "int_definition_versions": "the agreed definitions alone",
    "int_opportunity_outcomes": "one opportunity, its states and its person",
    "int_opportunity_runs": "the outcomes of one person",
    "int_touch_credits": "the conversions and removal effects that int_conversion_lookups remembers",
    "fct_ad_spend": "its channels alone, which fct_credits brings up to date by mark_paid_channels",
    "int_person_identifiers": "the address of one record, where it is read for its domain",
}

# The same of what only one of them may read: rows of deals and invoices go again with every build.
FOLLOWS_IN = {
    ("fct_alignment_records", "bridge_person_records"): "the records of people",
    ("fct_alignment_records", "dim_people"): "whether one person is excluded",
    ("fct_alignment_records", "fct_opportunities"): "only deals name an opportunity",
    ("fct_alignment_records", "fct_shared_records"): "entries of one person, or deals",
    ("fct_alignment_records", "fct_team_figures"): "which objects are delivered, and which CRMs are in use",
    ("int_team_figure_records", "int_account_records"): "only invoices name an account",
    ("int_team_figure_records", "int_fx_rates"): "only invoices have another currency",
}


def not_remembered(manifest):
    """What incremental models read that may change without their noticing."""
    by_name = {node["name"]: node for node in models(manifest).values()}
    remembering = [node for node in by_name.values() if node["fqn"][1:3] == ["intermediate", "changes"]]
    remembered = {parent["name"] for node in remembering for parent in parents(manifest, node)}
    remembered |= {node["name"] for node in remembering} | set(FOLLOWS_FROM)
    adding = {name for name, node in by_name.items() if node["config"]["materialized"] == "incremental"}
    found = []
    for name in sorted(adding - {node["name"] for node in remembering}):
        for parent in parents(manifest, by_name[name]):
            if parent["resource_type"] == "seed" or parent["name"] in remembered | adding:
                continue
            if (name, parent["name"]) in FOLLOWS_IN:
                continue
            if name == "int_activity_records_unioned" and layer_of(parent) == "staging":
                continue
            found.append(f"{name} reads {parent['name']}")
    return found


def test_what_adds_to_the_last_build_notices_whatever_it_reads(manifest):
    """A model with an input that nothing in intermediate/changes looks at would be wrong without a sign."""
    assert not_remembered(manifest) == []
    cut = {
        key: {
            **node,
            "depends_on": {"nodes": [other for other in node["depends_on"]["nodes"] if "contracts" not in other]},
        }
        if node["name"] == "int_person_lookups"
        else node
        for key, node in manifest["nodes"].items()
    }
    assert not_remembered({**manifest, "nodes": cut}) == ["int_cycle_origins reads int_contracts"]


# Of doubles, these give the same in whatever order rows come; any other aggregate may differ in its last digits.
AGGREGATES = {"BOUND_AGGREGATE", "BOUND_WINDOW"}
ORDER_IS_NOTHING = {"count", "max", "min", "first", "quantile_cont", "quantile_disc"}


def double_aggregates(connection, sql):
    """Aggregates of doubles, as the engine binds the statement, whose last digits depend on the order of its threads.

    A window that is ordered adds up in that order, and every window here is ordered to the last tie.
    """
    ((plan,),) = connection.execute("select json_serialize_plan(?::varchar, optimize := false)", [sql]).fetchall()
    plan = json.loads(plan)
    assert not plan["error"], plan
    found, waiting = set(), [plan]
    while waiting:
        part = waiting.pop()
        # Windows that only number rows have no such name.
        if isinstance(part, dict) and part.get("expression_class") in AGGREGATES and "qname" in part:
            name, types = part["qname"]["path"][-1], {argument["id"] for argument in part["arguments"]}
            if types & {"DOUBLE", "FLOAT"} and name not in ORDER_IS_NOTHING and not part.get("orders"):
                found.add(name)
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return sorted(found)


def test_no_sum_of_doubles_depends_on_the_order_of_threads(demo, build):
    """`exact_sum` adds them up as decimals, so that two builds of one input are equal to the last digit."""
    prepared = prepare(demo.settings)
    folder = prepared.project.target / "compiled" / "concord" / "models"
    statements = {path.stem: path.read_text() for path in folder.rglob("*.sql") if path.parent.suffix != ".yml"}
    assert {"rpt_quarter_outlook", "rpt_channel_credit", "int_person_scores"} <= statements.keys()
    for model in prepared.metrics.manifest["semantic_models"]:
        for measure in model["measures"]:
            if measure["agg"] not in {"count", "count_distinct", "min", "max"}:
                statements[f"measure {measure['name']}"] = (
                    f"select sum({measure['expr'] or measure['name']}) from {model['node_relation']['relation_name']}"
                )
    adding = {
        name: sql for name, sql in statements.items() if re.search(r"\b(sum|avg|mean|var|std|corr|cov|regr)", sql, re.I)
    }
    assert len(adding) > 30
    assert {name: found for name, sql in adding.items() if (found := double_aggregates(build, sql))} == {}


def test_a_sum_of_doubles_would_be_noticed():
    with duckdb.connect() as connection:
        connection.execute("create table t as select 1 as id, 1.5::double as d, 1.5::decimal(18, 2) as m, 2 as n")
        for sql, found in {
            "select sum(d) from t": ["sum"],
            "with x as (select id, avg(d) as a from t group by id) select sum(a) from x": ["avg", "sum"],
            "select sum(d) over (partition by id) from t": ["sum"],
            "select sum(m * d) filter (n > 1), stddev(n) from t": ["stddev", "sum"],
            "select sum(d) over (order by id), row_number() over (order by d) from t": [],
            "select max(d), sum(m), avg(m), avg(n), sum(d::decimal(38, 12)) from t": [],
        }.items():
            assert double_aggregates(connection, sql) == found, sql


def tracked(*patterns):
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    return [PROJECT_ROOT / name for name in listed.stdout.split("\0") if name]


def test_no_model_asks_the_clock_or_uses_what_only_one_engine_has():
    forbidden = re.compile(
        r"\b(current_timestamp|current_date|now\s*\(|today\s*\(|getdate\s*\(|cross\s+join|qualify)\b", re.I
    )
    found = []
    for path in tracked("models/*.sql"):
        code = re.sub(r"--.*|\{#.*?#\}", "", path.read_text(), flags=re.S if "{#" in path.read_text() else 0)
        found += [f"{path.relative_to(PROJECT_ROOT)}: {match.group()}" for match in forbidden.finditer(code)]
    assert found == []


@pytest.mark.parametrize(
    ("given", "handed_on"), [([], []), (["CONCORD_AS_OF=2026-01-01"], ["CONCORD_AS_OF=2026-01-01"])]
)
def test_make_hands_on_the_settings_that_were_given_and_no_empty_ones(given, handed_on):
    printed = subprocess.run(
        ["make", "--silent", "--eval=printed:\n\t@env", "printed", *given],
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in printed.stdout.splitlines() if line.startswith("CONCORD_")] == handed_on


def test_the_readme_names_every_command_and_setting():
    readme = (PROJECT_ROOT / "README.md").read_text()
    assert [
        name for name in ("make run", "make test", "make dev", "make lint", "make bench") if name not in readme
    ] == []
    assert [name for name in SETTINGS if name not in readme] == []


def test_every_agreed_table_is_documented_with_an_example():
    page = (PROJECT_ROOT / "docs/definitions.md").read_text()
    found = []
    for path in tracked("seeds/*.csv"):
        section = re.search(rf"^### `{path.stem}`$.*?```csv\n(.*?)\n(.+?)\n```", page, re.M | re.S)
        header = path.read_text(encoding="utf-8").splitlines()[0]
        if section is None:
            found.append(f"{path.stem}: no section with an example")
        elif section.group(1) != header:
            found.append(f"{path.stem}: the example has columns {section.group(1)}, the table {header}")
    assert found == []
