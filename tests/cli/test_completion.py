"""The Tab key, in the shells that are documented."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.deadlines import scaled
from tests.process import ITEMROOM

# What bash does when somebody presses the key.
PRESS_TAB = """
COMP_WORDS=(itemroom {words}) COMP_CWORD={position}
_itemroom_completion itemroom
echo "${{COMPREPLY[@]}}"
"""


def bash(script: str, home: Path) -> str:
    """What a shell prints whose own files are in a directory, with `itemroom` on its path."""
    path = f"{ITEMROOM.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-euc", script],
        env=os.environ | {"HOME": str(home), "PATH": path},
        capture_output=True,
        text=True,
        timeout=scaled(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [
        ("pub", 1, ["publish"]),
        ("user pass", 2, ["password"]),
        ("user password --pass", 3, ["--password-stdin"]),
        ("backup ba", 2, []),  # A file: the shell knows them.
    ],
)
def test_bash_completes_once_it_is_installed(
    tmp_path: Path, words: str, position: int, offered: list[str]
) -> None:
    """By the command that is documented, in the shell that it is typed into."""
    installed = bash("itemroom --install-completion; true", tmp_path)
    assert installed.startswith("bash completion installed in ")
    press = PRESS_TAB.format(words=words, position=position)
    assert bash(f"source ~/.bashrc; {press}", tmp_path).split() == offered


def test_script_is_shown_to_whoever_installs_it_by_hand(tmp_path: Path) -> None:
    """It is the same."""
    press = PRESS_TAB.format(words="rest", position=1)
    assert bash(f'eval "$(itemroom --show-completion; true)"; {press}', tmp_path) == "restore\n"


@pytest.mark.parametrize(
    ("shell", "script", "answer"),
    [
        ("zsh", "#compdef itemroom", '_arguments \'*: :(("publish":'),
        ("fish", "complete --command itemroom", "publish\t"),
    ],
)
def test_other_shells_get_their_script_and_their_answers(
    tmp_path: Path, shell: str, script: str, answer: str
) -> None:
    """As they ask, without one of them being there."""
    asked = f"_ITEMROOM_COMPLETE=source_{shell} itemroom"
    assert bash(asked, tmp_path).lstrip().startswith(script)
    asked = f"_ITEMROOM_COMPLETE=complete_{shell} _TYPER_COMPLETE_ARGS='itemroom pub' itemroom"
    assert bash(f"_TYPER_COMPLETE_FISH_ACTION=get-args {asked}", tmp_path).startswith(answer)
