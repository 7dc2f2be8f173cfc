"""From the published warehouse file into PostgreSQL: versioned tables under views that stay. Imports no Dagster."""

from orchestration.publishing.postgres.publish import PostgresPublication, publish_to_postgres
from orchestration.publishing.postgres.server import PostgresError
from orchestration.publishing.postgres.shape import indexes_of

__all__ = ["PostgresError", "PostgresPublication", "indexes_of", "publish_to_postgres"]
