import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import argon2.low_level
import pytest
from passlib.context import CryptContext

from api.errors import Refusal
from api.security.passwords import MEMORY_KIB, ROUNDS, Passwords, Verified, prepare
from tests.deadlines import scaled

PASSWORD = "correct horse battery"
BAD_TEXTS = ["", "short", "x" * 257, "x" * 5000, "nul\0inside", "\0" * 8, "lone \ud800 half"]
BAD_ENDS = ["line end\n", "line end\r\n", "\ufeffa mark before", "tab\tin it", "delete \x7f key"]
# `é` and the blank as different keyboards give them.
COMPOSED, DECOMPOSED, BLANKS = "caf\u00e9 noir", "cafe\u0301 noir", "cafe\u0301\u00a0noir"


class Work:
    """Counts what Argon2 really computes, and can make it wait."""

    def __init__(self) -> None:
        self.forget()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def forget(self) -> None:
        self.begun: list[str] = []
        self._beginnings = threading.Semaphore(0)

    async def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self._beginnings.acquire, timeout=scaled(30))

    def watch(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.begun.append(kind)
            self._beginnings.release()
            assert self.may_go_on.wait(30)
            return function(*args, **kwargs)

        return watched


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    for kind, name in (("hash", "hash_secret"), ("verify", "verify_secret")):
        function = getattr(argon2.low_level, name)
        monkeypatch.setattr(argon2.low_level, name, work.watch(kind, function))
    return work


def make_passwords(**settings: int) -> Passwords:
    return Passwords(**({"memory_kib": 8, "rounds": 1} | settings))


@pytest.fixture
def passwords(work: Work) -> Iterator[Passwords]:
    passwords = make_passwords(threads=2, waiting=3)
    work.forget()
    yield passwords
    work.may_go_on.set()
    passwords.close()


def test_defaults_are_argon2id_with_19_mib_and_two_passes() -> None:
    """What is stored resists guessing as OWASP recommends."""
    passwords = Passwords()
    assert passwords.hash_now(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    passwords.close()
    assert (MEMORY_KIB, ROUNDS) == (19456, 2)


async def test_right_password_is_verified(passwords: Passwords) -> None:
    """A hash made either way knows its password, in any script, and no other."""
    for stored in (await passwords.hash(PASSWORD), passwords.hash_now(PASSWORD)):
        assert PASSWORD not in stored
        assert await passwords.verify(PASSWORD, stored) == Verified(ok=True)
        assert await passwords.verify(PASSWORD + " ", stored) == Verified(ok=False)
    emoji = await passwords.hash("🐎" * 256)
    assert await passwords.verify("🐎" * 256, emoji) == Verified(ok=True)


async def test_changed_parameters_give_a_new_hash(passwords: Passwords) -> None:
    """A login after a change of the cost brings the stored hash up to it, once."""
    stronger = make_passwords(memory_kib=16, rounds=2)
    verified = await stronger.verify(PASSWORD, await passwords.hash(PASSWORD))
    assert verified.ok
    assert verified.new_hash is not None
    assert "$m=16,t=2,p=1$" in verified.new_hash
    assert await stronger.verify(PASSWORD, verified.new_hash) == Verified(ok=True)
    assert await stronger.verify("wrong password", await passwords.hash(PASSWORD)) == Verified(
        ok=False
    )
    stronger.close()


@pytest.mark.parametrize("password", BAD_TEXTS, ids=lambda text: f"{text[:5]!a}-{len(text)}")
async def test_password_of_a_bad_form_is_refused_before_any_work(
    passwords: Passwords, work: Work, password: str
) -> None:
    """The check costs nothing, and no road to a hash goes past it."""
    with pytest.raises(Refusal, match="bad_request"):
        passwords.check_password(password)
    with pytest.raises(Refusal, match="bad_request"):
        passwords.hash_now(password)
    with pytest.raises(Refusal, match="bad_request"):
        await passwords.hash(password)
    assert work.begun == []


@pytest.mark.parametrize("length", [8, 256])
def test_password_at_the_bounds_is_accepted(passwords: Passwords, length: int) -> None:
    """The bounds count characters, and belong to what is allowed."""
    passwords.check_password("ü" * length)


@pytest.mark.parametrize("password", [PASSWORD, *BAD_TEXTS], ids=lambda text: str(len(text)))
async def test_unknown_user_costs_the_work_of_a_wrong_password(
    passwords: Passwords, work: Work, password: str
) -> None:
    """Neither an unknown user nor an impossible password is told by what the server computes."""
    stored = await passwords.hash("some other password")
    work.forget()
    for stored_hash in (None, stored):
        assert await passwords.verify(password, stored_hash) == Verified(ok=False)
    assert work.begun == ["verify", "verify"]


async def test_moved_limits_lock_nobody_out(passwords: Passwords) -> None:
    """A password from before a new minimum still opens its account."""
    stricter = make_passwords(min_length=30, max_length=40)
    verified = await stricter.verify(PASSWORD, await passwords.hash(PASSWORD))
    assert verified == Verified(ok=True)
    stricter.close()


async def test_full_queue_refuses_and_empties(passwords: Passwords, work: Work) -> None:
    """Two work, three wait, the sixth is told to come again; then there is room again."""
    work.may_go_on.clear()
    tasks = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(5)]
    await work.wait_for(2)
    with pytest.raises(Refusal, match="overloaded") as caught:
        await passwords.verify(PASSWORD, None)
    assert caught.value.retry_after == 1
    work.may_go_on.set()
    assert await asyncio.gather(*tasks) == [Verified(ok=False)] * 5
    assert await passwords.verify(PASSWORD, None) == Verified(ok=False)


async def test_cancelled_waiter_gives_its_place_to_another(
    passwords: Passwords, work: Work
) -> None:
    """Who hangs up in the queue leaves it at once, and its work is never done."""
    work.may_go_on.clear()
    tasks = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(5)]
    await work.wait_for(2)
    tasks[4].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[4]
    heir = asyncio.create_task(passwords.hash(PASSWORD))
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match="overloaded"):
        await passwords.hash(PASSWORD)
    work.may_go_on.set()
    assert (await heir).startswith("$argon2id$")
    await asyncio.gather(*tasks[:4])
    assert sorted(work.begun) == ["hash", *["verify"] * 4]


async def test_cancelled_worker_keeps_its_thread_until_done(
    passwords: Passwords, work: Work
) -> None:
    """A hash that has begun counts until it ends: hanging up does not multiply the work."""
    work.may_go_on.clear()
    tasks = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(5)]
    await work.wait_for(2)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    with pytest.raises(Refusal, match="overloaded"):
        await passwords.verify(PASSWORD, None)
    work.may_go_on.set()
    await asyncio.gather(*tasks[1:])
    assert await passwords.verify(PASSWORD, None) == Verified(ok=False)


async def test_failed_hash_gives_its_place_back(passwords: Passwords) -> None:
    """A stored hash that is none is the server's fault, and costs no place in the queue."""
    for _ in range(10):
        with pytest.raises(ValueError, match="hash could not be identified"):
            await passwords.verify(PASSWORD, "no hash")


async def test_close_finishes_what_was_taken(work: Work) -> None:
    """Callers who wait while the server stops get their answer, and the threads end."""
    passwords = make_passwords(threads=1)
    tasks = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(3)]
    await asyncio.sleep(0)
    passwords.close()
    assert not [thread for thread in threading.enumerate() if "passwords" in thread.name]
    assert await asyncio.gather(*tasks) == [Verified(ok=False)] * 3


@pytest.mark.parametrize("text", BAD_ENDS, ids=ascii)
async def test_new_password_with_what_nobody_types_is_refused(
    passwords: Passwords, text: str
) -> None:
    """A terminal or a file has left it there: whoever types the password does not have it."""
    with pytest.raises(Refusal, match="bad_request: A password holds no line end"):
        await passwords.hash(text)


@pytest.mark.parametrize("made", [COMPOSED, DECOMPOSED, BLANKS])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED, BLANKS])
async def test_password_typed_on_another_device_is_the_same(
    passwords: Passwords, made: str, typed: str
) -> None:
    """A Mac's, a phone's and a PC's keyboards give the same letters differently."""
    assert await passwords.verify(typed, await passwords.hash(made)) == Verified(ok=True)
    assert not (await passwords.verify("cafe noir", await passwords.hash(made))).ok


@pytest.mark.parametrize(
    ("hashed", "typed"),
    [(DECOMPOSED, COMPOSED), (DECOMPOSED, DECOMPOSED), (BLANKS, BLANKS), ("x\ny" * 9, "x\ny" * 9)],
)
async def test_hash_from_before_counts_and_is_made_anew(
    passwords: Passwords, hashed: str, typed: str
) -> None:
    """It was made of the password as it came; from now on it is one of what is compared."""
    old = CryptContext(["argon2"], argon2__type="ID", argon2__memory_cost=64, argon2__rounds=1)
    verified = await passwords.verify(typed, old.hash(hashed))
    assert verified.ok
    assert verified.new_hash is not None
    for form in {typed, prepare(typed)}:
        assert (await passwords.verify(form, verified.new_hash)) == Verified(ok=True)


async def test_work_goes_by_the_password_alone(passwords: Passwords, work: Work) -> None:
    """Also where a password has several forms: the time does not tell who exists."""
    stored = await passwords.hash("another one")
    for typed in (COMPOSED, BLANKS, "plain", "\u0344" * 4000):
        work.forget()
        await passwords.verify(typed, stored)
        known = len(work.begun)
        work.forget()
        await passwords.verify(typed, None)
        assert len(work.begun) == known
        assert 1 <= known <= 4
