"""Where alerts are sent: one file per kind of receiver.

    enqueue ─▶ Queue (rows in the commit) ─▶ committed ─▶ ReceiverWorker, a thread per receiver ─▶ Receiver
                  ▲                                          │
                  └────────── acknowledgements ◀─────────────┘

The owner thread enqueues alerts, commits the queue's rows with everything else and only then
hands them to the threads; their acknowledgements return to it and are in the next commit. So after
`kill -9` what was not acknowledged is sent again, and nothing else is.
"""

from logwatch.notifiers.dispatcher import Dispatcher
from logwatch.notifiers.receiver import Receiver

__all__ = ["Dispatcher", "Receiver"]
