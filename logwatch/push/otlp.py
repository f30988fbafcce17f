"""OTLP metrics over HTTP: protobuf, compressed by gzip (an extra).

https://opentelemetry.io/docs/specs/otlp/ and, for how metrics of Prometheus are written,
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logwatch import __version__
from logwatch.errors import ConfigError
from logwatch.model import Family
from logwatch.push.rounds import Encoded, Round, text
from logwatch.store.push_queue import PushedSeries

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

RESOURCE = {"job": "service.name", "instance": "service.instance.id"}
"""What these labels of a target are called as attributes of a resource."""
NO_RECORDED_VALUE = 1
"""DataPointFlags: the series has ended."""
CUMULATIVE = 2
"""AggregationTemporality: a value counts everything since the series began."""
Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Point:
    """One data point: the samples of one set of labels, a histogram's by sample name and bound."""

    samples: dict[tuple[str, str], float] = field(default_factory=dict)
    """Empty: the series has ended."""

    def buckets(self, family: Family) -> list[int]:
        """Return the observations in each bucket; Prometheus' buckets add up, these do not."""
        name = f"{family.name}_bucket"
        found = {float(bound): int(value) for (sample, bound), value in self.samples.items() if sample == name}
        reached = [found.get(bound, 0) for bound in (*family.buckets, float("inf"))]
        return [count - below for count, below in zip(reached, [0, *reached], strict=False)]


class Otlp:
    """Writes rounds as an ExportMetricsServiceRequest; raises ConfigError without the package.

    `constant`, the labels that every series gets, are attributes of the resource. Metrics keep Prometheus'
    names; a counter is a cumulative, monotonic sum whose start is not known.
    """

    headers: Mapping[str, str] = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}

    def __init__(self, constant: Mapping[str, str]) -> None:
        try:
            from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # an extra
        except ImportError as error:
            raise ConfigError(
                "otlp: the package opentelemetry-proto is not installed: pip install 'docker-logwatch[otlp]'"
            ) from error
        self._messages = metrics_service_pb2
        self._constant = {RESOURCE.get(name, name): text(value) for name, value in constant.items() if value}

    def encode(self, samples: Round, most: int) -> Iterator[Encoded]:
        """Yield the requests of a round."""
        request, metrics, count = self._begin()
        for family, points in _by_family(samples).items():
            ordered = list(points.items())
            while ordered:
                if count >= most:
                    yield self._encoded(request, count)
                    request, metrics, count = self._begin()
                batch, ordered = ordered[: most - count], ordered[most - count :]
                _write(metrics.add(name=family.name, description=text(family.help)), family, batch, samples.time_ns)
                count += len(batch)
        if count:
            yield self._encoded(request, count)

    def rejected(self, answer: bytes) -> tuple[int, str]:
        """Return how many data points were rejected although the request was taken, and why; (0, "") if none."""
        from google.protobuf.message import DecodeError

        try:
            partial = self._messages.ExportMetricsServiceResponse.FromString(answer).partial_success
        except DecodeError:  # a proxy's page: the status is all that is known
            return 0, ""
        return partial.rejected_data_points, partial.error_message

    def _begin(self) -> tuple[ExportMetricsServiceRequest, Any, int]:
        request = self._messages.ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        for name, value in self._constant.items():
            resource.resource.attributes.add(key=name).value.string_value = value
        scope = resource.scope_metrics.add()
        scope.scope.name, scope.scope.version = "logwatch", __version__
        return request, scope.metrics, 0

    def _encoded(self, request: ExportMetricsServiceRequest, count: int) -> Encoded:
        return Encoded(count, gzip.compress(request.SerializeToString(), 5, mtime=0))


def _by_family(samples: Round) -> dict[Family, dict[Labels, _Point]]:
    """The data points of each metric; of what ended, those whose metric there still is."""
    found: dict[Family, dict[Labels, _Point]] = {}
    for series, value in samples.values.items():
        family = samples.families[series.sample]
        labels, bound = _apart(series, family)
        point = found.setdefault(family, {}).setdefault(labels, _Point())
        point.samples[series.sample, bound] = value
    for series in samples.ended:
        if (gone := samples.families.get(series.sample)) is not None:
            found.setdefault(gone, {}).setdefault(_apart(series, gone)[0], _Point())
    return found


def _apart(series: PushedSeries, family: Family) -> tuple[Labels, str]:
    """The labels of a data point, and the bound of a histogram's bucket."""
    if family.kind != "histogram":
        return series.labels, ""
    labels = dict(series.labels)
    bound = labels.pop("le", "")
    return tuple(labels.items()), bound


def _write(metric: Any, family: Family, points: Sequence[tuple[Labels, _Point]], time_ns: int) -> None:
    kind = {"counter": metric.sum, "gauge": metric.gauge, "histogram": metric.histogram}[family.kind]
    if family.kind != "gauge":
        kind.aggregation_temporality = CUMULATIVE
    if family.kind == "counter":
        kind.is_monotonic = True
    for labels, point in points:
        written = kind.data_points.add(time_unix_nano=time_ns)
        for name, value in labels:
            written.attributes.add(key=name).value.string_value = value
        if not point.samples:
            written.flags = NO_RECORDED_VALUE
        elif family.kind == "histogram":
            written.explicit_bounds.extend(family.buckets)
            written.bucket_counts.extend(point.buckets(family))
            written.count = int(point.samples.get((f"{family.name}_count", ""), 0))
            written.sum = point.samples.get((f"{family.name}_sum", ""), 0.0)
        else:
            written.as_double = next(iter(point.samples.values()))
