"""Items come from a thread in order, bounded, with their errors, and the thread ends."""
import threading
from collections.abc import Iterator

import pytest

from hourglass.io.ahead import ahead


def test_the_items_come_in_order_from_another_thread():
    threads = set()

    def numbers() -> Iterator[int]:
        for number in range(200):
            threads.add(threading.current_thread())
            yield number

    assert list(ahead(numbers(), lambda _: 0.3)) == list(range(200))
    assert len(threads) == 1 and threading.current_thread() not in threads
    assert not any(thread.is_alive() for thread in threads)


def test_it_stays_ahead_by_no_more_than_the_size():
    taken, most = 0, 0

    def numbers() -> Iterator[int]:
        nonlocal most
        for number in range(100):
            most = max(most, number - taken)
            yield number

    for _ in ahead(numbers(), lambda _: 0.25):
        taken += 1
    assert most <= 4


def test_an_error_follows_the_items_before_it():
    def numbers() -> Iterator[int]:
        yield 1
        raise ValueError('after 1')

    items = ahead(numbers(), lambda _: 0)
    assert next(items) == 1
    with pytest.raises(ValueError, match='after 1'):
        next(items)


def test_closing_it_ends_the_thread():
    ended = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.set()

    items = ahead(numbers(), lambda _: 1)
    next(items)
    items.close()
    del items
    assert ended.is_set()


def test_it_reads_ahead_while_nothing_is_taken():
    three = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(9):
            if number == 3:
                three.set()
            yield number
    items = ahead(numbers(), lambda _: 0.25)
    assert next(items) == 0 and three.wait(10)
    items.close()
