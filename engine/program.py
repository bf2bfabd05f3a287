"""Runs a Pulumi program in this process against a recorder, any number of times."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import os
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pulumi.runtime import config as runtime_config
from pulumi.runtime import resource, settings
from pulumi.runtime import stack as runtime_stack
from pulumi.runtime.proto import source_pb2

from engine.recorder import Recorder
from plan.names import PROJECT

YOUNG_OBJECTS: Final = 50_000
WORKERS: Final = 6
"""Concurrent calls of the monitor."""


def run_program(
    program: Callable[[], Any],
    *,
    monitor: Recorder,
    stack: str,
    config: Mapping[str, str],
    project: str = PROJECT,
    secret_keys: Collection[str] = (),
    dry_run: bool = False,
) -> dict[str, Any]:
    """Run `program` as a stack until all of its tasks have ended; returns the stack's outputs.

    Exceptions of the program, of an `apply` or of the monitor are raised unchanged. Each run has its own
    settings, configuration, event loop and threads.
    """

    def run() -> dict[str, Any]:
        monitor.begin(project, stack, config, dry_run=dry_run)
        # The monitor is also the engine service: the SDK needs only its method `Log`.
        settings.configure(
            settings.Settings(
                project=project,
                stack=stack,
                monitor=monitor,
                engine=monitor,
                dry_run=dry_run,
                organization="organization",
                root_directory=os.getcwd(),
            )
        )
        settings.ROOT.set(None)
        runtime_config.set_all_config(dict(config), list(secret_keys))
        _run_loop(program)
        return monitor.registrations[monitor.stack_urn].outputs

    return contextvars.copy_context().run(run)


def _run_loop(program: Callable[[], Any]) -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # only the first error matters, and is raised
    executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="engine")
    loop.set_default_executor(executor)
    asyncio.set_event_loop(loop)
    thresholds = gc.get_threshold()
    # A run only adds objects: collecting cycles again and again takes half of its time.
    gc.set_threshold(YOUNG_OBJECTS, 20, 100_000)
    # The recorder does not use stack traces, which take a sixth of a run.
    traced, resource._get_stack_trace = resource._get_stack_trace, source_pb2.StackTrace
    try:
        loop.run_until_complete(runtime_stack.run_in_stack(lambda: _drained(program)))
    finally:
        resource._get_stack_trace = traced
        gc.set_threshold(*thresholds)
        executor.shutdown(wait=True, cancel_futures=True)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()


async def _drained(program: Callable[[], Any]) -> None:
    """Run the program and wait for its registrations in order, at a constant cost each.

    The SDK's own wait follows, and raises errors; it inspects all open outputs at each step.
    """
    result = program()
    if inspect.isawaitable(result):
        await result
    await asyncio.sleep(0)  # now all registrations have begun
    rpcs, waited = settings.SETTINGS.rpc_manager.rpcs, 0
    while waited < len(rpcs):
        await asyncio.wait([rpcs[waited]])
        waited += 1
