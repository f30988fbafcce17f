"""Windows in which alerts are muted, in the form of Alertmanager's time intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from logwatch import time_intervals
from logwatch.config.values import Label, Zone
from logwatch.rulefiles.checks import ONE_OR_MANY, refuse
from logwatch.rulefiles.schema import Strict


def _checked(read: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            raise refuse(str(error)) from error
        return text

    return AfterValidator(check)


Clock = Annotated[str, _checked(time_intervals.minutes)]
Weekday = Annotated[str, _checked(time_intervals.weekdays)]
MonthDay = Annotated[str, _checked(time_intervals.days_of_month)]
Month = Annotated[str, _checked(time_intervals.months)]
Year = Annotated[str, _checked(time_intervals.years)]


class TimeRange(Strict):
    """A part of the day; the end does not belong to it."""

    start_time: Clock
    end_time: Clock

    @model_validator(mode="after")
    def _ordered(self) -> TimeRange:
        if time_intervals.minutes(self.start_time) >= time_intervals.minutes(self.end_time):
            raise refuse(
                f"{self.end_time} is not after {self.start_time}: write two ranges for a night, to and from 24:00"
            )
        return self


class TimeInterval(Strict):
    """Times at which every field that is given has a range that contains them."""

    times: Annotated[tuple[TimeRange, ...], *ONE_OR_MANY] = ()
    weekdays: Annotated[tuple[Weekday, ...], *ONE_OR_MANY] = ()
    days_of_month: Annotated[tuple[MonthDay, ...], *ONE_OR_MANY] = ()
    months: Annotated[tuple[Month, ...], *ONE_OR_MANY] = ()
    years: Annotated[tuple[Year, ...], *ONE_OR_MANY] = ()
    location: Zone = "UTC"

    def interval(self) -> time_intervals.TimeInterval:
        """Return it ready for use."""
        return time_intervals.TimeInterval(
            [(time_intervals.minutes(each.start_time), time_intervals.minutes(each.end_time)) for each in self.times],
            [time_intervals.weekdays(each) for each in self.weekdays],
            [time_intervals.days_of_month(each) for each in self.days_of_month],
            [time_intervals.months(each) for each in self.months],
            [time_intervals.years(each) for each in self.years],
            ZoneInfo(self.location),
        )


class MuteWindow(Strict):
    """Alerts that are not sent at certain times."""

    match: dict[Label, str] = Field(default_factory=dict)
    """Labels of the alerts, `*` for any text; none: all alerts."""
    time_intervals: Annotated[tuple[TimeInterval, ...], *ONE_OR_MANY, Field(min_length=1)]
    reason: str = ""
