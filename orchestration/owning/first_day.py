"""The first day of a company: its own folder of agreed tables, "as reported today", and what is left to decide.

Version 0 says of every value what its system says of it today: what marketing's system calls an MQL is an MQL, a deal
that the CRM calls won is won. Where common words do not tell what a value means, nothing is guessed: it counts as
`(unmapped)` or as no stage, and is listed for a decision.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from orchestration.agreed_definitions import Table, read_specs, read_tables, version_states
from orchestration.dbt_runs import project_variable
from orchestration.owning.folder import csv_text, refuse_unless_new, write_new
from orchestration.owning.harmless import harm
from orchestration.owning.profile import Found, Profile, profile
from orchestration.owning.words import meaning, plain
from orchestration.settings import Settings

VERSION = "0"
UNMAPPED = "(unmapped)"
NO_STAGE = "no stage"
_STAGES = ("inquiry", "lead", "mql", "sal", "sql", "sqo", "won")
# What a side's own figure looks at, and which stage the values have to mean.
_FIGURES = {
    ("lifecycle_stage", "leads"): ("lifecycle_stage", "lead"),
    ("lifecycle_stage", "mqls"): ("lifecycle_stage", "mql"),
    ("lifecycle_stage", "sqls"): ("lifecycle_stage", "sql"),
    ("status", "sqls"): ("person_status", "sql"),
    ("source", "mqls"): ("sales_source", "inquiry"),
}
_EXITS = ("disqualified", "rejected", "recycled")
# So many values of a field are listed one by one, the most frequent first; the rest is counted together.
_MOST = 500
# What people wrote freely: only what stands there several times is a word.
_FREE = {"self_reported_source": 3}
# So many values with one question are listed in the notes; found_values has them all.
_ALIKE = 10
_HELD_SHOWN = 12
# Decided first: all else is counted by these.
_FIRST = ("agreed table", "lifecycle_stage", "status", "stage", "type", "currency")
# Longer than this and this rare, it is a sentence and no word of the system.
_LONGEST_WORD = 80
_REPEATED = 3
_IDS = frozenset({"campaign", "content", "owner", "column"})
_FOUND_COLUMNS = (
    *("system", "object", "field", "value", "records", "counts_as", "agreed_in", "decision", "owner_team"),
    "question",
)
Row = dict[str, str]


@dataclass
class FirstDay:
    """What the first day of a company made.

    Attributes:
        folder: The folder that was written.
        profile: What the extracts hold.
        tables: Rows by table.
        texts: Notes for people, by file name.
    """

    folder: Path
    profile: Profile
    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def open_decisions(self) -> list[Row]:
        """What somebody has to decide: questions about all, then what decides stages, then the rest."""
        return sorted((row for row in self.tables["found_values"] if row["decision"] == "open"), key=_weight)


def first_day(settings: Settings, target: Path, progress: Callable[[str], None] = lambda line: None) -> FirstDay:
    """Profile the extracts and write the company's folder of agreed tables.

    Raises:
        FolderError: the folder holds something already; nothing was looked at.
        LandingError: the extracts cannot be read.
        DbtError: they cannot be staged.
    """
    refuse_unless_new(target)
    seen = profile(settings, progress)
    ours = settings.project / "seeds"
    specs = read_specs(ours)
    currency = str(project_variable(settings.project, "reporting_currency", "USD"))
    made = compose(target, seen, read_tables(specs, ours, None), currency)
    files = {
        f"{name}.csv": csv_text([column.name for column in specs[name].columns], rows)
        for name, rows in made.tables.items()
    }
    progress(f"Writing {target}")
    _check(settings, files)
    write_new(target, {**files, **made.texts})
    return made


def compose(folder: Path, seen: Profile, ours: Mapping[str, Table], reporting_currency: str) -> FirstDay:
    """The tables and notes of a first day, from what was found and from our own tables; nothing is written."""
    made = FirstDay(folder, seen)
    _Writer(made, ours, reporting_currency).write()
    made.texts["DECISIONS.md"] = decisions_text(made)
    return made


def _check(settings: Settings, files: Mapping[str, str]) -> None:
    """Read the tables back as the next run will; what it would refuse is a fault of ours and is not written."""
    ours = settings.project / "seeds"
    folder = Path(tempfile.mkdtemp(prefix="first-day-", dir=settings.scratch))
    try:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        version_states(read_tables(read_specs(ours), ours, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Writer:
    """Fills the tables of a first day from what was found and from our own tables."""

    def __init__(self, made: FirstDay, ours: Mapping[str, Table], reporting_currency: str) -> None:
        self.made = made
        self.profile = made.profile
        self.ours = ours
        self.reporting_currency = reporting_currency
        self.rule_ids: set[str] = set()
        self.can_be_told: set[str] = set()

    def write(self) -> None:
        """Fill all tables."""
        self._versions()
        values = self._harmless()
        for each in values:
            handler = getattr(self, f"_{plain(each.field).replace(' ', '_')}", None)
            if handler is None:
                raise KeyError(f"no rule says what a value of {each.field} means")
            handler(each)
        self._columns()
        self._reasons_of_losses()
        self._team_figures(values)
        self._questions(values)
        for name in ("found_values", "lead_statuses"):
            self.made.tables[name].sort(key=lambda row: tuple(row.values()))

    # What does not hang on single values ---------------------------------------------------------------------

    def _versions(self) -> None:
        tables = self.made.tables
        tables["definition_versions"].append(
            {
                "version": VERSION,
                "effective_from": "2000-01-01 00:00:00",
                "note": "As reported today: every system's own words, signed by nobody yet",
            }
        )
        for name in ("stages", "scoring_parameters", "score_grades", "handoff_matrix"):
            tables[name] = [{**row, "version": VERSION} for row in self._in_force(name)]
        for row in tables["scoring_parameters"]:
            # Today an SQL is what a status calls one; whether a first meeting makes one too is a decision.
            if row["parameter"] == "meeting_makes_sql":
                row["value"] = "0"
        tables["lead_rules"] = [
            {**row, "version": VERSION}
            for row in self._in_force("lead_rules")
            if row["kind"] == "exclusion" and row["rule_id"] != "exclude_form_spam_domain"
        ]
        for name in (
            "stage_rules",
            "exit_reasons",
            "lead_statuses",
            "found_values",
            "joint_log",
            "content_jobs",
            "team_figure_rules",
        ):
            tables[name] = []
        tables["internal_domains"] = [{"domain": domain} for domain in self.profile.user_domains]
        tables["competitors"] = []
        tables["sla_targets"] = [dict(row) for row in self.ours["sla_targets"].rows if row["promise"] != "volume"]
        for name in ("activity_mappings", "channel_mappings", "source_mappings", "opportunity_types"):
            tables[name] = [dict(row) for row in self.ours[name].rows]

    def _in_force(self, name: str) -> list[Mapping[str, str]]:
        rows = self.ours[name].rows
        newest = max((row["version"] for row in rows), default="")
        return [row for row in rows if row["version"] == newest]

    def _harmless(self) -> list[Found]:
        """Values that may be written, each field's most frequent ones; the others are counted together."""
        groups: dict[tuple[str, str, str], list[Found]] = defaultdict(list)
        for each in _stripped(self.profile.found):
            groups[each.system, each.object, each.field].append(each)
        kept: list[Found] = []
        for (system, place, name), values in sorted(groups.items()):
            others: dict[str, list[Found]] = defaultdict(list)
            listed = 0
            for each in sorted(values, key=lambda one: (-one.records, one.value)):
                reason = harm(each.value, self.profile.people, is_id=name in _IDS)
                if reason is not None:
                    others[f"withheld: {reason}"].append(each)
                elif listed >= _MOST or each.records < _FREE.get(name, 0) or _is_prose(each):
                    others["further values"].append(each)
                else:
                    listed += 1
                    kept.append(each)
            for reason, some in sorted(others.items()):
                self._note(
                    Found(system, place, name, f"({len(some)} {reason})", sum(one.records for one in some)),
                    UNMAPPED,
                    "",
                    owner="both",
                    question="Too many to list, or not written here on purpose: look at them in the system itself, and"
                    " mend or map what counts",
                )
        return kept

    def _note(
        self, each: Found, counts_as: str, table: str, *, owner: str, question: str = "", records: str | None = None
    ) -> None:
        self.made.tables["found_values"].append(
            {
                "system": each.system,
                "object": each.object,
                "field": each.field,
                "value": each.value.strip(),
                "records": str(each.records) if records is None else records,
                "counts_as": counts_as,
                "agreed_in": table,
                "decision": "open" if question else "none",
                "owner_team": owner,
                "question": question,
            }
        )

    def _rule(self, stage: str, each: Found, name: str) -> None:
        rows = self.made.tables["stage_rules"]
        row = {
            "version": VERSION,
            "stage": stage,
            "system": each.system,
            "object": each.object,
            "field": name,
            "value": each.value.strip(),
        }
        if row not in rows:
            rows.append(row)

    def _exit(self, kind: str, each: Found, name: str) -> None:
        like = next(
            (
                row
                for row in self.ours["exit_reasons"].rows
                if row["exit_type"] == kind and row["field"] != "loss_reason"
            ),
            {},
        )
        self.made.tables["exit_reasons"].append(
            {
                **like,
                "system": each.system,
                "object": each.object,
                "field": name,
                "value": each.value.strip(),
                "exit_type": kind,
                "reason": "No reason given",
                "side": "sales" if kind != "recycled" else "buyer",
            }
        )

    # People ----------------------------------------------------------------------------------------------------

    def _status(self, each: Found) -> None:
        means = meaning("person_status", each.value)
        in_crm = each.system in self.profile.crm_systems
        counts_as, question, told = (
            NO_STAGE,
            "",
            "No stage of the funnel: nobody has to act on it yet, or it is past it",
        )
        if not in_crm:
            told = "Another system's own word; the CRM's statuses count"
        elif means in _EXITS:
            self._exit(means, each, "status")
            counts_as, told = f"exit: {means}", f"Leaves the funnel: {means}"
        elif means in _STAGES:
            self._rule(means, each, "status")
            self.can_be_told.add(means)
            counts_as, told = f"stage {means}", f"As reported today: stage {means}"
        elif means is None:
            question = "Which stage or exit does this status mean, or none?"
            told = "Not decided yet"
        statuses = self.made.tables["lead_statuses"]
        if in_crm and each.value.strip() not in {row["status"] for row in statuses}:
            statuses.append({"status": each.value.strip(), "meaning": told})
        table = "exit_reasons" if means in _EXITS else "stage_rules"
        self._note(each, counts_as, table, owner="sales", question=question)

    def _lifecycle_stage(self, each: Found) -> None:
        means = meaning("lifecycle_stage", each.value)
        value = each.value.strip()
        if means in _EXITS:
            self._exit(means, each, "lifecycle_stage")
            self._note(each, f"exit: {means}", "exit_reasons", owner="marketing")
        elif means in _STAGES:
            self.can_be_told.add(means)
            rules = self.made.tables["lead_rules"]
            known = {(row["field"], row["value"].casefold()) for row in rules if row["kind"] == "system_status"}
            if ("lifecycle_stage", value.casefold()) not in known:
                rules.append(
                    {
                        "version": VERSION,
                        "rule_id": self._rule_id(f"reported_{means}_{plain(value).replace(' ', '_')[:40]}"),
                        "kind": "system_status",
                        "field": "lifecycle_stage",
                        "operator": "=",
                        "value": value,
                        "reason": f"As reported today: the system calls it {means}",
                        "stage": means,
                    }
                )
            self._note(each, f"stage {means}", "lead_rules", owner="marketing")
        elif means == "none":
            self._note(each, NO_STAGE, "lead_rules", owner="marketing")
        else:
            self._note(
                each, NO_STAGE, "lead_rules", owner="marketing", question="Which stage does this lifecycle stage mean?"
            )

    def _rule_id(self, wanted: str) -> str:
        number, rule_id = 1, wanted
        while rule_id in self.rule_ids:
            number += 1
            rule_id = f"{wanted}_{number}"
        self.rule_ids.add(rule_id)
        return rule_id

    def _rating(self, each: Found) -> None:
        self._note(each, "kept beside the grade", "lead_rules", owner="sales")

    def _source(self, each: Found) -> None:
        means = meaning("sales_source", each.value)
        if means is not None and each.system in self.profile.crm_systems:
            self._rule(means, each, "source")
        channel = self._channel_of_source(each)
        self._note(
            each,
            (f"stage {means}; " if means else "") + f"channel {channel}",
            "source_mappings",
            owner="marketing",
            question="" if channel != UNMAPPED else "Which channel does this source stand for?",
        )

    def _self_reported_source(self, each: Found) -> None:
        channel = self._channel_of_source(each)
        question = "" if channel != UNMAPPED else "Which channel do people mean by this answer?"
        self._note(each, f"channel {channel}", "source_mappings", owner="marketing", question=question)

    def _lead_source(self, each: Found) -> None:
        self._note(each, "kept on the deal", "source_mappings", owner="sales")

    def _channel_of_source(self, each: Found) -> str:
        closest = _closest(
            self.ours["source_mappings"].rows, {"system": each.system, "value": each.value}, order=("value", "system")
        )
        return closest["channel"] if closest else UNMAPPED

    def _status_reason(self, each: Found) -> None:
        self._reason(each, "status_reason")

    def _loss_reason(self, each: Found) -> None:
        self._reason(each, "loss_reason")

    def _reason(self, each: Found, name: str) -> None:
        value = each.value.strip()
        rows = self.made.tables["exit_reasons"]
        known = next(
            (
                row
                for row in self.ours["exit_reasons"].rows
                if row["field"] in ("status_reason", "loss_reason") and row["value"].casefold() == value.casefold()
            ),
            None,
        )
        row = {
            "system": each.system,
            "object": each.object,
            "field": name,
            "value": value,
            "exit_type": "lost" if name == "loss_reason" else "*",
            "reason": known["reason"] if known else value,
            "side": known["side"] if known else "",
        }
        if row not in rows:
            rows.append(row)
        question = "" if known else "Whose reason is it: something that marketing, sales or only the buyer can change?"
        self._note(each, f"reason {row['reason']}", "exit_reasons", owner="both", question=question)

    def _country(self, each: Found) -> None:
        region = each.details.get("region")
        question = ""
        if not each.details.get("iso2"):
            question = "Which country is this? Add the spelling to countries; until then it has no region"
        elif not region:
            question = "To which region does this country belong?"
        table = "regions" if each.details.get("iso2") else "countries"
        self._note(each, f"region {region or UNMAPPED}", table, owner="sales", question=question)

    def _owner(self, each: Found) -> None:
        team = (each.details.get("team") or "").strip()
        if not each.details.get("is_user"):
            question = "Who is this owner? No delivered user has this id: deliver the users, or it is a queue"
            self._note(each, UNMAPPED, f"extract {each.system} users", owner="sales", question=question)
        elif team and harm(team, self.profile.people) is None:
            self._note(each, f"team {team}", f"extract {each.system} {each.object}", owner="sales")
        else:
            question = "Which team does this owner belong to? Fill it in in the system, or map a field to team"
            counts_as = f"team {UNMAPPED}" if not team else "a team whose name is withheld"
            self._note(each, counts_as, "field_mappings", owner="sales", question=question)

    # Deals -----------------------------------------------------------------------------------------------------

    def _stage(self, each: Found) -> None:
        won, lost, still = (int(each.details.get(name) or 0) for name in ("won", "lost", "open"))
        means = meaning("opportunity_stage", each.value)
        question = ""
        if won and not lost and not still:
            means = "won"
        elif lost and not won and not still:
            means = "lost"
        elif won or lost:
            question = f"Of its deals {won} are won, {lost} lost and {still} open: what does the stage itself mean?"
            means = None
        elif not still and means not in ("won", "lost", "before"):
            question = "Only histories know this stage: is it an accepted opportunity?"
        elif means is None:
            question = (
                "Is a deal in this stage accepted as an opportunity? It counts as one, because the CRM shows it as open"
            )
        elif means in ("won", "lost") and still:
            question = f"Its {still} deals are not marked as closed: is the stage really {means}?"
        if means == "won":
            self._rule("won", each, "stage")
            self._note(each, "stage won", "stage_rules", owner="sales", question=question)
        elif means == "lost":
            self._exit("lost", each, "stage")
            self._note(each, "exit: lost", "exit_reasons", owner="sales", question=question)
        elif means == "before":
            self._note(each, "before acceptance", "stage_rules", owner="sales", question=question)
        else:
            self._rule("sqo", each, "stage")
            self._note(each, "stage sqo", "stage_rules", owner="sales", question=question)

    def _type(self, each: Found) -> None:
        rows = self.made.tables["opportunity_types"]
        value = each.value.strip()

        def of(system: str) -> str | None:
            return next(
                (
                    row["opportunity_type"]
                    for row in rows
                    if row["system"].casefold() == system and row["value"].strip().casefold() == value.casefold()
                ),
                None,
            )

        kind = of(each.system) or of("*")
        question = ""
        if kind is None:
            kind = meaning("opportunity_type", value)
            if kind is not None:
                rows.append({"system": each.system, "value": value, "opportunity_type": kind})
            else:
                kind = of_default(rows)
                question = f"New business, expansion or renewal? It counts as {kind}, as every type that no row names"
        self._note(each, f"type {kind}", "opportunity_types", owner="sales", question=question)

    def _competitor(self, each: Found) -> None:
        self._note(each, "kept on the deal", "competitors", owner="sales")

    def _forecast_category(self, each: Found) -> None:
        self._note(each, "shown beside the outlook", "", owner="sales")

    def _currency(self, each: Found) -> None:
        code = each.value.strip().upper()
        if code == self.reporting_currency.upper():
            self._note(each, "the reporting currency", "extract finance fx_rates", owner="both")
        elif code in self.profile.currencies_with_rate:
            self._note(each, "converted", "extract finance fx_rates", owner="both")
        else:
            question = (
                f"No rate to {self.reporting_currency} is delivered: an amount in it stops the build. Deliver fx_rates"
            )
            self._note(each, UNMAPPED, "extract finance fx_rates", owner="both", question=question)

    # Activities ------------------------------------------------------------------------------------------------

    def _activity(self, each: Found) -> None:
        kind, value = each.details["type"], each.value.strip()
        if kind == UNMAPPED:
            question = "What kind of activity is this, is it a response, and how much does it weigh?"
            self._note(each, UNMAPPED, "activity_mappings", owner="marketing", question=question)
            return
        rows = self.made.tables["activity_mappings"]
        closest = _closest(
            self.ours["activity_mappings"].rows,
            {"system": each.system, "object": each.object, "value": each.value},
            order=("value", "object", "system"),
        )
        is_told = closest is not None and closest["activity_type"] == kind
        named = closest is not None and closest["value"].strip().casefold() == value.casefold()
        if closest is not None and is_told and value and not named and "*" not in value:
            # A row of its own, so that the company can change what this value counts as.
            row = {**closest, "system": each.system, "object": each.object, "value": value}
            if not any(all(one[name] == row[name] for name in ("system", "object", "value")) for one in rows):
                rows.append(row)
        self._note(each, f"activity {kind}", "activity_mappings", owner="marketing")

    def _outcome(self, each: Found) -> None:
        counts_as = "a personal touch" if each.details.get("is_touch") else "no personal touch"
        self._note(each, counts_as, "touch_rules", owner="sales")

    def _source_medium(self, each: Found) -> None:
        channels = [str(channel) for channel in each.details["channels"]]
        self._note(
            each,
            f"channel {', '.join(channels)}",
            "channel_mappings",
            owner="marketing",
            question="" if UNMAPPED not in channels else "Which channel is this? Add a row for its source and medium",
        )

    def _campaign(self, each: Found) -> None:
        self._of_channel(each, "Which channel is this campaign? Add a row for its name, or a type in the system")

    def _platform(self, each: Found) -> None:
        self._of_channel(each, "Which channel is money spent on this platform?")

    def _of_channel(self, each: Found, question: str) -> None:
        channels = [str(channel) for channel in each.details["channels"]]
        asked = question if UNMAPPED in channels else ""
        self._note(each, f"channel {', '.join(channels)}", "channel_mappings", owner="marketing", question=asked)

    def _content(self, each: Found) -> None:
        job, team = each.details.get("job"), each.details.get("team")
        if job and team:
            self._note(each, f"job {job}, of {team}", f"extract {each.system} {each.object}", owner="marketing")
        else:
            question = "What is it for (attract, educate, convince, prove, retain), and which team made it?"
            self._note(each, f"job {UNMAPPED}", "content_jobs", owner="marketing", question=question)

    # The rest --------------------------------------------------------------------------------------------------

    def _columns(self) -> None:
        for extract in self.profile.landing.extracts:
            names = [name for name in extract.unknown_columns if harm(name, self.profile.people, is_id=True) is None]
            for name in names[:_MOST]:
                each = Found(extract.system, extract.object, "column", name, 0)
                self._note(each, "kept in raw, not read", "field_mappings", owner="both", records="")
            left = len(extract.unknown_columns) - len(names[:_MOST])
            if left:
                each = Found(extract.system, extract.object, "column", f"({left} further columns)", 0)
                self._note(each, "kept in raw, not read", "field_mappings", owner="both", records="")

    def _reasons_of_losses(self) -> None:
        """What no row names is its own reason."""
        rows = self.made.tables["exit_reasons"]
        rows.append(
            {"system": "*", "object": "*", "field": "loss_reason", "value": "*", "exit_type": "lost", "reason": "*"}
        )

    def _team_figures(self, values: Sequence[Found]) -> None:
        """How each side counts by itself, in the words that its own systems use."""
        delivered = {extract.system for extract in self.profile.landing.extracts if extract.is_delivered}
        for ours in self.ours["team_figure_rules"].rows:
            if ours["system"] not in delivered:
                continue
            subject, stage = _FIGURES.get((ours["field"], ours["kpi"]), ("", ""))
            words = [
                each.value.strip()
                for each in values
                if (each.system, each.object, each.field) == (ours["system"], ours["object"], ours["field"])
                and "|" not in each.value
                and meaning(subject, each.value) == stage
            ]
            row = {**ours, "time_zone": "UTC", "value": "|".join(words) or ours["value"]}
            if words and words != ours["value"].split("|"):
                verb = "is none of" if ours["operator"] == "not_in" else "became one of"
                named = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
                row["rule"] = f"Records of {ours['object']} whose {ours['field'].replace('_', ' ')} {verb} {named}"
            self.made.tables["team_figure_rules"].append(row)

    def _questions(self, values: Sequence[Found]) -> None:
        self._ask("definition_versions", "both", "Read the tables of version 0, change what is wrong, and sign it")
        if "mql" not in self.can_be_told:
            self._ask(
                "lead_rules",
                "both",
                "No system reports an MQL, so there is none: agree on rules of fit and engagement, or name the status",
            )
        self._ask("lead_rules: fit", "both", "What makes a good customer? Without fit rules every grade is D")
        self._ask("scoring_parameters", "both", "Does a first meeting that was held make an SQL? Today it does not")
        self._ask("stages", "both", "Within how many days should each stage reach the next? The windows are ours")
        self._ask("sla_targets", "both", "Within how many hours does sales answer, and how many MQLs are promised?")
        self._ask(
            "team_figure_rules", "both", "How does each side count by itself, and in which time zone? UTC is ours"
        )
        self._ask("business_calendars", "sales", "Working hours and holidays are ours: put in yours")
        self._ask("segments", "both", "Segments and regions are ours: do the bands and countries suit you?")
        self._ask("competitors", "sales", "Whose people are to be left out? No competitor's domain is listed")
        if not self.profile.user_domains:
            self._ask("internal_domains", "both", "Which e-mail domains are your own? No user has an address")
        if not any(each.field == "status" for each in values) and not any(
            each.field == "lifecycle_stage" for each in values
        ):
            self._ask("stage_rules", "both", "No person has a status: only responses and deals move anybody")

    def _ask(self, about: str, owner: str, question: str) -> None:
        self._note(
            Found("*", "*", "agreed table", about, 0),
            "",
            about.split(":")[0],
            owner=owner,
            question=question,
            records="",
        )


def _stripped(found: Iterable[Found]) -> list[Found]:
    """Values without blanks around them, of whatever kind; those that are then the same are one."""
    alike: dict[tuple[str, ...], Found] = {}
    for each in found:
        key = (each.system, each.object, each.field, each.value.strip())
        # Only an activity without a value is something; elsewhere blanks of whatever kind are no value.
        if not each.value.strip() and each.field != "activity":
            continue
        known = alike.get(key)
        details = dict(each.details)
        if known is not None:
            for name, value in known.details.items():
                if isinstance(value, int) and not isinstance(value, bool):
                    details[name] = value + int(details.get(name) or 0)
        records = each.records + (known.records if known else 0)
        alike[key] = replace(each, value=each.value.strip(), records=records, details=details)
    return list(alike.values())


def _is_prose(each: Found) -> bool:
    """Whether somebody wrote a sentence where a word belongs; it may say anything about anybody."""
    return each.field not in _IDS and each.records < _REPEATED and len(each.value) > _LONGEST_WORD


def _weight(row: Row) -> tuple[int, int, str, str, str]:
    """Where a decision stands in the list."""
    first = _FIRST.index(row["field"]) if row["field"] in _FIRST else len(_FIRST)
    return (first, -int(row["records"] or 0), row["field"], row["value"], row["system"])


def of_default(rows: Iterable[Mapping[str, str]]) -> str:
    """The type of deals that no row names."""
    return next((row["opportunity_type"] for row in rows if row["system"] == row["value"] == "*"), "new")


def _closest(
    rows: Iterable[Mapping[str, str]], values: Mapping[str, str], *, order: Sequence[str]
) -> Mapping[str, str] | None:
    """The agreed row that names the values most closely, by the rule of the macros matches_pattern and pattern_rank."""
    matching = [row for row in rows if all(_matches(values[name], row[name]) for name in order)]
    return min(
        matching, key=lambda row: (*(-_rank(row[name]) for name in order), *(row[name] for name in order)), default=None
    )


def _matches(value: str, pattern: str) -> bool:
    parts = pattern.strip().lower().split("*")
    text = value.strip().lower()
    if len(parts) == 1:
        return text == parts[0]
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]) or len(text) < len(parts[0]) + len(parts[-1]):
        return False
    place, end = len(parts[0]), len(text) - len(parts[-1])
    for part in parts[1:-1]:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


def _rank(pattern: str) -> int:
    if pattern.strip() == "*":
        return 0
    return len(pattern.strip().replace("*", "")) if "*" in pattern else 1000


def decisions_text(made: FirstDay) -> str:
    """DECISIONS.md: what was found and what is to be decided, for people."""
    found = made.tables["found_values"]
    questions = [row for row in made.open_decisions if row["field"] == "agreed table"]
    values = [row for row in made.open_decisions if row["field"] != "agreed table"]
    lines = [
        "# What is to be decided",
        "",
        "Written on the first day, from your extracts. Version 0 takes every system at its word, as reported today.",
        "Nothing is guessed: what no common word explains counts as `(unmapped)` or as no stage until you say what it",
        "means. `found_values.csv` has all that was found; set its `decision` to `taken` once you have decided.",
        "",
        "## About the whole",
        "",
        *(f"- **{_plain_text(row['value'])}** ({row['owner_team']}): {row['question']}" for row in questions),
        "",
        f"## {len(values)} of {sum(1 for row in found if row['field'] != 'agreed table')} values",
        "",
    ]
    if values:
        lines += [
            "| records | system, extract | field | value | counts as | to be decided | by | in |",
            "|---:|---|---|---|---|---|---|---|",
        ]
    alike: dict[tuple[str, ...], int] = defaultdict(int)
    for row in values:
        kind = (row["system"], row["object"], row["field"], row["question"])
        alike[kind] += 1
        if alike[kind] <= _ALIKE:
            cells = [f"{int(row['records'] or 0):,}", f"{row['system']}, {row['object']}"]
            cells += [row[name] for name in ("field", "value", "counts_as", "question", "owner_team", "agreed_in")]
            lines.append(f"| {' | '.join(_plain_text(cell) for cell in cells)} |")
    more = {kind: count - _ALIKE for kind, count in alike.items() if count > _ALIKE}
    lines += [""] if more else []
    lines += [
        f"- {count:,} more of {_plain_text(f'{system}, {place}: {name}')} are in `found_values.csv`: {question}"
        for (system, place, name, question), count in sorted(more.items())
    ]
    return "\n".join(lines) + "\n"


def _plain_text(value: str) -> str:
    """A value in a table of Markdown, in which nothing of it is markup."""
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{character}" if character in "\\`*_[]|~" else character for character in escaped)


def summary(made: FirstDay, settings: Settings, command: str = "make run") -> str:
    """What a person reads at the end: what was found, what is to be decided, what to run next."""
    seen = made.profile
    loads = seen.landing.new_loads
    lines = [
        f"Read        {len(loads)} files of {sum(1 for extract in seen.landing.extracts if extract.loads)} extracts:"
        f" {sum(load.rows_delivered for load in loads):,} rows"
        + (", of which contracts hold back:" if seen.held else ""),
        *(
            f"  {extract}, rule {rule}: {rows:,} rows ({owner})"
            for extract, rule, owner, rows in seen.held[:_HELD_SHOWN]
        ),
        "Found",
    ]
    by_field: dict[str, list[Row]] = defaultdict(list)
    for row in made.tables["found_values"]:
        if row["field"] != "agreed table":
            by_field[row["field"]].append(row)
    for name, rows in sorted(by_field.items()):
        still = [row for row in rows if row["decision"] == "open"]
        records = sum(int(row["records"] or 0) for row in still)
        lines.append(
            f"  {name:<22}{len(rows):>6,} values"
            + (f", {len(still):,} to be decided ({records:,} records)" if still else "")
        )
    undecided = made.open_decisions
    lines.append(f"To decide   {len(undecided):,}, listed in {made.folder / 'DECISIONS.md'}; the first:")
    for row in undecided[:8]:
        what = (
            row["value"]
            if row["field"] == "agreed table"
            else f"{row['system']}.{row['object']} {row['field']} {row['value']!r}"
        )
        lines.append(f"  {what}: {row['question']}")
    settled = [f"CONCORD_EXTRACTS={settings.extracts}", f"CONCORD_DEFINITIONS={made.folder}"]
    if settings.as_of is not None:
        settled.append(f"CONCORD_AS_OF={settings.as_of:%Y-%m-%dT%H:%M:%S}")
    elif not seen.has_own_now:
        day = (seen.last_day + timedelta(days=1)).date().isoformat() if seen.last_day else "<day of the export>"
        settled.append(f"CONCORD_AS_OF={day}")
        lines.append(
            "Now         The extracts do not say when they were made, or hold later days: the build has to be told"
        )
    lines += [
        f"Wrote       {made.folder}: version {VERSION}, as reported today, signed by nobody: builds are PROVISIONAL",
        f"Next        {command} {shlex.join(settled)}",
        "            then decide, change the tables (make definitions-export gives them as one workbook), and sign them"
        " (make definitions-sign)",
    ]
    return "\n".join(lines)
