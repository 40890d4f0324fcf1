"""Train several heads at the same time, in processes that share imports and data."""

import signal
from multiprocessing import get_context
from multiprocessing.connection import wait

import torch

from flystage.core.errors import FlystageError


def side_by_side(run, todo, processes):
    """Yield run(item) for each item as soon as it is done, in parallel processes. With a GPU, only this process works.

    The processes are forked, so that they share imports and data. Each gets its items at the start and has its own
    pipe. If this process is killed, they end at their next answer.
    Raises the error of an item, and FlystageError if a process is killed.
    """
    processes = 1 if torch.cuda.is_available() else min(processes, len(todo))
    if processes <= 1:
        yield from map(run, todo)
        return
    from torch import _dynamo  # noqa: F401  imported once before forking, because it takes seconds

    context = get_context("fork")
    receiving, workers = [], []
    for number in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        receiving.append(receiver)
        args = (run, todo[number::processes], sender, list(receiving))
        workers.append(context.Process(target=_work, args=args, daemon=True))
        workers[-1].start()
        sender.close()
    try:
        while receiving:
            for receiver in wait(receiving):
                try:
                    answer = receiver.recv()
                except EOFError:
                    receiving.remove(receiver)
                    continue
                if isinstance(answer, Exception):
                    raise answer
                yield answer
    finally:
        for worker in workers:
            worker.terminate()
    for worker in workers:
        worker.join()
        if worker.exitcode not in (0, -signal.SIGTERM):
            raise FlystageError(
                f"A process that trained heads was killed (exit code {worker.exitcode}), perhaps because memory ran out. Run the same"
                " command again with fewer cores (--cores)."
            )


def _work(run, items, sender, ends_of_the_parent):
    for end in ends_of_the_parent:
        end.close()  # else a pipe would not break while this process lives
    for item in items:
        try:
            sender.send(run(item))
        except BrokenPipeError:
            return
        except Exception as error:
            sender.send(error)
            return
