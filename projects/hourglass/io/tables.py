"""Tables as text: aligned columns for a terminal, or markdown."""
from __future__ import annotations

from collections.abc import Sequence

Rows = Sequence[Sequence[str]]


def text_table(rows: Rows, header: Sequence[str] | None = None, align: str = '<>') -> str:
    """Format rows of N cells as columns that are two blanks apart, one line for each row.

    ``align`` has ``<`` (left) or ``>`` (right) for each column; the last serves all that follow.
    """
    lines = rows if header is None else [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    sides = align.ljust(len(widths), align[-1])
    return '\n'.join('  '.join(f'{cell:{side}{width}}' for cell, side, width in zip(
        line, sides, widths)).rstrip() for line in lines)


def markdown_table(rows: Rows, header: Sequence[str], align: str = '<>') -> str:
    """Format rows as a markdown table; the arguments are those of :func:`text_table`."""
    sides = align.ljust(len(header), align[-1])
    rule = ''.join('|---' if side == '<' else '|---:' for side in sides[:len(header)]) + '|'
    first, *others = (f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"
                      for line in [header, *rows])
    return '\n'.join([first, rule, *others])


def counted(count: int, noun: str, plural: str = '') -> str:
    """Return a count with its noun: ``1 image``, ``2 images``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def number(value: float | None, form: str = '.2f') -> str:
    """Format a number for a cell; None and NaN make an empty one."""
    return '' if value is None or value != value else format(value, form)


def plus_minus(score: str, half: float | None) -> str:
    """Return a score with half the width of its interval, if it has one."""
    return score if half is None or half != half else f'{score} ± {number(half)}'
