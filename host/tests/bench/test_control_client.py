# SPDX-License-Identifier: MIT
"""The client's end of the control socket, against a hub that is slow to answer."""

import asyncio
import json

from crowdcharge.bench.hub.client import Control


async def test_a_cancelled_call_does_not_leave_its_answer_to_the_next(tmp_path):
    path = tmp_path / "control.socket"
    asked, answer = asyncio.Event(), asyncio.Event()

    async def hub(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked.set()
            request = json.loads(line)
            await answer.wait()
            reply = {"id": request["id"], "result": request["method"]}
            writer.write(json.dumps(reply).encode() + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(hub, str(path)):
        control = await Control.connect(path)
        first = asyncio.create_task(control.call("first"))
        await asked.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        answer.set()
        assert await control.call("second") == "second"
        await control.close()
