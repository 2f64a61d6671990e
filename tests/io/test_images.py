"""Images are read as stored, or refused by name."""
import os
import struct
import sys
from io import BytesIO

import cv2
import numpy as np
import pytest
from conftest import DATA, needs
from PIL import Image, PngImagePlugin

from hourglass.errors import DataError
from hourglass.io.images import (
    StoredImage,
    as_image,
    find_bits,
    image_size,
    read_image,
    read_reduced,
    write_image,
)


def test_images_of_every_mode_become_bgr(tmp_path):
    Image.new('RGB', (3, 2), (255, 0, 10)).save(tmp_path / 'colour.png')
    Image.new('L', (3, 2), 77).save(tmp_path / 'grey.png')
    colour, grey = (read_image(tmp_path / name)
                    for name in ('colour.png', 'grey.png'))
    assert colour[0, 0].tolist() == [10, 0, 255]
    assert colour.shape == (2, 3, 3)
    assert grey[0, 0].tolist() == [77, 77, 77]


@pytest.mark.parametrize('read', [read_image, lambda path: read_reduced(path, 1)],
                         ids=['whole', 'reduced'])
def test_broken_images_are_refused_by_name(tmp_path, read):
    Image.new('RGB', (64, 64), (9, 99, 200)).save(tmp_path / 'torn.jpg')
    whole = (tmp_path / 'torn.jpg').read_bytes()
    (tmp_path / 'torn.jpg').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'text.jpg').write_text('not an image')
    (tmp_path / 'empty.jpg').touch()
    for name, message in (('torn.jpg', 'not a readable'), ('text.jpg', 'not a readable'),
                          ('empty.jpg', 'not a readable'), ('gone.jpg', 'no such image')):
        with pytest.raises(DataError, match=f'{name}: {message}') as error:
            read(tmp_path / name)
        assert '\n' not in str(error.value)


def test_images_of_16_bits_keep_their_greys(tmp_path):
    grey = np.array([[0, 257, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / 'grey.png')
    assert read_image(tmp_path / 'grey.png')[0, :, 0].tolist() == [0, 1, 255]
    assert as_image(grey)[0, :, 2].tolist() == [0, 1, 255]
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / 'real.tif')
    with pytest.raises(DataError, match=r"real\.tif: .*mode 'F' have no known white"):
        read_image(tmp_path / 'real.tif')


@pytest.mark.parametrize('bits', [8, 10, 12, 14])
@pytest.mark.parametrize('name', ['grey.png', 'grey.tif', 'colour.png', 'colour.tif'])
def test_fewer_bits_in_an_image_of_16_are_scaled_by_their_range_and_reported(tmp_path, name, bits):
    white = 2**bits - 1
    pixels = np.array([[[0, white // 5, white], [white, 0, white // 5]]], np.uint16)
    if name.startswith('grey'):
        pixels = pixels[..., 0]
    cv2.imwrite(str(tmp_path / name), pixels)
    for read in (lambda: read_image(tmp_path / name), lambda: as_image(pixels)):
        with pytest.warns(UserWarning, match=f'values of {bits} bits: 0 to {white} becomes 0 to'):
            found = read()
        expected = np.rint(pixels / white * 255)
        assert np.abs(found - (expected if pixels.ndim == 3 else expected[..., None])).max() == 0


def tiff_of_16_bits(pixels: np.ndarray, *tags: tuple[int, int]) -> bytes:
    """Write (h, w) or (h, w, 3) uint16 as a TIFF in one strip, with further tags of a SHORT."""
    height, width, colours = (*pixels.shape, 1)[:3]
    every = {256: width, 257: height, 258: 16, 259: 1, 262: 2 if colours == 3 else 1, 277: colours,
             278: height, **dict(tags)}
    end = 8 + 2 + 12 * (len(every) + 2) + 4
    entries = [struct.pack('<HHIHH', tag, 3, 1, value, 0) for tag, value in every.items()]
    if colours == 3:
        entries[2] = struct.pack('<HHII', 258, 3, 3, end)
    entries += [struct.pack('<HHII', 273, 4, 1, end + 6),
                struct.pack('<HHII', 279, 4, 1, pixels.nbytes)]
    return (struct.pack('<2sHIH', b'II', 42, 8, len(entries))
            + b''.join(sorted(entries, key=lambda entry: struct.unpack('<H', entry[:2])))
            + struct.pack('<I3H', 0, 16, 16, 16) + pixels.astype('<u2').tobytes())


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('colours', [(), (3,)], ids=['grey', 'colour'])
def test_a_tiff_of_16_bits_is_turned_once(tmp_path, orientation, colours):
    path, stored = tmp_path / 'a.tif', np.zeros((3, 4, *colours), np.uint16)
    stored[0, 0], stored[2, 3] = 65535, 257             # the corner where the tag begins, another
    path.write_bytes(tiff_of_16_bits(stored, (274, orientation)))
    image = read_image(path)
    assert image_size(path) == image.shape[1::-1] == ((3, 4) if orientation > 4 else (4, 3))
    first = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0),        # TIFF 6.0, Orientation
             5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[orientation]
    assert image[first].tolist() == [255] * 3
    assert image[-1 - first[0], -1 - first[1]].tolist() == [1] * 3


def test_a_tiff_may_have_white_at_zero(tmp_path):
    path = tmp_path / 'a.tif'
    path.write_bytes(tiff_of_16_bits(np.array([[0, 65535 - 257, 65535]], np.uint16), (262, 0)))
    assert read_image(path)[0, :, 0].tolist() == [255, 1, 0]


def test_a_pgm_of_12_bits_is_read_as_such(tmp_path):
    (tmp_path / 'a.pgm').write_bytes(b'P5 3 1 4095\n' + struct.pack('>3H', 0, 819, 4095))
    with pytest.warns(UserWarning, match='values of 12 bits'):
        assert read_image(tmp_path / 'a.pgm')[0, :, 0].tolist() == [0, 51, 255]


def test_a_pillow_image_that_cannot_be_decoded_is_refused(rng):
    written = BytesIO()
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(written, 'PNG')
    with pytest.raises(DataError, match='a Pillow image that cannot be decoded'):
        as_image(Image.open(BytesIO(written.getvalue()[:5000])))


def test_a_jpeg_has_at_most_65500_px_a_side(tmp_path):
    with pytest.raises(DataError, match=r'65501x1 px cannot be written in this format; .*\.png'):
        write_image(tmp_path / 'a.jpg', np.zeros((1, 65501, 3), np.uint8))


def test_printers_colours_and_transparency_are_read(tmp_path):
    Image.new('CMYK', (2, 2), (0, 255, 255, 0)).save(tmp_path / 'cmyk.jpg')     # red
    assert read_image(tmp_path / 'cmyk.jpg')[0, 0].tolist() == pytest.approx([0, 0, 254], abs=3)
    Image.new('RGBA', (2, 2), (10, 20, 30, 7)).save(tmp_path / 'alpha.png')
    assert read_image(tmp_path / 'alpha.png')[0, 0].tolist() == [30, 20, 10]


def noise(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A smooth image (h, w, 3) of all colours."""
    coarse = rng.integers(256, size=(7, 9, 3), dtype=np.uint8)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize('options', [
    {}, {'progressive': True}, {'subsampling': 0}, {'quality': 40}, {'optimize': True}], ids=str)
def test_a_jpeg_that_is_not_reduced_has_the_same_pixels(tmp_path, rng, options):
    image = Image.fromarray(noise(rng, (93, 61)))
    image.save(tmp_path / 'a.jpg', **options)
    pixels, size, reduction = read_reduced(tmp_path / 'a.jpg', 1)
    assert (size, reduction) == ((93, 61), 1)
    # one libjpeg in Pillow and OpenCV: equal here; two of them may round their own way
    assert np.abs(pixels.astype(int) - read_image(tmp_path / 'a.jpg')).max() <= 2


@pytest.mark.data
@pytest.mark.parametrize('folder', [
    pytest.param(folder, marks=needs(DATA / folder / 'images'))
    for folder in ('lsp', 'lspet', 'flic', 'mpii_subset')])
def test_photographs_have_the_pixels_that_opencv_reads_also_if_they_are_reduced(folder):
    paths = sorted((DATA / folder / 'images').glob('*.jpg'))
    for path in paths[::len(paths) // 8]:
        for reduction, flag in ((1, cv2.IMREAD_COLOR), (2, cv2.IMREAD_REDUCED_COLOR_2),
                                (4, cv2.IMREAD_REDUCED_COLOR_4), (8, cv2.IMREAD_REDUCED_COLOR_8)):
            pixels, _, r = read_reduced(path, reduction)
            off = np.abs(pixels.astype(int) - cv2.imread(str(path), flag)).max()
            assert r == reduction and off <= 2      # 0 here; another libjpeg may round its own way


def oriented(path, image: np.ndarray, orientation: int) -> np.ndarray:
    """Save an RGB image with an EXIF orientation; return its upright pixels, BGR."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(image).save(path, exif=exif, quality=95, subsampling=0)
    return cv2.imread(str(path))


@pytest.mark.parametrize('orientation', range(1, 9))
def test_every_way_to_read_turns_an_image_upright_as_opencv_does(tmp_path, rng, orientation):
    image = noise(rng, (96, 64))
    for name in ('a.jpg', 'a.png', 'a.tif'):
        path = tmp_path / name
        by_opencv = oriented(path, image, orientation)
        if by_opencv is not None:               # it reads no TIFF that lies on its side
            upright = by_opencv
        for found in (read_image(path), as_image(path), as_image(Image.open(path)),
                      read_reduced(path, 1)[0]):
            assert found.shape == upright.shape
            assert np.abs(found.astype(int) - upright).max() <= 2
        size = upright.shape[1::-1]
        assert image_size(path) == size == ((64, 96) if orientation >= 5 else (96, 64))
        for reduction in (2, 4, 8):
            pixels, of_image, r = read_reduced(path, reduction)
            assert (of_image, r) == (size, reduction if name == 'a.jpg' else 1)
            means = cv2.resize(upright, None, fx=1 / r, fy=1 / r, interpolation=cv2.INTER_AREA)
            assert np.abs(pixels.astype(int) - means).mean() < 2        # libjpeg averages likewise


def test_a_turned_image_is_reduced_only_by_whole_pixels(tmp_path, rng):
    oriented(tmp_path / 'a.jpg', noise(rng, (90, 64)), 6)
    assert read_reduced(tmp_path / 'a.jpg', 2)[1:] == ((64, 90), 2)
    assert read_reduced(tmp_path / 'a.jpg', 4)[1:] == ((64, 90), 1)


@pytest.mark.parametrize('reduction', [2, 4, 8])
def test_a_reduced_pixel_covers_a_square_of_the_image(tmp_path, reduction):
    """A spot lies where ``x = r * (x' + 0.5) - 0.5`` says, in an image of odd sides."""
    columns, rows = np.meshgrid(np.arange(333), np.arange(251))
    for x, y in ((150.0, 100.0), (171.3, 142.8)):
        spot = np.exp(-((columns - x)**2 + (rows - y)**2) / (2 * 14.0**2))
        Image.fromarray(np.rint(255 * spot).astype(np.uint8)).convert('RGB').save(
            tmp_path / 'spot.jpg', quality=95)
        pixels, _, r = read_reduced(tmp_path / 'spot.jpg', reduction)
        assert r == reduction
        assert pixels.shape[:2] == (-(-251 // r), -(-333 // r))
        weight = np.where(pixels[..., 0] > 20, pixels[..., 0], 0).astype(float)
        at_y, at_x = np.indices(weight.shape)
        found = np.array([(at_x * weight).sum(), (at_y * weight).sum()]) / weight.sum()
        assert r * (found + 0.5) - 0.5 == pytest.approx([x, y], abs=0.15)    # px of the image


def test_what_is_no_plain_jpeg_is_decoded_whole(tmp_path, rng):
    image = noise(rng, (64, 48))
    Image.fromarray(image).save(tmp_path / 'a.png')
    Image.fromarray(image).convert('CMYK').save(tmp_path / 'printers.jpg')
    Image.fromarray(image[:9]).save(tmp_path / 'tiny.jpg')
    for name in ('a.png', 'printers.jpg', 'tiny.jpg'):
        pixels, size, reduction = read_reduced(tmp_path / name, 4)
        assert (size, reduction) == ((64, 9 if name == 'tiny.jpg' else 48), 1)
        assert np.array_equal(pixels, read_image(tmp_path / name))


def test_a_jpeg_cut_anywhere_is_refused(tmp_path, rng):
    Image.fromarray(noise(rng, (64, 48))).save(tmp_path / 'whole.jpg')
    whole = (tmp_path / 'whole.jpg').read_bytes()
    for length in range(2, len(whole) - 2, 7):
        (tmp_path / 'cut.jpg').write_bytes(whole[:length])
        with pytest.raises(DataError, match=r'cut\.jpg: not a readable image'):
            read_reduced(tmp_path / 'cut.jpg', 2)


def test_postscript_is_not_handed_to_another_program(tmp_path, monkeypatch):
    monkeypatch.setattr('PIL.EpsImagePlugin.Ghostscript', lambda *_: pytest.fail('it was run'))
    (tmp_path / 'a.jpg').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n'
                                     b'%%EndComments\nshowpage\n%%EOF\n')
    with pytest.raises(DataError, match=r'a\.jpg: .*EPS is drawn by other programs'):
        read_image(tmp_path / 'a.jpg')


def test_an_image_that_claims_a_gigapixel_is_refused(tmp_path):
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.jpg')
    content = (tmp_path / 'a.jpg').read_bytes()
    at = content.index(b'\xff\xc0') + 5
    (tmp_path / 'a.jpg').write_bytes(content[:at] + struct.pack('>HH', 30000, 30000)
                                     + content[at + 4:])
    for read in (read_image, lambda path: read_reduced(path, 1)):
        with pytest.raises(DataError, match=r'a\.jpg: .*it has more than 179 million pixels'):
            read(tmp_path / 'a.jpg')


def test_every_flipped_bit_of_a_png_is_found(tmp_path):
    note = PngImagePlugin.PngInfo()
    note.add_text('made', 'here')
    Image.new('RGB', (5, 4), (9, 99, 200)).save(tmp_path / 'a.png', pnginfo=note)
    content = (tmp_path / 'a.png').read_bytes()
    assert read_image(tmp_path / 'a.png').shape == (4, 5, 3)
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / 'a.png').write_bytes(flipped)
        with pytest.raises(DataError, match='not a readable image'):
            read_image(tmp_path / 'a.png')


def test_what_is_written_is_read(tmp_path, rng):
    image = noise(rng, (20, 10))
    write_image(tmp_path / 'new/folder/a.png', image)
    assert np.array_equal(read_image(tmp_path / 'new/folder/a.png'), image)
    for name, words in (
            ('a.txt', 'px cannot be written in this format; name a .jpg file'),
            ('new/folder/a.png/b.png', r'cannot be written \(.*\); choose a folder')):
        with pytest.raises(DataError, match=f'{name}: .*{words}'):
            write_image(tmp_path / name, image)


def test_a_text_is_no_image_and_the_error_names_it_alone(tmp_path):
    (tmp_path / 'notes.md').write_text('# Notes')
    with pytest.raises(DataError, match=r'notes\.md: not a readable image \(of no format that Pil'):
        read_image(tmp_path / 'notes.md')
    with pytest.raises(DataError, match=r'notes\.md: not a readable image \(of no format that Pil'):
        image_size(tmp_path / 'notes.md')


def test_an_image_file_keeps_the_pixels_that_are_not_reduced(tmp_path, rng):
    for name, reduction in (('a.jpg', 2), ('a.png', 1)):
        Image.fromarray(noise(rng, (96, 64))).save(tmp_path / name)
        image = StoredImage(tmp_path / name)
        assert image.read(2)[1:] == ((96, 64), reduction)
        whole, size, _ = image.read()
        assert size == image.size == (96, 64) and image.nbytes == whole.nbytes
        assert image.read()[0] is whole


@pytest.mark.parametrize(('shape', 'expected'), [
    ((2, 3), [[7, 7, 7]]), ((2, 3, 1), [[7, 7, 7]]), ((2, 3, 4), [[7, 7, 7]])])
def test_arrays_of_every_kind_become_bgr(shape, expected):
    image = as_image(np.full(shape, 7, np.uint8))
    assert image.shape == (2, 3, 3)
    assert (image == expected).all()


@pytest.mark.parametrize(('source', 'message'), [
    (7, 'an image of type int: give a path'), (np.zeros((2, 3)), r'array \(2, 3\) of float64'),
    (np.zeros((2, 3, 2), np.uint8), r'array \(2, 3, 2\)'),
    (np.zeros((0, 3, 3), np.uint8), r'array \(0, 3, 3\)')])
def test_other_objects_are_no_images(source, message):
    with pytest.raises(DataError, match=message):
        as_image(source)


def jpeg(rng: np.random.Generator, **options) -> bytes:
    content = BytesIO()
    Image.fromarray(rng.integers(256, size=(48, 64, 3), dtype=np.uint8)).save(
        content, 'JPEG', **options)
    return content.getvalue()


@pytest.mark.parametrize('mode', ['RGB', 'CMYK'])
@pytest.mark.parametrize('damage', [
    lambda content: content[:-2], lambda content: content[:-2] + bytes(2000),
    lambda content: content[:-20] + b'\xff\xd8\xff\xd9', lambda content: content[:2],
    lambda content: content[:200] + content[210:], lambda content: content[:100] + b'\xff\xd9',
    lambda content: content[:-900] + bytes(90) + content[-810:],
    lambda content: content[:-200] + bytes([55, 7, 3]) + content[-200:]])
def test_a_damaged_jpeg_is_refused_in_every_way_to_read_it(tmp_path, rng, damage, mode):
    content = BytesIO()
    Image.open(BytesIO(jpeg(rng))).convert(mode).save(content, 'JPEG')
    (tmp_path / 'a.jpg').write_bytes(damage(content.getvalue()))
    for read in (read_image, lambda path: read_reduced(path, 2)):
        with pytest.raises(DataError, match=r'a\.jpg: not a readable image \(.*\); fetch it again'):
            read(tmp_path / 'a.jpg')


def test_a_lost_part_between_restart_markers_is_found(tmp_path, rng):
    content = jpeg(rng, restart_marker_blocks=2)
    first, last = content.index(b'\xff\xd1'), content.index(b'\xff\xd4')
    (tmp_path / 'a.jpg').write_bytes(content[:first] + content[last:])
    assert cv2.imread(str(tmp_path / 'a.jpg')) is not None      # OpenCV and Pillow guess
    with pytest.raises(DataError, match=r'a\.jpg: .*Corrupt JPEG data: found marker'):
        read_image(tmp_path / 'a.jpg')


def test_what_a_camera_appends_to_a_jpeg_is_not_read(tmp_path, rng):
    for name, end in (('a.jpg', b''), ('b.jpg', b'appended')):
        (tmp_path / name).write_bytes(jpeg(rng, comment=b'\xff\xd9') + end)
        assert np.array_equal(read_image(tmp_path / name), read_image(tmp_path / 'a.jpg'))
        rng = np.random.default_rng(0)


def test_damaged_exif_data_are_refused_by_name(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.jpg', exif=exif, dpi=(72, 72))
    content = (tmp_path / 'a.jpg').read_bytes()
    (tmp_path / 'a.jpg').write_bytes(content.replace(b'MM\0*', b'MMM*'))
    for read in (read_image, lambda path: read_reduced(path, 1), image_size):
        with pytest.raises(DataError, match=r'a\.jpg: not a readable image \(not a TIFF file'):
            read(tmp_path / 'a.jpg')


def test_exif_data_behind_the_pixels_of_a_png_do_not_turn_it(tmp_path):
    """Its size is read without them, too."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.png', exif=exif)
    content = (tmp_path / 'a.png').read_bytes()
    start = content.index(b'eXIf') - 4
    end = start + 12 + int.from_bytes(content[start:start + 4], 'big')
    (tmp_path / 'a.png').write_bytes(content[:start] + content[end:-12] + content[start:end]
                                     + content[-12:])
    assert read_image(tmp_path / 'a.png').shape == (48, 64, 3)
    assert image_size(tmp_path / 'a.png') == (64, 48)


def test_heic_is_read_upright_where_its_plugin_is(tmp_path, monkeypatch):
    heif = pytest.importorskip('pillow_heif')
    exif = Image.Exif()
    exif[0x0112] = 6                                # shown turned by 90 degrees to the right
    image = Image.new('RGB', (64, 48), (0, 0, 200))
    heif.from_pillow(image).save(tmp_path / 'a.HEIC', exif=exif.tobytes())
    pixels = read_image(tmp_path / 'a.HEIC')
    assert pixels.shape == (64, 48, 3) and image_size(tmp_path / 'a.HEIC') == (48, 64)
    assert np.abs(pixels[10, 10].astype(int) - (200, 0, 0)).max() < 8
    monkeypatch.setitem(sys.modules, 'pillow_heif', None)
    with pytest.raises(DataError, match=r'a\.HEIC: HEIC needs pillow-heif \(the extra heic\): pip'):
        read_image(tmp_path / 'a.HEIC')


def test_avif_is_read_or_pillows_release_is_named(tmp_path, monkeypatch):
    Image.new('RGB', (64, 48), (0, 0, 200)).save(tmp_path / 'a.avif')
    assert np.abs(read_image(tmp_path / 'a.avif')[10, 10].astype(int) - (200, 0, 0)).max() < 8
    monkeypatch.setattr('hourglass.io.images.features.check', lambda name: False)
    with pytest.raises(DataError, match=r'a\.avif: AVIF needs Pillow 11\.3 .*pip install'):
        read_image(tmp_path / 'a.avif')


def test_a_process_without_pillows_limit_reads_images(tmp_path, rng, monkeypatch):
    (tmp_path / 'a.jpg').write_bytes(jpeg(rng))
    expected = read_image(tmp_path / 'a.jpg')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', None)
    assert np.array_equal(read_image(tmp_path / 'a.jpg'), expected)


def test_looking_for_bits_passes_over_what_cannot_be_read(tmp_path, monkeypatch):
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.png')
    (tmp_path / 'b.png').write_text('no image')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
    assert find_bits([tmp_path / 'a.png', tmp_path / 'b.png', tmp_path / 'c.png']) is None


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems have no such names')
def test_names_that_are_no_text_are_written_and_read(tmp_path, rng):
    path = tmp_path / os.fsdecode(b'caf\xe9.png')
    write_image(path, image := noise(rng, (9, 7)))
    assert np.array_equal(read_image(path), image)
