"""Figures of panels, saved as a whole file or embedded in a page."""
from __future__ import annotations

import re
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass.errors import DataError
from hourglass.io.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panels(count: int, columns: int = 4, size: tuple[float, float] = (3.3, 3.1), **subplots: Any
           ) -> tuple[Figure, list[Axes]]:
    """Make a figure of ``count`` panels with grid lines, in rows of at most ``columns``.

    ``size`` is that of a panel, inches; ``subplots`` are for matplotlib's ``Figure.subplots``.
    """
    from matplotlib.figure import Figure  # imported late: it takes a second
    columns = min(count, columns)
    rows = -(-count // columns)
    figure = Figure((size[0] * columns, size[1] * rows), layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False, **subplots).ravel().tolist()
    for unused in axes[count:]:
        unused.remove()
    for panel in axes[:count]:
        panel.grid(alpha=0.3)
    return figure, axes[:count]


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file; an older one stays until the new one is whole.

    Raises ``DataError`` if matplotlib has no format of that name, or the file cannot be written.
    """
    kind = Path(path).suffix.removeprefix('.').lower()
    if kind not in figure.canvas.get_supported_filetypes():
        raise DataError(f'{path}: a figure cannot be written in this format; name a .png or .svg '
                        'file')
    with replacing(Path(path)) as draft:
        figure.savefig(draft, format=kind, dpi=110)


def inline_svg(figure: Figure, title: str) -> str:
    """Return a figure as an SVG element for a page, the same text for the same figure.

    Its labels stay text; ``title``, unique on the page, is read aloud instead of the figure.
    """
    import matplotlib
    file = StringIO()
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': title}):
        figure.savefig(file, format='svg', metadata={'Date': None, 'Creator': None,
                                                     'Format': None, 'Type': None})
    text = file.getvalue()
    # names of groups, such as axes_1, are the same in all figures, and nothing refers to them
    text = re.sub(r' id="[\w.]+_\d+"', '', text[text.index('<svg'):])
    return text.replace('<svg', f'<svg role="img" aria-label="{escape(title)}"', 1)
