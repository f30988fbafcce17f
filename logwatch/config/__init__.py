"""The configuration of a run: `logwatch.yml`, the environment and flags."""

from logwatch.config.layers import DEFAULT, Effective, check, load
from logwatch.config.settings import Config
from logwatch.config.values import DEFAULT_PORT

__all__ = ["DEFAULT", "DEFAULT_PORT", "Config", "Effective", "check", "load"]
