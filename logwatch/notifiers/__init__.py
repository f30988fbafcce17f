"""Where alerts are sent: one file per kind of receiver.

    offer ─▶ Queue (rows in the commit) ─▶ committed ─▶ Lane, one thread per receiver ─▶ Receiver
                 ▲                                         │
                 └────────── acknowledgements ◀────────────┘

The owner of all state offers alerts, writes the queue's rows with everything else and only then
lets the threads have them; what they say comes back to it and is in the next commit. So after
`kill -9` what was not acknowledged is sent again, and nothing else is.
"""

from logwatch.notifiers.dispatcher import Dispatcher
from logwatch.notifiers.receiver import Receiver

__all__ = ["Dispatcher", "Receiver"]
