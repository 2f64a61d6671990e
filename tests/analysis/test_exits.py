"""What fewer stacks cost: tables, plots, and which scores they show."""
import pytest
from conftest import REPOSITORY
from mmengine.config import Config

from hourglass.analysis import exits
from hourglass.analysis.exits import Exit
from hourglass.errors import ConfigError


def an_exit(stages, tolerance, macs, wrist) -> Exit:
    return Exit(stages, tolerance, stages, macs, 0, 0.01, dict(wrist=wrist, total=50))


FOUND = [an_exit(2, None, 2e9, 80), an_exit(1, None, 1e9, 70), an_exit(2, 1.0, 1.5e9, 79)]


def test_the_plot_has_a_panel_for_each_score_and_a_line_for_each_way():
    figure = exits.plot(FOUND, ['wrist', 'total'])
    assert [panel.get_ylabel() for panel in figure.axes] == ['wrist', 'total']
    lines = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}
    assert lines == {'fixed number of stacks': [[1, 70], [2, 80]], 'early exit': [[1.5, 79]]}


def test_the_table_has_a_row_for_each_way():
    lines = exits.table(FOUND, ['wrist']).splitlines()
    assert lines[2] == '| first 2 for all | 2.00 | 2.000 | 0.0 | 10.0 | 80.00 |'
    assert lines[4] == '| until two agree within 1 px | 2.00 | 1.500 | 0.0 | 10.0 | 79.00 |'


@pytest.mark.parametrize(('config', 'names'), [
    ('flic/td-hm_hourglass4-small_flic-128x128',
     ['flic/Total', 'flic/Elbow', 'flic/Wrist', 'flic/Shoulder', 'flic/Hip', 'flic/Face']),
    ('mpii/td-hm_hourglass8-paper_mpii-256x256',
     [f'mpii/{name}' for name in ('Total', 'Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee',
                                  'Ankle')])])
def test_the_scores_shown_are_those_of_the_configs_first_metric(config, names):
    cfg = Config.fromfile(REPOSITORY / f'configs/{config}.py')
    assert exits.score_names(cfg, None) == names
    assert exits.score_names(cfg, names[3:4]) == names[3:4]
    cfg.test_evaluator = [cfg.test_evaluator, dict(type='NME', norm_mode='keypoint_distance')]
    assert exits.score_names(cfg, None) == names
    with pytest.raises(ConfigError, match='--scores other/Elbow: the metric gives .*/Elbow'):
        exits.score_names(cfg, [names[0], 'other/Elbow'])
    cfg.test_evaluator = dict(type='PCKAccuracy')           # mmpose's, which has no list of names
    assert exits.score_names(cfg, None) == []
    assert exits.score_names(cfg, ['PCK']) == ['PCK']


def test_a_score_that_the_metric_does_not_give_is_refused_before_the_first_test():
    cfg = Config.fromfile(REPOSITORY / 'configs/flic/td-hm_hourglass4-small_flic-128x128.py')
    cfg.test_evaluator = dict(type='hourglass.NME', groups=dict(Nose=['nose']))
    assert exits.score_names(cfg, None) == ['nme/Total', 'nme/Nose']
    with pytest.raises(ConfigError, match='--scores nme/AUC: the metric gives nme/Total, nme/Nose'):
        exits.score_names(cfg, ['nme/AUC'])
