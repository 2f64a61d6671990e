"""Every protocol gives the numbers published under its name."""
import numpy as np
import pytest
from conftest import DATA, needs

from hourglass.datasets import skeletons
from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.pck import count
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.evaluation.protocols import FLIC, LSP, MPII, PROTOCOLS
from hourglass.evaluation.scoring import evaluate

FOLDER = DATA / 'mpii'


def published(truth: str, predictions: str, protocol: str) -> dict[str, float]:
    people = read_truth('mpii', FOLDER / truth)
    found = read_predictions(FOLDER / predictions, people.rows, 16)
    return evaluate(people, found, MPII[protocol], base=1).scores


@needs(FOLDER / 'predictions/valid-ours.h5')
@pytest.mark.data
@pytest.mark.parametrize(('protocol', 'expected'), [
    ('official', {'Total': 88.04, 'Head': 96.69, 'Shoulder': 94.68, 'Elbow': 88.53, 'Wrist': 83.38,
                  'Hip': 87.48, 'Knee': 83.09, 'Ankle': 79.07, 'Total@0.1': 28.70}),
    ('hrnet', {'Total': 88.04, 'Head': 95.87, 'Total@0.1': 32.77}),
    ('tompson', {'Total': 87.56}), ('princeton', {'Total': 88.96})])
def test_the_authors_predictions_score_as_they_are_quoted(protocol, expected):
    scores = published('valid.h5', 'predictions/valid-ours.h5', protocol)
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=0.01)
    # 23 % of the joints are occluded, and harder
    assert scores['Occluded'] < scores['Total'] < scores['Visible']


@needs(FOLDER / 'detections_our_format.mat')
@pytest.mark.data
def test_tompsons_predictions_score_as_they_are_quoted():
    scores = published('detections_our_format.mat', 'detections_our_format.mat', 'official')
    assert scores['Total'] == pytest.approx(82.3, abs=0.05)


@pytest.mark.parametrize(('dataset', 'skeleton'), [
    ('mpii', skeletons.MPII), ('flic', skeletons.FLIC), ('lsp', skeletons.LSP),
    ('lsp', skeletons.MPII)])
def test_tables_are_whole_and_ordered_by_difficulty(dataset, skeleton, rng):
    names = skeletons.keypoint_names(skeleton)
    truth = rng.uniform(0, 100, (50, len(names), 2))
    tables = []
    for noise in (0, 3, 1e6):
        for protocol in PROTOCOLS[dataset].values():
            predicted = truth + noise * rng.normal(size=truth.shape)
            distances = protocol.distances(predicted, truth, np.full(50, 40.0), names)
            table = protocol.table(count(distances, protocol.thresholds), protocol.counted(names))
            assert set(table) == {'Total', 'Total@0.1', 'AUC', *protocol.groups}
            tables.append((noise, table))
    for noise, table in tables:
        if noise == 0:
            assert list(table.values()) == pytest.approx([100] * len(table))
        elif noise == 3:
            assert 0 < table['Total@0.1'] < table['Total'] <= 100
        else:
            assert max(table.values()) < 1


def test_what_each_protocol_counts():
    assert len(MPII['official'].scored) == len(MPII['tompson'].scored) == 14
    assert len(MPII['princeton'].scored) == 16
    assert len(FLIC['torso'].scored) == 11
    assert len(LSP['pcp'].counted(skeletons.keypoint_names(skeletons.LSP))) == 10


def test_units_of_lsp():
    names = skeletons.keypoint_names(skeletons.LSP)
    truth = np.zeros((1, 14, 2))
    truth[0, names.index('left_ankle')] = [0, 100]                  # a person of 100 px
    predicted = np.where([True, False], 20, truth)
    torso, person = (LSP[name].distances(predicted, truth, np.array([40.0]), names)
                     for name in ('torso', 'person'))
    assert torso.tolist() == [[0.5] * 14]
    assert person.tolist() == [[0.2] * 14]
