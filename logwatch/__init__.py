"""Follow a Docker host's log, count what happened, alert, and serve it to Prometheus."""

__version__ = "0.2.0"
