"""A front end of a stranger: the `websockets` library, the documented messages, and nothing of ours.

usage: candidate.py ADDRESS TEST_ID RELOAD_AFTER
Answers every question with its first option, drops the connection after RELOAD_AFTER answers and starts again, and
prints all messages that it got as one JSON array.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from websockets.sync.client import ClientConnection, connect

Message = dict[str, Any]


def main(address: str, test_id: str, reload_after: str) -> None:
    messages: list[Message] = []
    if not take(address, test_id, messages, leave_after=int(reload_after)):
        take(address, test_id, messages, leave_after=None)
    print(json.dumps(messages))


def take(address: str, test_id: str, messages: list[Message], leave_after: int | None) -> bool:
    """One connection; true if the assessment came to its end on it."""
    saved = 0
    with connect(address) as socket:
        say(socket, "start_assessment", test_id=int(test_id))
        while True:
            message = json.loads(socket.recv(timeout=10))
            messages.append(message)
            saved += message["type"] == "answer_saved"
            if saved and saved == leave_after:
                socket.socket.close()
                return False
            if message["type"] == "question":
                question = message["data"]["question"]
                say(
                    socket,
                    "submit_answer",
                    question_id=message["data"]["question_id"],
                    selected_option=question["options"][0]["id"],
                )
            if message["type"] == "assessment_completed":
                return True


def say(socket: ClientConnection, type_: str, **data: object) -> None:
    socket.send(json.dumps({"type": type_, "data": data}))


if __name__ == "__main__":
    main(*sys.argv[1:])
