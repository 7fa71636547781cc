"""The scripts of bench/ run, and what they write is what docs/performance.md takes. How fast it is, is not asked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.load import cut, masked
from bench.results import load
from bench.tables import PAGE, write_tables
from tests.support.tables_in_docs import ROOT, between

SMALL = ["--connections", "4", "--seconds", "0.3", "--warm-up", "0.1", "--database", "sqlite"]


def run(script: str, *arguments: str, into: Path) -> None:
    """Run a script of bench/ as a process of its own: it changes where it runs, and collects no garbage."""
    command = [sys.executable, "-m", f"bench.{script}", *arguments, "--into", str(into)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_answers_are_measured_against_the_baselines_and_make_a_table(tmp_path: Path) -> None:
    run("answers", *SMALL, "--rounds", "1", into=tmp_path)
    result = load(tmp_path / "answers.json")
    assert list(result.figures) == [
        "echo, picows",
        "echo, sansio",
        "Sitting, SQLite",
        "Sitting on picows, SQLite",
        "naive, SQLite",
    ]
    assert all(figures["acks"] > 0 for figures in result.figures.values())
    check_tables(tmp_path)


def test_paced_answers_and_draws_make_tables(tmp_path: Path) -> None:
    run("paced", *SMALL, "--every", "0.2", into=tmp_path)
    run("draw", "--bank", "100", "--papers", "10", into=tmp_path)
    paced = load(tmp_path / "paced.json").figures["Sitting, SQLite"]
    assert 0 < paced["p50_ms"] <= paced["p99_ms"] <= paced["p100_ms"]
    check_tables(tmp_path)


def test_waits_beside_a_model_are_measured_against_the_bank_alone(tmp_path: Path) -> None:
    run("live_runs", "--people", "2", "--think", "0.1", "--database", "sqlite", into=tmp_path)
    alone, beside = load(tmp_path / "live_runs.json").figures.values()
    assert (alone["shown"], alone["written"]) == (10, 0)
    assert beside["shown"] == 10
    assert beside["server_ms_per_candidate"] > alone["server_ms_per_candidate"] > 0
    check_tables(tmp_path)


def test_search_for_near_duplicates_is_measured_against_comparing_with_each_and_finds_the_same(tmp_path: Path) -> None:
    run("gates", "--bank", "300", "--searches", "40", "--compared", "40", into=tmp_path)
    figures = load(tmp_path / "gates.json").figures
    assert list(figures) == [
        "the gates of one item, in English",
        "the same with the search among 300",
        "the search alone, among 300",
        "the same, comparing with each",
        "index",
    ]
    index = figures["index"]
    assert index["naive_hits"] >= 10
    assert (index["recall"], index["false_hits"]) == (1.0, 0)
    check_tables(tmp_path)


def check_tables(directory: Path) -> None:
    """Each result fits into the page, with its command and machine below it."""
    page = directory / "performance.md"
    shutil.copy(PAGE, page)
    for path in directory.glob("*.json"):
        result = load(path)
        for table in result.tables:
            assert {len(row) for row in table.rows} == {len(table.heads)}
    for name in write_tables(page, directory):
        text = between(page, name)
        assert text.count("\n|") >= 2
        assert "`python -m bench." in text
        assert "commit" in text


def test_frames_of_the_load_are_whole_and_masked() -> None:
    for size in (0, 1, 125, 126, 300, 65_535):
        payload = bytes(range(256)) * 256
        frame = masked(payload[:size])
        assert frame[1] & 0x80
        begin = 2 if size < 126 else 4
        key, body = frame[begin : begin + 4], frame[begin + 4 :]
        assert bytes(byte ^ key[n % 4] for n, byte in enumerate(body)) == payload[:size]


def test_frames_of_a_server_are_cut_wherever_they_are_torn() -> None:
    sent = b"\x81\x02hi" + b"\x81\x7e\x01\x00" + b"x" * 256
    assert cut(sent) == (0x81, b"hi", 4)
    assert cut(sent[4:]) == (0x81, b"x" * 256, 260)
    assert all(cut(sent[4 : 4 + length]) is None for length in range(260))
