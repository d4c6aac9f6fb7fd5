import json
import subprocess
import sys

import pytest
import rich_click as click
from click.testing import CliRunner

from facepass.domain import errors
from facepass.entrypoints.cli import lazy
from facepass.entrypoints.cli.exit_codes import MEANINGS, ExitCode, exit_code_of
from facepass.entrypoints.cli.main import COMMANDS, main
from facepass.entrypoints.cli.options import json_option

HEAVY = ("onnxruntime", "litestar", "sqlalchemy", "numpy", "httpx", "PIL")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `facepass` in an empty folder, with no settings but those given."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def invoke(*arguments, **variables):
        return runner.invoke(main, list(arguments), env={"DATA_DIR": str(tmp_path / "data"), **variables})

    return invoke


def every_command():
    context = click.Context(main)
    for name in COMMANDS:
        _, command, _ = main.resolve_command(context, [name])
        yield (name,), command
        for inner, subcommand in getattr(command, "commands", {}).items():
            yield (name, inner), subcommand


def test_help_lists_every_command_and_every_exit_code(run):
    result = run("--help")

    assert result.exit_code == 0
    for name in COMMANDS:
        assert f" {name} " in result.stdout
    for code, meaning in MEANINGS.items():
        assert str(int(code)) in result.stdout
        assert meaning.split(":")[0].split(",")[0] in result.stdout


def test_every_command_teaches_by_an_example():
    for path, command in every_command():
        assert command.help, path
        assert command.epilog, path
        assert command.epilog.startswith(f"Example: facepass {' '.join(path)}"), path


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from facepass.entrypoints.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [(), ("nothing",), ("status",), ("search", "--session", "s"), ("search", "gone.jpg", "--session", "s")]
)
def test_what_is_not_understood_ends_with_2(run, arguments):
    result = run(*arguments)

    assert result.exit_code == ExitCode.USAGE
    assert "Traceback" not in result.output


def test_a_wrong_setting_ends_with_3_and_names_it(run):
    result = run("status", "--session", "s", FACEPASS_API_PROT="8000")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "FACEPASS_API_PROT" in result.stderr
    assert result.stdout == ""


def test_with_json_an_error_is_json_on_standard_error(run):
    result = run("status", "--session", "s", "--json", API_PORT="many")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert error["code"] == "configuration"
    assert "API_PORT" in error["detail"]


def test_the_variables_of_the_command_line_are_no_unknown_settings(run):
    result = run("openapi", FACEPASS_CLIENT_URL="http://127.0.0.1:1", FACEPASS_CLIENT_KEY="k")

    assert result.exit_code == 0


def test_an_address_that_is_none_ends_with_3(run):
    assert run("status", "--session", "s", "--url", "localhost").exit_code == ExitCode.CONFIGURATION


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest.field("limit", "too many"), ExitCode.USAGE),
        (errors.NoFaceDetected("none"), ExitCode.REFUSED),
        (errors.NotFound("none"), ExitCode.REFUSED),
        (errors.Conflict("other model"), ExitCode.REFUSED),
        (errors.Unauthorized("no key"), ExitCode.REFUSED),
        (errors.ConfigurationError("wrong"), ExitCode.CONFIGURATION),
        (errors.Overloaded("full", retry_after_s=1), ExitCode.UNAVAILABLE),
        (errors.DependencyUnavailable("database", "gone"), ExitCode.UNAVAILABLE),
        (errors.FacePassError("what"), ExitCode.UNEXPECTED),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    assert exit_code_of(error) is code


class TestEndings:
    """The root group, around a command that ends in a given way."""

    @pytest.fixture
    def ends(self, monkeypatch):
        def ending(error, *arguments):
            @click.command("status")
            @json_option
            def command(as_json):
                raise error

            module = type(sys)("commands.status")
            module.command = command
            monkeypatch.setitem(sys.modules, "endings.status", module)

            @click.group(cls=lazy.LazyGroup, package="endings", summaries={"status": "End."})
            @click.option("--debug", is_flag=True)
            @click.pass_context
            def root(context, debug):
                context.meta[lazy.DEBUG] = debug

            return CliRunner().invoke(root, list(arguments))

        return ending

    def test_a_defect_is_a_sentence_and_no_traceback(self, ends):
        result = ends(ZeroDivisionError("by nothing"), "status")

        assert result.exit_code == ExitCode.UNEXPECTED
        assert "ZeroDivisionError: by nothing" in result.stderr
        assert "Traceback" not in result.stderr

    def test_a_defect_of_several_tasks_is_named_by_its_first_cause(self, ends):
        result = ends(ExceptionGroup("tasks", [ZeroDivisionError("by nothing")]), "status")

        assert "ZeroDivisionError: by nothing" in result.stderr

    def test_with_debug_the_traceback_is_shown(self, ends):
        assert "Traceback" in ends(ZeroDivisionError(), "--debug", "status").stderr

    def test_with_json_a_defect_is_json(self, ends):
        assert json.loads(ends(ZeroDivisionError(), "status", "--json").stderr)["code"] == "internal"

    def test_an_interruption_ends_with_130(self, ends):
        assert ends(KeyboardInterrupt(), "status").exit_code == ExitCode.INTERRUPTED

    def test_a_refusal_is_a_sentence(self, ends):
        result = ends(errors.NotFound("No session 's' is known here."), "status")

        assert result.exit_code == ExitCode.REFUSED
        assert result.stderr == "Not found: No session 's' is known here.\n"
