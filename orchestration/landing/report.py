"""What a landing did: plain, immutable records that the orchestration turns into checks and a summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


class LandingError(Exception):
    """Landing cannot go on, and nothing of the extract at hand was changed. The message says what to do."""


class ExtractsError(LandingError):
    """The folder of extracts itself is unusable: missing, empty, unknown folders or links out of it."""


@dataclass(frozen=True)
class BrokenRule:
    """One contract rule that a delivery (or the lack of one) broke.

    `figure` is what was measured (rows for row rules), `rows_held` how many rows it keeps out of raw.
    `file_name` and `load_id` are null where the rule is about the extract as a whole (required, freshness).
    """

    system: str
    object: str
    contract_id: str
    rule: str
    severity: str  # error | warning
    blocks_publish: bool
    owner: str
    message: str
    figure: float | None = None
    rows_held: int = 0
    file_name: str | None = None
    load_id: str | None = None


@dataclass(frozen=True)
class LoadReport:
    """One file, as it stands in audit.loads after this landing.

    `status` is accepted (all rows), partial (some rows held back), stopped (a set rule held back the whole
    file) or refused (the file could not be read; kept under private/held/<sha256>).
    rows_delivered = rows_accepted + rows_quarantined + rows_unparseable + rows_superseded, always.
    """

    load_id: str
    load_number: int
    file_name: str
    file_sha256: str
    status: str
    rows_delivered: int
    rows_accepted: int
    rows_quarantined: int
    rows_unparseable: int
    rows_superseded: int
    is_new: bool = True  # False: an earlier load whose held-back rows were judged again


@dataclass(frozen=True)
class ExtractReport:
    """One extract (one contract): its loads of this landing and how it stands after it."""

    system: str
    object: str
    contract_id: str
    contract_version: str
    owner: str
    is_required: bool
    is_delivered: bool  # some file of it was ever delivered
    loads: tuple[LoadReport, ...] = ()
    rows_released: int = 0  # held back earlier, accepted now
    rows_held: int = 0  # all that quarantine holds of it after this landing
    broken_rules: tuple[BrokenRule, ...] = ()
    stale_reason: str | None = None  # why it keeps older data than it should; None: it is fresh
    newest_at: datetime | None = None  # greatest accepted modification or extraction time, naive UTC
    unknown_columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`<system>.<object>`, the contract's id."""
        return self.contract_id

    @property
    def table(self) -> str:
        """The raw table, `raw.<system>__<object>`."""
        return f"raw.{self.system}__{self.object}"

    @property
    def is_stale(self) -> bool:
        """Whether its data is older than the contract promises, or its newest delivery was not accepted."""
        return self.stale_reason is not None


@dataclass(frozen=True)
class LandingReport:
    """Everything that one landing did, extract by extract, parents first."""

    as_of: datetime  # naive UTC: greatest accepted modification or extraction time, unless it was set
    extracts: tuple[ExtractReport, ...] = field(default=())

    @property
    def broken_rules(self) -> tuple[BrokenRule, ...]:
        """Every broken rule of every extract."""
        return tuple(rule for extract in self.extracts for rule in extract.broken_rules)

    @property
    def stale_extracts(self) -> tuple[ExtractReport, ...]:
        """Extracts that keep older data than they should."""
        return tuple(extract for extract in self.extracts if extract.is_stale)

    @property
    def blocking_rules(self) -> tuple[BrokenRule, ...]:
        """Broken rules that forbid publishing; where there is one, the published warehouse stays as it is."""
        return tuple(rule for rule in self.broken_rules if rule.blocks_publish)

    @property
    def blocks_publish(self) -> bool:
        """Whether anything broken forbids publishing."""
        return bool(self.blocking_rules)

    @property
    def new_loads(self) -> tuple[LoadReport, ...]:
        """Files that were not known before."""
        return tuple(load for extract in self.extracts for load in extract.loads if load.is_new)

    @property
    def rows_accepted(self) -> int:
        """Rows that came into raw now, from new files or out of quarantine."""
        new = sum(load.rows_accepted for load in self.new_loads)
        return new + sum(extract.rows_released for extract in self.extracts)

    @property
    def changed(self) -> bool:
        """Whether raw or the ledger differ from before this landing."""
        return bool(self.new_loads) or any(extract.rows_released for extract in self.extracts)
