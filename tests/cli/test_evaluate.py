"""The command that scores files: tables, JSON, curves, warnings, refusals in a line."""
import csv
import json

import cv2
import h5py
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from fresh_python import run

VALID, OURS = DATA / 'mpii/valid.h5', DATA / 'mpii/predictions/valid-ours.h5'


@pytest.fixture
def mpii(tmp_path, rng):
    """A truth of 30 people in the authors' form, and predictions about 2 px off."""
    joints = rng.uniform(20, 300, (30, 16, 2))
    with h5py.File(tmp_path / 'valid.h5', 'w') as file:
        file['part'], file['normalize'] = joints, np.full(30, 30)
        file['visible'] = np.ones((30, 16))
    np.save(tmp_path / 'mine.npy', joints + rng.normal(0, 2, joints.shape))
    return 'mpii', '--gt', tmp_path / 'valid.h5', '--pred', tmp_path / 'mine.npy'


@needs(OURS)
@pytest.mark.data
def test_the_authors_predictions_score_as_published(cli, capsys, tmp_path):
    cli('evaluate', 'mpii', '--gt', VALID, '--pred', OURS, '--json', tmp_path / 'o.json',
         '--curves', tmp_path / 'new/curves.png', '--people', tmp_path / 'people.csv')
    output, errors = capsys.readouterr()
    lines = output.splitlines()
    assert lines[0].startswith('PCKh@0.5 (official) of 2958 people')
    assert lines[2].split()[:5] == ['valid-ours.h5', 'official', '88.04', '96.69', '94.68']
    assert any(line.startswith('FPD hg8, val') and '90.52' in line for line in lines)
    assert errors == ''
    found = json.loads((tmp_path / 'o.json').read_text())
    assert found['Total@0.1'] == pytest.approx(28.70, abs=0.01)
    assert (found['people'], found['base'], found['missing_people']) == (2958, 1, [])
    assert {'protocol', 'Total', 'Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle',
            'Total@0.1', 'AUC'} <= set(found)
    assert cv2.imread(str(tmp_path / 'new/curves.png')).shape == (682, 1452, 3)
    with open(tmp_path / 'people.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    elbows = [float(row['left_elbow']) for row in rows if row['left_elbow']]
    right = [float(row['right_elbow']) for row in rows if row['right_elbow']]
    assert len(rows) == 2958
    assert np.mean([np.mean(np.array(side) <= 0.5) for side in (elbows, right)]) * 100 == (
        pytest.approx(found['Elbow'], abs=0.01))


def test_several_files_stand_side_by_side(cli, capsys, mpii, tmp_path):
    scipy.io.savemat(tmp_path / 'hers.mat', {'preds': np.load(tmp_path / 'mine.npy') + 3})
    cli('evaluate', *mpii, tmp_path / 'hers.mat', '--protocol', 'hrnet', '--one-based', '--json',
         tmp_path / 'o.json', '--curves', tmp_path / 'curves.png')
    mine, hers = json.loads((tmp_path / 'o.json').read_text())
    assert mine['Total@0.1'] > hers['Total@0.1']
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[2:6:2]] == [
        ['mine.npy', 'hrnet'], ['hers.mat', 'hrnet']]
    assert 'mine.npy - hers.mat, paired' in lines
    difference, lower, upper = hers['minus'][str(tmp_path / 'mine.npy')]['Total@0.1']
    assert difference == pytest.approx(hers['Total@0.1'] - mine['Total@0.1'])
    assert lower < difference < upper < 0 and mine['minus'] == {}


def test_neither_torch_nor_openmmlab_is_needed(mpii, tmp_path):
    dataset, _, truth, _, found = mpii
    output = run(f"""
import sys
sys.modules |= dict.fromkeys(['torch', 'mmengine', 'mmcv', 'mmpose'])     # importing them fails
from hourglass.cli import main
main(['evaluate', {dataset!r}, '--gt', {str(truth)!r}, '--pred', {str(found)!r}])""")
    assert output.startswith('PCKh@0.5 (official) of 30 people')


def test_warnings_are_printed_to_stderr(cli, capsys, mpii, tmp_path):
    predicted = np.load(tmp_path / 'mine.npy')
    predicted[4], predicted[6, 2] = np.nan, np.nan
    np.save(tmp_path / 'mine.npy', predicted)
    cli('evaluate', *mpii, '--zero-based')
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert 'read as 0-based, its joints lie' in errors[0] and '--one-based better' in errors[0]
    assert errors[0].startswith(f"warning: {tmp_path / 'mine.npy'}: ")
    assert '1 of 30 people have no prediction and count as wrong, first row 4' in errors[1]
    assert '1 annotated joints of other people' in errors[2]


@needs(DATA / 'flic_original')
@pytest.mark.data
@pytest.mark.parametrize(('dataset', 'gt', 'people'), [
    ('flic', 'flic_original/examples.mat', 1016), ('flic', 'flic_original/valid.h5', 1016),
    ('lsp', 'lsp/joints.mat', 1000)])
def test_the_truth_scores_100_on_itself(cli, tmp_path, dataset, gt, people):
    from hourglass.evaluation.ground_truth import read_truth
    truth = read_truth(dataset, DATA / gt)[:].keypoints_image
    np.save(tmp_path / 'a.npy', truth + (dataset == 'lsp'))             # in the data set's own base
    cli('evaluate', dataset, '--gt', DATA / gt, '--pred', tmp_path / 'a.npy', '--json',
         tmp_path / 'o.json')
    found = json.loads((tmp_path / 'o.json').read_text())
    assert found['people'] == people
    assert found['Total'] == found['Elbow'] == found['Wrist'] == 100
    assert found.get('PCP') == (100 if dataset == 'lsp' else None)


@needs(DATA / 'lsp')
@pytest.mark.data
def test_predictions_of_mpiis_joints_are_scored_on_lsp(cli, tmp_path):
    from hourglass.evaluation.ground_truth import read_truth
    truth = read_truth('lsp', DATA / 'lsp/joints.mat', skeleton='mpii')[:].keypoints_image + 1
    assert truth.shape == (1000, 16, 2)
    np.save(tmp_path / 'a.npy', truth)
    cli('evaluate', 'lsp', '--gt', DATA / 'lsp/joints.mat', '--pred', tmp_path / 'a.npy',
         '--skeleton', 'mpii', '--protocol', 'person', '--json', tmp_path / 'o.json')
    found = json.loads((tmp_path / 'o.json').read_text())
    assert found['Total'] == 100 and found['about_gt'] == 'test'


@pytest.mark.parametrize(('change', 'warning'), [
    (lambda joints: joints + 1000, 'almost no joint is correct; are these the same people'),
    (lambda joints: joints * 2, 'they fit images of 2 times the size'),
    (lambda joints: joints[::-1], 'they fit with the people in another order: number 0 '),
    (lambda joints: joints[:, ::-1], 'they fit with their joints in another order: number 15 is')])
def test_another_scale_or_order_is_suspected(cli, capsys, mpii, tmp_path, change, warning):
    np.save(tmp_path / 'mine.npy', change(np.load(tmp_path / 'mine.npy')))
    cli('evaluate', *mpii)
    assert warning in capsys.readouterr().err


@pytest.mark.parametrize(('options', 'message'), [
    (('--protocol', 'coco'), "mpii has no protocol 'coco', choose from official, hrnet"),
    (('--labels', 'person'), '--labels: mpii has no such choice, flic has'),
    (('--people', 'a.csv', '--pred', 'a.npy', 'b.npy'), '--people: for one prediction file'),
    (('--gt', 'gone.h5'), 'gone.h5: no such file'),
    (('--split', 'val'), '--split: .*valid.h5 holds one split with its head boxes'),
    (('--head-boxes', 'gt.mat'), '--head-boxes: .*valid.h5 holds one split'),
    (('--curves', '/dev/null/a.png'), 'a.png: cannot be written'),
    (('--json', '/dev/null/a.json'), 'a.json: cannot be written'),
    (('--json', 'one', '--people', './one'), 'one: two outputs would be this file')])
def test_impossible_arguments_are_refused_in_one_line(cli, mpii, options, message):
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        cli('evaluate', *mpii, *options)


@pytest.mark.parametrize('option', ['--json', '--people', '--curves'])
def test_no_output_replaces_an_input(cli, mpii, option):
    for path in mpii[2], mpii[4]:
        content = path.read_bytes()
        with pytest.raises(SystemExit, match=f'^error: {path}: would replace a file that is read'):
            cli('evaluate', *mpii, option, path)
        assert path.read_bytes() == content


def test_the_base_in_a_file_is_used(cli, mpii, tmp_path):
    zero_based = np.load(tmp_path / 'mine.npy') - 1
    content = dict(base=0, preds=zero_based.tolist())
    (tmp_path / 'mine.json').write_text(json.dumps(content))
    call = [*mpii[:-1], tmp_path / 'mine.json', '--json', tmp_path / 'o.json']
    cli('evaluate', *call)
    assert json.loads((tmp_path / 'o.json').read_text())['base'] == 0
    with pytest.raises(SystemExit, match='the file gives its base as 0; leave --one-based out'):
        cli('evaluate', *call, '--one-based')


@pytest.fixture
def own(tmp_path):
    """Four people of 100 px on two images, and predictions with the tail 15 px off."""
    names = ['nose', 'left_elbow', 'tail']
    keypoints = [[x, 10, 2, x + 100, 10, 1, x + 50, 80, 2] for x in (0, 200, 0, 200)]
    (tmp_path / 'gt.json').write_text(json.dumps(dict(
        images=[dict(id=i, file_name=f'{i}.jpg') for i in range(2)],
        categories=[dict(id=1, keypoints=names)],
        annotations=[dict(id=1 + i, image_id=i // 2, category_id=1, area=4000,
                          bbox=[200 * (i % 2), 0, 100, 90], keypoints=numbers)
                     for i, numbers in enumerate(keypoints)])))
    found = [dict(image_id=i // 2, score=0.9,
                  keypoints=[*numbers[:6], numbers[6] + 15, *numbers[7:]])
             for i, numbers in enumerate(keypoints)]
    (tmp_path / 'mine.json').write_text(json.dumps(found))
    (tmp_path / 'hers.json').write_text(json.dumps(found[:3]))
    return 'own', '--gt', tmp_path / 'gt.json', '--pred', tmp_path / 'mine.json'


def test_files_of_ones_own_need_no_class_and_no_config(cli, capsys, own, tmp_path):
    cli('evaluate', *own, tmp_path / 'hers.json', '--threshold', 0.1, '--sigmas', 'tail=0.05',
        '--json', tmp_path / 'o.json', '--curves', tmp_path / 'c.png')
    output, errors = capsys.readouterr()
    mine, hers = json.loads((tmp_path / 'o.json').read_text())
    assert (mine['nose'], mine['tail'], mine['Total']) == (100, 0, pytest.approx(200 / 3))
    assert (hers['nose'], hers['Total']) == (75, 50)
    assert mine['interval95']['nose'] == [100, 100]
    # OKS (2 + exp(-15^2 / (2 * 4000 * 0.1^2))) / 3 = 0.69: right up to 0.65, 4 of 10 thresholds
    assert (mine['AP'], mine['AP50'], mine['AP75']) == (pytest.approx(40), 100, 0)
    assert hers['AR50'] == 75
    assert hers['minus'][str(tmp_path / 'mine.json')]['nose'][0] == -25
    rows = {line.split('  ')[0]: line.split() for line in output.split('\n\n')[0].splitlines()}
    assert rows['tail'][1:] == ['0.00', '±', '0.00', '0.00', '±', '0.00']
    assert rows['AP'][1:4] == ['40.00', '±', '0.00']
    assert mine['interval95']['AP'] == pytest.approx([40, 40])
    assert 'hers.json: 1 of 4 people have no prediction and count as wrong, first row 4' in errors


def test_without_a_sigma_own_data_have_pck_alone(cli, capsys, own, tmp_path):
    cli('evaluate', *own, '--json', tmp_path / 'o.json')
    warning, = capsys.readouterr().err.splitlines()
    assert warning == ("warning: no AP: --sigmas: OKS needs a sigma above 0 for each keypoint, and "
                       "'tail' has none; give those of tail")
    found = json.loads((tmp_path / 'o.json').read_text())
    assert found['Total'] == 100 and 'AP' not in found


@pytest.mark.parametrize(('words', 'message'), [
    (['--threshold', '0'], 'PCK: threshold=0.0, a number above 0 and at most 1 needed'),
    (['--threshold', '1.5'], 'PCK: threshold=1.5, a number above 0'),
    (['--sigmas', 'tale=0.1'], "--sigmas: no keypoint 'tale', there are nose, left_elbow, tail"),
    (['--protocol', 'official'], '--protocol: own has no such choice'),
    (['--head-boxes', 'a.mat'], '--head-boxes: own has no such choice')])
def test_options_that_own_data_do_not_have_are_refused(cli, own, words, message):
    with pytest.raises(SystemExit) as stop:
        cli('evaluate', *own, *words)
    assert stop.value.code.startswith(f'error: {message}')


def test_options_of_own_data_are_refused_for_others(cli, mpii):
    with pytest.raises(SystemExit, match='error: --sigmas: mpii has no such choice'):
        cli('evaluate', *mpii, '--sigmas', 'nose=1')
