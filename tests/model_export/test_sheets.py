"""What contact sheets promise."""

import numpy as np
from PIL import Image

from model_export.sheets import write_sheet

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_pictures_keep_their_proportions_and_rows_their_height(tmp_path):
    wide, tall = np.full((20, 40, 3), RED, np.uint8), np.full((80, 40, 3), BLUE, np.uint8)
    path = tmp_path / "new" / "sheet.png"
    write_sheet(path, ["a", "b"], [[wide, wide], [None, tall]], tile_px=40)
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
    red, blue = (np.all(pixels == color, axis=2) for color in (RED, BLUE))
    assert red.sum() == 2 * 20 * 40
    assert blue.sum() == 40 * 20
    assert np.nonzero(red)[0].max() < np.nonzero(blue)[0].min()  # nothing is covered
    assert np.nonzero(blue)[1].min() >= 42  # the gap before it stays
