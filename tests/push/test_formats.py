"""How samples are written: bytes of remote write, messages of OTLP."""

import gzip
import struct

import cramjam
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from ports import wait_for
from sample_receivers import partial_success, remote_samples

from logwatch.model import SECOND, Family, SampleChange
from logwatch.push.otlp import Otlp
from logwatch.push.remote_write import RemoteWrite, message_class
from logwatch.push.rounds import take
from logwatch.store.push_queue import PushedSeries

NOW = 1_790_000_000 * SECOND
EVENTS = Family("docker_events_total", "counter", "Events.", ("type",))
STATE = Family("docker_container_state", "gauge", "State.", ("name",))
DELAY = Family("logwatch_event_delay_seconds", "histogram", "Delay.", (), (0.1, 1.0))
CONSTANT = {"job": "logwatch", "instance": "one:1", "site": "berlin"}
HISTOGRAM = [
    SampleChange("logwatch_event_delay_seconds_bucket", ("0.1",), 2.0, 0),
    SampleChange("logwatch_event_delay_seconds_bucket", ("1.0",), 5.0, 0),
    SampleChange("logwatch_event_delay_seconds_bucket", ("+Inf",), 6.0, 0),
    SampleChange("logwatch_event_delay_seconds_count", (), 6.0, 0),
    SampleChange("logwatch_event_delay_seconds_sum", (), 9.5, 0),
]


def a_round(*samples, before=(), metadata=False):
    return take((EVENTS, STATE, DELAY), samples, before, NOW, metadata=metadata)


def test_the_bytes_are_those_of_the_specification():
    (only,) = RemoteWrite({}).encode(a_round(SampleChange("docker_events_total", ("a",), 2.0, 0)), 10)

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def label(name: bytes, value: bytes) -> bytes:
        return field(1, field(1, name) + field(2, value))

    stamp, varint = NOW // 1_000_000, b""
    while stamp:
        stamp, rest = stamp >> 7, stamp & 0x7F
        varint += bytes([rest | 0x80 if stamp else rest])
    sample = field(2, b"\x09" + struct.pack("<d", 2.0) + b"\x10" + varint)
    series = label(b"__name__", b"docker_events_total") + label(b"type", b"a") + sample
    assert bytes(cramjam.snappy.decompress_raw(only.body)) == field(1, series)


def test_the_marker_of_an_ended_series_has_the_bits_of_prometheus():
    gone = PushedSeries("docker_container_state", (("name", "web"),))
    (only,) = RemoteWrite({}).encode(a_round(before=[gone]), 10)
    raw = bytes(cramjam.snappy.decompress_raw(only.body))

    assert struct.pack("<Q", 0x7FF0000000000002) in raw
    assert only.samples == 1


def test_a_label_of_the_target_renames_one_of_the_series():
    clash = Family("mine_total", "counter", "Mine.", ("instance", "job"))
    samples = take((clash,), [SampleChange("mine_total", ("a", ""), 1.0, 0)], (), NOW, metadata=False)
    (only,) = RemoteWrite(CONSTANT).encode(samples, 10)
    message = message_class().FromString(bytes(cramjam.snappy.decompress_raw(only.body)))

    (sample,) = remote_samples(message)
    assert sample[1] == {**CONSTANT, "exported_instance": "a"}


def test_bytes_that_are_not_text_do_not_stop_a_request():
    samples = a_round(SampleChange("docker_container_state", ("web\udcff",), 1.0, 0))
    for written in (RemoteWrite(CONSTANT), Otlp(CONSTANT)):
        assert [each.samples for each in written.encode(samples, 10)] == [1]


def exported(samples, most=100):
    messages = []
    for each in Otlp(CONSTANT).encode(samples, most):
        (resource,) = ExportMetricsServiceRequest.FromString(gzip.decompress(each.body)).resource_metrics
        messages.append((each.samples, resource))
    return messages


def attributes(holder):
    return {each.key: each.value.string_value for each in holder.attributes}


def test_otlp_has_counters_gauges_and_histograms_of_one_resource():
    ((count, resource),) = exported(
        a_round(
            SampleChange("docker_events_total", ("a",), 2.0, 0),
            SampleChange("docker_container_state", ("web",), 1.0, 0),
            *HISTOGRAM,
        )
    )
    metrics = {metric.name: metric for metric in resource.scope_metrics[0].metrics}

    assert count == 3
    assert attributes(resource.resource) == {
        "service.name": "logwatch",
        "service.instance.id": "one:1",
        "site": "berlin",
    }
    total = metrics["docker_events_total"].sum
    assert (total.is_monotonic, total.aggregation_temporality) == (True, 2)
    assert [(attributes(p), p.as_double, p.time_unix_nano) for p in total.data_points] == [({"type": "a"}, 2.0, NOW)]
    assert [p.as_double for p in metrics["docker_container_state"].gauge.data_points] == [1.0]
    (delay,) = metrics["logwatch_event_delay_seconds"].histogram.data_points
    assert list(delay.explicit_bounds) == [0.1, 1.0]
    assert list(delay.bucket_counts) == [2, 3, 1]
    assert (delay.count, delay.sum, attributes(delay)) == (6, 9.5, {})


def test_otlp_marks_what_ended_and_leaves_out_metrics_that_are_gone():
    ended = [
        PushedSeries("docker_container_state", (("name", "web"),)),
        PushedSeries("logwatch_event_delay_seconds_bucket", (("le", "0.1"),)),
        PushedSeries("removed_total", ()),
    ]
    ((count, resource),) = exported(a_round(before=ended))
    points = {
        metric.name: [(p.flags, attributes(p)) for p in (metric.gauge.data_points or metric.histogram.data_points)]
        for metric in resource.scope_metrics[0].metrics
    }

    assert count == 2
    assert points == {"docker_container_state": [(1, {"name": "web"})], "logwatch_event_delay_seconds": [(1, {})]}


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_otlp_splits_a_round_and_loses_nothing(most):
    samples = [SampleChange("docker_events_total", (str(n),), float(n), 0) for n in range(5)]
    found = exported(a_round(*samples, SampleChange("docker_container_state", ("web",), 1.0, 0)), most)
    points = [
        attributes(point)
        for _, resource in found
        for metric in resource.scope_metrics[0].metrics
        for point in (*metric.sum.data_points, *metric.gauge.data_points)
    ]

    assert points == [*({"type": str(n)} for n in range(5)), {"name": "web"}]
    assert max(count for count, _ in found) <= most
    assert sum(count for count, _ in found) == 6


def test_what_otlp_takes_only_in_part_is_counted(host, receiver):
    one = receiver(lambda: 200, partial_success(1, "too many labels"))
    pushing = host(one.url, written=Otlp)
    pushing.values["docker_container_state", ("web", "running")] = 1.0
    pushing.tick()
    pushing.send()
    wait_for(lambda: pushing.value("logwatch_push_samples_total") == 1, "the part that was taken")

    assert pushing.value("logwatch_push_samples_failed_total") == 1


def test_an_answer_that_is_no_message_of_otlp_counts_by_its_status():
    assert Otlp({}).rejected(b"<html>ok</html>") == (0, "")
