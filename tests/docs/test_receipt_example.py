"""What docs/receipts.md shows is what the script says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.receipt_script import SCRIPT, run_script

PAGE = (SCRIPT.parent / "receipts.md").read_text("utf-8")
FILES = dict(re.findall(r"^`(\w+\.json)`:\n\n```json\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE))
[SESSION] = re.findall(r"^```console\n\$ python3 verify_receipt\.py (.*?)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_example_says_what_the_page_says(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    arguments, output = SESSION
    done = run_script(*arguments.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


def test_every_exit_code_that_the_page_names_can_be_had(tmp_path: Path) -> None:
    receipt, keys = json.loads(FILES["receipt.json"]), json.loads(FILES["keys.json"])
    for code, changed, known in (
        (0, receipt, keys),
        (1, receipt | {"seq": 59}, keys),
        (2, receipt | {"seq": "58"}, keys),
        (3, receipt, {"keys": []}),
    ):
        assert f"| {code} |" in PAGE
        (tmp_path / "receipt.json").write_text(json.dumps(changed))
        (tmp_path / "keys.json").write_text(json.dumps(known))
        assert run_script("receipt.json", "keys.json", cwd=tmp_path).returncode == code


def test_signed_text_of_the_page_is_the_one_of_the_example() -> None:
    receipt = json.loads(FILES["receipt.json"])
    text = f"sitting.receipt/1\n{receipt['assessment_id']}\n{receipt['seq']}\n{receipt['head']}\n"
    assert f"```text\n{text}```" in PAGE
