"""What `run` writes about the logs that it follows."""

import logging

import pytest

from logwatch.live import SourceReports
from logwatch.model import SourceStatus


def status(*, error=None, is_open=True, position=0, size=10, pending=0):
    return SourceStatus("/var/log/messages", is_open, error, size, position, pending, None)


@pytest.fixture
def messages(caplog):
    logger = logging.getLogger("logwatch")
    before = logger.propagate, logger.level
    logger.propagate = True
    logger.setLevel("INFO")
    yield lambda: [record.getMessage() for record in caplog.records]
    logger.propagate, _ = before
    logger.setLevel(before[1])


def test_what_is_followed_and_when_it_was_read_to_its_end(messages):
    reports = SourceReports()
    reports.process([status(is_open=False)])
    reports.process([status(position=4, pending=6)])
    reports.process([status(position=8, pending=2)])
    reports.process([status(position=10)])
    reports.process([status(position=12, size=12)])

    assert messages() == [
        "following /var/log/messages: at byte 4 of 10, 6 still to read",
        "/var/log/messages: read to its end",
    ]


def test_a_log_that_is_missing_is_reported_once_with_the_cure(messages):
    reports = SourceReports()
    for _ in range(3):
        reports.process([status(is_open=False, error="/var/log/messages: no such file")])
    reports.process([status()])

    missing, followed = messages()
    assert missing.startswith("/var/log/messages: cannot be read: no such file: waiting for it: check --log")
    assert followed == "following /var/log/messages: at byte 0 of 10, 0 still to read"


def test_a_log_that_was_followed_is_not_reported_again(messages):
    reports = SourceReports()
    for each in (status(), status(is_open=False, error="Too many open files"), status()):
        reports.process([each])

    assert messages() == ["following /var/log/messages: at byte 0 of 10, 0 still to read"]
