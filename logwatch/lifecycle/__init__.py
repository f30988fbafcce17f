"""What events mean: one event once, states of containers, names.

    Event ──▶ containers (which one is meant) ──▶ tellers (told already? to be held?)
                                                       │ passes
                                                       ▼
              Outcome (numbered, named) + StateChange (tables in `states`) + Renamed

`lifecycle` is that path. `containers`, `tracked` and `names` know each container, `services` the
daemon and containerd. `tellers` decides which lines tell of one event, `nameless` does so for
those without an id; what they remember is in `memory`, found by object (`subjects`) and by kind
(`kinds`), and consists of `tellings`.
"""

from logwatch.lifecycle.lifecycle import Lifecycle

__all__ = ["Lifecycle"]
