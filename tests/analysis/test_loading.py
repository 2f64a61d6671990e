"""Annotations to measure with are those of a data set; the table says what was measured."""
from hourglass.analysis.loading import Loading, table, write_annotation
from hourglass.datasets.coco import KeypointDataset


def test_everyone_of_a_written_annotation_is_loaded(tmp_path):
    write_annotation(tmp_path, 7)
    dataset = KeypointDataset('people.json', str(tmp_path), pipeline=[])
    assert len(dataset) == 7 and not dataset.left_out
    assert len({dataset.get_data_info(index)['img_path'] for index in range(7)}) == 4
    assert 0 < dataset.get_data_info(0)['keypoints_visible'].mean() < 1


def test_a_row_has_the_numbers_in_their_units():
    assert table([Loading(12_000, 1.234, 3 << 20, 0.0567)]).splitlines()[-1] == (
        '| 12,000 | 1.23 | 3 | 0.057 |')
