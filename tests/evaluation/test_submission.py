"""The file for MPII's site: every test person in its place, 1-based, none left out silently."""
import numpy as np
import pytest
import scipy.io
from pairs import zip_equal
from release_file import image, point, rect, small_release, write_release

from hourglass.errors import DataError
from hourglass.evaluation.submission import MpiiSubmission
from hourglass.registry import METRICS


def sample(place, name: str, seed: int = 0) -> dict:
    keypoints_image = np.random.default_rng(seed).uniform(0, 100, (1, 16, 2))
    return dict(raw_ann_info=dict(place=place, image_name=name, row=seed),
                pred_instances=dict(keypoints=keypoints_image))


def all_people() -> list[dict]:
    """Predictions for all test people of the small release who can be cropped."""
    return [sample((3, 0), 'test.jpg', 0), sample((3, 2), 'test.jpg', 1),
            sample((5, 0), 'one.jpg', 2)]


def submit(tmp_path, samples: list[dict], release=None) -> dict:
    metric = METRICS.build(dict(
        type='hourglass.MpiiSubmission', out_file=str(tmp_path / 'out/pred.mat'),
        release_file=str(release or small_release(tmp_path / 'r.mat'))))
    for one in samples:
        metric.process([], [one])
    return metric.evaluate(len(samples))


def read(tmp_path) -> dict:
    return scipy.io.loadmat(tmp_path / 'out/pred.mat', squeeze_me=True, struct_as_record=False)


@pytest.fixture
def warnings(monkeypatch) -> list[str]:
    from mmengine.logging import MMLogger
    texts = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', texts.append)
    return texts


def test_predictions_stand_where_the_release_has_the_people(tmp_path, warnings):
    samples = all_people()
    assert submit(tmp_path, samples) == {'submission/people': 3, 'submission/single_person': 2}
    assert not warnings
    pred = read(tmp_path)['pred']
    assert [entry.image.name for entry in pred] == ['test.jpg', 'empty.jpg', 'one.jpg']
    assert pred[1].annorect.size == 0
    first, skipped, third = pred[0].annorect
    for person, one in zip_equal((first, third, pred[2].annorect), samples):
        points = person.annopoints.point
        assert [p.id for p in points] == list(range(16))
        assert np.array_equal([[p.x, p.y] for p in points],
                              one['pred_instances']['keypoints'][0] + 1)
    assert skipped.annopoints.size == 0 and skipped.objpos.size == 0
    assert (first.scale, third.scale, third.objpos.x, third.objpos.y) == (2.0, 3.0, 50, 60)


def test_shapes_and_fields_are_those_of_the_release(tmp_path):
    submit(tmp_path, all_people())
    release = scipy.io.loadmat(tmp_path / 'r.mat')['RELEASE'][0, 0]
    content = scipy.io.loadmat(tmp_path / 'out/pred.mat')
    theirs, pred = release['annolist'][:, 3:], content['pred']
    assert pred.shape == theirs.shape == (1, 3) and pred.dtype.names == theirs.dtype.names
    for a, b in zip_equal(pred['annorect'][0], theirs['annorect'][0]):
        assert a.shape == b.shape
    assert pred['annorect'][0, 0]['annopoints'][0, 0]['point'][0, 0].shape == (1, 16)
    assert content['single_person'].shape == (3, 1)
    for a, b in zip_equal(content['single_person'], release['single_person'][3:]):
        assert np.array_equal(a[0], b[0])


def test_batches_and_order_do_not_matter(tmp_path):
    submit(tmp_path, all_people())
    first = scipy.io.loadmat(tmp_path / 'out/pred.mat')['pred']
    submit(tmp_path, all_people()[::-1])
    again = scipy.io.loadmat(tmp_path / 'out/pred.mat')['pred']
    assert str(first) == str(again)


def test_people_without_a_prediction_are_counted(tmp_path, warnings):
    assert submit(tmp_path, all_people()[1:2])['submission/people'] == 1
    text, = warnings
    assert 'no prediction for 2 of 3 test people, 1 of them in the official score' in text


def test_known_truth_is_not_submitted_as_a_prediction(tmp_path):
    """A release with the hidden joints: those of people without a prediction are left out."""
    known = rect([point(0, 3.0, 4.0)])
    release = write_release(tmp_path / 'r.mat', image('t.jpg', rect()),
                            image('a.jpg', known, known, training=0))
    submit(tmp_path, [sample((1, 1), 'a.jpg')], release)
    first, second = read(tmp_path)['pred'].annorect
    assert first.annopoints.size == 0 and len(second.annopoints.point) == 16
    assert first.x1 == known['x1']


@pytest.mark.parametrize(('one', 'message'), [
    (sample((0, 0), 'val.jpg'), 'val.jpg: person 1 of image 1 is not among the test people'),
    (sample((3, 3), 'test.jpg'), 'person 4 of image 4 is not among'),
    (sample((3, -1), 'test.jpg'), 'person 0 of image 4 is not among'),
    (sample((3, 0), 'other.jpg'), 'other.jpg: .*give the metric the release'),
    (sample((99, 0), 'test.jpg'), 'image 100'),
    (sample(None, 'a.jpg', 7), r'a.jpg, row 7: .*make it with hourglass prepare mpii'),
    (sample((3, 0), 'test.jpg') | dict(pred_instances=dict(keypoints=np.zeros((1, 14, 2)))),
     r'shape \(14, 2\), 16 pairs of numbers needed'),
    (sample((3, 0), 'test.jpg') | dict(pred_instances=dict(keypoints=np.full((1, 16, 2), np.nan))),
     'row 0: predicted keypoints .* 16 pairs of numbers')])
def test_people_that_cannot_be_submitted_are_refused_at_first(tmp_path, one, message):
    with pytest.raises(DataError, match=message) as error:
        submit(tmp_path, [one])
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()


def test_files_that_are_not_a_release_are_refused(tmp_path):
    with pytest.raises(DataError, match='gone.mat: no such file'):
        submit(tmp_path, all_people(), tmp_path / 'gone.mat')
    for name, content in (('a', dict(RELEASE=3)), ('b', dict(RELEASE=dict(annolist=3))),
                          ('c', dict(RELEASE=dict(annolist=[3], img_train=[[0]],
                                                  single_person=[1])))):
        scipy.io.savemat(tmp_path / f'{name}.mat', content)
        with pytest.raises(DataError, match=f"{name}.mat: 'RELEASE' is not MPII's"):
            submit(tmp_path, all_people(), tmp_path / f'{name}.mat')


def test_the_constructor_reads_nothing():
    MpiiSubmission(release_file='nowhere.mat')
