"""Figures: as many panels as asked for, whole files, and SVG that fits into a page."""
import re

import pytest

from hourglass.errors import DataError
from hourglass.io.figures import inline_svg, panels, save_figure


def test_panels_stand_in_rows_without_empty_ones():
    figure, axes = panels(5, columns=3, size=(2, 1))
    assert len(axes) == len(figure.axes) == 5
    assert figure.get_size_inches().tolist() == [6, 2]
    assert panels(2)[0].axes[0].get_gridspec().get_geometry() == (1, 2)


def test_a_figure_is_saved_in_the_format_of_its_name(tmp_path):
    figure, _ = panels(1)
    for name, start in (('new/a.png', b'\x89PNG'), ('b.SVG', b'<?xml')):
        save_figure(figure, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    assert {path.name for path in tmp_path.iterdir()} == {'new', 'b.SVG'}


@pytest.mark.parametrize('name', ['plot', 'plot.txt', 'a_file/plot.png'])
def test_what_cannot_be_saved_is_named(name, tmp_path):
    (tmp_path / 'a_file').touch()
    with pytest.raises(DataError, match=rf'{name}: .*written'):
        save_figure(panels(1)[0], tmp_path / name)
    assert not (tmp_path / name).exists()


def drawn(title: str) -> str:
    figure, (axes,) = panels(1)
    axes.plot([0, 1], [2, 3], marker='o', label='a < b')
    axes.legend()
    axes.set(xlabel='iterations', ylabel='PCK, %')
    return inline_svg(figure, title)


def test_an_svg_has_readable_labels_and_refers_to_nothing_outside():
    svg = drawn('PCK & more')
    assert svg.startswith('<svg') and svg.rstrip().endswith('</svg>') and '<script' not in svg
    labels = set(re.findall(r'<text[^>]*>([^<]*)</text>', svg))
    assert {'iterations', 'PCK, %', 'a &lt; b'} <= labels
    assert 'aria-label="PCK &amp; more"' in svg
    assert all(target.startswith('#') for target in re.findall(r'(?:href|src)="([^"]*)"', svg))


def test_an_svg_is_the_same_each_time_and_shares_no_names_with_another():
    first, second = drawn('first'), drawn('second')
    assert first == drawn('first')
    names = [re.findall(r' id="([^"]*)"', svg) for svg in (first, second)]
    assert names[0] and not set(names[0]) & set(names[1])
    assert len(set(names[0])) == len(names[0])
    targets = re.findall(r'(?:href="|url\()#([^")]*)', first)
    assert set(targets) <= set(names[0])
