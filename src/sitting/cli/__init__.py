"""The command `sitting`. Each command imports what it needs when it runs, so that help and completion come at once."""

from __future__ import annotations

from typing import Annotated

import typer

from sitting import __version__
from sitting.cli import (
    audit_verify,
    author,
    backup,
    bank_export,
    bank_import,
    db_check,
    db_upgrade,
    demo,
    doctor,
    lint_questions,
    rehearse,
    restore,
    scripted_model,
    serve,
    token,
    user_create,
    user_erase,
    user_reset_password,
)
from sitting.cli.errors import Stop, fail
from sitting.domain.errors import SittingError

app = typer.Typer(
    help="A self-hosted server that gives tests to people, live, and can prove what happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The database's schema.", no_args_is_help=True)
user = typer.Typer(help="People.", no_args_is_help=True)
audit = typer.Typer(help="The assessments' logs.", no_args_is_help=True)

app.command("demo")(demo.run_demo)
app.command("serve")(serve.run_server)
app.add_typer(db, name="db")
db.command("upgrade")(db_upgrade.upgrade)
db.command("check")(db_check.check)
app.command("token")(token.mint_token)
app.add_typer(user, name="user")
user.command("create")(user_create.create)
user.command("erase")(user_erase.erase)
user.command("reset-password")(user_reset_password.reset_password)
app.add_typer(audit, name="audit")
audit.command("verify")(audit_verify.verify)
app.command("import")(bank_import.import_files)
app.command("export")(bank_export.export_file)
app.command("author")(author.author)
app.command("lint-questions")(lint_questions.lint_questions)
app.command("backup")(backup.run_backup)
app.command("restore")(restore.run_restore)
app.command("doctor")(doctor.run_doctor)
app.command("rehearse")(rehearse.rehearse)
app.command("scripted-model")(scripted_model.serve_scripted_model)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"sitting {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that was typed. What can be foreseen ends in one line on standard error and exit code 1."""
    try:
        app()
    except (Stop, SittingError, OSError) as fault:
        fail(fault)
