# SPDX-License-Identifier: MIT
"""The bench hub as `launch` starts it, with boards and physics outside of the emulated machine.

It takes the hub's arguments, prints its ready line and ends with its standard input. It forwards
the control socket; the radio's port is reached directly, at QEMU's address of the machine.
"""

import asyncio
import json
import sys
from pathlib import Path

MACHINE = "10.0.2.2"
DOOR = ("10.0.2.100", 7000)  # where QEMU starts hil_tests/bluez/door.py


async def enter(wanted: dict[str, str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*DOOR)
    writer.write(json.dumps(wanted).encode() + b"\n")
    return reader, writer


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


async def until_eof() -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await reader.read()


async def main() -> None:
    bench, folder = Path(sys.argv[-3]), Path(sys.argv[-1])
    folder.mkdir(parents=True)
    hub, writer = await enter({"bench": bench.read_text(encoding="utf-8")})
    ready = json.loads(await hub.readline())
    outside = ready["control"]

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inwards, outwards = await enter({"control": outside})
        await asyncio.gather(copy(reader, outwards), copy(inwards, writer))

    ready["control"] = str(folder / "control")
    ready["transports"] = [each.replace("127.0.0.1", MACHINE) for each in ready["transports"]]
    async with await asyncio.start_unix_server(carry, ready["control"]):
        print(json.dumps(ready), flush=True)  # noqa: T201 - what `launch` reads
        ends = [asyncio.create_task(each) for each in (until_eof(), hub.read())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
