"""What events mean: one event once, states of containers, names.

`lifecycle` is the stage: `refusals` decides what did not happen, `proofs` what lines prove without being events,
`engine_files` what the engine's own files report; `knowledge` has what they all look at. `containers` is the register of
containers, `daemons` knows the daemon and containerd, `states` has their tables. `deduplicator` decides which events report
one occurrence (`joining`, and `unidentified` where no object is named); `occurrence_store` keeps `occurrences` by object and
by event type.
"""

from logwatch.lifecycle.knowledge import Find
from logwatch.lifecycle.lifecycle import Lifecycle

__all__ = ["Find", "Lifecycle"]
