"""Options of the MotionCX imitation, with their defaults."""

from __future__ import annotations

from typing import Any

OPTIONS: dict[str, Any] = {
    # Amounts of seeded rows.
    "interactions": 900,
    "burst": 620,  # interactions that one bulk rollup stamped at one instant
    "messages": 300,
    "events": 500,
    "agents": 24,
    "tickets": 45,
    "tickets_never_changed": 0,  # every so-manyth case has no time of a change; 0: none
    # Pages.
    "max_limit": 500,  # what a larger Limit is clamped to
    "refuse_limit": False,  # whether a Limit above 500 is refused instead
    "default_limit": 5,  # rows where no Limit is given
    "order_fields": None,  # how many of the OrderBy fields count; None: all
    "short_pages": 0.0,  # how often a page is cut short for no reason
    "text_order": False,  # whether instants are sorted as the text that they are on the wire
    "max_result_count": 1000,  # items that a routing or CRM page never exceeds
    # Ranges.
    "bounds": "[)",  # inclusivity of absolute ranges: [) [] (] ()
    "date_field": "MostRecentRollupAtUtc",  # what settings() and expected() go by
    "dead_date_fields": (),  # date fields by which a range finds nothing
    # Rewrites during a sync: each n-th query of interactions re-rolls some of what it covers.
    "reroll": 0,
    "reroll_rows": 5,
    "reroll_total": 200,
    "reroll_later": 0,  # seconds by which a rewrite moves a stamp; 0: to the present
    # Slow queries, which a gateway answers 504.
    "slow_limit": None,  # Limit above which
    "slow_range": None,  # hours above which
    # Errors.
    "range_error_status": 200,  # HTTP status of resultCode 4
    "transient": 0,  # each n-th reporting request answers resultCode 3
    "revoke_after": None,  # requests after which the key is refused
    "forbidden": (),  # streams that answer 403
    "missing_right": (),  # streams that answer resultCode 2 in a 200
    # Lookups and aggregates.
    "lookup_methods": {},  # stream -> the one method that its lookup takes now
    "wrapped": (),  # lookups (queues, agents) whose list comes inside an object
    "miscount": 0,  # how many aggregate answers count one row too many
    "group_fields_required": False,  # whether aggregates refuse an empty GroupFields
}
