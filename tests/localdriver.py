"""Entries as the engine's log driver `local` writes them."""


def varint(value: int) -> bytes:
    more = bytearray()
    while value > 127:
        more.append(value & 127 | 128)
        value >>= 7
    return bytes([*more, value])


def entry(
    line: bytes,
    *,
    partial: bool = False,
    last: bool = False,
    time_ns: int = 1_795_465_000_721_609_123,
    source: str = "stdout",
) -> bytes:
    """One entry; a piece of a line is partial, the last one too."""
    body = b"\x0a\x06" + source.encode() + b"\x10" + varint(time_ns) + b"\x1a" + varint(len(line)) + line
    if partial or last:
        metadata = (b"\x08\x01" if last else b"") + b"\x12\x02id" + b"\x18\x01"
        body += b"\x20\x01" + b"\x2a" + varint(len(metadata)) + metadata
    size = len(body).to_bytes(4, "big")
    return size + body + size
