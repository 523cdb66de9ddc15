"""The command as a whole: which commands there are, and how each ends.

Exit codes: 0 fine, 1 findings or a refusal, 2 wrong usage or a bad setting. An error is one line, never a traceback.
"""

import io
import sys
from typing import Annotated

import typer

from service import __version__
from service.cli.bring import bring
from service.cli.check import check_command
from service.cli.cite import cite_command
from service.cli.due import due_command
from service.cli.export import export_command
from service.cli.new import new_command
from service.cli.output import fail, give_up_standard_output, print_line
from service.cli.publish import publish_command
from service.cli.redact import redact_command
from service.cli.releases import releases
from service.cli.schema import schema_command
from service.cli.serve import serve_command
from service.cli.unname import unname_command
from service.cli.verify import verify_command
from service.cli.withdraw import withdraw_command
from service.errors import SettingsInvalid, TestimonyArchiveError

app = typer.Typer(
    name="testimony-archive",
    help="Check, publish and serve archives of human-rights testimony.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# A new command is a file of its own and a line here; `--help` lists them in this order.
app.command("serve")(serve_command)
app.command("publish")(publish_command)
app.command("check")(check_command)
app.command("new")(new_command)
app.command("cite")(cite_command)
app.command("withdraw")(withdraw_command)
app.command("unname")(unname_command)
app.command("redact")(redact_command)
app.command("due")(due_command)
app.command("export")(export_command)
app.command("verify")(verify_command)
app.command("schema")(schema_command)
app.add_typer(bring, name="bring")
app.add_typer(releases, name="releases")


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        print_line(__version__)
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Check, publish and serve archives of human-rights testimony."""


def run(arguments: list[str] | None = None) -> int:  # noqa: PLR0911 - one way out for each way to fail
    """Run the command and return its exit code. Whatever goes wrong is one line on standard error."""
    try:
        outcome = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        hint = f" (see {context.command_path} --help)" if context else ""
        return fail(text.rstrip(".") + hint, getattr(error, "exit_code", 1))
    except SettingsInvalid as error:
        return fail(str(error), 2)
    except TestimonyArchiveError as error:
        return fail(str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        return fail("interrupted", 130)
    except BrokenPipeError:
        # The reader has seen enough, as `head` does: that needs no words.
        return 1
    except OSError as error:
        return fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """Be the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter is shown its number instead.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = run()
    try:
        sys.stdout.flush()
    except OSError:
        give_up_standard_output()
        code = code or 1
    sys.exit(code)
