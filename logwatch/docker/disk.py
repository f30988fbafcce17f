"""The whole of what engines keep on a host's disk: Docker's data directory and containerd's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from logwatch.docker import containerd, snapshots, survey
from logwatch.docker.folder import Folder
from logwatch.docker.image_source import engine_roots
from logwatch.docker.storage import FileSystem, Report, Writable
from logwatch.docker.usage import Steps
from logwatch.errors import ImageError


def survey_disk(docker_root: Path, containerd_root: Path | None, now_ns: int) -> Steps[Report]:
    """Add up everything; raises ImageError without a data directory."""
    probe = Folder(docker_root)
    roots = engine_roots(docker_root)
    if not roots:
        probe.names()
        cause = (
            probe.problems[0]
            if probe.problems
            else f"{docker_root}: not Docker's data directory: neither image/ nor graph/ nor containers/ with others are in it"
        )
        raise ImageError(f"{cause}: `docker info` prints it as Docker Root Dir")
    reports = []
    for root in roots:
        report = yield from survey.survey(root, now_ns)
        reports.append(report)
    containerd_root = containerd_root or containerd.managed(roots[0])
    if containerd_root is not None:
        store = Folder(containerd_root)
        if not containerd.is_present(store):
            raise ImageError(
                f"{containerd_root}: not containerd's data directory: {'/'.join(containerd.METADATA)} is not in it"
            )
        report = yield from snapshots.survey(store, roots)
        reports.append(report)
    whole = combine(reports)
    if containerd_root is None and not whole.drivers:
        return replace(whole, notes=(*whole.notes, containerd.NOT_NAMED))
    return whole


def combine(reports: Sequence[Report]) -> Report:
    """Make one report of several, which may be about the same containers and file systems."""
    whole = Report()
    for report in reports:
        whole = replace(
            whole,
            drivers=tuple(dict.fromkeys((*whole.drivers, *report.drivers))),
            items=(*whole.items, *report.items),
            pools=(*whole.pools, *report.pools),
            base_size=whole.base_size or report.base_size,
            images=whole.images + report.images,
            layers=whole.layers + report.layers,
            problems=tuple(dict.fromkeys((*whole.problems, *report.problems))),
            notes=tuple(dict.fromkeys((*whole.notes, *report.notes))),
        )
    containers = _by_name(each for report in reports for each in report.containers)
    disks: dict[str, FileSystem] = {each.mountpoint: each for report in reports for each in report.file_systems}
    return replace(whole, containers=containers, file_systems=tuple(disks.values()))


def _by_name(found: Iterable[Writable]) -> tuple[Writable, ...]:
    merged: dict[str, Writable] = {}
    for each in found:
        known = merged.get(each.name)
        merged[each.name] = (
            each
            if known is None
            else Writable(each.name, known.size + each.size, known.limit or each.limit, known.log_size + each.log_size)
        )
    return tuple(merged.values())
