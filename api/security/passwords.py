"""Passwords: Argon2id, computed in two threads of its own behind a bounded queue."""

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Semaphore
from typing import TypeVar

from passlib.context import CryptContext

from ..errors import Refusal

# OWASP's figures for Argon2id: 19 MiB and two passes resist a guesser as well as 46 MiB and one
# do, and let two logins at once stay below 40 MiB.
MEMORY_KIB = 19 * 1024
ROUNDS = 2
THREADS = 2
# About half a second of work at 30 ms each; who comes later is better told to come again.
WAITING = 32
RETRY_AFTER = 1.0  # seconds
# passlib refuses more characters without computing anything, which would tell that a user exists.
MAX_VERIFIED_LENGTH = 4096

_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # U+0000, and surrogates: they have no UTF-8.
# What a terminal, a file or another program has left in a password, and nobody types.
TYPED_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\ufeff]*$"
_TYPED = re.compile(TYPED_PATTERN.strip("^$"))

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of a verification; `new_hash`, if any, is to be stored in place of the old."""

    ok: bool
    new_hash: str | None = None


class Passwords:
    """Hashes and verifies passwords. `close()` it at the end.

    Args:
        min_length: in characters, as is `max_length`.
        memory_kib: Argon2's memory for one hash; with `rounds`, what a guess costs.
        threads: hashes computed at the same time.
        waiting: callers that may wait for a thread; one more is refused.
    """

    def __init__(
        self,
        *,
        min_length: int = 8,
        max_length: int = 256,
        memory_kib: int = MEMORY_KIB,
        rounds: int = ROUNDS,
        threads: int = THREADS,
        waiting: int = WAITING,
    ) -> None:
        self._min_length = min_length
        self._max_length = max_length
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=memory_kib,
            argon2__rounds=rounds,
            argon2__parallelism=1,
        )
        # The first call makes the hash that later ones verify: now, or else the first unknown
        # user would be answered in twice the time.
        self._context.dummy_verify()
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        # One slot for each hash that is computed or waits for a thread.
        self._slots = Semaphore(threads + waiting)

    def check_password(self, password: str, *, field: str = "password") -> None:
        """Refuse a new password of a forbidden form; takes no time, so call it before any look-up.

        A login needs no such check: `verify` answers for every text, and a limit that was moved
        must not lock out who has a password from before.

        Args:
            password: what was asked for.
            field: of the request, for the refusal.

        Raises:
            Refusal: `bad_request`.
        """
        if not self._min_length <= len(prepare(password)) <= self._max_length:
            raise Refusal(
                "bad_request",
                f"A password has {self._min_length} to {self._max_length} characters.",
                field=field,
            )
        if not _is_text(password):
            message = "A password holds Unicode text without U+0000."
            raise Refusal("bad_request", message, field=field)
        if not _TYPED.fullmatch(password):
            message = "A password holds no line end or other control character."
            raise Refusal("bad_request", message, field=field)

    def hash_now(self, password: str) -> str:
        """The hash to store, computed in the caller's own thread: for the command line.

        Raises:
            Refusal: `bad_request`.
        """
        self.check_password(password)
        return self._context.hash(prepare(password))

    async def hash(self, password: str) -> str:
        """The hash to store. Cancelling is safe.

        Raises:
            Refusal: `bad_request`, or `overloaded` when too many callers wait.
        """
        self.check_password(password)
        return await self._in_thread(lambda: self._context.hash(prepare(password)))

    async def verify(self, password: str, stored_hash: str | None) -> Verified:
        """Whether the password belongs to the hash. Cancelling is safe.

        An unknown user (`None`) and a password that nobody can have cost the same work as a wrong
        password: neither the answer nor its time tells which users exist.

        Raises:
            Refusal: `overloaded` when too many callers wait.
        """
        return await self._in_thread(lambda: self._verify(password, stored_hash))

    def close(self) -> None:
        """Finish what was taken (half a second at most), then end the threads. Blocks."""
        self._executor.shutdown(wait=True)

    def _verify(self, password: str, stored_hash: str | None) -> Verified:
        # As much work for whoever does not exist: how much goes by the password alone.
        for form in _forms(password):
            if stored_hash is None or form is None:
                self._context.dummy_verify()
                continue
            ok, new_hash = self._context.verify_and_update(form, stored_hash)
            if ok and form != prepare(password):
                new_hash = self._context.hash(prepare(password))
            if ok:
                return Verified(ok=True, new_hash=new_hash)
        return Verified(ok=False)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if not self._slots.acquire(blocking=False):
            raise Refusal("overloaded", retry_after=RETRY_AFTER)
        future = self._executor.submit(work)
        # Not `finally`: a cancelled caller leaves at once, but a hash that has begun keeps its
        # thread until it is done, and only then another caller may count on it.
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def _release(self, _: Future[Result]) -> None:
        self._slots.release()


def _is_text(password: str) -> bool:
    return not _NO_TEXT.search(password)


def prepare(password: str) -> str:
    """A password as it is compared (RFC 8265, section 4.2): typed elsewhere, it is the same.

    One keyboard gives `é`, another `e` and an accent; and there are a dozen blanks.
    """
    blanks = (" " if unicodedata.category(sign) == "Zs" else sign for sign in password)
    return unicodedata.normalize("NFC", "".join(blanks))


def _forms(password: str) -> list[str | None]:
    """What to compare with a hash: today's form, and former ones; None: nobody can have it."""
    if len(password) > MAX_VERIFIED_LENGTH or not _is_text(password):
        return [None]
    decomposed = unicodedata.normalize("NFD", password)
    forms = dict.fromkeys(
        (prepare(password), password, unicodedata.normalize("NFC", password), decomposed)
    )
    return [form if len(form) <= MAX_VERIFIED_LENGTH else None for form in forms]
