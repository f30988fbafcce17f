"""A registry whose commits a store keeps, and one that keeps everything: its obvious twin."""

from __future__ import annotations

from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from webfakes import FakeView

from logwatch.metrics import Registry
from logwatch.model import SECOND, Family
from logwatch.queries import KeptSeries, Querying, QueryOptions
from logwatch.store import History, OlderPoints, Store, Sync, Transaction

HOUR = 3600 * SECOND
START = 1_796_000_000 * SECOND // (15 * SECOND) * 15 * SECOND
DEATHS = Family("docker_container_events_total", "counter", "Events.", ("name", "action"))
STATE = Family("docker_container_state", "gauge", "State.", ("name", "state"))
FAMILIES = (DEATHS, STATE)
OPTIONS = QueryOptions({"job": "logwatch", "instance": "vm:19979"})


class Everything:
    """Keeps all change points in memory."""

    def __init__(self, lookback_ns: int = 1000 * HOUR) -> None:
        self.series = Registry()
        for family in FAMILIES:
            self.series.declare(family)
        self.series.set_lookback(dict.fromkeys((family.name for family in FAMILIES), lookback_ns))


class Kept(Everything):
    """Keeps an hour in memory, and older change points in the database."""

    def __init__(self, folder: Path, age_ns: int = 24 * HOUR) -> None:
        super().__init__(HOUR)
        self._folder = folder
        self._store = Store(folder, datetime.fromtimestamp(0, UTC), sync=Sync.OFF, older_points=OlderPoints(age_ns))

    def commit(self, clock_ns: int, now_ns: int | None = None) -> None:
        now_ns = now_ns or clock_ns
        is_queried = clock_ns > (self._store.queried_from_ns(now_ns) or clock_ns)
        points = self.series.points() if is_queried else []
        horizons = self.series.forget(clock_ns)
        points += self.series.points()
        changes, thinned = self.series.changes(), self.series.thinned()
        self._store.commit(Transaction(series=changes, points=points, thinned=thinned, horizons=horizons), now_ns)

    def restart(self) -> None:
        """Go on from the last commit."""
        saved = self._store.load()
        Everything.__init__(self, HOUR)
        self.series.restore(saved.series, saved.points)

    @contextmanager
    def queries(self, now_ns: int, is_late=lambda: False):
        with closing(History(self._folder)) as history:
            yield Querying(KeptSeries(history, FAMILIES), OPTIONS, now_ns, is_late)

    def close(self) -> None:
        self._store.close()


class KeptView(FakeView):
    """Answers queries from a database."""

    kept: Kept
    now: int = START + 3 * HOUR

    def now_ns(self):
        return self.now

    @contextmanager
    def queries(self):
        with self.kept.queries(self.now) as queries:
            yield queries
