"""Waiting for an answer: whoever hangs up is noticed, and an answer that is there soon costs no watch."""

import asyncio
from concurrent.futures import Future

import pytest
from fastapi import Request

from firewarden.api import waiting
from firewarden.api.pool import Caller
from firewarden.api.problems import Problem
from firewarden.api.waiting import answer_unless_gone


def _request(asked: list[str]) -> Request:
    """A request whose client has hung up; `asked` grows with each look at the connection."""

    async def receive() -> dict[str, str]:
        asked.append("looked")
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


def test_an_answer_that_is_there_soon_is_given_without_a_look_at_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        waiting, "_WATCH_AFTER_S", 0.2
    )  # a busy machine may stall for longer than the real one
    asked: list[str] = []
    future: Future[str] = Future()

    async def wait() -> str:
        asyncio.get_running_loop().call_later(0.001, future.set_result, "answer")
        answer = await answer_unless_gone(_request(asked), future, Caller(), lambda: None)
        await asyncio.sleep(0.3)  # nor is one taken afterwards
        return answer

    assert asyncio.run(wait()) == "answer"
    assert asked == []


def test_who_hung_up_before_the_watch_began_takes_the_work_along() -> None:
    caller, gone, future = Caller(), [], Future()  # type: ignore[var-annotated]
    with pytest.raises(Problem, match="closed before the answer"):
        asyncio.run(answer_unless_gone(_request([]), future, caller, lambda: gone.append(1)))
    assert caller.gone()
    assert future.cancelled()
    assert gone == [1]
