"""The taps as Dagster sees them: one asset per stream, partitioned by account and month."""
