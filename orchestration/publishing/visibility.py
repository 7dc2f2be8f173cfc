"""What leaves the private build about single sales reps: nothing, teams that are large enough, or everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

VISIBILITIES = ("team", "off", "rep")
REPS_TABLE = "core.dim_reps"
GROUPS = "rep_groups_once"
# What is said of a team where all its reps have it in common; everything else about reps stays private.
_SHARED_BY_TEAM = frozenset({"role", "region"})
# The stand-in that the build itself has worked out for each rep, with who is too few to be named; see dim_reps.
_GROUP = "rep_group"


@dataclass(frozen=True)
class RepVisibility:
    """How far figures may be traced to a rep.

    Attributes:
        level: `rep` publishes rep ids as they are; `team` replaces each by the rep's team, where the team has at
            least `minimum_group` reps; `off` publishes none.
        minimum_group: Smallest team that is named.
    """

    level: str = "team"
    minimum_group: int = 5

    def __post_init__(self) -> None:
        if self.level not in VISIBILITIES:
            raise ValueError(f"rep_visibility is {self.level!r}; it must be one of {', '.join(VISIBILITIES)}")
        if self.minimum_group < 2:
            raise ValueError(f"rep_minimum_group is {self.minimum_group}; a group has at least 2 members")


def is_rep_column(column: str) -> bool:
    """Whether a column identifies a rep."""
    return column == "rep_id" or column.endswith("_rep_id")


def select_list(visibility: RepVisibility, columns: Iterable[tuple[str, str]]) -> str:
    """The columns of a table, `(name, type)`, as this visibility publishes them, from what `from_list` names."""
    return ", ".join(
        f'source."{name}"'
        if visibility.level == "rep" or not is_rep_column(name)
        else f'"groups of {name}".rep_group as "{name}"'
        if visibility.level == "team"
        else f'null::{data_type} as "{name}"'
        for name, data_type in columns
    )


def from_list(visibility: RepVisibility, columns: Iterable[tuple[str, str]], source: str) -> str:
    """A table as `source`, with the stand-in of each rep beside it where this visibility publishes these."""
    joins = [
        f'left join {GROUPS} as "groups of {name}" on source."{name}" = "groups of {name}".rep_id'
        for name, _ in columns
        if visibility.level == "team" and is_rep_column(name)
    ]
    return " ".join([f"{source} as source", *joins])


def reps_query(visibility: RepVisibility, columns: Sequence[tuple[str, str]], source: str) -> str:
    """What is published of the table of reps: a row a rep, a row a team that is large enough, or no row.

    A team's row has the role and the region that all its reps share, and null where they differ.
    """
    if visibility.level == "rep":
        return f"select {', '.join(_quoted(name) for name, _ in columns)} from {source}"
    group = _group_of(name for name, _ in columns)
    kept = {"rep_id": f"'team:' || {group}", "team": group, _GROUP: group}
    kept |= {
        name: f"case when count({name}) = count(*) and min({name}) = max({name}) then min({name}) end"
        for name in _SHARED_BY_TEAM
    }
    listed = ", ".join(f'({kept.get(name, "null")})::{data_type} as "{name}"' for name, data_type in columns)
    if visibility.level == "off":
        return f"select {', '.join(_quoted(name) for name, _ in columns)} from {source} where false"
    return (
        f"select {listed} from {source} where {group} is not null"
        f" group by {group} having count(*) >= {visibility.minimum_group}"
    )


def groups_query(visibility: RepVisibility, source: str, columns: Iterable[str] = ()) -> str:
    """The published stand-in of each rep, `rep_id` and `rep_group`, which is `team:<team>`, for the table `GROUPS`.

    Reps of teams too small are not in it. A rep who is there twice is an error: each row of the rep would be.

    Args:
        visibility: How small is too small.
        source: The table of reps.
        columns: Its columns; where the build has worked out the groups itself, those are taken.
    """
    group = _group_of(columns)
    return (
        "select entry.key as rep_id, entry.value as rep_group from ("
        f"select unnest(map_entries(coalesce(map(list(rep_id), list('team:' || {group})), map()))) as entry from ("
        f"select rep_id, {group}, count(*) over (partition by {group}) as reps from {source} where {group} is not null"
        f") where reps >= {visibility.minimum_group})"
    )


def shows_single_reps(visibility: RepVisibility) -> bool:
    """Whether tables of which each row is about one rep are published with their rows."""
    return visibility.level == "rep"


def _group_of(columns: Iterable[str]) -> str:
    return _GROUP if _GROUP in set(columns) else "team"


def _quoted(name: str) -> str:
    return f'"{name}"'
