"""Which syslog tags are the engine's."""

from logwatch.formats.tags import TAG_FAMILIES, family_tags


def test_a_family_stands_for_its_tags_and_a_tag_for_itself() -> None:
    assert family_tags(["containerd", "kernel"]) == TAG_FAMILIES["containerd"] | {"kernel"}
    assert {"dockerd", "dockerd-current", "docker", "sh"} <= family_tags(["engine"])
    assert family_tags([]) == frozenset()


def test_the_engine_and_containerd_share_no_tag() -> None:
    assert not TAG_FAMILIES["engine"] & TAG_FAMILIES["containerd"]
