"""Configuration documents of images: the first format's `json` and today's image configuration.

Both have the same keys, the newer one `rootfs` and `history` as well. Formats: `image/spec/spec.md`
of moby (v1, v1.2) and `config.md` of the OCI image specification.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from logwatch.docker.gotime import nanoseconds
from logwatch.docker.images import Description, Settings

MOST_VALUES = 200_000
"""Of a document; each takes some hundred bytes while it is read."""
MOST_LAYERS = 1000
"""Engines allow 127."""


class Outside(BaseModel):
    """A document from elsewhere: unknown keys are none of our business."""

    model_config = ConfigDict(extra="ignore")


Document = TypeVar("Document", bound=BaseModel)


class _Settings(Outside):
    hostname: str = Field(default="", alias="Hostname")
    domain: str = Field(default="", alias="Domainname")
    user: str = Field(default="", alias="User")
    environment: list[str] | None = Field(default=None, alias="Env")
    command: list[str] | str | None = Field(default=None, alias="Cmd")
    entrypoint: list[str] | str | None = Field(default=None, alias="Entrypoint")
    working_dir: str = Field(default="", alias="WorkingDir")
    labels: dict[str, str] | None = Field(default=None, alias="Labels")
    ports: dict[str, object] | None = Field(default=None, alias="ExposedPorts")
    volumes: dict[str, object] | None = Field(default=None, alias="Volumes")
    network_disabled: bool | None = Field(default=None, alias="NetworkDisabled")
    stop_signal: str | None = Field(default=None, alias="StopSignal")


class _History(Outside):
    created: str | None = None
    created_by: str | None = None
    comment: str | None = None
    empty_layer: bool | None = None


class _RootFs(Outside):
    diff_ids: list[str] | None = Field(default=None, max_length=MOST_LAYERS)


class _Configuration(Outside):
    id: str | None = None
    parent: str | None = None
    created: str | None = None
    author: str | None = None
    comment: str | None = None
    architecture: str | None = None
    os: str | None = None
    docker_version: str | None = None
    container: str | None = None
    container_config: _Settings | None = None
    config: _Settings | None = None
    rootfs: _RootFs | None = None
    history: list[_History] | None = None
    size: int | None = Field(default=None, alias="Size", ge=0)


def parse(model: type[Document], text: bytes) -> Document | str:
    """Read a JSON document, or say in one line why it cannot be read."""
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        return f"it has more than {MOST_VALUES} values"
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        if error.error_count() > 1000:
            return f"{error.error_count()} values are of the wrong type"
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]


def describe(text: bytes) -> Description | str:
    """Read an image's configuration, or say why it cannot be read."""
    found = parse(_Configuration, text)
    if isinstance(found, str):
        return found
    history = tuple(
        (nanoseconds(step.created or ""), step.created_by or "", step.comment or "", bool(step.empty_layer))
        for step in found.history or ()
    )
    return Description(
        parent=found.parent or None,
        created_ns=nanoseconds(found.created or ""),
        author=found.author or "",
        comment=found.comment or "",
        architecture=found.architecture or "",
        os=found.os or "",
        docker_version=found.docker_version or "",
        container=found.container or "",
        settings=_settings(found.config or found.container_config or _Settings()),
        made_by=_words(found.container_config.command) if found.container_config else (),
        diff_ids=tuple((found.rootfs and found.rootfs.diff_ids) or ()),
        history=history,
        size=found.size,
    )


def _settings(found: _Settings) -> Settings:
    return Settings(
        hostname=found.hostname,
        domain=found.domain,
        user=found.user,
        environment=tuple(found.environment or ()),
        command=_words(found.command),
        entrypoint=_words(found.entrypoint),
        working_dir=found.working_dir,
        labels=found.labels or {},
        ports=tuple(found.ports or ()),
        volumes=tuple(found.volumes or ()),
        network_disabled=bool(found.network_disabled),
        stop_signal=found.stop_signal or "",
    )


def _words(command: list[str] | str | None) -> tuple[str, ...]:
    return (command,) if isinstance(command, str) else tuple(command or ())
