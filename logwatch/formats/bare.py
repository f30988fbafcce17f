r"""Lines without a syslog header: an engine's output kept in a file of its own, and the kernel's ring buffer.

    time="2026-11-23T20:16:44.3Z" level=info msg="Starting up"          dockerd >file, /var/log/docker.log, upstart
    level=info msg="Starting up"                                       likewise, stamps disabled
    INFO[2026-11-23T20:16:44.3Z] Starting up                           on a terminal, also coloured
    {"level":"info","msg":"Starting up","time":"2026-…"}               --log-format=json
    [/var/lib/docker|39d81a6c] +job serveapi(unix:///var/run/docker.sock)   engines before 1.6
    2014/04/17 16:13:21 POST /v1.10/containers/create                   Go's own logger
    {"Type":"container","Action":"start",…}                            docker events >file
    [ 2223.010757] oom-kill:constraint=…                               dmesg; `-r`, `-x` and `-T` too
    6,1234,2223010757,-;oom-kill:constraint=…                          /dev/kmsg

Such a line is the engine's or the kernel's only in a file whose lines have no headers: in a file with headers a
container may have printed it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from logwatch.formats.rfc3164 import Origin
from logwatch.formats.tags import EVENTS_TAG

ENGINE_ORIGIN = Origin("", "dockerd", None)
KERNEL_ORIGIN = Origin("", "kernel", None)
EVENTS_ORIGIN = Origin("", EVENTS_TAG, None)

_LEVELS = rb"(?:TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)[A-Z]{0,3}"
_ENGINE = re.compile(
    rb"""
      [.]* time= ["0-9]
    | level= (?: trace|debug|info|warning|error|fatal|panic ) [ ] msg=
    | (?: (?: \x1b | \#033 ) \[ [0-9;]* m )? """
    + _LEVELS
    + rb""" (?: (?: \x1b | \#033 ) \[ [0-9;]* m )? \[ [0-9]
    | \{ (?=.*"level":) (?=.*"msg":) (?=.*"time":)
    | \[ (?: /[^|\]\s]* \| )? [0-9a-f]{8} \] [ ] (?: [+-]job [ ] | \w+[.]go: )
    """,
    re.VERBOSE,
)
_GO_DATED = re.compile(
    rb"""
    [0-9]{4}/[0-9]{2}/[0-9]{2} [ ] [0-9]{2}:[0-9]{2}:[0-9]{2} [ ]
    (?: (?: GET|HEAD|POST|PUT|DELETE|OPTIONS ) [ ] / | http: [ ] | Received[ ]signal | WARNING: | Listening[ ]for
      | \[ (?: /[^|\]\s]* \| )? [0-9a-f]{8} \] | docker[ ]daemon: )
    """,
    re.VERBOSE,
)
_EVENT = re.compile(
    rb"""
      \{ (?=.*"Type":) (?=.*"Action":) (?=.*"time(?:Nano)?":)
    | [0-9]{4}-[0-9]{2}-[0-9]{2}T\S+ [ ] (?: container|image|network|volume|daemon|plugin ) [ ] [a-z_-]+:? [ ] [^\s:\[]+ [ ] \(
    """,
    re.VERBOSE,
)
_KERNEL = re.compile(
    rb"""
      (?: <[0-9]{1,4}> | [a-z]{3,8} [ ]* : [a-z]+ [ ]* : [ ] )?          # <6>   kern  :info  :
      \[ [ ]* (?: (?P<seconds> [0-9]{1,9} ) [.] (?P<fraction> [0-9]{1,9} )
        | (?P<dated> [A-Z][a-z]{2} [ ] [A-Z][a-z]{2} [ ]{1,2} [0-9]{1,2} [ ] [0-9:]{8} [ ] [0-9]{4} ) ) \]
      (?: \[ [ ]* [TC][0-9]+ \] )? [ ]?
    | [0-9]{1,4} , [0-9]+ , (?P<micros> [0-9]{1,16} ) , [-c+] [^;]{0,80} ;
    """,
    re.VERBOSE,
)
_HOSTED = re.compile(rb"(?P<host>[^\s:\[\]]+)[ ](?=(?:kernel:|[^\s:\[\]]+\[[0-9]+\]:)[ ])")


class KernelLine(NamedTuple):
    """A line that begins with the kernel's stamp, or has journalctl's -o short-monotonic."""

    uptime_ns: int | None
    """Since the boot; None if the stamp is a date."""
    dated: bytes | None
    """`Tue Mar  5 14:22:31 2024`."""
    message: bytes
    hosted: bool
    """`message` begins with host and tag: journalctl wrote the line."""


def engine_origin(line: bytes) -> Origin | None:
    """Who wrote a line that has the form of the engine's own output or of `docker events`; None for any other."""
    if _ENGINE.match(line) or _GO_DATED.match(line):
        return ENGINE_ORIGIN
    return EVENTS_ORIGIN if _EVENT.match(line) else None


def is_go_dated(line: bytes) -> bool:
    """Whether a line is of Go's own logger, which begins it with a local date."""
    return _GO_DATED.match(line) is not None


def kernel_line(line: bytes) -> KernelLine | None:
    """Take the kernel's stamp off a line; None if it has none."""
    stamp = _KERNEL.match(line)
    if stamp is None:
        return None
    message = line[stamp.end() :]
    uptime_ns = None
    if stamp["micros"]:
        uptime_ns = int(stamp["micros"]) * 1000
    elif stamp["seconds"]:
        uptime_ns = int(stamp["seconds"] + stamp["fraction"].ljust(9, b"0"))
    return KernelLine(uptime_ns, stamp["dated"], message, hosted=_HOSTED.match(message) is not None)
