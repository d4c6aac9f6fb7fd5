import asyncio

from facepass.adapters.system.admission import BoundedAdmission

PATIENCE_S = 10


async def test_what_is_due_when_idle_is_done_once_after_a_spell_of_work() -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    calls: list[int] = []

    def when_idle() -> None:
        calls.append(admission_at_work())
        loop.call_soon_threadsafe(done.set)

    admission = BoundedAdmission(max_running=2, max_waiting=2, wait_timeout_s=1, when_idle=when_idle, idle_s=0.01)

    def admission_at_work() -> int:
        return admission._at_work

    async with admission.admit(), admission.admit():
        assert not calls
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    assert calls == [0]


async def test_nothing_is_done_while_a_picture_is_at_work() -> None:
    calls: list[None] = []
    admission = BoundedAdmission(
        max_running=1, max_waiting=1, wait_timeout_s=1, when_idle=lambda: calls.append(None), idle_s=0.0
    )
    async with admission.admit():
        pass
    async with admission.admit():  # before the loop turns
        for _ in range(5):
            await asyncio.sleep(0)
        assert not calls
