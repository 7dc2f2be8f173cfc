"""The asset graph: each extract, the build's context, every dbt model, the metrics and the published warehouse."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from expectations.contract import Contract
from orchestration.build_context import note_models_built
from orchestration.dbt_runs import DbtError, dbt_of_this_run, node_failures
from orchestration.preparation import MainJob, Preparation
from orchestration.publishing.tables import PUBLISHED_SCHEMAS

POOL = "writer"
MAIN_JOB = "main_job"
CONTEXT_KEY = dg.AssetKey(["concord", "build_context"])
PUBLISHED_KEY = dg.AssetKey(["published", "concord"])
DASHBOARD_KEY = dg.AssetKey(["published", "dashboard"])
POSTGRES_KEY = dg.AssetKey(["published", "postgres"])
_PROGRESS_SECONDS = 5.0


def extract_key(contract: Contract) -> dg.AssetKey:
    """The asset of an extract; dbt's source of the same name is this asset."""
    return dg.AssetKey([contract.system, contract.object])


class Translator(DagsterDbtTranslator):
    """Keys, groups and owners of dbt's nodes in the graph."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                enable_asset_checks=True,
                enable_source_tests_as_checks=False,
                # All of schema audit is written before the build context is laid down.
                enable_duplicate_source_asset_keys=True,
            )
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`schema/name` of a model or seed, `system/object` of a source; what the run itself writes is the context."""
        if dbt_resource_props["resource_type"] == "source":
            if dbt_resource_props["source_name"] == CONTEXT_KEY.path[0]:
                return CONTEXT_KEY
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer: staging, intermediate, core, funnel, … definitions."""
        return dbt_resource_props.get("schema")

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """The team that owns the node: its dbt group."""
        return [f"team:{(dbt_resource_props.get('config') or {}).get('group') or 'analytics'}"]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The node's own description, without its SQL."""
        return dbt_resource_props.get("description") or ""


class DbtProcess(DbtCliResource):
    """dbt in its own process, and nowhere else."""

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        """No adapter in this process: Dagster reads the whole project for one, only to count rows and list columns."""


def landing_asset(prepared: Preparation) -> dg.AssetsDefinition:
    """All extracts, landed at once: they reference each other, and there is one writer."""

    @dg.multi_asset(
        name="land_extracts",
        specs=[
            dg.AssetSpec(
                extract_key(contract),
                group_name=contract.system,
                owners=[f"team:{contract.owner}"],
                description=f"{contract.description}\n\n{contract.purpose}",
                kinds={"duckdb"},
                metadata={"contract": contract.id, "version": contract.version, "delivery": contract.delivery},
            )
            for contract in prepared.contracts.values()
        ],
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def land_extracts(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        main_job: MainJob = getattr(context.resources, MAIN_JOB)
        for extract in main_job.land().extracts:
            loads = [load for load in extract.loads if load.is_new]
            yield dg.MaterializeResult(
                asset_key=dg.AssetKey([extract.system, extract.object]),
                metadata={
                    "files": len(loads),
                    "rows_delivered": sum(load.rows_delivered for load in loads),
                    "rows_accepted": sum(load.rows_accepted for load in loads),
                    "rows_released": extract.rows_released,
                    "rows_held": extract.rows_held,
                    "is_delivered": extract.is_delivered,
                    "stale": extract.stale_reason or "no",
                    "unknown_columns": ", ".join(extract.unknown_columns) or "none",
                },
            )

    return land_extracts


def context_asset(prepared: Preparation) -> dg.AssetsDefinition:
    """The build's number, now and marks, which every dbt model may read."""

    @dg.asset(
        key=CONTEXT_KEY,
        deps=[extract_key(contract) for contract in prepared.contracts.values()],
        group_name="audit",
        owners=["team:analytics"],
        description="One row, the context of the build that is being made: its number and its now.",
        kinds={"duckdb"},
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def build_context(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        build = getattr(context.resources, MAIN_JOB).begin()
        return dg.MaterializeResult(
            metadata={
                "build_id": build.build_id,
                "as_of": build.as_of.isoformat(sep=" "),
                "definition_version": build.definition_version or "none in force",
                "provisional": build.is_provisional,
                "full_refresh": build.is_full_refresh,
            }
        )

    return build_context


def dbt_models(prepared: Preparation) -> dg.AssetsDefinition:
    """Every model and seed, and the data tests as checks, built by one dbt process."""

    @dbt_assets(
        manifest=prepared.manifest,
        name="build_models",
        # Unit tests test the code, not the data: they run with the other tests of the project.
        exclude="resource_type:unit_test resource_type:saved_query",
        dagster_dbt_translator=Translator(),
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def build_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        main_job: MainJob = getattr(context.resources, MAIN_JOB)
        main_job.progress("Building the models")
        project = prepared.project
        dbt = DbtProcess(
            project_dir=os.fspath(prepared.settings.project),
            profiles_dir=os.fspath(prepared.settings.project),
            dbt_executable=dbt_of_this_run(project),
        )
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        if main_job.build is None or main_job.build.is_full_refresh:
            arguments.append("--full-refresh")
        with _environment(project.environment):
            invocation = dbt.cli(arguments, context=context, target_path=project.target, raise_on_error=False)
        total = sum(node["resource_type"] in {"model", "seed", "test"} for node in prepared.manifest["nodes"].values())
        done, told_at = 0, time.monotonic()
        # dbt's own words go into dbt.log of its target folder; what fails is told below.
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
            events = invocation.stream()
            while True:
                with redirect_stdout(nowhere):
                    event = next(events, None)
                if event is None:
                    break
                done += 1
                if time.monotonic() - told_at >= _PROGRESS_SECONDS:
                    main_job.progress(f"Building the models: {done} of {total} models, seeds and tests")
                    told_at = time.monotonic()
                yield event
        if invocation.process.wait() != 0:
            raise DbtError(_told_by_dbt(prepared))
        if not context.is_subset:
            note_models_built(prepared.settings.build_file)

    return build_models


def _told_by_dbt(prepared: Preparation) -> str:
    log = prepared.project.target / "dbt.log"
    failures = node_failures(prepared.project.target)
    lines = [f"  {failure.name}: {failure.message}" for failure in failures[:20]]
    if len(failures) > len(lines):
        lines.append(f"  and {len(failures) - len(lines)} more")
    return "\n".join(["dbt could not build what was asked for:", *(lines or ["  see its log"]), f"  log: {log}"])


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The process's environment with these values, for the time of the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def metrics_asset(prepared: Preparation) -> dg.AssetsDefinition:
    """Every saved query as a table, and the catalog of metrics."""
    read = [
        dg.AssetKey([node["schema"], node["name"]])
        for node in prepared.manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS
    ]

    @dg.multi_asset(
        name="serve_metrics",
        specs=[
            dg.AssetSpec(
                dg.AssetKey(["metrics", name]),
                deps=read,
                group_name="metrics",
                owners=["team:analytics"],
                description=description,
                kinds={"duckdb"},
            )
            for name, description in [
                *((saved.name, saved.description) for saved in prepared.metrics.saved_queries()),
                ("catalog", "One row per metric: what it means, how it is computed, who owns it."),
            ]
        ],
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def serve_metrics(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        for name, rows in getattr(context.resources, MAIN_JOB).serve_metrics().items():
            yield dg.MaterializeResult(asset_key=dg.AssetKey(["metrics", name]), metadata={"dagster/row_count": rows})

    return serve_metrics


def published_asset(
    prepared: Preparation, built: dg.AssetsDefinition, served: dg.AssetsDefinition
) -> dg.AssetsDefinition:
    """The warehouse that everyone reads."""
    deps = [key for key in built.keys if key.path[0] in PUBLISHED_SCHEMAS] + list(served.keys)

    @dg.asset(
        key=PUBLISHED_KEY,
        deps=[*deps, CONTEXT_KEY],
        group_name="published",
        owners=["team:analytics"],
        description="The published warehouse: a link to the newest audited build, swapped in at once.",
        kinds={"duckdb"},
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def concord(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        publication = getattr(context.resources, MAIN_JOB).publish()
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(os.fspath(publication.path)),
                "tables": len(publication.rows),
                "rows": sum(publication.rows.values()),
                "restatements": publication.restatements,
            }
        )

    return concord


def dashboard_asset() -> dg.AssetsDefinition:
    """The page of exactly the build that was just published."""

    @dg.asset(
        key=DASHBOARD_KEY,
        deps=[PUBLISHED_KEY],
        group_name="published",
        owners=["team:analytics"],
        description="The one revenue dashboard, a single file, made from the published warehouse alone.",
        kinds={"html"},
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def dashboard(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        page, size = getattr(context.resources, MAIN_JOB).render()
        return dg.MaterializeResult(metadata={"file": dg.MetadataValue.path(os.fspath(page)), "bytes": size})

    return dashboard


def postgres_asset() -> dg.AssetsDefinition:
    """The copy of the published warehouse in PostgreSQL, where one is asked for."""

    @dg.asset(
        key=POSTGRES_KEY,
        deps=[PUBLISHED_KEY],
        group_name="published",
        owners=["team:analytics"],
        description="The published build in PostgreSQL: views that stay, turned at once to newly loaded tables.",
        kinds={"postgres"},
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def postgres(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        publication = getattr(context.resources, MAIN_JOB).publish_to_postgres()
        return dg.MaterializeResult(
            metadata={
                "database": publication.place,
                "build_id": publication.build_id,
                "tables": len(publication.rows),
                "rows": sum(publication.rows.values()),
                "unchanged": publication.is_unchanged,
            }
        )

    return postgres
