"""The configuration of a run: `logwatch.yml`, the environment and flags."""

from logwatch.config.layers import DEFAULT, Effective, check, load
from logwatch.config.settings import DEFAULT_PORT, Config

__all__ = ["DEFAULT", "DEFAULT_PORT", "Config", "Effective", "check", "load"]
