"""Backfills beyond one machine: time cut into slices, a ledger of what is done, sealed bookmarks.

A slice is one stream of one account (and partition) over [start, end), read by the ordinary tap
into the ordinary target, with no state in and none out. Workers share nothing but the ledger: one
small object per finished slice. What is missing is always the plan minus the ledger, so a worker, a
tap or a target may die anywhere. Incremental state is made last, and never passes the first hole.
"""
