"""Which syslog tags are the engine's, by platform and age.

Sources: the unit files and wrappers of moby, Docker CE, Red Hat's `docker` and
`docker-latest` packages (whose output passes through forward-journal), snap, BOSH, balenaEngine
and rootless Docker; on EL 7 a wrapper's shell lends its own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

TAG_FAMILIES: Mapping[str, frozenset[str]] = {
    "engine": frozenset(
        {
            "docker",
            "dockerd",
            "docker-current",
            "dockerd-current",
            "docker-latest",
            "dockerd-latest",
            "docker-daemon",
            "docker.io",
            "docker.dockerd",
            "snap.docker.dockerd",
            "docker-ce",
            "docker.stderr.log",
            "docker.stdout.log",
            "dockerd.stderr.log",
            "dockerd.stdout.log",
            "start-docker.sh",
            "dockerd-rootless.sh",
            "dockerd-rootless",
            "dockerd-dev",
            "dockerd-entrypoint.sh",
            "forward-journal",
            "moby-engine",
            "balenad",
            "balena-engine-daemon",
            "balena-engine.dockerd",
            "sh",
            "bash",
            "env",
        }
    ),
    "containerd": frozenset(
        {
            "containerd",
            "containerd.stderr.log",
            "docker-containerd",
            "docker-containerd-current",
            "docker-containerd-latest",
            "containerd-current",
            "containerd-latest",
            "balena-engine-containerd",
        }
    ),
    "registry": frozenset({"docker-registry", "registry", "distribution", "docker-distribution"}),
    "untagged": frozenset({""}),
}
"""Family name, as rules write it in `program`, to the tags that belong to it."""

WRAPPER_TAGS = frozenset({"sh", "bash", "env"})
"""Of the engine's: tags of scripts that start one, and of any other script."""

EVENTS_TAG = "docker-events"
"""The tag under which a host writes the output of `docker events`, as documented."""

CONTAINER_TAG = "container"
"""The tag of what containers print, with the id in place of a pid, in the lines of `containers:`."""

DATED_TAGS = TAG_FAMILIES["engine"] | TAG_FAMILIES["containerd"] | {EVENTS_TAG}
"""Tags whose lines carry the engine's own clock. A container's output says nothing about the host's zone."""


def family_tags(programs: Iterable[str]) -> frozenset[str]:
    """Replace the names of families by their tags; every other name is a tag itself."""
    return _tags_of(frozenset(programs))


@lru_cache(maxsize=256)
def _tags_of(programs: frozenset[str]) -> frozenset[str]:
    """As `family_tags`, made once: hundreds of rules share a few sets."""
    tags: set[str] = set()
    for program in programs:
        tags |= TAG_FAMILIES.get(program, {program})
    return frozenset(tags)
