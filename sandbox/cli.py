"""The command line: `sandbox contrast | collect | fit | train | evaluate | inspect | forecast | list | bench`."""

import sys
import tempfile
import traceback

import tyro

from sandbox.commands import COMMANDS


def main() -> None:
    """Run one command; a user's mistake ends in one sentence and status 2."""
    try:
        status = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="sandbox",
            description="Simulations, the generative models that dream them, and the honest contrast between the two.",
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except KeyboardInterrupt:
        print("sandbox: stopped; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(130)
    except (ValueError, OSError) as error:
        sys.exit(_mistake(error))
    sys.exit(status)


def _mistake(error: Exception) -> int:
    """Tell one sentence; where another program's error lies behind it, keep its traceback in a file."""
    sentence = str(error) if isinstance(error, ValueError) else f"{error.filename}: {error.strerror}"  # type: ignore[attr-defined]
    if error.__cause__ is not None:
        with tempfile.NamedTemporaryFile("w", prefix="sandbox-", suffix=".log", delete=False) as file:
            traceback.print_exception(error, file=file)
        sentence += f" (the traceback is in {file.name})"
    print(f"sandbox: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
