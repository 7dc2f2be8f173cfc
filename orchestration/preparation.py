"""What must be known before anything runs: settings, agreed tables, contracts and the parsed dbt project."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from expectations.contract import Contract, read_contracts
from orchestration.agreed_definitions import Definitions, load_definitions
from orchestration.build_context import BuildContext, begin_build, check_origin, current_build
from orchestration.dbt_runs import DbtProjectState, prepare_project, project_variable
from orchestration.landing import LandingReport, land
from orchestration.metric_tables import MetricLayer
from orchestration.publishing import MADE_BY_PUBLISHING, Publication, publish
from orchestration.publishing.postgres import PostgresError, PostgresPublication, indexes_of, publish_to_postgres
from orchestration.publishing.tables import PublishedTable, tables_of_manifest, tables_of_metrics
from orchestration.publishing.visibility import RepVisibility
from orchestration.settings import Settings, read_settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Preparation:
    """All that the graph is made from; equal inputs make an equal graph."""

    settings: Settings
    definitions: Definitions
    project: DbtProjectState
    contracts: Mapping[str, Contract]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The dbt manifest."""
        return self.project.manifest()

    @cached_property
    def metrics(self) -> MetricLayer:
        """The semantic layer of the parsed project."""
        return MetricLayer(self.project.semantic_manifest_path)


def prepare(settings: Settings | None = None, progress: Progress = lambda line: None) -> Preparation:
    """Read, check and parse everything that a run is made from; changes nothing outside the scratch folder."""
    settings = settings or read_settings(os.environ)
    check_origin(settings)
    definitions = load_definitions(settings)
    contracts = read_contracts(settings.project / "expectations" / "contracts")
    progress("Reading the dbt project")
    return Preparation(settings, definitions, prepare_project(settings, definitions), contracts)


@dataclass
class MainJob:
    """One run of the main job: its steps, in plain Python, and what they have found so far."""

    prepared: Preparation
    progress: Progress = lambda line: None
    landing: LandingReport | None = None
    build: BuildContext | None = None
    publication: Publication | None = None
    page: Path | None = None
    postgres: PostgresPublication | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self.prepared.settings

    def land(self) -> LandingReport:
        """Generate the demo where no extracts are given, then land every new file."""
        settings = self.settings
        check_origin(settings)
        if settings.demo_scale is not None:
            from sample.generator import generate

            if not settings.extracts.exists():
                self.progress(f"Generating the demo extracts, scale {settings.demo_scale:g}")
            generate(settings.extracts.parent, settings.demo_scale, DEMO_SEED)
        self.progress(f"Landing {settings.extracts}")
        self.landing = land(
            extracts=settings.extracts,
            build_file=settings.build_file,
            definitions=self.prepared.definitions.folder,
            held=settings.held,
            as_of=settings.as_of,
            progress=self.progress,
        )
        return self.landing

    def begin(self) -> BuildContext:
        """Begin the build; without a landing in this run it is at the now of the last one."""
        if self.landing is not None:
            as_of = self.landing.as_of
            stale = [extract.name for extract in self.landing.stale_extracts]
        else:
            as_of, stale = self._last_now(), []
        self.build = begin_build(self.settings, self.prepared.definitions, as_of=as_of, stale_extracts=stale)
        return self.build

    def _last_now(self) -> datetime:
        if self.settings.as_of is not None:
            return self.settings.as_of
        with duckdb.connect(str(self.settings.build_file), read_only=True) as connection:
            ((as_of,),) = connection.execute("select as_of from audit.build_context").fetchall()
        return as_of

    def serve_metrics(self) -> dict[str, int]:
        """Write the metrics' tables into the build file; returns rows by table."""
        self.progress("Computing the metrics")
        with duckdb.connect(str(self.settings.build_file)) as connection:
            return self.prepared.metrics.build(connection)

    def publish(self) -> Publication:
        """Publish the build."""
        self.progress("Publishing")
        build = self.build or current_build(self.settings.build_file)
        self.publication = publish(
            self.settings,
            build,
            self._tables(),
            visibility=rep_visibility(self.settings.project),
            progress=self._step,
        )
        return self.publication

    def publish_to_postgres(self) -> PostgresPublication:
        """Publish the file that readers open now into the PostgreSQL database of the settings."""
        if self.settings.postgres is None:
            raise PostgresError("CONCORD_POSTGRES is not set")
        self.postgres = publish_to_postgres(
            self.settings.postgres,
            self.publication.path if self.publication else self.settings.published.resolve(),
            [*self._tables(), *MADE_BY_PUBLISHING],
            indexes=indexes_of(self.prepared.manifest, self.prepared.metrics.manifest),
            progress=self.progress,
        )
        return self.postgres

    def _tables(self) -> list[PublishedTable]:
        """What dbt and the metrics make to be published."""
        metrics = self.prepared.metrics
        return [
            *tables_of_manifest(self.prepared.manifest),
            *tables_of_metrics(
                [(saved.name, saved.description, saved.metrics, saved.group_by) for saved in metrics.saved_queries()],
                {name: f"{label}: {description}" for name, label, description, *_ in metrics.catalog()},
            ),
        ]

    def render(self) -> tuple[Path, int]:
        """Make the page of what was published; returns it and its size in bytes."""
        from dashboard.digests import delivery_of_this_process, write_digests
        from dashboard.page import PAGE_NAME, fitting, put_page

        self.progress("Rendering the dashboard")
        published = self.publication.path if self.publication else self.settings.published
        target = self.settings.warehouse / PAGE_NAME
        content, page = fitting(published)
        size = put_page(page, target)
        self.page = target
        write_digests(content, self.settings.warehouse / "digests", delivery_of_this_process())
        return target, size

    def _step(self, step: str) -> None:
        if step == "audit":
            self.progress("Auditing the new warehouse")


DEMO_SEED = 7


def rep_visibility(project: Path) -> RepVisibility:
    """The agreed visibility of single reps, from dbt's variables."""
    return RepVisibility(
        str(project_variable(project, "rep_visibility", "team")),
        int(project_variable(project, "rep_minimum_group", 5)),
    )
