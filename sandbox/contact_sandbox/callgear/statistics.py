"""Daily figures: advertising costs, employees' statuses, call tracking."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from contact_sandbox import seeded
from contact_sandbox.callgear.methods import METHODS
from contact_sandbox.callgear.reference import reference_ids
from contact_sandbox.callgear.rows import Row
from contact_sandbox.callgear.values import Values

if TYPE_CHECKING:
    from contact_sandbox.callgear.data import Account

DIMENSIONS = (
    "date", "site_id", "campaign_id", "campaign_ext_id", "engine", "banner_group_id", "keyword_id",
    "current_banner_id",
)  # fmt: skip
"""What a row of campaign_daily_stat is about; any part but date and site may be null."""

_STATUSES = (("available", 40), ("break", 41), ("do_not_disturb", 42), ("not_at_work", 44))


def days_with_figures(account: Account) -> list[date]:
    """Return the local days that have figures.

    The first and the last day of the range are only partly covered; they have none, so that what
    a full sync must hold does not depend on how partial days are read.
    """
    first = account.clock.local(account.start).date() + timedelta(days=1)
    last = account.clock.local(account.now).date()
    return [first + timedelta(days=place) for place in range(max(0, (last - first).days))]


def campaign_days(account: Account) -> list[Row]:
    """Return three rows a day and site; ids as text or number, costs as text."""
    method = METHODS["get.campaign_daily_stat"]
    rng = seeded.generator(account.seed, method.name)
    values = Values(method, account.clock, rng)
    rows = []
    for day in days_with_figures(account):
        local = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - local naive
        for site in reference_ids("get.sites"):
            for place in range(3):
                own = _campaign_day(account, day, site, place)
                at = local.replace(tzinfo=account.clock.zone)
                row = account.row(values.fill(own, set(), at), at)
                row.local = local
                rows.append(row)
    return rows


def _campaign_day(account: Account, day: date, site: int, place: int) -> dict[str, Any]:
    """Return the dimensions and figures of one row."""
    rng = seeded.generator(account.seed, "campaign day", day, site, place)
    own: dict[str, Any] = dict.fromkeys(DIMENSIONS)
    own.update(
        date=day.isoformat(),
        site_id=site,
        campaign_id=reference_ids("get.campaigns")[place],
        campaign_ext_id=f"ext-{place}",
        cost_sum=f"{rng.random() * 100:.2f}",
        old_banner_ids=None if place else [],
    )
    if place:
        own.update(engine="google.adwords", banner_group_id=str(2**35 + site))
    if place == 2:
        own.update(keyword_id="77", current_banner_id=str(site))
    return own


def aggregate(account: Account, name: str, params: dict[str, Any], days: list[date]) -> list[Row]:
    """Return the rows of an aggregating method over `days`; none without days."""
    if not days:
        return []
    if name == "get.employee_stat":
        by_name = params.get("only_default_statuses_in_stats", True)
        return [_employee(account, row, days, by_name=by_name) for row in _employees(account)]
    if name == "get.ct_summary_report":
        return [_tracking(account, {"site_id": site}, days) for site in reference_ids("get.sites")]
    if name == "get.source_costs":
        return account.table(name).rows
    site = params["site_id"]
    return [
        _tracking(account, {"ac_id": ident, "ac_name": f"Campaign {ident}"}, days, site)
        for ident in reference_ids("get.campaigns")[:4]
    ]


def _employees(account: Account) -> list[Row]:
    """Return the employees who have statistics."""
    return account.table("get.employees").rows[:6]


def _employee(account: Account, employee: Row, days: list[date], *, by_name: bool) -> Row:
    """Return seconds in each status over the days."""
    names = ("id", "first_name", "last_name", "patronymic", "full_name", "groups")
    own = {name: employee.own[name] for name in names}
    stats: dict[str, int] = {}
    for day in days:
        rng = seeded.generator(account.seed, "employee day", own["id"], day)
        for mnemonic, ident in _STATUSES:
            key = mnemonic if by_name else str(ident)
            stats[key] = stats.get(key, 0) + int(rng.random() * 20_000)
    return Row({**own, "status_stats": stats})


def _tracking(account: Account, own: dict[str, Any], days: list[date], site: int = 0) -> Row:
    """Return call tracking figures over the days."""
    method = METHODS["get.ct_ac_summary_report" if site else "get.ct_summary_report"]
    rng = seeded.generator(account.seed, "tracking", *own.values(), site, *days)
    values = Values(method, account.clock, rng)
    return Row(values.fill(dict(own), set(), account.start))


def aggregate_key(name: str, day: date, row: Row, site: int | None) -> tuple[Any, ...]:
    """Return the primary key of an aggregate's row, with the day that was asked for."""
    own = row.own
    if name == "get.employee_stat":
        return (day.isoformat(), own["id"])
    if site is None:
        return (day.isoformat(), own["site_id"])
    return (day.isoformat(), site, own["ac_id"])
