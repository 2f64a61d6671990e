"""Each kind of work is done in the size that is measured; rows and figure show the numbers."""
from types import SimpleNamespace

import pytest
import torch

from hourglass.analysis import growth
from hourglass.analysis.growth import WORKS, Growth, measure_growth, plot, table


@pytest.mark.parametrize('work', [work for work in WORKS if 'processes' not in work])
def test_every_size_takes_time(work, monkeypatch):
    monkeypatch.setattr('hourglass.analysis.loading.peak_memory', lambda *_: 0)
    found = measure_growth(work, [1], 'people-small')
    assert list(found.seconds) == [1] and found.seconds[1] > 0


def test_images_and_people_are_as_many_as_asked_for(monkeypatch):
    counts = []

    def predict_all(model, source, find_boxes):
        counts.append((len(source.paths), len(find_boxes(None))))

    monkeypatch.setattr(growth, 'predict_all', predict_all)
    measure_growth('images', [3], 'people-small')
    measure_growth('people in an image', [7], 'people-small')
    assert counts == [(3, 1), (20, 7)]


def test_stacks_and_annotations_are_as_many_as_asked_for(monkeypatch):
    asked = []

    def loading(people: int, memory: bool) -> SimpleNamespace:
        asked.append(people)
        return SimpleNamespace(seconds=1)
    monkeypatch.setattr(growth, 'measure_loading', loading)
    monkeypatch.setattr(growth, 'StackedHourglass',
                        lambda stacks, *more: asked.append(stacks) or torch.nn.Identity())
    measure_growth('annotated people', [5], 'people-small')
    measure_growth('stacks of 256 features', [3], 'people-small')
    assert asked == [5, 3]


def test_rows_have_the_seconds_and_ms_for_one_and_panels_the_curves():
    found = Growth('images', {10: 0.5, 1000: 40.0})
    assert found.rows() == [['images', '10', '0.5', '50'], ['images', '1,000', '40', '40']]
    assert '| images | 1,000 |' in table([found])
    line, proportion = plot([found]).axes[0].lines
    assert list(line.get_xdata()) == [10, 1000] and list(line.get_ydata()) == [0.5, 40.0]
    assert list(proportion.get_ydata()) == [0.4, 40.0]
