"""One image in full, and two images compared, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from logwatch.cli.image_output import bullet, human, image_fields, layer_fields, when
from logwatch.docker.images import Image, Settings, Step, short
from logwatch.docker.tree import Node
from logwatch.matching.redaction import MASK, Masker
from logwatch.notation import one_line, rfc3339


def as_text(node: Node, image: Image, *, show_secrets: bool) -> str:
    """The image for people: a line for each thing that is known, then its history."""
    rows = [(key, value) for key, value in _facts(node, image, show_secrets=show_secrets) if value]
    width = max(len(key) for key, _ in rows)
    text = "".join(f"{key:<{width}}  {one_line(value)}\n" for key, value in rows)
    settings = shown(image.description.settings, show_secrets=show_secrets)
    for key in ("environment", "labels", "ports", "volumes"):
        values = settings[key]
        if values:
            lines = [f"{name}={value}" for name, value in values.items()] if isinstance(values, dict) else values
            text += f"{key}\n{bullet(map(str, lines))}" if isinstance(lines, list) else ""
    steps = [_step_line(step, show_secrets=show_secrets) for step in reversed(image.steps)]
    return text + ("history, the newest first\n" + bullet(steps) if steps else "")


def _facts(node: Node, image: Image, *, show_secrets: bool) -> Iterator[tuple[str, str]]:
    description, settings = image.description, image.description.settings
    words = _masked(show_secrets=show_secrets)
    flag = "" if node.complete else " at least: not all parts could be read"
    yield "id", image.id
    yield "tags", ", ".join(image.tags)
    yield "digest", image.digest or ""
    yield "parent", image.parent or ""
    yield "created", when(description.created_ns)
    yield "platform", "/".join(filter(None, (description.os, description.architecture)))
    yield "size", human(node.size) + flag
    yield "shared", human(node.shared)
    yield "stored", human(image.stored) if image.stored else ""
    yield "layers", str(len(image.layers))
    yield "used by", ", ".join(image.used_by)
    yield "author", description.author
    yield "comment", description.comment
    yield "built by engine", description.docker_version
    yield "built in container", short(description.container)
    yield "entrypoint", words(" ".join(settings.entrypoint))
    yield "command", words(" ".join(settings.command))
    yield "made by", words(" ".join(description.made_by))
    yield "user", settings.user
    yield "working directory", settings.working_dir
    yield "host name", ".".join(filter(None, (settings.hostname, settings.domain)))
    yield "network", "disabled" if settings.network_disabled else ""
    yield "stop signal", settings.stop_signal
    yield "problem", node.problem or ""


def as_json(node: Node, image: Image, *, show_secrets: bool) -> dict[str, object]:
    """The image for programs."""
    words = _masked(show_secrets=show_secrets)
    history = [
        {
            "created": rfc3339(step.created_ns) if step.created_ns else None,
            "created_by": words(step.created_by),
            "comment": step.comment,
            "layer": layer_fields(step.layer) if step.layer else None,
        }
        for step in image.steps
    ]
    sizes = {"size_bytes": node.size, "shared_bytes": node.shared, "complete": node.complete, "problem": node.problem}
    description = image.description
    more = {
        "author": description.author,
        "comment": description.comment,
        "docker_version": description.docker_version,
        "container": description.container,
        "made_by": _command(description.made_by, show_secrets=show_secrets),
    }
    settings = shown(description.settings, show_secrets=show_secrets)
    return {"id": image.id, **sizes, **image_fields(image), **more, "settings": settings, "history": history}


def shown(settings: Settings, *, show_secrets: bool) -> dict[str, object]:
    """An image's settings; values of the environment are masked, and secrets elsewhere."""
    masker = Masker()
    environment = [
        each if show_secrets or "=" not in each else f"{each.partition('=')[0]}={MASK}" for each in settings.environment
    ]
    labels = {
        key: value if show_secrets or not masker.is_secret(key) else MASK for key, value in settings.labels.items()
    }
    return {
        "hostname": settings.hostname,
        "domain": settings.domain,
        "user": settings.user,
        "environment": environment,
        "command": _command(settings.command, show_secrets=show_secrets),
        "entrypoint": _command(settings.entrypoint, show_secrets=show_secrets),
        "working_dir": settings.working_dir,
        "labels": labels,
        "ports": list(settings.ports),
        "volumes": list(settings.volumes),
        "network_disabled": settings.network_disabled,
        "stop_signal": settings.stop_signal,
    }


def compare(one: Image, two: Image, *, show_secrets: bool) -> dict[str, object]:
    """What two images share, and what only one of them has."""
    ids = {layer.id for layer in one.layers}, {layer.id for layer in two.layers}
    common = [layer for layer in one.layers if layer.id in ids[1]]
    settings = [shown(image.description.settings, show_secrets=True) for image in (one, two)]
    masked = [shown(image.description.settings, show_secrets=show_secrets) for image in (one, two)]
    differing = {key: [masked[0][key], masked[1][key]] for key in settings[0] if settings[0][key] != settings[1][key]}
    return {
        "first": one.id,
        "second": two.id,
        "shared_layers": [layer_fields(layer) for layer in common],
        "shared_bytes": sum(layer.size or 0 for layer in common),
        "only_first": [layer_fields(layer) for layer in one.layers if layer.id not in ids[1]],
        "only_second": [layer_fields(layer) for layer in two.layers if layer.id not in ids[0]],
        "settings": differing,
    }


def comparison_text(one: Image, two: Image, comparison: Mapping[str, object]) -> str:
    """A comparison for people."""
    text = ""
    for title, key in (
        ("shared layers", "shared_layers"),
        (f"only in {_called(one)}", "only_first"),
        (f"only in {_called(two)}", "only_second"),
    ):
        layers = comparison[key]
        assert isinstance(layers, list)
        total = human(sum(layer["size_bytes"] or 0 for layer in layers))
        lines = [f"{short(layer['id'])}  {human(layer['size_bytes'] or 0)}" for layer in layers]
        text += f"{one_line(title)}: {len(layers)}, {total}\n{bullet(lines)}"
    settings = comparison["settings"]
    assert isinstance(settings, dict)
    for key, (before, after) in settings.items():
        text += f"{key}\n" + bullet(_changes(before, after))
    return text


def _changes(before: object, after: object) -> Iterable[str]:
    one, two = _lines(before), _lines(after)
    if one == two:
        return ["differs in values that are masked: --show-env shows them"]
    return [*(f"- {line}" for line in one if line not in two), *(f"+ {line}" for line in two if line not in one)]


def _lines(value: object) -> Sequence[str]:
    if isinstance(value, dict):
        return [f"{key}={each}" for key, each in value.items()]
    return list(map(str, value)) if isinstance(value, list) else [str(value)]


def _called(image: Image) -> str:
    return image.tags[0] if image.tags else short(image.id)


def _step_line(step: Step, *, show_secrets: bool) -> str:
    size = "0B" if step.layer is None else "?" if step.layer.size is None else human(step.layer.size)
    command = _masked(show_secrets=show_secrets)(step.created_by or step.comment)
    return f"{when(step.created_ns) or '-':<19}  {size:>8}  {command}"


def _masked(*, show_secrets: bool) -> Callable[[str], str]:
    """What masks secrets in commands, unless they are to be shown."""
    return str if show_secrets else Masker().mask


def _command(words: Sequence[str], *, show_secrets: bool) -> list[str]:
    """A command word by word: a secret may be the word after its option."""
    if show_secrets:
        return list(words)
    masker = Masker()
    before = ("", *words)
    return [
        MASK if option.startswith("-") and "=" not in option and masker.is_secret(option) else masker.mask(word)
        for option, word in zip(before, words, strict=False)
    ]
