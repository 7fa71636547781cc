"""Reading applications from CSV: what is taken, and what is refused where and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sitting.domain.application import Accommodation
from sitting.domain.application_sheet import MAX_ROWS, SheetRow, read_sheet
from sitting.domain.errors import InvalidMessage

HEADER = "name,email,label,extra_time_factor,extra_minutes,break_minutes,expires_at\n"


def only(text: str) -> SheetRow:
    sheet = read_sheet(text.encode())
    assert sheet.refused == []
    (row,) = sheet.rows
    return row


def fault(row: str, header: str = HEADER) -> tuple[int, str | None, str]:
    sheet = read_sheet((header + row).encode())
    assert sheet.rows == []
    (refused,) = sheet.refused
    return refused.row, refused.column, refused.reason


def test_every_column_is_read() -> None:
    assert only(HEADER + "Zoë Müller,ZOE@example.org,Autumn,1.25,10,15,2026-05-01T18:00:00+02:00\n") == SheetRow(
        row=2,
        name="Zoë Müller",
        email="zoe@example.org",
        label="Autumn",
        accommodation=Accommodation(1250, 10, 15),
        expires_at=datetime(2026, 5, 1, 16, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "text",
    [
        "name,email\nZoë,z@example.org\n",
        "\ufeffname,email\nZoë,z@example.org",
        "name;email\r\nZoë;z@example.org\r\n",
        "name;email;label\nZoë;z@example.org;\n;;\n",
        " Email ,NAME\n z@example.org , Zoë \n",
        'name,email,label\n"Zoë","z@example.org"\n',
        "name,email\n\n  \nZoë,z@example.org\n\n",
    ],
    ids=["plain", "mark", "semicolons", "blank cells", "other order", "quotes and a short row", "blank lines"],
)
def test_sheet_may_come_from_any_program(text: str) -> None:
    row = only(text)
    assert (row.name, row.email, row.label) == ("Zoë", "z@example.org", "")
    assert (row.accommodation, row.expires_at) == (Accommodation(), None)


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks() -> None:
    row = only('name,email\n"Müller, ""Zoë""\nof Bern",z@example.org\n')
    assert row.name == 'Müller, "Zoë"\nof Bern'


def test_rows_count_as_in_a_spreadsheet() -> None:
    sheet = read_sheet(b'name,email\n\n"A\nB",a@example.org\n\nC,none\n')
    assert [row.row for row in sheet.rows] == [3]
    assert [(row.row, row.column, row.email) for row in sheet.refused] == [(5, "email", "none")]


def test_comma_is_a_decimal_point_between_semicolons_only() -> None:
    assert only("name;email;extra_time_factor\nZ;z@example.org;1,5\n").accommodation.extra_time_factor == 1500
    assert fault('Z,z@example.org,"1,5"\n', "name,email,extra_time_factor\n")[1] == "extra_time_factor"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",a@example.org", "name", "it is empty"),
        ("x" * 201 + ",a@example.org", "name", "it has more than 200 characters"),
        ("A,nobody", "email", "it is no e-mail address"),
        ("A,", "email", "it is no e-mail address"),
        ("A", "email", "it is no e-mail address"),
        ("A," + "a" * 250 + "@example.org", "email", "it has more than 254 characters"),
        ("A,a@example.org," + "x" * 201, "label", "it has more than 200 characters"),
        ("A,a@example.org,,fast", "extra_time_factor", "it is no number with at most three decimals"),
        ("A,a@example.org,,1.2345", "extra_time_factor", "it is no number with at most three decimals"),
        ("A,a@example.org,,1e999999", "extra_time_factor", "it is no number with at most three decimals"),
        ("A,a@example.org,,0.999", "extra_time_factor", "the number is out of its range"),
        ("A,a@example.org,,10.001", "extra_time_factor", "the number is out of its range"),
        ("A,a@example.org,,,1.5", "extra_minutes", "it is no number of whole minutes"),
        ("A,a@example.org,,,-1", "extra_minutes", "it is no number of whole minutes"),
        ("A,a@example.org,,,10081", "extra_minutes", "the number is out of its range"),
        ("A,a@example.org,,,,1441", "break_minutes", "the number is out of its range"),
        ("A,a@example.org,,,,,soon", "expires_at", "it is no time such as 2026-05-01T18:00:00+02:00"),
        ("A,a@example.org,,,,,2026-05-01T18:00:00", "expires_at", "it lacks the offset from UTC, such as Z or +02:00"),
        ("A,a@example.org,,,,,1999-05-01T18:00:00Z", "expires_at", "its year is not 2000 to 2999"),
        ("A,a@example.org,,,,,,more", None, "it has 8 cells, and there are 7 columns"),
    ],
)
def test_wrong_cell_is_named_with_its_row_and_reason(row: str, column: str | None, reason: str) -> None:
    assert fault(row) == (2, column, reason)


@pytest.mark.parametrize("limits", ["1,0,0", "1.000,,", "10,10080,1440", "10.000,10080,1440"])
def test_limits_of_the_accommodation_are_taken(limits: str) -> None:
    assert only(HEADER + f"A,a@example.org,,{limits},\n").row == 2


@pytest.mark.parametrize("cell", ["=HYPERLINK(A1)", "+1", "-1+1", "@SUM(A1)"])
def test_cell_that_a_spreadsheet_would_calculate_is_refused(cell: str) -> None:
    assert fault(f"{cell},a@example.org\n") == fault(f'" {cell}",a@example.org\n')
    assert fault(f"{cell},a@example.org\n") == (2, "name", "it begins like a formula")
    assert fault(f"A,a@example.org,{cell}\n") == (2, "label", "it begins like a formula")


def test_repeated_address_is_named_with_the_row_that_has_it_and_another_label_makes_it_another() -> None:
    sheet = read_sheet(
        b"name,email,label\nA,a@example.org,\nB,b@example.org,\nA2, A@Example.ORG,\nA,a@example.org,two\n"
    )
    assert [row.row for row in sheet.rows] == [2, 3, 5]
    assert [(row.row, row.column, row.reason) for row in sheet.refused] == [
        (4, "email", "it stands in row 2 already, with the same label")
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"name\nA\n",
        b"name,email,email\nA,a@example.org,b@example.org\n",
        b"name,email,salary\nA,a@example.org,1\n",
        b"A,a@example.org\n",
        "name,email\nZoë,z@example.org\n".encode("latin-1"),
        "name,email\nA,a@example.org\n".encode("utf-16"),
        b"name,email\nA\0,a@example.org\n",
        b'name,email\n"A"B,a@example.org\n',
        b'name,email\n"A,a@example.org\n',
    ],
    ids=[
        "nothing",
        "blank",
        "no email",
        "twice",
        "unknown",
        "no header",
        "latin",
        "wide",
        "nul",
        "quotes",
        "open quote",
    ],
)
def test_what_is_no_such_sheet_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        read_sheet(body)


def test_ten_thousand_rows_are_taken_and_no_more() -> None:
    lines = [f"A,a{number}@example.org" for number in range(MAX_ROWS)]
    assert len(read_sheet("\n".join(["name,email", *lines]).encode()).rows) == 10_000
    with pytest.raises(InvalidMessage) as refusal:
        read_sheet("\n".join(["name,email", *lines, "A,nobody"]).encode())
    assert refusal.value.details == {"max_rows": 10_000}
