"""From the private build file to the warehouse that everyone reads: copied, audited, swapped. Imports no Dagster."""

from orchestration.publishing.audit import AuditError
from orchestration.publishing.fingerprints import fingerprints
from orchestration.publishing.publish import MADE_BY_PUBLISHING, Publication, PublishError, publish, sweep

__all__ = ["MADE_BY_PUBLISHING", "AuditError", "Publication", "PublishError", "fingerprints", "publish", "sweep"]
