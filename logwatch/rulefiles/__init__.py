"""Rule files: their shape, what is wrong with them, and the rules they make."""

from logwatch.rulefiles.loader import RuleSet, load

__all__ = ["RuleSet", "load"]
