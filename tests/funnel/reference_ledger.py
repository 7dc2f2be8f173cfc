"""The funnel of one person as a plain loop over instants: what the SQL has to agree with.

Written from the definitions and not from the models: it walks through time, keeps the state of the person
(open cycle, open deals, cool-down, since when activity scores) and sums up scores activity by activity.
Times are whole hours since an arbitrary beginning, so that many things fall on one instant.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STAGES = ("inquiry", "lead", "mql", "sal", "sql", "sqo", "won")
EXIT_ORDER = ("disqualified", "rejected", "recycled", "lost")


@dataclass(frozen=True)
class Version:
    """One version of the lead definition, in numbers and small tables."""

    name: str
    since: int
    half_life_hours: float
    min_fit: float
    min_engagement: float
    hot: float
    fit_grades: tuple[float, float, float]
    engagement_grades: tuple[float, float, float]
    fit_points: dict[tuple[str, str], float]
    engagement_points: dict[tuple[str, str], float]
    hand_raises: frozenset[str]
    handed_over: frozenset[str]
    stage_of_status: dict[str, str]
    entered_by_sales: frozenset[str]
    meeting_is_sql: bool
    touch_is_sal: bool
    mql_lifecycle: str | None
    lowest_hand_raise_grade: str = "C"


@dataclass(frozen=True)
class Exit:
    """What an exit of one kind means."""

    kind: str
    cool_down_hours: int
    reopened_by: frozenset[str]


@dataclass(frozen=True)
class Activity:
    """Something that the person did, or that was done to them."""

    key: str
    at: int
    kind: str
    weight: float
    url: str = ""
    is_response: bool = False
    is_human_touch: bool = False


@dataclass(frozen=True)
class Record:
    """A record of the person: origin, and when it took which value of status and life-cycle stage."""

    key: str
    created: int
    source: str | None = None
    statuses: tuple[tuple[int, str], ...] = ()
    lifecycles: tuple[tuple[int, str], ...] = ()
    reason: str | None = None
    reason_since: int = 0


@dataclass(frozen=True)
class Deal:
    """An opportunity by its states: instant, stage, whether amount and close date are there."""

    key: str
    states: tuple[tuple[int, str, bool], ...]
    kind: str = "new"


@dataclass(frozen=True)
class Person:
    """All that is known of one person."""

    key: str
    attributes: tuple[tuple[int, dict[str, str]], ...]
    activities: tuple[Activity, ...] = ()
    records: tuple[Record, ...] = ()
    deals: tuple[Deal, ...] = ()
    is_excluded: bool = False


@dataclass
class Cycle:
    """One cycle, as far as the loop has come."""

    scores_since: int
    opened: int
    deal: str | None = None
    is_persons: bool = True
    first: dict[str, int] = field(default_factory=dict)
    hand_raised: int | None = None
    exit_type: str | None = None
    exited: int | None = None
    won: int | None = None

    def note(self, stage: str, at: int) -> None:
        """Keep the first evidence of a stage."""
        self.first.setdefault(stage, at)


@dataclass(frozen=True)
class Agreed:
    """All agreed definitions that the loop needs."""

    versions: tuple[Version, ...]
    exit_of_status: dict[str, Exit]
    exit_of_loss: Exit
    exit_by_reason: dict[str, Exit]
    accepted_stages: frozenset[str]

    def at(self, instant: int) -> Version:
        """The version in force; the first one reaches back."""
        return max((v for v in self.versions if v.since <= instant), default=self.versions[0], key=lambda v: v.since)


def attributes_at(person: Person, instant: int) -> dict[str, str]:
    """The attributes as they were; before the first known state, that one."""
    known = [values for since, values in person.attributes if since <= instant]
    return known[-1] if known else person.attributes[0][1]


def fit_of(person: Person, instant: int, version: Version) -> float:
    """Fit score of the person as then."""
    held = attributes_at(person, instant)
    points = sum(version.fit_points.get(item, 0) for item in held.items())
    return min(max(points, 0), 100)


def grade_of(score: float, letters: str, least: tuple[float, float, float]) -> str:
    """The first letter whose least score is reached, else the last."""
    for letter, minimum in zip(letters, least, strict=False):
        if score >= minimum:
            return letter
    return letters[-1]


def points_of(activity: Activity, version: Version) -> float:
    """Points of an activity: the version's own rules where one holds, else those of its kind."""
    held = [
        points
        for (name, value), points in version.engagement_points.items()
        if (name == "activity_type" and activity.kind == value) or (name == "url" and value in activity.url)
    ]
    return sum(held) if held else activity.weight


def says_something(activity: Activity, version: Version) -> bool:
    """Whether an activity is looked at for scores at all."""
    return points_of(activity, version) != 0 or activity.is_response or activity.kind in version.hand_raises


def engagement_of(person: Person, instant: int, since: int, version: Version) -> float:
    """Engagement score at an instant, of all activity newer than `since`."""
    total = sum(
        points_of(a, version) * 2 ** (-(instant - a.at) / version.half_life_hours)
        for a in person.activities
        if since < a.at <= instant and says_something(a, version)
    )
    return round(total, 6)


def spells(values: tuple[tuple[int, str], ...]) -> list[tuple[int, str, int | None]]:
    """Values as spells (from, value, to); a value written again is no new spell."""
    changed = [v for i, v in enumerate(values) if i == 0 or v[1] != values[i - 1][1]]
    ends: list[int | None] = [*(at for at, _ in changed[1:]), None]
    return [(at, value, end) for (at, value), end in zip(changed, ends, strict=False)]


def deal_moments(deal: Deal, agreed: Agreed) -> tuple[int | None, int | None, int | None]:
    """When a deal was accepted, won, and lost for good; None where it was not."""
    accepted = [at for at, stage, complete in deal.states if complete and stage in agreed.accepted_stages]
    won = [at for at, stage, _ in deal.states if stage == "Closed Won"]
    is_won = deal.states[-1][1] == "Closed Won"
    lost = None
    for at, stage, _ in reversed(deal.states):
        if stage != "Closed Lost":
            break
        lost = at
    return (min(accepted, default=None), won[0] if is_won else None, None if is_won else lost)


def cycles_of(person: Person, agreed: Agreed) -> list[Cycle]:
    """Walk through the life of one person and return their cycles in the order of their opening."""
    if person.is_excluded:
        return []
    moments = {d.key: deal_moments(d, agreed) for d in person.deals if d.kind in ("new", "expansion")}
    statuses = [(r, s) for r in person.records for s in spells(r.statuses)]
    lifecycles = [(r, s) for r in person.records for s in spells(r.lifecycles)]
    state_numbers = {
        (r.key, at, value): number
        for r in person.records
        for number, (at, value, _) in enumerate(spells(r.statuses), start=1)
    }
    instants = sorted(
        {a.at for a in person.activities}
        | {r.created for r in person.records}
        | {s[0] for _, s in statuses + lifecycles}
        | {at for m in moments.values() for at in m if at is not None}
    )
    cycles: list[Cycle] = []
    prospect: Cycle | None = None
    open_deals: dict[str, Cycle] = {}
    since, cool_until, reopened_by = -(10**9), -(10**9), frozenset[str]()
    idle_since = since

    for now in instants:
        version = agreed.at(now)
        evidence: list[tuple[str, str]] = []
        here = [a for a in person.activities if a.at == now]
        fit = fit_of(person, now, version)
        fit_grade = grade_of(fit, "ABCD", version.fit_grades)
        for activity in here:
            raised = activity.kind in version.hand_raises
            # A hand-raise of the mapping is one as evidence, whatever a version calls one for scoring.
            kind = "hand_raise" if activity.kind.endswith("_request") else "response"
            if activity.is_response:
                evidence.append(("inquiry", kind))
            if activity.kind == "meeting" and activity.is_human_touch and version.meeting_is_sql:
                evidence.append(("sql", "meeting"))
            if activity.is_human_touch and version.touch_is_sal:
                evidence.append(("sal", "human_touch"))
            if says_something(activity, version):
                engagement = engagement_of(person, now, since, version)
                grade = fit_grade + grade_of(engagement, "1234", version.engagement_grades)
                by_hand = raised and fit_grade <= version.lowest_hand_raise_grade
                kind = "hand_raise" if raised else "engagement"
                if by_hand or (fit >= version.min_fit and engagement >= version.min_engagement):
                    evidence.append(("lead", kind))
                if by_hand or grade in version.handed_over:
                    evidence.append(("mql", kind))
        evidence += [
            ("inquiry", "crm_entry")
            for record in person.records
            if record.created == now and record.source in version.entered_by_sales
        ]
        for _, (at, value, _) in statuses:
            if at == now and value in version.stage_of_status:
                evidence.append((version.stage_of_status[value], "status"))
        for _, (at, value, _) in lifecycles:
            if at == now and value == version.mql_lifecycle:
                evidence.append(("mql", "status"))

        # The person's own evidence first: it opens a cycle where none is open and none is forbidden.
        if prospect is None and not open_deals:
            allowed = [e for e in evidence if now > cool_until or e[1] in reopened_by]
            if allowed and now > idle_since:
                prospect = Cycle(scores_since=since, opened=now)
                cycles.append(prospect)
        if prospect is not None:
            for stage, kind in evidence:
                prospect.note(stage, now)
                if stage == "lead" and kind == "hand_raise" and prospect.hand_raised is None:
                    prospect.hand_raised = now

        # Then the deals, which open, and are won, in funnel order.
        for key, (accepted, won, _) in sorted(moments.items()):
            opened = min((m for m in (accepted, won) if m is not None), default=None)
            if opened != now:
                continue
            if prospect is not None:
                cycle, prospect = prospect, None
            else:
                cycle = Cycle(scores_since=since, opened=now, is_persons=False)
                cycles.append(cycle)
            cycle.deal = key
            open_deals[key] = cycle
            if accepted is not None:
                cycle.note("sqo", accepted)
            if won is not None:
                cycle.note("won", won)
        had_deals = bool(open_deals)
        for key in [k for k in open_deals if moments[k][1] == now]:
            open_deals.pop(key).won = now

        # Exits come last.
        lost_here = [k for k in open_deals if moments[k][2] == now]
        for key in lost_here:
            cycle = open_deals.pop(key)
            cycle.exit_type, cycle.exited = agreed.exit_of_loss.kind, now
        if had_deals and not open_deals:
            since = idle_since = now
            if lost_here:
                cool_until = now + agreed.exit_of_loss.cool_down_hours
                reopened_by = agreed.exit_of_loss.reopened_by
            else:
                cool_until, reopened_by = now, frozenset()
        if prospect is not None:
            exits: list[tuple[int, str, Exit]] = []
            for record, (at, value, left) in statuses:
                meant = agreed.exit_of_status.get(value)
                if at == now and meant is not None:
                    known = record.reason_since <= at or left is None or record.reason_since < left
                    if known and record.reason in agreed.exit_by_reason:
                        told = agreed.exit_by_reason[record.reason]
                        meant = Exit(meant.kind, told.cool_down_hours, told.reopened_by)
                    key = f"{record.key}:status:{state_numbers[record.key, at, value]}"
                    exits.append((EXIT_ORDER.index(meant.kind), key, meant))
            for key, (accepted, won, lost) in moments.items():
                if lost == now and accepted is None and won is None:
                    exits.append((EXIT_ORDER.index("lost"), key, agreed.exit_of_loss))
            if exits:
                meant = min(exits, key=lambda e: e[:2])[2]
                prospect.exit_type, prospect.exited = meant.kind, now
                prospect = None
                since = idle_since = now
                cool_until, reopened_by = now + meant.cool_down_hours, meant.reopened_by
    return sorted(cycles, key=lambda c: (c.opened, not c.is_persons, c.deal or ""))


@dataclass(frozen=True)
class Entry:
    """One stage entry, as the loop sees it."""

    cycle: int
    stage: str
    at: int
    is_inferred: bool
    version: str
    grade: str
    engagement: float
    temperature: str | None
    deal: str | None


def entries_of(person: Person, agreed: Agreed) -> list[Entry]:
    """The stage entries of one person, cycle by cycle."""
    result = []
    for number, cycle in enumerate(cycles_of(person, agreed), start=1):
        furthest = max(STAGES.index(stage) for stage in cycle.first)
        for place in range(furthest + 1):
            later = {s: at for s, at in cycle.first.items() if STAGES.index(s) >= place}
            at = min(later.values())
            version = agreed.at(at)
            fit_grade = grade_of(fit_of(person, at, version), "ABCD", version.fit_grades)
            engagement, engagement_grade, hot = standing_engagement(person, at, cycle.scores_since, agreed)
            lead_at = cycle.first.get("lead")
            temperature = None
            if (cycle.hand_raised is not None and cycle.hand_raised <= at) or hot:
                temperature = "hot"
            elif lead_at is not None and lead_at <= at:
                temperature = "warm"
            result.append(
                Entry(
                    number,
                    STAGES[place],
                    at,
                    later.get(STAGES[place]) != at,
                    version.name,
                    fit_grade + engagement_grade,
                    engagement,
                    temperature,
                    cycle.deal if place >= 5 else None,
                )
            )
    return result


def standing_engagement(person: Person, instant: int, since: int, agreed: Agreed) -> tuple[float, str, bool]:
    """Engagement as last taken at or before an instant: score, grade, and whether it is hot."""
    taken = [a.at for a in person.activities if since < a.at <= instant and says_something(a, agreed.at(a.at))]
    if not taken:
        return 0.0, "4", False
    version = agreed.at(max(taken))
    score = engagement_of(person, max(taken), since, version)
    return score, grade_of(score, "1234", version.engagement_grades), score >= version.hot
