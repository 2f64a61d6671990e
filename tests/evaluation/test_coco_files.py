"""Files of COCO's form: predictions find their people, and what does not fit is named."""
import json

import numpy as np
import pytest

from hourglass.errors import DataError
from hourglass.evaluation.coco_files import assigned, read_people, read_results

NAMES = ['nose', 'left_tail', 'right_tail']


def content(people: int = 4) -> dict:
    """Two people on each image, 100 px wide and 50 px apart."""
    def person(i: int) -> dict:
        x = 150.0 * (i % 2)
        return dict(id=10 + i, image_id=i // 2, category_id=3, bbox=[x, 0, 100, 80],
                    keypoints=[x, 0, 2, x + 100, 0, 1, x + 50, 80, 2])
    return dict(images=[dict(id=i, file_name=f'f/{i}.jpg') for i in range(people // 2)],
                categories=[dict(id=3, name='cat', keypoints=NAMES), dict(id=4, name='dog')],
                annotations=[person(i) for i in range(people)])


def write(path, content) -> str:
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def truth(tmp_path):
    return read_people(write(tmp_path / 'gt.json', content()))


def results(truth, shift: float = 0.0) -> list[dict]:
    return [dict(image_id=one['image_id'], category_id=3, score=0.5,
                 keypoints=[number + shift * (place % 3 == 0)
                            for place, number in enumerate(one['keypoints'])])
            for one in truth.annotations]


def test_the_annotation_becomes_arrays(tmp_path):
    given = content()
    given['annotations'][1]['keypoints'][2] = 0
    given['annotations'][2]['iscrowd'] = 1
    truth = read_people(write(tmp_path / 'a.json', given)).truth
    assert truth.rows == [10, 11, 13] and truth.images == ['f/0.jpg', 'f/0.jpg', 'f/1.jpg']
    people = truth[:]
    assert people.keypoints_image[2].tolist() == [[150, 0], [250, 0], [200, 80]]
    assert np.isnan(people.keypoints_image).all(-1).tolist() == [
        [False] * 3, [True, False, False], [False] * 3]
    assert people.occluded.tolist() == [[False, True, False]] * 3
    assert people.bbox_image[1].tolist() == [150, 0, 250, 80]


def test_predictions_of_another_category_among_others_are_refused(truth, tmp_path):
    """COCO's AP would count them as wrong; a file of one category may number it otherwise."""
    given = results(truth)
    given[1]['category_id'] = given[2]['category_id'] = 4
    with pytest.raises(DataError, match=r'p\.json: predictions of category_id 4 are none of those '
                                        'to be scored, which have 3; leave them out'):
        read_results(write(tmp_path / 'p.json', given), truth)
    one = [prediction | dict(category_id=1) for prediction in given]
    assert len(read_results(write(tmp_path / 'p.json', one), truth)) == 4


def test_predictions_in_any_order_find_their_people(truth, tmp_path):
    found = read_results(write(tmp_path / 'p.json', results(truth, 60)[::-1]), truth)
    predicted = assigned(truth, found, 'p.json')[:]
    assert np.array_equal(predicted - truth.arrays.keypoints_image, np.tile([60, 0], (4, 3, 1)))


def test_people_without_prediction_stay_without_and_surplus_predictions_are_left(truth, tmp_path):
    given = results(truth)
    given = [given[1], *[dict(given[2], keypoints=[900.0] * 9)] * 2, *given[2:]]
    found = read_results(write(tmp_path / 'p.json', given), truth)
    predicted = assigned(truth, found, 'p.json')[:]
    assert np.isnan(predicted).all((1, 2)).tolist() == [True, False, False, False]
    assert np.array_equal(predicted[1:], truth.arrays.keypoints_image[1:])


def test_predict_names_images_and_scores_may_be_left_out(truth, tmp_path):
    given = [dict(image_id=7 - one['image_id'],
                  keypoints=[*one['keypoints'][:6], None, None, 0.1])
             for one in truth.annotations]
    found = read_results(write(tmp_path / 'p.json', dict(
        images=[dict(id=7, file_name='0.jpg'), dict(id=6, file_name='f/1.jpg')],
        annotations=given)), truth)
    assert [one['image_id'] for one in found] == [0, 0, 1, 1]
    assert [one['score'] for one in found] == pytest.approx([(2 + 1 + 0.1) / 3] * 4)
    assert np.isnan(found[0]['keypoints']).any(-1).tolist() == [False, False, True]


def test_a_name_without_its_folder_finds_an_image_only_if_it_is_the_only_one(tmp_path):
    given = content()
    given['images'][1]['file_name'] = 'g/0.jpg'
    truth = read_people(write(tmp_path / 'gt.json', given))
    predicted = dict(images=[dict(id=0, file_name='g/0.jpg')], annotations=[
        dict(image_id=0, keypoints=[0] * 9)])
    assert read_results(write(tmp_path / 'p.json', predicted), truth)[0]['image_id'] == 1
    predicted['images'][0]['file_name'] = '0.jpg'
    with pytest.raises(DataError, match="prediction 0: image '0.jpg' is not in"):
        read_results(write(tmp_path / 'p.json', predicted), truth)


def changed(*path, value=None) -> dict:
    """The annotation with one value changed, or removed if it is None."""
    given = content()
    place = given
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return given


@pytest.mark.parametrize(('given', 'message'), [
    ([], "'images', 'categories' and 'annotations' needed"),
    (changed('images'), "'images', 'categories' and 'annotations' needed"),
    (changed('categories', 0, 'keypoints'), '0 categories have names of keypoints, one needed'),
    (changed('annotations', value=[]), 'no person has an annotated keypoint'),
    (changed('annotations', 1, 'bbox'), "annotation 1: no 'bbox'"),
    (changed('annotations', 1, 'id', value=10), 'two of the annotations have the id 10'),
    (changed('images', 1, 'id', value=0), 'two of the images have the id 0'),
    (changed('annotations', 1, 'image_id', value=9), "annotation 11: image 9 is not in 'images'"),
    (changed('annotations', 1, 'keypoints', value=[1, 2, 2]), 'keypoints: 3 numbers, a list of 9'),
    (changed('annotations', 1, 'bbox', value=[0, 0, 0, 9]), r'bbox \[0, 0, 0, 9\] has no area'),
    (changed('annotations', 1, 'bbox', value=['x', 0, 0, 9]), 'annotation 11: bbox: could not'),
    (changed('annotations', 1, 'area', value='big'), 'annotation 11: area: could not'),
    (changed('annotations', 1, 'image_id', value=[0]), r"annotation 1: 'image_id' is \[0\], a num"),
    (changed('images', 1, 'id', value=[0]), r"image 1: 'id' is \[0\], a number or a name needed"),
    (changed('categories', 1, value=5), 'category 1: 5 where a record is needed'),
    (changed('categories', 0, 'keypoints', value=['a', 'b', 'a']), "two keypoints are named 'a'")])
def test_an_annotation_that_cannot_be_used_is_named(given, message, tmp_path):
    path = write(tmp_path / 'gt.json', given)
    with pytest.raises(DataError, match=f'gt.json.*{message}') as error:
        read_people(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(('given', 'message'), [
    ({}, "a list of predictions needed, as it is or under 'annotations'"),
    ([dict(image_id=0)], "prediction 0: no 'keypoints'"),
    ([dict(image_id=5, keypoints=[0] * 9)], 'prediction 0: image 5 is not in .*gt.json'),
    ([dict(image_id=0, keypoints=[0] * 51)], 'prediction 0: 51 numbers, 9 needed: x, y and score'),
    (dict(images=[], annotations=[], categories=[dict(keypoints=NAMES[::-1])]),
     'predicts right_tail, left_tail, nose, and .*gt.json has nose, left_tail'),
    (dict(images=[], annotations=[], categories=[dict(keypoints=7)]), 'predicts 7, and .*gt.json'),
    (dict(images=[], annotations=[], categories=[5]), 'category 0: 5 where a record is needed'),
    (dict(images=None, annotations=[]), 'a list needed, with a record for each image'),
    ([dict(image_id=0, keypoints=[0] * 9, score=None)],
     'prediction 0: score: number 1 of 1 is nan'),
    ([dict(image_id=0, keypoints=[0] * 9, score='high')], 'prediction 0: score: could not'),
    ([dict(image_id=[0], keypoints=[0] * 9)], r"prediction 0: 'image_id' is \[0\], a number or"),
    (dict(images=[dict(id=0, file_name='x.jpg')], annotations=[
        dict(image_id=0, keypoints=[0] * 9)]), "image 'x.jpg' is not in")])
def test_predictions_that_do_not_fit_are_named(given, message, truth, tmp_path):
    with pytest.raises(DataError, match=f'p.json.*{message}'):
        read_results(write(tmp_path / 'p.json', given), truth)


def test_two_images_of_one_name_are_named(tmp_path):
    given = content()
    given['images'][1]['file_name'] = given['images'][0]['file_name']
    with pytest.raises(DataError, match='gt.json: two images are f/0.jpg; give their people one'):
        read_people(write(tmp_path / 'gt.json', given))


def test_of_several_categories_one_is_chosen(tmp_path):
    given = content()
    given['categories'][1]['keypoints'] = ['tail']
    with pytest.raises(DataError, match='choose one of cat, dog with category'):
        read_people(write(tmp_path / 'gt.json', given))
    assert read_people(write(tmp_path / 'gt.json', given), 'cat').names == NAMES
