"""`sitting lint-questions` from the command line, over the bank of both databases and over files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sitting.rehearsal.scripted_faults import Fault
from tests.support.command import refused, sitting, succeeded
from tests.support.scripted_model import ScriptedServer
from tests.support.server import JWT_SECRET, SIGNING_KEY

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
SOUND = "::sound::Which city is the capital of Norway?{=Oslo ~Bergen ~Narvik}\n\n"
AGAIN = "::again::Which city is Norway's capital?{=Oslo ~Hamar ~Bodo}\n\n"
NEGATIVE = "::negative::Which city is not in Norway?{=Paris ~Bergen ~Narvik}\n\n"
OTHER_WORDS = "::words::Where does the Norwegian government have its seat?{=In Oslo ~In Hamar ~In Bodo}\n\n"
TOLD = ("--skill", "Places", "--difficulty", "easy", "--yes")


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Any:
    """Run a command on a database of the test's own, once for each kind."""

    def run(*arguments: str) -> Any:
        return sitting(*arguments, "--database-url", database_url, cwd=tmp_path, env=KEYS)

    return run


def test_bank_is_looked_at_and_its_flaws_end_in_exit_code_1(run: Any, tmp_path: Path) -> None:
    (tmp_path / "sound.gift").write_text(SOUND)
    succeeded(run("import", "sound.gift", *TOLD))
    assert succeeded(run("lint-questions")).splitlines()[-1] == "1 questions, 0 with something to change"
    (tmp_path / "negative.gift").write_text(NEGATIVE)
    succeeded(run("import", "negative.gift", *TOLD))
    done = run("lint-questions")
    assert done.returncode == 1
    assert "  negative_stem (stem): “not” is easily overlooked" in done.stdout
    assert succeeded(run("lint-questions", "--gate", "option_count", "--skill", "Places"))
    assert "0 questions" in succeeded(run("lint-questions", "--tag", "nowhere"))


def test_chosen_questions_are_compared_with_the_whole_bank(run: Any, tmp_path: Path) -> None:
    for name, text, skill in (("sound", SOUND, "Places"), ("again", AGAIN, "Other")):
        (tmp_path / f"{name}.gift").write_text(text)
        succeeded(run("import", f"{name}.gift", "--skill", skill, "--difficulty", "easy", "--yes"))
    done = run("lint-questions", "--skill", "Other", "--json")
    assert done.returncode == 1
    data = json.loads(done.stdout)
    (item,) = data["items"]
    (failed,) = [verdict for verdict in item["verdicts"] if verdict["outcome"] == "failed"]
    assert (item["name"], failed["gate"], failed["evidence"]["among"]) == ("again", "near_duplicate", "the bank")


def test_meaning_is_compared_in_the_whole_bank_by_vectors_that_are_kept(database_url: str, tmp_path: Path) -> None:
    with ScriptedServer() as server:
        model = {"SITTING_MODEL_URL": server.base_url, "SITTING_MODEL_NAME": "m", "SITTING_EMBEDDING_MODEL": "v"}

        def run(*arguments: str, **env: str) -> Any:
            return sitting(*arguments, "--database-url", database_url, cwd=tmp_path, env=KEYS | env)

        for name, text, skill in (("sound", SOUND, "Places"), ("words", OTHER_WORDS, "Other")):
            (tmp_path / f"{name}.gift").write_text(text)
            succeeded(run("import", f"{name}.gift", "--skill", skill, "--difficulty", "easy", "--yes"))
        assert "SITTING_EMBEDDING_MODEL is not set" in refused(run("lint-questions", "--meaning"))
        assert succeeded(run("lint-questions", "--meaning", **model))
        server.model.same |= {"Norway": "same", "Norwegian": "same"}
        assert succeeded(run("lint-questions", "--meaning", **model)), "what was read stays"
        assert len(server.model.seen) == 1
        done = run("lint-questions", "--meaning", "--skill", "Other", **model | {"SITTING_EMBEDDING_MODEL": "w"})
        assert done.returncode == 1
        assert "  same_meaning (stem): " in done.stdout
        assert "(the bank) means the same: a cosine of 1.00, by w." in done.stdout
        server.model.misbehave(Fault.ERROR_500, None)
        failing = model | {"SITTING_EMBEDDING_MODEL": "x", "SITTING_MODEL_ATTEMPTS": "1"}
        done = run("lint-questions", "--meaning", **failing)
        assert (done.returncode, done.stdout) == (1, "")
        assert "not all questions could be compared by meaning: server_error" in done.stderr


def test_files_need_no_database(tmp_path: Path) -> None:
    (tmp_path / "bank.gift").write_text(SOUND + NEGATIVE)
    done = sitting("lint-questions", "bank.gift", cwd=tmp_path)
    assert done.returncode == 1
    assert "negative (bank.gift:2), no skill:" in done.stdout.splitlines()
    assert not list(tmp_path.glob("*.db"))
    (tmp_path / "clean.gift").write_text(SOUND)
    succeeded(sitting("lint-questions", "clean.gift", cwd=tmp_path))


def test_unknown_gate_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    assert refused(sitting("lint-questions", "--gate", "charm", cwd=tmp_path)).startswith("unknown gate charm; known: ")


def test_thresholds_of_the_settings_count_for_bank_and_files(database_url: str, tmp_path: Path) -> None:
    def run(*arguments: str, gates: str) -> Any:
        return sitting(*arguments, "--database-url", database_url, cwd=tmp_path, env=KEYS | {"SITTING_GATES": gates})

    (tmp_path / "sound.gift").write_text(SOUND)
    succeeded(run("import", "sound.gift", *TOLD, gates=""))
    for files in ((), ("sound.gift",)):
        succeeded(run("lint-questions", *files, gates=""))
        done = run("lint-questions", *files, gates="fewest_options=4")
        assert (done.returncode, "option_count" in done.stdout) == (1, True)
        assert "fewer_options is no threshold" in refused(run("lint-questions", *files, gates="fewer_options=4"))
