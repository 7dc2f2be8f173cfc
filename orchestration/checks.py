"""Contract rules as asset checks: one check an extract and kind of promise, blocking where the contract says so.

A contract has some thirty rules, most of them about single columns. A check for each would make thousands of events
a run; so they are gathered by what they promise, and the check's metadata names each broken rule with its figure.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from expectations.contract import Contract
from orchestration.assets import MAIN_JOB, POOL, extract_key
from orchestration.landing import BrokenRule
from orchestration.preparation import MainJob, Preparation

# Name of the check: what it promises, and the kinds of rules that it gathers. Any other kind is about rows.
CHECKS = {
    "delivered": ("The extract is there.", frozenset({"required"})),
    "readable": (
        "Its files can be read, are not empty and have the agreed columns.",
        frozenset({"readable", "not_empty", "columns", "consistent_offsets", "max_cell"}),
    ),
    "usual": ("Volume and amounts are as usual.", frozenset({"usual_volume", "usual_median"})),
    "rows": ("Its rows keep their rules: keys, types, values, ranges, references.", frozenset()),
    "fresh": ("It is as new as agreed.", frozenset({"freshness"})),
}


def check_of(rule: str) -> str:
    """The check that a rule, `<kind>:<column>`, belongs to."""
    kind = rule.split(":", 1)[0]
    return next((name for name, (_, kinds) in CHECKS.items() if kind in kinds), "rows")


def checks_of(contract: Contract) -> list[str]:
    """The checks of a contract: `usual` only where it has such rules, `fresh` where it says how new."""
    has_usual = any(rule.kind in CHECKS["usual"][1] for rule in contract.rules)
    skipped = {"usual": not has_usual, "fresh": contract.latency_hours is None}
    return [name for name in CHECKS if not skipped.get(name, False)]


def result_of(key: dg.AssetKey, name: str, broken: Sequence[BrokenRule]) -> dg.AssetCheckResult:
    """The result of one check from the rules broken in it; ERROR, so blocking, only where publishing must stop."""
    blocks = any(rule.blocks_publish for rule in broken)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not broken,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata={
            "broken": dg.TableMetadataValue(
                records=[
                    dg.TableRecord(
                        {
                            "rule": rule.rule,
                            "severity": rule.severity,
                            "figure": rule.figure if rule.figure is not None else "",
                            "rows_held": rule.rows_held,
                            "owner": rule.owner,
                            "file": rule.file_name or "",
                            "message": rule.message,
                        }
                    )
                    for rule in broken
                ],
                schema=_SCHEMA,
            ),
            "rows_held": sum(rule.rows_held for rule in broken),
        }
        if broken
        else {},
    )


_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn(name, kind)
        for name, kind in [
            ("rule", "string"),
            ("severity", "string"),
            ("figure", "string"),
            ("rows_held", "int"),
            ("owner", "string"),
            ("file", "string"),
            ("message", "string"),
        ]
    ]
)


def contract_checks(prepared: Preparation) -> dg.AssetChecksDefinition:
    """Every check of every contract, judged by the landing of the same run."""
    checks = {contract.id: checks_of(contract) for contract in prepared.contracts.values()}

    @dg.multi_asset_check(
        name="judge_contracts",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=extract_key(contract),
                blocking=True,
                description=CHECKS[name][0],
                metadata={"contract": contract.id, "owner": contract.owner},
            )
            for contract in prepared.contracts.values()
            for name in checks[contract.id]
        ],
        required_resource_keys={MAIN_JOB},
        pool=POOL,
    )
    def judge_contracts(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        main_job: MainJob = getattr(context.resources, MAIN_JOB)
        if main_job.landing is None:
            raise dg.Failure("contracts are judged while extracts land: run land_extracts in the same run")
        for extract in main_job.landing.extracts:
            names = checks[extract.contract_id]
            by_check: dict[str, list[BrokenRule]] = {name: [] for name in names}
            for rule in extract.broken_rules:
                # A broken rule is never lost for want of a check of its own.
                name = check_of(rule.rule)
                by_check[name if name in by_check else "rows"].append(rule)
            for name, broken in by_check.items():
                yield result_of(dg.AssetKey([extract.system, extract.object]), name, broken)

    return judge_contracts
