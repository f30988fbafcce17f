"""What events mean: one event once, states of containers, names.

`lifecycle` is the stage. `containers` is the register of containers, `daemons` knows the daemon
and containerd, `states` has their tables. `deduplicator` decides which events report one
occurrence; `occurrence_store` keeps `occurrences` by object and by event type.
"""

from logwatch.lifecycle.lifecycle import Lifecycle

__all__ = ["Lifecycle"]
