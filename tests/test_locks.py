"""What keeps a lock independent of what is published later, and that the check of it can fail."""

from pathlib import Path

import pytest

from tests.locks import faults_of, main, pins_of

LOCKS = sorted(Path(__file__).parent.parent.glob("requirements*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_lock_leaves_nothing_to_resolve(lock: Path) -> None:
    """Whoever installs a lock gets what it names, on any day."""
    assert pins_of(lock.read_text())
    assert faults_of(lock.read_text()) == []


def test_a_pin_without_a_required_extra_is_a_fault() -> None:
    """pytest-cov requires `coverage[toml]`: a bare pin of coverage breaks with the next release."""
    lock = (Path(__file__).parent.parent / "requirements-dev.lock").read_text()
    assert "coverage[toml]==" in lock
    (fault,) = faults_of(lock.replace("coverage[toml]==", "coverage=="))
    assert fault.startswith("pytest-cov requires coverage[toml]")


def test_a_requirement_that_is_not_pinned_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An incomplete lock is refused by name, and the command's exit code says so."""
    lock = tmp_path / "some.lock"
    lock.write_text("pytest-cov==7.1.0 \\\n    --hash=sha256:00\n")
    assert main([str(lock)]) == 1
    assert "some.lock: pytest-cov requires pluggy" in capsys.readouterr().err


def test_a_complete_lock_is_no_fault(tmp_path: Path) -> None:
    """What is for another system is judged where it is installed."""
    lock = tmp_path / "some.lock"
    lock.write_text("colorama==0.4.6 ; sys_platform == 'win32'\n")
    assert main([str(lock)]) == 0
