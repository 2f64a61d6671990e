"""Iteration that goes on in a thread while its items are used."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from threading import Condition, Thread
from typing import TypeVar

T = TypeVar('T')


def ahead(items: Iterable[T], size: Callable[[T], float]) -> Generator[T]:
    """Iterate in a thread, which waits while the items that are ready have a size of 1 together.

    An exception of the iteration is raised after the items before it. Closing the iterator waits
    until the thread has ended, at the next item.
    """
    ready: deque[tuple[T] | BaseException | None] = deque()     # None: the end
    changed, closed = Condition(), False

    def work() -> None:
        end = None
        try:
            for item in items:
                with changed:
                    ready.append((item,))
                    changed.notify_all()
                    changed.wait_for(lambda: closed or sum(
                        size(one[0]) for one in ready if isinstance(one, tuple)) < 1)
                    if closed:
                        return
        except BaseException as error:
            end = error
        with changed:
            ready.append(end)
            changed.notify_all()

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: bool(ready))
                first = ready.popleft()
                changed.notify_all()
            if isinstance(first, tuple):
                yield first[0]
            elif first is None:
                return
            else:
                raise first
    finally:
        with changed:
            closed = True
            changed.notify_all()
        thread.join()
