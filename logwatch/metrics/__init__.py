"""Counters, gauges and histograms in plain dictionaries.

A series is a `Cell`, found by metric and label values. Moving one is two dictionary look-ups;
the cell remembers that it moved, and `changes()` hands over what did, to be committed and
then served. A metric has a limit of series: beyond it updates of counters and histograms go
to one series whose labels all read `_other`, updates of gauges nowhere (the last of many
values says nothing), and each is counted in logwatch_series_dropped_total.

Where rules look back (`remember`), every change is also kept as a change point.
"""

from logwatch.metrics.registry import DROPPED, Series

__all__ = ["DROPPED", "Series"]
