"""The web server: /metrics, probes, a page, and JSON of the same.

It runs in its own thread and sees what the last commit left (`View`), never the loop's state.
"""

from logwatch.web.server import DEFAULT_ADDRESS, WebServer
from logwatch.web.view import Probe, View

__all__ = ["DEFAULT_ADDRESS", "Probe", "View", "WebServer"]
