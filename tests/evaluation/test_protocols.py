"""Every protocol gives the numbers published under its name."""
from dataclasses import replace

import numpy as np
import pytest
from conftest import DATA, needs

from hourglass.datasets import skeletons
from hourglass.errors import ConfigError
from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.pck import People
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.evaluation.protocols import FLIC, LSP, MPII, PROTOCOLS, Table, differences
from hourglass.evaluation.published import PUBLISHED
from hourglass.evaluation.scoring import evaluate

FOLDER = DATA / 'mpii'


def published(truth: str, predictions: str, protocol: str) -> dict[str, float]:
    people = read_truth('mpii', FOLDER / truth)
    found = read_predictions(FOLDER / predictions, people.rows, 16)
    return evaluate(people, found, MPII[protocol], base=1).table.scores


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


HALF = 0.05 + 1e-9              # of a published digit; some scores lie on a ...5
LSP_FILES = {'BulatTzimiropoulosECCV16': 'Bulat and Tzimiropoulos', 'WeiCVPR16': 'Wei et al.',
             'LifshitzECCV16': 'Lifshitz et al.', 'ChenYuilleNIPS14': 'Chen and Yuille',
             'FanCVPR15': 'Fan et al.'}


@needs(DATA / 'predictions/lsp')
@pytest.mark.data
@pytest.mark.parametrize('protocol', ['official', 'pcp'])
@pytest.mark.parametrize('file', LSP_FILES)
def test_released_predictions_on_lsp_score_as_published(file, protocol):
    expected, = (scores for name, row_protocol, scores in PUBLISHED['lsp']
                 if (name, row_protocol) == (f'{LSP_FILES[file]}, test', protocol))
    people = read_truth('lsp', DATA / 'lsp/joints.mat')
    found = read_predictions(DATA / f'predictions/lsp/{file}.mat', people.rows, 14)
    scores = evaluate(people, found, LSP[protocol]).table.scores
    assert len(expected) == dict(official=8, pcp=7)[protocol]
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=HALF)


@needs(DATA / 'predictions/flic')
@pytest.mark.data
@pytest.mark.parametrize('h5', [False, True])
@pytest.mark.parametrize(('file', 'labels', 'protocol', 'elbow', 'wrist', 'digits'), [
    ('WeiCVPR16_observer', 'observer', 'modec', 97.6, 95.0, 1),         # as published
    ('WeiCVPR16_observer', 'observer', 'torso', 97.44, 94.83, 2),
    ('NewellARXIV16_person', 'person', 'torso', 97.83, 95.96, 2),
    ('NewellARXIV16_person', 'person', 'modec', 97.98, 96.01, 2)])
def test_released_predictions_on_flic_by_both_torsos(file, labels, h5, protocol, elbow, wrist,
                                                     digits):
    folder = DATA / 'flic_original'
    people = (read_truth('flic', folder / dict(
        observer='valid.h5', person='valid_personcentric.h5')[labels]) if h5
        else read_truth('flic', folder / 'examples.mat', labels=labels))
    found = read_predictions(DATA / f'predictions/flic/{file}.mat', people.rows, 11)
    scores = evaluate(people, found, FLIC[protocol]).table.scores
    assert (scores['Elbow'], scores['Wrist']) == pytest.approx(
        (elbow, wrist), abs=0.5 * 10**-digits + 1e-9)


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
            people = annotation(truth, pck_unit=np.full(50, 40.0))
            distances = protocol.distances(predicted, people, names)
            table = Table.of(protocol, distances, people.occluded, range(50),
                             protocol.counted(names))
            assert tuple(table.scores) == protocol.columns == (
                'Total', *protocol.groups, 'Total@0.1', 'AUC')
            assert all(lower <= table.scores[name] <= upper
                       for name, (lower, upper) in table.intervals.items())
            tables.append((noise, table.scores))
    for noise, table in tables:
        if noise == 0:
            assert list(table.values()) == pytest.approx([100] * len(table))
        elif noise == 3:
            assert 0 < table['Total@0.1'] < table['Total'] <= 100
        else:
            assert max(table.values()) < 1


def annotation(keypoints_image: np.ndarray, **more) -> People:
    rows = [dict(keypoints_image=keypoints, occluded=np.zeros(len(keypoints), bool),
                 **{name: values[i] for name, values in more.items()})
            for i, keypoints in enumerate(keypoints_image)]
    return People.of(rows)


def test_what_each_protocol_counts():
    assert len(MPII['official'].scored) == len(MPII['tompson'].scored) == 14
    assert len(MPII['princeton'].scored) == 16
    assert len(FLIC['torso'].scored) == 11
    assert len(LSP['pcp'].counted(skeletons.keypoint_names(skeletons.LSP))) == 10


def test_units_are_measured_from_the_joints_that_a_protocol_names():
    names = skeletons.keypoint_names(skeletons.LSP)
    truth = np.zeros((1, 14, 2))
    truth[0, names.index('left_ankle')] = [0, 100]                  # a person of 100 px
    truth[0, names.index('right_hip')] = [40, 0]                    # and of 40 from left shoulder
    predicted = truth + np.array([20, 0])
    official, person = (LSP[name].distances(predicted, annotation(truth), names)
                        for name in ('official', 'person'))
    assert official.tolist() == [[0.5] * 14]
    assert person.tolist() == [[0.2] * 14]


def test_a_torso_is_the_persons_own_where_the_labels_sides_are_an_observers():
    names = skeletons.keypoint_names(skeletons.FLIC)
    own = np.zeros((2, 11, 2))
    own[:, names.index('right_shoulder')] = [30, 0]                 # 30 px from the left hip
    own[:, names.index('right_hip')] = [50, 0]                      # 50 px from the left shoulder
    partner = skeletons.opposites(names)
    mirror = [names.index(partner.get(name, name)) for name in names]
    people = annotation(np.stack([own[0], own[1, mirror]]), sides_swapped=[False, True])
    assert FLIC['torso'].units(people, names).tolist() == [30, 30]
    assert FLIC['modec'].units(people, names).tolist() == [50, 50]


def test_a_box_of_the_data_set_is_a_unit_by_its_longer_side():
    boxes = [np.array([10, 20, 40, 30]), None]
    people = annotation(np.zeros((2, 14, 2)), bbox_image=boxes)
    unit = replace(LSP['person'], unit='bbox').units(people, [])
    assert np.array_equal(unit, [30, np.nan], equal_nan=True)


def test_joints_that_a_skeleton_lacks_are_named():
    with pytest.raises(ConfigError, match=r"PCK scores 'upper_neck', which is no keypoint of flic; "
                                          'it has left_shoulder, '):
        LSP['official'].check('flic', skeletons.keypoint_names(skeletons.FLIC))
    with pytest.raises(ConfigError, match="PCP measures by 'right_knee', which is no keypoint"):
        LSP['pcp'].check('flic', skeletons.keypoint_names(skeletons.FLIC))
    with pytest.raises(ConfigError, match="PCK measures by 'neck', which is no keypoint"):
        replace(FLIC['torso'], unit=('neck', 'nose')).check(
            'flic', skeletons.keypoint_names(skeletons.FLIC))


def test_a_paired_difference_says_whether_two_networks_differ(rng):
    """One network is 10 px off, the other 10 or 10.5 px: the same joints are hard for both."""
    names = skeletons.keypoint_names(skeletons.LSP)
    truth, shifts = rng.uniform(0, 100, (300, 14, 2)), rng.normal(0, 10, (300, 14, 2))
    people = annotation(truth)
    one, other, same = (Table.of(LSP['person'], LSP['person'].distances(
        truth + factor * shifts, people, names), people.occluded, range(300), names)
        for factor in (1, 1.1, 1))
    difference, lower, upper = differences(one, other)['Total']
    assert difference == one.scores['Total'] - other.scores['Total'] > 0
    assert 0 < lower < difference < upper
    assert upper - lower < 0.6 * np.subtract(*one.intervals['Total'][::-1])
    assert differences(one, same)['Total'] == (0, 0, 0)


def scores_of(protocol, off, names, annotated=True):
    """Of people of 100 px with (P, K) joints that are ``off`` px to the right of the truth."""
    off = np.array(off, float)
    truth = np.zeros((*off.shape, 2))
    truth[~np.broadcast_to(annotated, off.shape)] = np.nan
    people = People.of([dict(keypoints_image=one, occluded=np.zeros(len(names), bool), pck_unit=100)
                        for one in truth])
    predicted = np.nan_to_num(truth) + np.stack([off, 0 * off], -1)
    distances = protocol.distances(predicted, people, names)
    return Table.of(protocol, distances, people.occluded, range(len(off)), names).scores


def test_mpiis_protocols_differ_where_the_published_scripts_do():
    names = skeletons.keypoint_names(skeletons.MPII)
    for px, official, hrnet in ((10, 100, 100), (10.5, 0, 100), (11, 0, 100), (11.5, 0, 0)):
        off = np.full((2, 16), px)
        assert [scores_of(MPII[name], off, names)['Total@0.1'] for name in ('official', 'hrnet')
                ] == [official, hrnet]
    for px, total in ((50, 100), (50.1, 0)):
        assert {scores_of(protocol, np.full((2, 16), px), names)['Total']
                for protocol in MPII.values()} == {total}
    off = np.zeros((2, 16))
    off[:, names.index('upper_neck')] = 99                      # the head's top is right
    heads = {name: scores_of(protocol, off, names)['Head'] for name, protocol in MPII.items()}
    assert heads == dict(official=50, hrnet=100, tompson=100, princeton=100)
    annotated, off = np.ones((3, 16), bool), np.zeros((3, 16))
    wrist = names.index('left_wrist')
    annotated[1:, wrist], off[0, wrist] = False, 99             # 1 of 40 joints, or of 14 kinds
    assert {name: scores_of(protocol, off, names, annotated)['Total']
            for name, protocol in MPII.items()} == pytest.approx(dict(
                official=100 * 39 / 40, hrnet=100 * 39 / 40, princeton=100 * 45 / 46,
                tompson=100 * 13 / 14))


@pytest.mark.parametrize(('protocol', 'skeleton'), [
    (FLIC['torso'], skeletons.FLIC), (FLIC['modec'], skeletons.FLIC),
    (LSP['official'], skeletons.LSP)])
def test_a_fifth_of_the_torso_is_correct(protocol, skeleton):
    names = skeletons.keypoint_names(skeleton)
    truth = np.zeros((1, len(names), 2))
    truth[0, [names.index(joint) for joint in protocol.unit], 0] = 0, 100
    people = People.of([dict(keypoints_image=truth[0], occluded=np.zeros(len(names), bool))])
    for px, total in ((20, 100), (20.1, 0)):
        distances = protocol.distances(truth + np.array([px, 0]), people, names)
        assert Table.of(protocol, distances, people.occluded, ['a'], names).scores['Total'] == total


def test_pcp_is_the_mean_of_the_limbs_within_half_their_length():
    pcp = LSP['pcp']
    distances = np.array([[0.5] * 10, [np.nan] * 9 + [0.51], [np.nan] * 9 + [0.51]])
    scores = Table.of(pcp, distances, np.zeros((3, 14), bool), range(3), pcp.counted(())).scores
    assert scores['Head'] == pytest.approx(100 / 3)
    assert scores['Total'] == pytest.approx((9 * 100 + 100 / 3) / 10)
