"""Lanes: the resources of a report in time, one bar for each owner that one had, as charts and traces draw them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lifetrack.values.events import ACQUIRED, RELEASED, TRANSFERRED, Event
from lifetrack.values.findings import Finding, OwnerName
from lifetrack.values.making import dataclass
from lifetrack.values.records import Lifetime, Tenure

if TYPE_CHECKING:
    from lifetrack.reports.model import ProcessInfo, Report

#: The first owner of a resource that was handed on, where the report does not tell it.
NOT_RECORDED = OwnerName("not recorded", "owner")
#: A thousand years, in seconds.
_LONGEST = 1000 * 366 * 24 * 3600.0
_TO = re.compile(r"to (?:the )?(?P<kind>[\w ]+?)(?: handle)? '(?P<name>.*)'", re.DOTALL)


class Lane(NamedTuple):
    """One owner in one process."""

    pid: int
    owner: OwnerName


@dataclass(frozen=True, slots=True)
class Bar:
    """A resource in the hands of one owner, in seconds since the first process of the report began.

    ``open_ended`` says that it was not released by the end of the bar, or that nobody knows.
    """

    lane: Lane
    lifetime: Lifetime
    start: float
    end: float
    #: Its place in the hands that the resource went through, from 0, and whether it was handed on at the end.
    turn: int
    handed_on: bool
    open_ended: bool
    #: The finding that tells of this very resource, by its place in the report.
    finding: int | None


@dataclass(frozen=True, slots=True)
class Lanes:
    """All bars of a report, in the order of their beginning, and what they leave out."""

    bars: tuple[Bar, ...] = ()
    left_out: int = 0
    #: Findings whose resources have no times: recorded below level ``stacks``.
    without_time: int = 0
    #: When each process began, in seconds since the first one did.
    starts: dict[int, float] = field(default_factory=dict)

    @property
    def end(self) -> float:
        """The end of the last bar."""
        return max((bar.end for bar in self.bars), default=0.0)

    def lanes(self) -> tuple[Lane, ...]:
        """Give the lanes, by process and in the order in which they were first used."""
        order = dict.fromkeys(bar.lane for bar in self.bars)
        pids = list(dict.fromkeys(lane.pid for lane in order))
        return tuple(sorted(order, key=lambda lane: pids.index(lane.pid)))

    def transfers(self) -> Iterator[tuple[Bar, Bar]]:
        """Give the bars of one resource before and after each transfer."""
        turns: dict[int, list[Bar]] = {}
        for bar in self.bars:
            turns.setdefault(id(bar.lifetime), []).append(bar)
        for bars in turns.values():
            yield from pairwise(sorted(bars, key=lambda bar: bar.turn))


def lanes_of(report: Report) -> Lanes:
    """Put the resources of a report on one axis of time."""
    starts = _starts(report)
    ends = {info.pid: starts[info.pid] + _span(info) for info in _processes(report)}
    numbers = {_identity(finding): index for index, finding in reversed(list(enumerate(report.findings)))}
    told = list(report.lifetimes.shown)
    known = set(map(_identity_of, told))
    without_time = 0
    for finding in report.findings:
        if _identity(finding) not in known:
            lifetime = _lifetime_of(finding)
            if lifetime is None:
                without_time += 1
            else:
                told.append(lifetime)
    for lifetime in told:
        last = max(lifetime.since, lifetime.until or 0.0, *(owner.since or 0.0 for owner in lifetime.owners))
        start = starts.setdefault(lifetime.pid, 0.0)
        ends[lifetime.pid] = max(ends.get(lifetime.pid, 0.0), start + last)
    bars = [
        bar for each in told for bar in _bars(each, starts[each.pid], ends[each.pid], numbers.get(_identity_of(each)))
    ]
    return Lanes(
        tuple(sorted(bars, key=lambda bar: (bar.start, bar.turn))), report.lifetimes.left_out, without_time, starts
    )


def within(seconds: float) -> float:
    """Keep a time of a report that somebody wrote by hand within what charts and traces can count."""
    return min(max(seconds, -_LONGEST), _LONGEST)


def _bars(lifetime: Lifetime, origin: float, end: float, finding: int | None) -> Iterator[Bar]:
    last = end if lifetime.until is None else origin + lifetime.until
    moments = [lifetime.since]
    for tenure in lifetime.owners[1:]:  # a moment that was not recorded is taken to be that of the one before
        moments.append(max(moments[-1], moments[-1] if tenure.since is None else tenure.since))
    for turn, (tenure, since) in enumerate(zip(lifetime.owners, moments, strict=True)):
        is_last = turn + 1 == len(moments)
        start = within(origin + since)
        yield Bar(
            lane=Lane(lifetime.pid, tenure.owner),
            lifetime=lifetime,
            start=start,
            end=max(start, within(last if is_last else origin + moments[turn + 1])),
            turn=turn,
            handed_on=not is_last,
            open_ended=is_last and lifetime.until is None,
            finding=finding,
        )


def _processes(report: Report) -> tuple[ProcessInfo, ...]:
    return (report.process, *report.processes)


def _moment(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:  # looks like a time, such as the 31st of February
        return None


def _starts(report: Report) -> dict[int, float]:
    moments = {info.pid: _moment(info.started) for info in reversed(_processes(report))}
    first = min((moment for moment in moments.values() if moment is not None), default=0.0)
    return {pid: 0.0 if moment is None else round(moment - first, 6) for pid, moment in moments.items()}


def _span(info: ProcessInfo) -> float:
    began, ended = _moment(info.started), _moment(info.ended)
    return 0.0 if began is None or ended is None else max(0.0, ended - began)


def _pid_of(finding: Finding) -> int:
    return finding.events[0].pid if finding.events else finding.processes[0].pid if finding.processes else 0


#: Tells resources apart, also those of merged reports, whose processes may have the same number.
_Identity: TypeAlias = tuple[int, int, str, str]


def _identity(finding: Finding) -> _Identity:
    return _pid_of(finding), finding.resource.serial, finding.resource.type, str(finding.site)


def _identity_of(lifetime: Lifetime) -> _Identity:
    return lifetime.pid, lifetime.resource.serial, lifetime.resource.type, str(lifetime.site)


def _lifetime_of(finding: Finding) -> Lifetime | None:
    """Make a lifetime of what the events of a finding tell; None where they have no times."""
    first = finding.events[0] if finding.events else None
    if first is None or first.event != ACQUIRED or first.time is None:
        return None
    moves = [event for event in finding.events if event.event == TRANSFERRED]
    owners = [Tenure(NOT_RECORDED if moves else finding.owner, first.time)]
    owners += [Tenure(_receiver(event), event.time) for event in moves[:-1]]
    owners += [Tenure(finding.owner, event.time) for event in moves[-1:]]
    released = next((event for event in finding.events if event.event == RELEASED), None)
    return Lifetime(
        resource=finding.resource,
        state="live" if released is None else "released",
        site=finding.site,
        pid=first.pid,
        thread=first.thread,
        since=first.time,
        until=None if released is None else released.time,
        owners=tuple(owners),
        rule=finding.rule if finding.is_leak else None,
    )


def _receiver(event: Event) -> OwnerName:
    """Read from the words of a transfer who got the duty."""
    words = event.detail or ""
    if words == "to the process":
        return OwnerName("process", "process")
    found = _TO.fullmatch(words)
    return NOT_RECORDED if found is None else OwnerName(found["name"], found["kind"])
