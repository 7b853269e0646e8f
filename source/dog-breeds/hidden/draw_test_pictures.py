"""Draw the test pictures of the stand-in: what students see, and the key that they don't.

python source/dog-breeds/hidden/draw_test_pictures.py

Run it for test pictures of your own. The pictures go into the package (and with it to the students), the key stays
beside this file. Submissions for the old pictures are worth nothing then; the reference's is written again by
`python -m tests.artifacts.train_references dog-breeds/fine-tuning`.
"""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils import stand_in
from course_utils.lessons.dog_breeds import dataset

_PICTURES = 240


def main() -> None:
    rng = np.random.default_rng(secrets.randbits(128))
    breeds = rng.integers(len(dataset.STAND_IN_BREEDS), size=_PICTURES)
    ids = sorted(rng.bytes(16).hex() for _ in breeds)
    contents: dict[str, bytes] = {}
    for part, side in enumerate(dataset.SIDES):
        own = slice(part, None, len(dataset.SIDES))
        drawn, _ = stand_in.draw_shapes(dataset.shapes_of(breeds[own]), side, secrets.randbits(63), 1 + breeds[own] % 2)
        for picture, image in zip(ids[own], drawn, strict=True):
            file = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=95, subsampling=0)
            contents[picture] = file.getvalue()
    with zipfile.ZipFile(dataset.TEST_PICTURES, "w") as archive:
        for picture in ids:
            archive.writestr(zipfile.ZipInfo(f"{picture}.jpg"), contents[picture])
    key = {picture: dataset.STAND_IN_BREEDS[breed] for picture, breed in zip(ids, breeds, strict=True)}
    Path(__file__).with_name("key.json").write_text(json.dumps(key, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
