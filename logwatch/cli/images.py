"""`logwatch images`: what archives, image layouts and Docker's data directory hold."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from logwatch.cli import image_details, options
from logwatch.cli.image_output import as_dot, as_json, table
from logwatch.docker.image_source import LAYOUTS, STDIN, find, read_images
from logwatch.docker.images import Image, Images
from logwatch.docker.tree import Forest, grow
from logwatch.errors import ImageError
from logwatch.notation import one_line

DEFAULT_SOURCE = "/var/lib/docker"
_SMALL = 64 << 20
_MOST_REMARKS = 100

containerd_root = click.option(
    "--containerd-root",
    type=click.Path(path_type=Path, file_okay=False),
    help="containerd's data directory (/var/lib/containerd), for engines that keep their images there.",
)
source_option = click.option(
    "--source",
    help=f"Archive, layout, data directory or -; default: docker_root of the configuration, else {DEFAULT_SOURCE}.",
)
show_env = click.option(
    "--show-env", is_flag=True, help="Show values of environment variables, and secrets in commands."
)


@click.group("images")
def command() -> None:
    """Show images and their layers in archives or on the disk.

    Example: logwatch images tree /var/lib/docker
    """


@command.command("tree")
@click.argument("source", required=False)
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "dot"]), default="table", show_default=True,
    help="A tree for people, JSON for programs, a graph for Graphviz.",
)  # fmt: skip
@click.option("--all", "-a", "intermediate", is_flag=True, help="Also images without a name that are only parents.")
@containerd_root
@options.config_file
def tree(
    source: str | None,
    output_format: str,
    *,
    intermediate: bool,
    containerd_root: Path | None,
    config_file: Path | None,
) -> int:
    """Draw the tree of images in SOURCE.

    SOURCE is what docker save, skopeo, podman or buildx wrote, also compressed or - for standard
    input; an OCI layout; Docker's data directory; containerd's.

    Example: docker save web:4.2 | logwatch images tree -
    """
    images = _read(source, containerd_root, config_file)
    forest = grow(images.images, intermediate=intermediate or output_format == "json")
    if output_format == "json":
        click.echo(as_json(images, forest))
    elif output_format == "dot":
        click.echo("\n".join(as_dot(forest)))
    else:
        Console(width=None if sys.stdout.isatty() else 200).print(table(forest, time.time_ns()))
    return _report(images, forest)


@command.command("show")
@click.argument("image")
@source_option
@options.output_format
@show_env
@containerd_root
@options.config_file
def show(
    image: str,
    source: str | None,
    output_format: str,
    *,
    show_env: bool,
    containerd_root: Path | None,
    config_file: Path | None,
) -> int:
    """Show an image's configuration, history and sizes.

    IMAGE is a name, an id, a digest or the beginning of either; or an archive that holds one image.

    Example: logwatch images show --source /var/lib/docker web:4.2
    """
    images, found = _one(image, source, containerd_root, config_file)
    forest = grow(images.images)
    node = next(node for _, node in forest.nodes() if node.image is found)
    if output_format == "jsonl":
        click.echo(json.dumps(image_details.as_json(node, found, show_secrets=show_env)))
    else:
        click.echo(image_details.as_text(node, found, show_secrets=show_env), nl=False)
    return _report(images, Forest((), ()))


@command.command("diff")
@click.argument("first")
@click.argument("second")
@source_option
@options.output_format
@show_env
@containerd_root
@options.config_file
def diff(
    first: str,
    second: str,
    source: str | None,
    output_format: str,
    *,
    show_env: bool,
    containerd_root: Path | None,
    config_file: Path | None,
) -> int:
    """Show what two images share and where they differ.

    Each is given as for `images show`.

    Example: logwatch images diff web-4.1.tar web-4.2.tar
    """
    images, one = _one(first, source, containerd_root, config_file)
    others, two = (
        (images, images.images[find(images, second)])
        if source is not None or not (_is_archive(first) or _is_archive(second))
        else _one(second, source, containerd_root, config_file)
    )
    comparison = image_details.compare(one, two, show_secrets=show_env)
    if output_format == "jsonl":
        click.echo(json.dumps(comparison))
    else:
        click.echo(image_details.comparison_text(one, two, comparison), nl=False)
    return max(_report(images, Forest((), ())), 0 if others is images else _report(others, Forest((), ())))


def _one(
    wanted: str, source: str | None, containerd_root: Path | None, config_file: Path | None
) -> tuple[Images, Image]:
    """Find an image by name in the source, or take the only one of an archive."""
    if source is None and _is_archive(wanted):
        images = _read(wanted, containerd_root, config_file)
        if len(images.images) != 1:
            raise ImageError(
                f"{wanted}: it holds {len(images.images)} images: name one of them, and the archive with --source"
            )
        return images, images.images[0]
    images = _read(source, containerd_root, config_file)
    return images, images.images[find(images, wanted)]


def _is_archive(wanted: str) -> bool:
    """Whether this is an archive or a layout; a folder that happens to be called like an image is none."""
    path = Path(wanted)
    return wanted == STDIN or path.is_file() or any((path / name).is_file() for name in LAYOUTS)


def _read(source: str | None, containerd_root: Path | None, config_file: Path | None) -> Images:
    if source is None:
        config = options.effective(config_file).config
        source = str(config.docker_root or DEFAULT_SOURCE)
        containerd_root = containerd_root or config.containerd_root
    with _progress(source) as advance:
        return read_images(source, containerd_root, advance)


def _report(images: Images, forest: Forest) -> int:
    """Say what is wrong; 1 if anything is."""
    problems = (*images.problems, *forest.problems)
    remarks = (*problems, *images.notes)
    for text in remarks[:_MOST_REMARKS]:
        click.echo(f"logwatch: {one_line(text)}", err=True)
    if len(remarks) > _MOST_REMARKS:
        click.echo(f"logwatch: and {len(remarks) - _MOST_REMARKS} more", err=True)
    return 1 if problems else 0


@contextmanager
def _progress(source: str) -> Iterator[Callable[[int], object]]:
    """Show on a terminal how much of a large archive was read."""
    console = Console(stderr=True)
    path = Path(source)
    size = path.stat().st_size if source != STDIN and path.is_file() else None
    if not console.is_terminal or path.is_dir() or (size is not None and size < _SMALL):
        yield abs
        return
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=size)
        yield lambda done: bar.update(task, advance=done)
