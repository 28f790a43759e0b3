"""What PostgreSQL's errors mean."""

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from api.store.failures import (
    is_busy,
    is_driver_error,
    is_from_outside,
    is_full,
    is_unsettled,
)


def failure(code: str | None, kind: type[psycopg.Error] = psycopg.Error) -> DBAPIError:
    """An error as SQLAlchemy gives it on."""
    error = kind("it failed")
    error.sqlstate = code
    return DBAPIError("", {}, error)


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03", "57014"])
def test_conflict_or_a_wait_that_took_too_long_is_busy(code: str) -> None:
    """To be tried again."""
    assert is_busy(failure(code))
    assert is_from_outside(failure(code))


def test_full_disk_is_full() -> None:
    """And nothing else."""
    assert is_full(failure("53100"))
    assert not is_busy(failure("53100"))


@pytest.mark.parametrize("code", ["25006", "25P03", "3D000", "08006", "28P01", "53300", "XX001"])
def test_what_others_did_is_from_outside(code: str) -> None:
    """A standby, a lost connection, a wrong password, no more connections, damage."""
    assert is_from_outside(failure(code))
    assert not is_busy(failure(code))


@pytest.mark.parametrize("code", ["23505", "42601", "25P02", None])
def test_what_was_asked_is_a_fault_of_ours(code: str | None) -> None:
    """Whatever has no code is the driver's own, unless the connection has ended."""
    assert not is_from_outside(failure(code))
    assert not is_unsettled(failure(code))


@pytest.mark.parametrize("code", ["57P01", "08006"])
def test_session_that_ended_leaves_a_commit_in_doubt(code: str) -> None:
    """Its answer was lost, whatever it was."""
    assert is_unsettled(failure(code))


def test_connection_that_broke_leaves_a_commit_in_doubt() -> None:
    """The server said nothing."""
    lost = failure(None, psycopg.OperationalError)
    assert is_unsettled(lost)
    assert is_from_outside(lost)


def test_error_of_the_driver_itself_is_seen() -> None:
    """Past SQLAlchemy; another library's is none."""
    assert is_driver_error(psycopg.OperationalError())
    assert not is_driver_error(RuntimeError())
    assert not is_unsettled(RuntimeError())
