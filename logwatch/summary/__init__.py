"""What happened on a host in a period of time, from the state directory: `logwatch report`.

History ─▶ gathering.gather ─▶ Summary ─▶ text (also as HTML), cli.report (JSON, receivers)
"""

from logwatch.summary.gathering import Summary, gather

__all__ = ["Summary", "gather"]
