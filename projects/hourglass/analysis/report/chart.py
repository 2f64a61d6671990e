"""Line charts as inline SVG, which takes the page's colours and font."""
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 150, 12, 44        # px beside the plot: axes, legend
_COLOURS = 8                            # the page's classes c0 to c7


def line_chart(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str,
               y_label: str, title: str, x_ticks: Sequence[float], marked_x: float | None = None
               ) -> str:
    """Lines of percentages, with axes and a legend, as an SVG element.

    Args:
        lines: name -> its x and its y, 0 to 100; a y that is NaN is left out.
        title: what is read where the chart cannot be seen.
        x_ticks: ascending; the first and last are the ends of the axis.
        marked_x: gets a dashed line.
    """
    plot_width, plot_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    low, high = x_ticks[0], x_ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / (high - low) if high > low else 0.5
        return _LEFT + across * plot_width, _TOP + (1 - y / 100) * plot_height
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" class="chart">'
             f'<title>{escape(title)}</title>']
    for y in range(0, 101, 20):
        across, down = place(low, y)
        parts.append(f'<line class="grid" x1="{across:.1f}" y1="{down:.1f}" '
                     f'x2="{across + plot_width:.1f}" y2="{down:.1f}"/>'
                     f'<text class="y" x="{across - 8:.1f}" y="{down + 4:.1f}">{y}</text>')
    for x in x_ticks:
        across, down = place(x, 0)
        parts.append(f'<text class="x" x="{across:.1f}" y="{down + 18:.1f}">{x:g}</text>')
    if marked_x is not None:
        (across, down), (_, up) = place(marked_x, 0), place(marked_x, 100)
        parts.append(f'<line class="marked" x1="{across:.1f}" y1="{down:.1f}" x2="{across:.1f}" '
                     f'y2="{up:.1f}"/>')
    for index, (name, (xs, ys)) in enumerate(lines.items()):
        points = ' '.join('{:.1f},{:.1f}'.format(*place(x, y))
                          for x, y in zip(xs, ys, strict=True) if np.isfinite(y))
        style = f'c{index % _COLOURS}' + (' second' if index >= _COLOURS else '')
        down = _TOP + 14 + 20 * index
        parts.append(f'<polyline class="{style}" points="{points}"/>'
                     f'<line class="{style}" x1="{_WIDTH - _RIGHT + 14}" y1="{down - 4}" '
                     f'x2="{_WIDTH - _RIGHT + 38}" y2="{down - 4}"/>'
                     f'<text x="{_WIDTH - _RIGHT + 44}" y="{down}">{escape(name)}</text>')
    middle = _TOP + plot_height / 2
    parts.append(f'<text class="x" x="{_LEFT + plot_width / 2}" y="{_HEIGHT - 6}">'
                 f'{escape(x_label)}</text><text class="x" transform="translate(14 {middle}) '
                 f'rotate(-90)">{escape(y_label)}</text></svg>')
    return ''.join(parts)
