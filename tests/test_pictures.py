"""Picture files are read as stored, or refused by name."""
import numpy as np
import pytest
from PIL import Image

from hourglass.errors import DataError
from hourglass.pictures import as_picture, read_picture


def test_pictures_of_every_mode_become_bgr(tmp_path):
    Image.new('RGB', (3, 2), (255, 0, 10)).save(tmp_path / 'colour.png')
    Image.new('L', (3, 2), 77).save(tmp_path / 'grey.png')
    colour, grey = (read_picture(tmp_path / name)
                    for name in ('colour.png', 'grey.png'))
    assert colour[0, 0].tolist() == [10, 0, 255]
    assert colour.shape == (2, 3, 3)
    assert grey[0, 0].tolist() == [77, 77, 77]


def test_broken_pictures_are_refused_by_name(tmp_path):
    Image.new('RGB', (64, 64), (9, 99, 200)).save(tmp_path / 'torn.jpg')
    whole = (tmp_path / 'torn.jpg').read_bytes()
    (tmp_path / 'torn.jpg').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'text.jpg').write_text('not a picture')
    (tmp_path / 'empty.jpg').touch()
    for name, message in (('torn.jpg', 'not a readable'), ('text.jpg', 'not a readable'),
                          ('empty.jpg', 'not a readable'), ('gone.jpg', 'no such picture')):
        with pytest.raises(DataError, match=f'{name}: {message}') as error:
            read_picture(tmp_path / name)
        assert '\n' not in str(error.value)


def test_pictures_of_16_bits_keep_their_greys(tmp_path):
    grey = np.array([[0, 257, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / 'grey.png')
    assert read_picture(tmp_path / 'grey.png')[0, :, 0].tolist() == [0, 1, 255]
    assert as_picture(grey)[0, :, 2].tolist() == [0, 1, 255]
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / 'real.tif')
    with pytest.raises(DataError, match=r"real\.tif: .*mode 'F' have no known white"):
        read_picture(tmp_path / 'real.tif')


def test_printers_colours_and_transparency_are_read(tmp_path):
    Image.new('CMYK', (2, 2), (0, 255, 255, 0)).save(tmp_path / 'cmyk.jpg')     # red
    assert read_picture(tmp_path / 'cmyk.jpg')[0, 0] == pytest.approx([0, 0, 254], abs=3)
    Image.new('RGBA', (2, 2), (10, 20, 30, 7)).save(tmp_path / 'alpha.png')
    assert read_picture(tmp_path / 'alpha.png')[0, 0].tolist() == [30, 20, 10]
