"""Pushes samples to for hosts that cannot be scraped: remote write, OTLP.

    StatusSnapshot.scrape ─▶ Pusher ─Round─▶ Format ─Request─▶ PushQueue (push.db) ─▶ Sender, a thread for each ─▶ HTTP
                             each interval                                             │ 2xx: removed · 4xx: dropped
                                                                                       └ 429, 5xx, no answer: again

A round is what a scrape of that moment would have brought, with the labels that a scrape would have
attached. It waits on disk until its receiver has taken it, so an outage or a restart leaves no hole; what does
not fit, or is too old, is dropped and counted.
"""

from logwatch.push.pusher import Pusher
from logwatch.push.sender import Destination

__all__ = ["Destination", "Pusher"]
