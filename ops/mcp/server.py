"""The server and its tools."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar, get_origin

import anyio
from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, create_model

from ops import stack as stacks
from ops.drill.faults.kinds import FaultKind
from ops.drill.preconditions import LAST_SERVING_HINT
from ops.errors import OperatorError
from ops.mcp import reports, restore_points, status
from ops.mcp import validation as validations
from ops.mcp.commands import Commands, Progress
from ops.mcp.outages import Outages
from ops.mcp.results import DrillReport, OutageResult, RestorePoints, StackStatus, ValidationResult
from ops.stack_file import StackFileError

NAME = "digital-agency"
INSTRUCTIONS = (
    "Status, validation and outage drills of one stack of the Digital Agency platform. Every tool but"
    " simulate_regional_outage only reads. An outage takes two calls: with dry_run true, which says what"
    " would happen and returns a token, then with dry_run false and this token. It ends by itself, and when"
    " its caller goes away."
)
POLL_SECONDS = 0.5
LONGEST_ERROR = 2000
"""Characters: an error quotes what the client has sent, such as the name of an unknown tool or argument."""

T = TypeVar("T")

Company = Annotated[str, Field(description="The company's name, as in the stack file.")]
Region = Annotated[str, Field(description="An AWS region of the stack, such as us-east-1.")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Arguments(FuncMetadata):
    """The SDK reads every text that is JSON, as some clients write lists as text: the company "null" would be
    all companies. Here lists alone are read from text."""

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        parsed, fields = super().pre_parse_json(data), self.arg_model.model_fields
        lists = {name for name, field in fields.items() if get_origin(field.annotation) is list}
        read = {name for name in lists & data.keys() if isinstance(parsed[name], list)}
        return {**data, **{name: parsed[name] for name in read}}


class Server(MCPServer[Any]):
    """Limits the length of errors."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context | None = None) -> Any:
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            raise ToolError(_shortened(str(error))) from error.__cause__


class Tools:
    """The methods without underscore are the tools, their docstrings the descriptions."""

    def __init__(self, arguments: argparse.Namespace, commands: Commands, outages: Outages) -> None:
        self._arguments, self._commands, self._outages = arguments, commands, outages

    async def get_status(
        self,
        company: Annotated[str | None, Field(description="Only this company; default: all.")] = None,
    ) -> StackStatus:
        """Regions with their flags and failover controllers; each company's roles, ready endpoints and
        seconds since its last upload; alarms; whether an outage is simulated now."""
        return await to_thread.run_sync(self._status, company)

    async def simulate_regional_outage(
        self,
        context: Context,
        region: Region,
        fault: Annotated[
            FaultKind,
            Field(
                description="scale: workloads scaled to 0; gray: applications hang; node: the region's nodes"
                " are stopped; zone: the node of one zone is stopped, and its companies are moved to another;"
                " network: the region's network is cut. node, zone and network: only on the stack local."
            ),
        ] = FaultKind.SCALE,
        dry_run: Annotated[
            bool,
            Field(
                strict=True, description="true: only say what would happen, and return a confirmation token."
            ),
        ] = True,
        confirmation_token: Annotated[
            str | None, Field(description="Of a dry run for the same region and fault; valid once.")
        ] = None,
    ) -> OutageResult:
        """Take a region down, measure the failover, bring the region back, and report. It takes several
        minutes; progress is reported. Cancelling the call, or its end for another reason, brings the region
        back at once. Never takes down the last region that serves a company."""
        if dry_run:
            return await to_thread.run_sync(self._outages.dry_run, region, fault)
        return await _while_called(
            context, lambda progress: self._outages.run(region, fault, confirmation_token, progress)
        )

    async def get_drill_report(
        self,
        name: Annotated[
            str | None, Field(description="A report's name; default: the newest of a drill that ran.")
        ] = None,
    ) -> DrillReport:
        """What a drill of this stack measured, and which promises held: times until clients were answered
        again, the age of the memory that moved, what was done."""
        return await to_thread.run_sync(self._report, name)

    async def run_validation(
        self,
        context: Context,
        companies: Annotated[list[Company], Field(description="Default: all companies.")] = [],  # noqa: B006
    ) -> ValidationResult:
        """Check the running platform without storing anything: its applications answer, no company's pods
        reach another company's pods, nodes or metadata, nor its snapshots in the buckets. Takes minutes."""
        return await _while_called(
            context,
            lambda progress: validations.validate(self._arguments, self._commands, companies, progress),
        )

    async def list_restore_points(
        self,
        company: Company,
        region: Annotated[
            Region | None, Field(description="Default: the region with the memory, if there is only one.")
        ] = None,
        component: Literal["brain", "agent"] = "brain",
    ) -> RestorePoints:
        """The points in time to which a company's memory can be restored. Restoring is left to
        `python -m ops restore`."""
        return await to_thread.run_sync(
            restore_points.list_points, self._arguments, company, region, component
        )

    def _status(self, company: str | None) -> StackStatus:
        outage = self._outages.now(stacks.load(self._arguments))
        return status.read(self._arguments, company, outage)

    def _report(self, name: str | None) -> DrillReport:
        return reports.read(self._arguments.reports, stacks.load(self._arguments).name, name)


def server_of(tools: Tools, verifier: TokenVerifier | None = None) -> MCPServer[Any]:
    reading = ToolAnnotations(read_only_hint=True)
    disturbing = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False)
    found = [
        _tool(tools.get_status, reading),
        _tool(tools.simulate_regional_outage, disturbing),
        _tool(tools.get_drill_report, reading),
        _tool(tools.run_validation, reading),
        _tool(tools.list_restore_points, reading),
    ]
    # The SDK knows bearer tokens as OAuth's alone, and wants an issuer. Nothing is fetched from it.
    auth = AuthSettings.model_validate({"issuer_url": "http://127.0.0.1", "resource_server_url": None})
    return Server(
        NAME,
        instructions=INSTRUCTIONS,
        version="1",
        tools=found,
        log_level="WARNING",
        token_verifier=verifier,
        auth=auth if verifier else None,
    )


def _tool(function: Callable[..., Awaitable[object]], annotations: ToolAnnotations) -> Tool:
    """Rejects unknown arguments: a misspelled one would silently have no effect."""
    tool = Tool.from_function(
        _explaining(function),
        description=" ".join((function.__doc__ or "").split()),
        annotations=annotations,
        structured_output=True,
    )
    model = tool.fn_metadata.arg_model
    strict: type[Any] = create_model(model.__name__, __base__=(model, Strict))
    tool.fn_metadata = Arguments(**{**dict(tool.fn_metadata), "arg_model": strict})
    tool.parameters = strict.model_json_schema(by_alias=True)
    return tool


def _explaining(function: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """Answers with the text of an error that says what is wrong; the SDK hides that of any other."""

    @functools.wraps(function)
    async def call(**arguments: object) -> object:
        try:
            return await function(**arguments)
        except (OperatorError, StackFileError) as error:
            raise ToolError(_without_options(str(error))) from error

    return call


def _without_options(text: str) -> str:
    """An error of a command names options; the tools' arguments have the same names without dashes, but one.
    What an option allows is not offered where no tool has it."""
    text = text.removesuffix(LAST_SERVING_HINT)
    return re.sub(r"^--", "", re.sub(r"^--way ", "fault ", text))


def _shortened(text: str) -> str:
    """The end says what is allowed."""
    half = LONGEST_ERROR // 2
    return text if len(text) <= LONGEST_ERROR else f"{text[:half]} … {text[-half:]}"


async def _while_called(context: Context, job: Callable[[Progress], Awaitable[T]]) -> T:
    """Do the job, and report its progress. Cancel it when the client has closed the connection: with the
    protocol before 2026-07-28, the SDK lets a call go on without its caller."""
    lines = 0
    results: list[T] = []
    problems: list[Exception] = []

    async def progress(line: str) -> None:
        nonlocal lines
        lines += 1
        await context.report_progress(lines, message=line)

    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_when_gone, context, group.cancel_scope)
        try:
            results.append(await job(progress))
        except Exception as error:
            # Raised below: the group would wrap it.
            problems.append(error)
        group.cancel_scope.cancel()
    for problem in problems:
        raise problem
    if not results:
        raise OperatorError("the caller has gone: everything is put back")
    return results[0]


async def _cancel_when_gone(context: Context, scope: anyio.CancelScope) -> None:
    request = context.request_context.request
    while request is not None:
        if await request.is_disconnected():
            scope.cancel()
            return
        await anyio.sleep(POLL_SECONDS)
