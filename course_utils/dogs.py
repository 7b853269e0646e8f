"""Dog breeds, in the layout of Kaggle's competition: pictures, labels, and the form of a submission.

The competition's folder holds ``labels.csv`` (id, breed), ``train/`` and ``test/`` with ``<id>.jpg``, and
``sample_submission.csv``, which names the breeds and the test pictures [1]_. Where that folder is not to be had,
`dog_breeds` makes one of the same layout, the *stand-in*: drawn pictures of twelve breeds that look alike in pairs.

References
----------
.. [1] https://www.kaggle.com/c/dog-breed-identification
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from course_utils import data, stand_in, training, vision
from course_utils.checks import CheckFailed

__all__ = [
    "KAGGLE",
    "LIMITS",
    "NAMES",
    "SIDES",
    "STAND_IN",
    "STAND_IN_BREEDS",
    "TEST_PICTURES",
    "DogBreeds",
    "batches",
    "cached",
    "check_split",
    "dog_breeds",
    "halves",
    "maps",
    "one_of_each",
    "parse_submission",
    "probabilities",
    "read_folder",
    "read_submission",
    "shapes_of",
    "tensors_of",
    "write_stand_in",
]

# Names of the sources, as records of trained networks hold them.
KAGGLE, STAND_IN = "dog breeds", data.STAND_IN

# Log losses (nats) from which on a submission earns points.
LIMITS = (2.0, 1.3, 1.0)

# Six shapes, each with two coats: breeds 2 k and 2 k + 1 look alike.
_SHAPES, _COATS = ("crescent", "cross", "dumbbell", "ring", "star", "triangle"), ("banded", "spotted")
STAND_IN_BREEDS = tuple(f"{shape}_{coat}" for shape in _SHAPES for coat in _COATS)

_SEED = 120
# Sides of the stand-in's pictures, in pixels.
SIDES = (64, 80, 96)
# Its test pictures were drawn by somebody who kept their breeds: what a program draws again, it knows the breed of.
TEST_PICTURES = Path(__file__).parent / "weights" / "dog-breeds-test.zip"
# Part of the folder's name: count it up whenever the pictures change.
_VERSION = 2

# Bytes; a submission comes from a student. Kaggle's own has 10,357 rows of 120 numbers: about 25 MiB.
MOST_BYTES = 64 * 2**20
_TOLERANCE = 1e-3
# What the folder of the real pictures may be called.
NAMES = ("dog-breeds", "dog-breed-identification")


@dataclass(frozen=True)
class DogBreeds:
    """A folder in Kaggle's layout, read.

    Parameters
    ----------
    source : str
        "dog breeds" or "stand-in".
    folder : pathlib.Path
    train_ids, train_breeds : tuple of str
        As in ``labels.csv``, in its order.
    test_ids : tuple of str
        In the order of ``sample_submission.csv``.
    breeds : tuple of str
        Its columns: the order of probabilities in a row.
    """

    source: str
    folder: Path
    train_ids: tuple[str, ...]
    train_breeds: tuple[str, ...]
    test_ids: tuple[str, ...]
    breeds: tuple[str, ...]

    @property
    def network(self) -> str:
        """Name of the pre-trained network that suits the pictures, as `vision.load` takes it."""
        return "shapes-plain" if self.source == STAND_IN else "mobilenet_v2"

    @property
    def labels(self) -> np.ndarray:
        """Number of each training picture's breed, of shape (N,), int64: where it is in `breeds`."""
        number = {breed: index for index, breed in enumerate(self.breeds)}
        return np.array([number[breed] for breed in self.train_breeds], dtype=np.int64)

    def path(self, split: str, picture: str) -> Path:
        """Return where the picture of an id lies; `split` is "train" or "test"."""
        return self.folder / split / f"{picture}.jpg"


# The folder.


def dog_breeds() -> DogBreeds:
    """Find Kaggle's folder, or make the stand-in.

    Returns
    -------
    DogBreeds
        Of the folder ``dog-breeds`` (or ``dog-breed-identification``, as Kaggle's zip is called) in the folder that the
        environment variable COURSE_DATA names, by default ``~/.cache/course-data``; else of the stand-in, which is
        written beside it once.

    Raises
    ------
    data.DataMissing
        If there is such a folder, but something is missing in it.
    """
    place = Path(os.environ.get("COURSE_DATA") or Path.home() / ".cache" / "course-data")
    for name in NAMES:
        if (place / name).is_dir():
            return read_folder(place / name, KAGGLE)
    folder = f"dog-breeds-stand-in-{_VERSION}"
    for parent in (place, Path(tempfile.gettempdir())):
        try:
            return read_folder(write_stand_in(parent / folder), STAND_IN)
        except OSError:  # a folder that others own, or a full disk
            continue
    raise data.DataMissing(f"Neither in {place} nor in {tempfile.gettempdir()} can the stand-in's pictures be written.")


def read_folder(folder: str | Path, source: str = KAGGLE) -> DogBreeds:
    """Read the tables of a folder in Kaggle's layout; pictures are looked for, not opened.

    Parameters
    ----------
    folder : str or pathlib.Path
    source : str
        What to call it.

    Returns
    -------
    DogBreeds

    Raises
    ------
    data.DataMissing
        If a table or a picture is missing, or a table cannot be understood.
    """
    folder = Path(folder)
    labels = _read_table(folder / "labels.csv")
    sample = _read_table(folder / "sample_submission.csv")
    if labels[0] != ["id", "breed"] or any(len(row) != 2 for row in labels):
        raise data.DataMissing(f"{folder / 'labels.csv'} must have the columns id,breed.")
    if sample[0][0] != "id" or len(sample[0]) < 3 or any(not row for row in sample):
        raise data.DataMissing(f"{folder / 'sample_submission.csv'} must have a column id and one for each breed.")
    ids, names = zip(*labels[1:], strict=True)
    breeds = tuple(sample[0][1:])
    unknown = sorted(set(names) - set(breeds))
    if unknown:
        raise data.DataMissing(
            f"labels.csv and sample_submission.csv in {folder} do not belong together: the breed {unknown[0]!r} is no "
            "column."
        )
    found = DogBreeds(source, folder, ids, names, tuple(row[0] for row in sample[1:]), breeds)
    for split, wanted in (("train", found.train_ids), ("test", found.test_ids)):
        there = {path.stem for path in (folder / split).glob("*.jpg")}
        missing = [picture for picture in wanted if picture not in there]
        if missing:
            raise data.DataMissing(
                f"{len(missing)} of {len(wanted)} pictures are not in {folder / split}, {missing[0]}.jpg for one. "
                "Unpack Kaggle's zip again, whole."
            )
    return found


def _read_table(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError as error:
        raise data.DataMissing(f"There is no {path}. Unpack Kaggle's zip again, whole.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise data.DataMissing(f"{path} is no table that can be read ({error}).") from error
    if len(rows) < 2:
        raise data.DataMissing(f"{path} is empty.")
    return rows


def write_stand_in(folder: str | Path, seed: int = _SEED) -> Path:
    """Write the stand-in: a small folder in Kaggle's layout with pictures drawn by a program.

    Twelve breeds, each a shape with a coat; two of one shape look alike. About 360 pictures to train on, not equally
    many of each breed, and 240 test pictures.

    Parameters
    ----------
    folder : str or pathlib.Path
        If it is there already, it is left as it is.
    seed : int
        Another seed, other training pictures.

    Returns
    -------
    pathlib.Path
        The folder.
    """
    folder = Path(folder)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Whoever stops this finds no half a folder, and two who write at once do not disturb each other.
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        ids, breeds = _plan(seed)
        (fresh / "train").mkdir()
        for part, side in enumerate(SIDES):
            own = slice(part, None, len(SIDES))
            drawn, _ = stand_in.draw_shapes(shapes_of(breeds[own]), side, 10 * seed, coats=1 + breeds[own] % 2)
            for picture, image in zip(ids[own], drawn, strict=True):
                path = fresh / "train" / f"{picture}.jpg"
                Image.fromarray(image.transpose(1, 2, 0)).save(path, quality=95, subsampling=0)
        with zipfile.ZipFile(TEST_PICTURES) as archive:
            archive.extractall(fresh / "test")
            test_ids = [Path(name).stem for name in archive.namelist()]
        _write_table(
            fresh / "labels.csv", ["id", "breed"], ([i, STAND_IN_BREEDS[b]] for i, b in zip(ids, breeds, strict=True))
        )
        share = 1 / len(STAND_IN_BREEDS)
        rows = ([picture, *[share] * len(STAND_IN_BREEDS)] for picture in test_ids)
        _write_table(fresh / "sample_submission.csv", ["id", *STAND_IN_BREEDS], rows)
        fresh.chmod(0o755)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise somebody else was faster
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def shapes_of(breeds: np.ndarray) -> np.ndarray:
    """Return the shapes of breeds of the stand-in, as `stand_in.draw_shapes` takes them.

    Parameters
    ----------
    breeds : numpy.ndarray of shape (N,), int
        Indices into `STAND_IN_BREEDS`.

    Returns
    -------
    numpy.ndarray of shape (N,), int
    """
    return np.array([stand_in.SHAPES.index(_SHAPES[breed // 2]) for breed in breeds])


def _plan(seed: int) -> tuple[list[str], np.ndarray]:
    """Ids, sorted, and breeds of the stand-in's training pictures."""
    rng = np.random.default_rng([12, seed])
    counts = rng.integers(24, 37, len(STAND_IN_BREEDS))
    breeds = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    names = (f"{seed} train {index}".encode() for index in range(len(breeds)))
    return sorted(hashlib.blake2s(name, digest_size=16).hexdigest() for name in names), breeds


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


# Pictures and networks.


def batches(dogs: DogBreeds, split: str, view: int = 0, batch_size: int = 32) -> Iterator[Tensor]:
    """Open the pictures of a split one after the other, prepared for the pre-trained network.

    Parameters
    ----------
    dogs : DogBreeds
    split : {"train", "test"}
    view : {0, 1}
        0: the square in the middle, as the network was trained on; 1: the whole picture, squashed into a square and
        mirrored.
    batch_size : int

    Yields
    ------
    torch.Tensor of shape (N, 3, H, W), float32
        In the order of `train_ids` or `test_ids`; N is `batch_size`, in the last one what is left.

    Raises
    ------
    vision.PictureError
        If a file holds no picture; the text says which.
    """
    ids = {"train": dogs.train_ids, "test": dogs.test_ids}[split]
    for start in range(0, len(ids), batch_size):
        pictures = [vision.open_picture(dogs.path(split, picture)) for picture in ids[start : start + batch_size]]
        if view:
            pictures = [ImageOps.mirror(picture).resize((min(picture.size),) * 2) for picture in pictures]
        yield torch.cat([vision.preprocess(picture, dogs.network, crop=not view) for picture in pictures])


def one_of_each(dogs: DogBreeds, breeds: Sequence[str], count: int = 4) -> dict[str, list[np.ndarray]]:
    """Return some training pictures of each of some breeds.

    Parameters
    ----------
    dogs : DogBreeds
    breeds : sequence of str
    count : int
        Pictures of each breed.

    Returns
    -------
    dict of str to list of numpy.ndarray of shape (H, W, 3), uint8
    """
    found: dict[str, list[np.ndarray]] = {breed: [] for breed in breeds}
    for picture, breed in zip(dogs.train_ids, dogs.train_breeds, strict=True):
        if breed in found and len(found[breed]) < count:
            found[breed].append(np.asarray(vision.open_picture(dogs.path("train", picture))))
    return found


def halves(model: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Cut the feature part of a pre-trained network in two.

    Parameters
    ----------
    model : torch.nn.Module
        As `vision.load` returns it: MobileNetV2 or the plain network of shapes.

    Returns
    -------
    lower : torch.nn.Module
        Pictures (N, 3, H, W) to maps: edges, textures, parts, which serve other pictures as well.
    upper : torch.nn.Module
        Maps to the last feature map (N, C, h, w): what is worth training anew. Its weights can be trained again.

    Raises
    ------
    ValueError
        If it is not known where to cut the network.

    Examples
    --------
    >>> lower, upper = halves(vision.load("shapes-plain"))
    >>> lower(torch.zeros(2, 3, 64, 64)).shape, upper(lower(torch.zeros(2, 3, 64, 64))).shape[2:]
    (torch.Size([2, 48, 16, 16]), torch.Size([8, 8]))
    """
    cuts = {"PlainNetwork": 9, "MobileNetV2": 14}
    name = type(model).__name__
    if name not in cuts:
        raise ValueError(f"Don't know where to cut a {name}; take one of {', '.join(cuts)}.")
    features, _ = vision.split(model)
    return features[: cuts[name]], features[cuts[name] :].requires_grad_(True)


@torch.no_grad()
def probabilities(model: nn.Module, *views: Tensor, temperature: float = 1.0, batch_size: int = 256) -> Tensor:
    """Return the softmax of a model's logits for any number of inputs, without gradients and in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Maps a batch of inputs to logits of shape (N, K).
    *views : torch.Tensor of shape (N, ...), floating point of any precision
        The inputs. If several views of the same pictures are given, the mean over them is returned.
    temperature : float
        What logits are divided by.
    batch_size : int

    Returns
    -------
    torch.Tensor of shape (N, K), float64
        On the CPU.
    """
    model.eval()
    place = next(model.parameters()).device
    logits = [torch.cat([model(part.to(place).float()) for part in view.split(batch_size)]) for view in views]
    return torch.stack([(one.double().cpu() / temperature).softmax(1) for one in logits]).mean(0)


@torch.no_grad()
def maps(lower: nn.Module, batches: Iterable[Tensor]) -> Tensor:
    """Return what the lower part of a network makes of pictures, with 16 bits each to save memory.

    Parameters
    ----------
    lower : torch.nn.Module
        Pictures (N, 3, H, W) to maps (N, D, h, w).
    batches : iterable of torch.Tensor

    Returns
    -------
    torch.Tensor of shape (number of all pictures, D, h, w), float16
    """
    lower.eval()
    return torch.cat([lower(pictures).half() for pictures in batches])


def tensors_of(model: Any) -> dict[str, Tensor]:
    """Return copies of the parameters and statistics of a model by name, also of one that lives in another process."""
    state = model.state_dict()
    return {str(name): state[name].detach().clone() for name in state}


def cached(name: str, compute: Callable[[], Tensor], about: str) -> Tensor:
    """Return what was computed before, or compute it and keep it for the next time.

    Parameters
    ----------
    name : str
        Of the file ``cache/<name>.safetensors`` beside the notebook; it is not handed in.
    compute : callable
        Returns the tensor. If a function of the notebook that it uses is changed, the values are computed anew.
    about : str
        What else the values depend on; if it is another one than the file was made from, they are computed anew.

    Returns
    -------
    torch.Tensor
    """
    path = training.folder().with_name("cache") / f"{name}.safetensors"
    made_from = {"about": about, **training.code_marks(nn.Module(), compute)}
    try:
        with safetensors.safe_open(path, "pt") as file:
            if file.metadata() == made_from:
                return file.get_tensor("values")
    except (OSError, safetensors.SafetensorError):  # not there, or damaged
        pass
    values = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    safetensors.torch.save_file({"values": values.detach().cpu().contiguous()}, fresh, made_from)
    fresh.replace(path)
    return values


def check_split(train: Any, validation: Any, breeds: Sequence[str], share: float) -> None:
    """Check that pictures were split breed by breed.

    Parameters
    ----------
    train, validation : array_like of int
        Indices into `breeds`, as the student's function returned them.
    breeds : sequence of str
        The breed of each picture.
    share : float
        Of each breed, how much is for validation.

    Raises
    ------
    CheckFailed
        If a picture is in neither part or in both, or a breed's share is off by more than one picture, or one part has
        none of a breed that has two pictures.
    """
    parts = []
    for name, part in (("train", train), ("validation", validation)):
        if not isinstance(part, np.ndarray) or part.ndim != 1 or part.dtype.kind not in "iu":
            shown = f"dtype {part.dtype}, shape {part.shape}" if isinstance(part, np.ndarray) else type(part).__name__
            raise CheckFailed(
                f"The indices for {name} must be a NumPy array of whole numbers with one axis, got {shown}."
            )
        if part.size and not 0 <= part.min() <= part.max() < len(breeds):
            raise CheckFailed(f"The indices for {name} must be from 0 to {len(breeds) - 1}; one is not.")
        parts.append(part)
    times = np.bincount(np.concatenate(parts).astype(np.int64), minlength=len(breeds))
    if (times > 1).any():
        raise CheckFailed(
            f"Picture {int((times > 1).argmax())} is there more than once. What is in the validation part must not be "
            "in the training part: the network has seen it."
        )
    if (times < 1).any():
        raise CheckFailed(
            f"Picture {int((times < 1).argmax())} is in neither part. Each picture belongs to one of them."
        )
    names = np.asarray(breeds)
    for breed in dict.fromkeys(breeds):
        total, found = int((names == breed).sum()), int((names[parts[1]] == breed).sum())
        if abs(found - share * total) > 1 or (total > 1 and found in (0, total)):
            raise CheckFailed(
                f"Of {total} pictures of {breed} there are {found} in the validation part; {share:.0%} of them is "
                f"{share * total:.1f}. Split the pictures of each breed on their own, so that both parts have each."
            )


# Reading what anybody may have written.


def read_submission(name: str = "submission.csv") -> bytes:
    """Read a submission from ``artifacts/``, as `training.read_file` does.

    Parameters
    ----------
    name : str

    Returns
    -------
    bytes

    Raises
    ------
    CheckFailed
        If it is missing, no plain file, or larger than 64 MiB.
    """
    return training.read_file(name, MOST_BYTES, "writes it")


def parse_submission(
    content: bytes, ids: Sequence[str], breeds: Sequence[str], name: str = "submission.csv"
) -> np.ndarray:
    """Check a submission in Kaggle's form: the columns and their order, the ids, the numbers, the sum of each row.

    Parameters
    ----------
    content : bytes
        Of the file; UTF-8.
    ids : sequence of str
        Of the test pictures. Rows may come in any order, as on Kaggle.
    breeds : sequence of str
        The columns after ``id``, in this order.
    name : str
        How messages call the file.

    Returns
    -------
    numpy.ndarray of shape (len(ids), len(breeds)), float64
        Probabilities, rows in the order of `ids`.

    Raises
    ------
    CheckFailed
        At the first thing that is not right, with its line.

    Examples
    --------
    >>> parse_submission(b"id,beagle,pug\\nb,0.25,0.75\\na,1,0\\n", ["a", "b"], ["beagle", "pug"])
    array([[1.  , 0.  ],
           [0.25, 0.75]])
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CheckFailed(
            f"{name} is no text in UTF-8. Write it with encoding='utf-8', as a plain CSV file."
        ) from error
    if not text.strip():
        raise CheckFailed(f"{name} is empty.")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    probs = np.full((len(ids), len(breeds)), np.nan)
    place, seen = {picture: index for index, picture in enumerate(ids)}, set()
    try:
        _check_columns(next(rows), breeds, name)
        for row in rows:
            if not row:
                continue  # an empty line
            where = f"{name}, line {rows.line_num}"
            if len(row) != 1 + len(breeds):
                raise CheckFailed(f"{where} has {len(row)} entries; an id and {len(breeds)} probabilities are wanted.")
            picture = row[0]
            if picture not in place:
                raise CheckFailed(f"{where}: {_shown(picture)} is not the id of a test picture.")
            if picture in seen:
                raise CheckFailed(f"{where}: the id {picture} comes a second time.")
            seen.add(picture)
            probs[place[picture]] = _numbers(row[1:], breeds, where)
    except csv.Error as error:
        raise CheckFailed(f"{name}, line {rows.line_num}, is no line of a CSV file ({error}).") from error
    if len(seen) < len(ids):
        missing = next(picture for picture in ids if picture not in seen)
        raise CheckFailed(
            f"{name} has no row for {len(ids) - len(seen)} of {len(ids)} test pictures, {missing} for one."
        )
    return probs


def _check_columns(header: list[str], breeds: Sequence[str], name: str) -> None:
    wanted = ["id", *breeds]
    if header == wanted:
        return
    if len(header) == 1 and ";" in header[0]:
        raise CheckFailed(f"{name} has semicolons between its columns; Kaggle wants commas.")
    present = set(header)
    missing = [column for column in wanted if column not in present]
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise CheckFailed(
            f"{name} lacks the column {missing[0]!r}{others}. The first line names the columns, as in "
            "sample_submission.csv."
        )
    twice = [column for index, column in enumerate(header) if column in header[:index]]
    if twice:
        raise CheckFailed(f"{name} has the column {_shown(twice[0])} twice.")
    known = set(wanted)
    unknown = [column for column in header if column not in known]
    if unknown:
        raise CheckFailed(f"{name} has a column {_shown(unknown[0])}, which sample_submission.csv does not have.")
    index = next(i for i, (own, other) in enumerate(zip(header, wanted, strict=True)) if own != other)
    raise CheckFailed(
        f"The columns of {name} are in another order than those of sample_submission.csv: column {index + 1} is "
        f"{_shown(header[index])}, and must be {wanted[index]!r}. The probabilities must change places with the names."
    )


def _numbers(texts: list[str], breeds: Sequence[str], where: str) -> np.ndarray:
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        index = next(i for i, text in enumerate(texts) if not _is_number(text))
        raise CheckFailed(f"{where}: {_shown(texts[index])} in column {breeds[index]} is not a number.") from None
    bad = ~np.isfinite(values)
    if bad.any():
        index = int(bad.argmax())
        raise CheckFailed(f"{where}: {values[index]} in column {breeds[index]} is not a finite number.")
    if (values < 0).any():
        index = int((values < 0).argmax())
        raise CheckFailed(f"{where}: {values[index]:g} in column {breeds[index]} is negative; a probability is not.")
    total = values.sum()
    if abs(total - 1) > _TOLERANCE:
        raise CheckFailed(
            f"{where}: the probabilities sum to {total:.6g}; they must sum to one. Are they logits, or written with "
            "too few digits?"
        )
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
