"""Pictures: every kind of number, alpha, cutting, resizing without aliasing, and pixels as rows."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import io, transform
from skimage.color import rgb2gray

from labkit.data import images


@pytest.mark.parametrize("name", images.PICTURES)
def test_shipped_pictures_are_pictures(name):
    found = images.picture(name, 32)
    assert found.shape == (32, 32) and found.dtype == torch.float64
    assert 0 <= found.min() < found.max() <= 1 and found.std() > 0.02


def test_the_cameraman_is_the_file_of_scikit_image():
    from skimage import data

    np.testing.assert_allclose(images.picture("camera"), data.camera() / 255)


def test_grey_is_that_of_scikit_image():
    colour = images.picture("astronaut", grey=False)
    assert colour.shape == (512, 512, 3)
    np.testing.assert_allclose(images.picture("astronaut"), rgb2gray(colour.numpy()), atol=1e-9)


def test_all_kinds_of_numbers_mean_the_same():
    share = np.array([[0.0, 1.0], [0.2, 0.4]])
    for values in (share, share.astype(np.float32), (share * 255).astype(np.uint8),
                   (share * 65535).astype(np.uint16), torch.tensor(share).bfloat16()):  # fmt: skip
        np.testing.assert_allclose(images.picture(values), share, atol=0.5 / 255)
    np.testing.assert_array_equal(images.picture(share > 0.3), [[0, 1], [0, 1]])
    sixteen = images.picture((share * 65535).astype(np.uint16))
    np.testing.assert_allclose(sixteen, share, atol=1 / 65535)  # not squeezed into 8 bits


def test_alpha_is_laid_over_white():
    red = np.zeros((2, 2, 4), np.uint8)
    red[..., 0], red[..., 3] = 255, [[255, 0], [51, 102]]
    alpha = np.array([[1, 0], [0.2, 0.4]])
    found = images.picture(red, grey=False)
    np.testing.assert_allclose(found[..., 0], 1)
    np.testing.assert_allclose(found[..., 1], 1 - alpha)
    grey = np.stack((np.zeros((2, 2)), alpha), -1)
    np.testing.assert_allclose(images.picture(grey), 1 - alpha)


def test_the_middle_square_is_resized_without_aliasing():
    wide = np.zeros((64, 128))
    wide[:, 32:96] = (np.indices((64, 64)).sum(0) % 2) * 1.0  # a checkerboard, all of it above Nyquist
    small = images.picture(wide, 16)
    assert small.shape == (16, 16)
    inner = small[2:-2, 2:-2]
    assert (inner - 0.5).abs().max() < 0.02, "the checkerboard must become grey, not another pattern"
    plain = transform.resize(wide[:, 32:96], (16, 16), order=0, anti_aliasing=False)
    assert np.abs(plain - 0.5).max() == 0.5, "which plain picking of pixels does not give"


def test_a_path_and_an_array_are_one_call(tmp_path):
    values = (np.random.default_rng(0).random((10, 12, 3)) * 255).astype(np.uint8)
    io.imsave(tmp_path / "mine.png", values, check_contrast=False)
    np.save(tmp_path / "mine.npy", values)
    for path in (tmp_path / "mine.png", str(tmp_path / "mine.npy")):
        torch.testing.assert_close(images.picture(path, 8), images.picture(values, 8))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.png", "picture: got 'nowhere.png', where there is no file"),
        ("camara", "Did you mean 'camera'"),
        (np.zeros((3, 3)) - 1.0, "picture: got floats from -1 to -1; allowed: finite ones in"),
        (np.full((2, 2), 200.0), "got floats from 200 to 200"),
        (np.full((2, 2), np.nan), "allowed: finite ones"),
        (np.full((2, 2), -3, np.int16), "below 0"),
        (np.full((2, 2), 200, np.int64), "picture: got int64; allowed: whole numbers of 8 or 16 bits"),
        (np.zeros((2, 2), complex), "picture: got complex128"),
        (np.zeros((2, 2, 5)), r"picture: got shape \(2, 2, 5\)"),
        (np.zeros((0, 2)), r"picture: got shape \(0, 2, 1\)"),
        (np.zeros(4), r"picture: got shape \(4,\)"),
    ],
)
def test_what_is_no_picture_is_refused(source, words):
    with pytest.raises(ValueError, match=words):
        images.picture(source)


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(ValueError, match="could not read .* as a picture"):
        images.picture(tmp_path / "bad.png")
    Image.new("CMYK", (4, 4), (10, 200, 30, 0)).save(tmp_path / "ink.jpg")
    with pytest.raises(ValueError, match=r"picture: got four inks \(CMYK\)"):
        images.picture(tmp_path / "ink.jpg")


def test_pixels_stay_inside_and_the_held_out_grid_is_the_rest():
    image = torch.arange(12.0).view(3, 4) / 12
    found = images.pixels(image, held_out=True)
    assert found.x.abs().max() == 0.75 and found.x[0].tolist() == pytest.approx([-0.75, -2 / 3])
    assert found.x[1].tolist() == pytest.approx([-0.25, -2 / 3]), "x runs first: row by row"
    np.testing.assert_allclose(found.y[:, 0], 2 * image.flatten() - 1)
    assert found.train.tolist() == [0, 2, 8, 10]
    assert sorted([*found.train.tolist(), *found.test.tolist()]) == list(range(12))
    torch.testing.assert_close(images.pixels(image, extent=3.0).x, 3 * found.x)
    with pytest.raises(ValueError, match="to hold some out"):
        images.pixels(image[:1], held_out=True)
