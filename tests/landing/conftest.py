"""A small company of three extracts on which landing is tried out."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.landing import LandingReport, land

HERE = Path(__file__).parent
LANDED_AT = datetime(2026, 3, 10, 6, 0)
CUSTOMERS = ("customer_id", "name", "email", "segment", "employees", "created_at", "modified_at", "is_deleted")
DEALS = (
    "deal_id", "customer_id", "stage", "amount", "close_date", "created_at", "modified_at", "is_closed", "is_won",
)  # fmt: skip


def customer(number: int, **changes: Any) -> dict[str, Any]:
    """A customer whom nobody could object to."""
    return {
        "customer_id": f"C{number}",
        "name": f"Company {number}",
        "email": f"office{number}@example.com",
        "segment": "small",
        "employees": 10 + number,
        "created_at": "2026-03-01T08:00:00Z",
        "modified_at": "2026-03-09T08:00:00Z",
        "is_deleted": "false",
        **changes,
    }


def deal(number: int, **changes: Any) -> dict[str, Any]:
    """A deal whom nobody could object to."""
    return {
        "deal_id": f"D{number}",
        "customer_id": "C1",
        "stage": "open",
        "amount": f"{1000 + number}.50",
        "close_date": "2026-06-30",
        "created_at": "2026-03-01T08:00:00Z",
        "modified_at": "2026-03-09T08:00:00Z",
        "is_closed": "false",
        "is_won": "false",
        **changes,
    }


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None, newline: str = "\n") -> str:
    """Rows as CSV text with a header."""
    rows = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator=newline, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Company:
    """Folders of one company, with shortcuts to deliver, land and look."""

    def __init__(self, folder: Path) -> None:
        self.extracts = folder / "extracts"
        self.build_file = folder / "private" / "build.duckdb"
        self.held = folder / "private" / "held"
        self.contracts = folder / "contracts"
        self.definitions = folder / "definitions"
        self.extracts.mkdir(parents=True)
        shutil.copytree(HERE / "contracts", self.contracts)
        self.definitions.mkdir()
        (self.definitions / "sizes.csv").write_text("size\nsmall\nlarge\n")

    def deliver(self, place: str, content: str | bytes | Iterable[Mapping[str, Any]]) -> Path:
        """Write a file `<object>/<name>` of the shop: rows as CSV, or text or bytes as they are."""
        path = self.extracts / "shop" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = csv_text(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def change_contract(self, name: str, said: str, says: str, version: str | None = None) -> None:
        """Put one passage of a contract in place of another, under another version where one is given."""
        path = self.contracts / "shop" / f"{name}.odcs.yaml"
        text = path.read_text()
        assert said in text, f"{path.name} does not say {said!r}"
        text = text.replace(said, says, 1)
        path.write_text(text if version is None else re.sub(r"^version: .*$", f"version: {version}", text, flags=re.M))

    def land(self, **changes: Any) -> LandingReport:
        """Land with a fixed clock; insists that the ledger adds up and nothing was lost."""
        settings = {
            "extracts": self.extracts,
            "build_file": self.build_file,
            "definitions": self.definitions,
            "contracts": self.contracts,
            "landed_at": LANDED_AT,
            **changes,
        }
        report = land(**settings)
        self.check_ledger()
        return report

    def query(self, sql: str, *parameters: Any) -> list[tuple]:
        """Rows of a query on the build file."""
        with duckdb.connect(str(self.build_file), read_only=True) as connection:
            return connection.execute(sql, parameters).fetchall()

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value of a query on the build file."""
        return self.query(sql, *parameters)[0][0]

    def current(self, table: str, columns: str = "*") -> list[tuple]:
        """Current rows of a raw table, ordered by key."""
        return self.query(f"select {columns} from raw.{table} where _is_current order by _key")

    def check_ledger(self) -> None:
        """Every line of the ledger, counted again in the tables themselves."""
        raw = " union all ".join(
            f"select _load_id as load_id, count(*) as n from raw.shop__{path.name.split('.')[0]} group by 1"
            for path in (self.contracts / "shop").glob("*.yaml")
        )
        wrong = self.query(
            f"""
            with accepted as ({raw}),
            held as (
                select load_id, count(*) filter (where not is_unparseable) as quarantined,
                    count(*) filter (where is_unparseable) as unparseable,
                    count(distinct row_number) as numbers, count(*) as rows
                from audit.quarantine group by 1
            )
            select l.*, a.n, h.* from audit.loads as l
            left join accepted as a on a.load_id = l.load_id
            left join held as h on h.load_id = l.load_id
            where l.rows_accepted <> coalesce(a.n, 0)
                or l.rows_quarantined <> coalesce(h.quarantined, 0)
                or (l.status <> 'refused' and l.rows_unparseable <> coalesce(h.unparseable, 0))
                or l.rows_delivered <> l.rows_accepted + l.rows_quarantined + l.rows_unparseable + l.rows_superseded
                or coalesce(h.rows, 0) <> coalesce(h.numbers, 0)
            """
        )
        assert wrong == []
        assert self.value("select count(*) - count(distinct load_id) from audit.loads") == 0


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company without deliveries."""
    return Company(tmp_path)
