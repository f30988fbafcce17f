"""Tests of rules: promtool's format, with log lines, events, metrics, notifications and restarts added.

    file ─▶ schema (its shape) ─▶ loader (its cases) ─▶ cases (a plan) ─▶ running ─▶ assertions ─▶ report
                                          input_series, lines ─┘

A test drives the pipeline of `run` and `replay`; only the clock and the input are its own.
"""

from logwatch.ruletests.cases import Case, Environment, TestFile, Verdict, perform
from logwatch.ruletests.loader import load

__all__ = ["Case", "Environment", "TestFile", "Verdict", "load", "perform"]
