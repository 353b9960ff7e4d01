"""The network between the processes and their servers: a TCP proxy that cuts, slows and holds back on demand.

It runs as `python -m chaos.proxy NAME:LISTEN:TARGET ...` and is told what to do by lines on its standard input:
`NAME pass`, `NAME refuse` (connections are reset and new ones refused), `NAME slow SECONDS` (each piece is late by so much),
`NAME hold` (nothing gets through, and nobody is told), `NAME cut` (reset what is open, let new ones in).
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import cast


@dataclass
class Link:
    """One way from a port to another, and how it is at the moment."""

    name: str
    target: int
    mode: str = "pass"
    delay: float = 0.0
    open: set[Side] = field(default_factory=set)

    def order(self, words: list[str]) -> None:
        """Obey one line."""
        mode = words[0]
        if mode in {"cut", "refuse"} or (self.mode == "hold" and mode != "hold"):
            for side in list(self.open):
                side.reset()
        self.mode = "pass" if mode == "cut" else mode
        self.delay = float(words[1]) if mode == "slow" else 0.0


class Side(asyncio.Protocol):
    """One end of a connection; what it receives goes to its peer."""

    def __init__(self, link: Link, peer: Side | None = None) -> None:
        self._link = link
        self._peer = peer
        self._transport: asyncio.Transport | None = None
        self._early: deque[bytes] = deque()
        self._clear_at = 0.0
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._link.open.add(self)
        loop = asyncio.get_running_loop()
        if self._link.mode == "refuse":
            self.reset()
        elif self._peer is None:
            self._connecting = loop.create_task(self._connect())
        else:
            self._peer.joined(self)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: Side(self._link, self), "127.0.0.1", self._link.target
            )
        except OSError:
            self.reset()

    def joined(self, peer: Side) -> None:
        """The other end stands: what came early may go."""
        self._peer = peer
        while self._early:
            peer.send(self._early.popleft())
        if self._transport is None or self._transport.is_closing():
            peer.reset()

    def data_received(self, data: bytes) -> None:
        if self._link.mode == "hold":
            return  # lost: a connection is reset when the hold ends
        if self._peer is None:
            self._early.append(data)
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        # a piece never overtakes the one before it, whatever the delay was then
        self._clear_at = max(now + self._link.delay, self._clear_at)
        if self._clear_at <= now:
            self._peer.send(data)
        else:
            loop.call_at(self._clear_at, self._peer.send, data)

    def send(self, data: bytes) -> None:
        """Pass on what the peer received."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._link.open.discard(self)
        if self._peer is not None and self._link.mode != "hold":
            loop = asyncio.get_running_loop()
            loop.call_at(max(self._clear_at, loop.time()), self._peer.close)

    def close(self) -> None:
        """Close when all is written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
        if self._peer is not None and self._peer._transport is not None:  # noqa: SLF001 - of the same class
            self._peer._transport.abort()  # noqa: SLF001


async def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    links: dict[str, Link] = {}
    for argument in arguments:
        name, listen, target = argument.split(":")
        link = links[name] = Link(name, int(target))
        await loop.create_server(lambda link=link: Side(link), "127.0.0.1", int(listen), backlog=200)  # type: ignore[misc]
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    while line := await reader.readline():
        name, *words = line.decode().split()
        links[name].order(words)
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
