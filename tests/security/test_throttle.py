import pytest

from api.errors import Refusal
from api.security.throttle import (
    LOOK_EVERY,
    LOOKS,
    PACE,
    SHARED_FACTOR,
    SHARED_MAX_WAIT,
    LoginThrottle,
    Turn,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, *, failures: int = 3, max_entries: int = 1000) -> LoginThrottle:
    return LoginThrottle(failures=failures, max_wait=60, clock=clock, max_entries=max_entries)


def fail(throttle: LoginThrottle, network: str, account: str) -> None:
    throttle.admit(network, account)
    throttle.fail(network, account)


def wait_of(throttle: LoginThrottle, network: str, account: str) -> float:
    """Seconds until the next try that is not early; books it when there is none."""
    try:
        while (turn := throttle.admit(network, account)).is_early:
            pass
    except Refusal as refusal:
        return refusal.retry_after or -1
    return turn.delay


def test_free_failures_cost_no_wait(clock: Clock) -> None:
    """Who mistypes a few times is not slowed down."""
    throttle = make(clock)
    for _ in range(2):
        fail(throttle, "n", "ada")
    assert wait_of(throttle, "n", "ada") == 0


def test_further_failures_double_the_wait_up_to_the_limit(clock: Clock) -> None:
    """1, 2, 4 … seconds, and never more than the setting."""
    throttle = make(clock)
    waits = []
    for _ in range(10):
        fail(throttle, "n", "ada")
        wait = wait_of(throttle, "n", "ada")
        waits.append(wait)
        clock.now += wait
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_try_under_way_books_its_wait(clock: Clock) -> None:
    """Tries that run at the same time cannot all pass before the first is known to fail."""
    throttle = make(clock)
    for _ in range(3):
        fail(throttle, "n", "ada")
    clock.now += 1
    throttle.admit("n", "ada")
    assert wait_of(throttle, "n", "ada") == 1


def test_success_forgets_the_failures_of_the_pair(clock: Clock) -> None:
    """After the right password everything is as before."""
    throttle = make(clock)
    for _ in range(3):
        fail(throttle, "n", "ada")
    clock.now += 1
    throttle.admit("n", "ada")
    throttle.succeed("n", "ada")
    assert wait_of(throttle, "n", "ada") == 0


def test_failures_elsewhere_let_the_owner_in(clock: Clock) -> None:
    """A stranger who guesses slows down only themselves, for many guesses."""
    throttle = make(clock)
    for _ in range(3 * SHARED_FACTOR - 1):
        clock.now += wait_of(throttle, "stranger", "ada")
        throttle.fail("stranger", "ada")
    assert wait_of(throttle, "owner", "ada") == 0


def test_many_networks_against_one_account_are_slowed_a_little(clock: Clock) -> None:
    """A botnet makes an owner wait for seconds at the most, and at home not at all."""
    throttle = make(clock)
    throttle.succeed("home", "ada")
    for number in range(100):
        throttle.fail(f"bot-{number}", "ada")
    assert wait_of(throttle, "elsewhere", "ada") == SHARED_MAX_WAIT
    assert wait_of(throttle, "home", "ada") == 0


def test_one_network_against_many_accounts_takes_turns(clock: Clock) -> None:
    """One common password, tried on everybody, is guessing too; who else is there waits in line."""
    throttle = make(clock)
    throttle.succeed("n", "eva")
    for number in range(3 * SHARED_FACTOR + 1):
        fail(throttle, "n", f"user-{number}")
    assert [wait_of(throttle, "n", f"guest-{number}") for number in range(3)] == [1, 2, 3]
    assert wait_of(throttle, "elsewhere", "ada") == 0
    assert wait_of(throttle, "n", "eva") == 0
    clock.now += 4
    assert wait_of(throttle, "n", "ada") == 0


def test_line_of_a_network_is_bounded(clock: Clock) -> None:
    """Whoever comes when it is too long is told when it will not be."""
    throttle = make(clock)
    for number in range(3 * SHARED_FACTOR + 1 + int(SHARED_MAX_WAIT / PACE)):
        throttle.admit("n", f"user-{number}")
    with pytest.raises(Refusal, match="rate_limited") as refused:
        throttle.admit("n", "ada")
    assert refused.value.retry_after == PACE


def test_right_passwords_make_no_line(clock: Clock) -> None:
    """A class that signs in behind one address."""
    throttle = make(clock)
    for number in range(20 * SHARED_FACTOR):
        assert throttle.admit("n", f"user-{number}") == Turn()
        throttle.succeed("n", f"user-{number}")


def test_neighbour_who_guesses_does_not_keep_the_owner_out(clock: Clock) -> None:
    """A try before its time is looked at, and let in if it is right; for a bounded number."""
    throttle = make(clock)
    for _ in range(12):
        fail(throttle, "n", "ada")
    assert throttle.admit("n", "ada").is_early
    throttle.succeed("n", "ada")
    for _ in range(3):
        fail(throttle, "n", "ada")
    for _ in range(LOOKS):
        assert throttle.admit("n", "ada").is_early
        assert throttle.fail("n", "ada") > 0
    with pytest.raises(Refusal, match="rate_limited"):
        throttle.admit("n", "ada")
    clock.now += LOOK_EVERY
    assert throttle.admit("n", "ada").is_early


def test_old_failures_are_forgotten(clock: Clock) -> None:
    """Nobody pays for yesterday."""
    throttle = make(clock)
    for _ in range(20):
        throttle.fail("n", "ada")
    clock.now += 60 * 4 + 1
    throttle.fail("n", "ada")
    assert wait_of(throttle, "n", "ada") == 0


def test_zero_failures_set_no_limit(clock: Clock) -> None:
    """As for all rates, 0 is unlimited."""
    throttle = make(clock, failures=0)
    for _ in range(100):
        fail(throttle, "n", "ada")


def test_tables_stay_within_their_bound(clock: Clock) -> None:
    """Names and addresses that strangers make up take no more memory than that."""
    throttle = make(clock, max_entries=30)
    for number in range(200):
        throttle.fail(f"n{number}", f"user-{number}")
        throttle.succeed(f"m{number}", f"user-{number}")
    assert len(throttle) <= 60


def test_failures_at_another_server_count_here(clock: Clock) -> None:
    """Whoever guesses by turns at two of them waits as at one."""
    one, other = make(clock), make(clock)
    for number in range(6):
        here, there = (one, other) if number % 2 else (other, one)
        if number >= 4:
            clock.now += 60
        fail(here, "n1", "ada")
        there.heard("n1", "ada", succeeded=False)
    assert wait_of(one, "n1", "ada") == wait_of(other, "n1", "ada") == 8
    other.succeed("n1", "ada")
    one.heard("n1", "ada", succeeded=True)
    assert wait_of(one, "n1", "ada") == 0
    # From where she has signed in, the rest of the network is none of her business.
    one.heard("n1", "ada", succeeded=False)
    assert wait_of(one, "n1", "ada") == 0


def test_network_that_tries_everybody_at_another_server_takes_turns_here(clock: Clock) -> None:
    """Its failures are counted together, wherever they were."""
    throttle = make(clock)
    for number in range(3 * SHARED_FACTOR + 1):
        throttle.heard("n1", f"u{number}", succeeded=False)
    assert wait_of(throttle, "n1", "ada") == 0
    assert wait_of(throttle, "n1", "ben") == PACE


def test_without_a_limit_nobody_elsewhere_counts(clock: Clock) -> None:
    """Nothing is remembered."""
    throttle = make(clock, failures=0)
    throttle.heard("n1", "ada", succeeded=False)
    assert len(throttle) == 0
