"""Tests of rules: promtool's format, and log lines, events, metrics, notifications and restarts beside.

    file ─▶ schema (its shape) ─▶ loader (its rules) ─▶ cases (a plan) ─▶ running ─▶ judges ─▶ report
                                       notation, given (series) ─┘  └─ lines

A test goes through the pipeline of `run` and `replay`; only its clock and its input are its own.
"""

from logwatch.ruletests.cases import House, Verdict, perform
from logwatch.ruletests.loader import load
from logwatch.ruletests.model import Case, TestFile

__all__ = ["Case", "House", "TestFile", "Verdict", "load", "perform"]
