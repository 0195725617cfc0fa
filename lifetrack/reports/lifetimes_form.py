"""The section ``lifetimes`` of the JSON report: written, and read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifetrack.values.findings import OwnerName, Resource
from lifetrack.values.records import Lifetime, Lifetimes, Tenure
from lifetrack.values.rules import RULES
from lifetrack.values.stacks import Site

if TYPE_CHECKING:
    from lifetrack.reports.reading import _Node


def lifetimes_dict(lifetimes: Lifetimes, site_dict: Callable[[Site], dict[str, Any]]) -> dict[str, Any]:
    """Give the section as JSON objects; ``site_dict`` gives a place as such."""
    resources = [_lifetime_dict(each, site_dict) for each in lifetimes.shown]
    return {"left_out": lifetimes.left_out, "resources": resources}


def _lifetime_dict(lifetime: Lifetime, site_dict: Callable[[Site], dict[str, Any]]) -> dict[str, Any]:
    resource = lifetime.resource
    return {
        "serial": resource.serial,
        "type": resource.type,
        "label": resource.label,
        "state": lifetime.state,
        "site": None if lifetime.site is None else site_dict(lifetime.site),
        "pid": lifetime.pid,
        "thread": lifetime.thread,
        "since": lifetime.since,
        "until": lifetime.until,
        "owners": [{"name": each.owner.name, "kind": each.owner.kind, "since": each.since} for each in lifetime.owners],
        "rule": lifetime.rule,
    }


def read_lifetimes(
    node: _Node, read_site: Callable[[_Node], Site], read_seconds: Callable[[_Node], float | None]
) -> Lifetimes:
    """Read the section; raise ConfigurationError that names the place of what is wrong."""

    def lifetime(each: _Node) -> Lifetime:
        since, site, owners = read_seconds(each["since"]), each["site"], each["owners"].each(tenure)
        if since is None:
            each["since"].fail("must be a number of seconds")
        if not owners:
            each["owners"].fail("must not be empty")
        rule = each["rule"].optional(str)
        if rule is not None and rule not in RULES:
            each["rule"].fail("names a rule that this lifetrack does not know; a newer one may")
        return Lifetime(
            resource=Resource(each["serial"].number(), each["type"].a(str), each["label"].optional(str)),
            state=each["state"].a(str),
            site=None if site.value is None else read_site(site),
            pid=each["pid"].number(),
            thread=each["thread"].optional(str),
            since=since,
            until=read_seconds(each["until"]),
            owners=owners,
            rule=rule,
        )

    def tenure(each: _Node) -> Tenure:
        return Tenure(OwnerName(each["name"].a(str), each["kind"].a(str)), read_seconds(each["since"]))

    return Lifetimes(node["resources"].each(lifetime), node["left_out"].number())
