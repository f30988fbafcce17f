"""Counters, gauges and histograms in plain dictionaries.

A series is found by metric and label values, two dictionary look-ups; who moves one often keeps it (`get`).
It notes that it moved, and `changes()` hands over those that did, to be committed and
then served. A metric has a limit of series: beyond it updates of counters and histograms go
to one series whose labels all read `_other`, updates of gauges nowhere (the last of many
values says nothing), and each is counted in logwatch_series_dropped_total.

Where rules look back (`set_lookback`), every change is also kept as a change point.
"""

from logwatch.metrics.registry import DROPPED, Registry

__all__ = ["DROPPED", "Registry"]
