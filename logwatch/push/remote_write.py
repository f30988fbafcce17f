"""Prometheus remote write 1.0: protobuf in one block of snappy (an extra).

https://prometheus.io/docs/specs/prw/remote_write_spec/ has the messages. They are described here rather than
compiled, because code that protoc generates only runs with its own versions of the protobuf package.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from logwatch.errors import ConfigError
from logwatch.model import Family
from logwatch.push.rounds import Encoded, Round, complete, text

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The NaN that ends a series, as in Prometheus' model/value/value.go."""
TYPES = {"counter": 1, "gauge": 2, "histogram": 3}
MILLISECOND = 1_000_000

_FIELDS = {
    "Label": [("name", 1, "string"), ("value", 2, "string")],
    "Sample": [("value", 1, "double"), ("timestamp", 2, "int64")],
    "TimeSeries": [("labels", 1, "Label*"), ("samples", 2, "Sample*")],
    "MetricMetadata": [("type", 1, "int32"), ("metric_family_name", 2, "string"), ("help", 4, "string"), ("unit", 5, "string")],
    "WriteRequest": [("timeseries", 1, "TimeSeries*"), ("metadata", 3, "MetricMetadata*")],
}  # fmt: skip
"""Messages of prometheus/prompb: name, number and type of each field that is used; * for many. Enumerations are int32 on the wire."""


class RemoteWrite:
    """Writes rounds as a WriteRequest; `constant` are the labels that every series gets.

    Raises ConfigError without the packages.
    """

    headers: Mapping[str, str] = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }

    def __init__(self, constant: Mapping[str, str]) -> None:
        try:
            import cramjam  # an extra, needed only where it is configured

            self._request = message_class()
        except ImportError as error:
            raise ConfigError(
                "remote_write: the packages protobuf and cramjam are not installed: pip install 'docker-logwatch[remote-write]'"
            ) from error
        self._compress: Any = cramjam.snappy.compress_raw
        self._constant = {name: text(value) for name, value in constant.items() if value}

    def encode(self, samples: Round, most: int) -> Iterator[Encoded]:
        """Yield the requests of a round; the first one also has the metadata, if the round has it."""
        stamp = samples.time_ns // MILLISECOND
        everything = chain(samples.values.items(), ((series, STALE) for series in samples.ended))
        families: Mapping[str, Family] = samples.families if samples.metadata else {}
        while batch := list(islice(everything, most)):
            request = self._request()
            _describe(request, families)
            families = {}
            for series, value in batch:
                written = request.timeseries.add()
                labels = {"__name__": series.sample, **complete(series.labels, self._constant)}
                for name in sorted(labels):
                    written.labels.add(name=name, value=labels[name])
                written.samples.add(value=value, timestamp=stamp)
            yield Encoded(len(batch), bytes(self._compress(request.SerializeToString())))

    def rejected(self, answer: bytes) -> tuple[int, str]:  # noqa: ARG002 - as of every format
        """Nothing: in version 1.0 the status says it all."""
        return 0, ""


def _describe(request: Any, families: Mapping[str, Family]) -> None:
    for family in {family.name: family for family in families.values()}.values():
        request.metadata.add(type=TYPES[family.kind], metric_family_name=family.name, help=text(family.help))


def message_class() -> Any:
    """Return the class of WriteRequest; raises ImportError without protobuf."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="logwatch/remote.proto", package="prometheus", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            scalar = getattr(kinds, f"TYPE_{kind.upper()}", None)
            field = described.field.add(
                name=name, number=number, label=kinds.LABEL_OPTIONAL, type=scalar or kinds.TYPE_MESSAGE
            )
            if scalar is None:
                field.label, field.type_name = kinds.LABEL_REPEATED, f".prometheus.{kind.removesuffix('*')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))
