"""Matlab files, read with errors that name the file."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from hourglass.errors import DataError


def read_mat(path: str | Path, variable: str, fields: Sequence[str] = ()) -> np.ndarray:
    """One variable of a .mat file, structs as objects with attributes.

    Args:
        fields: what every struct of the variable must have.

    Raises:
        DataError: if the file cannot be read, or lacks the variable or a field.
    """
    value = np.atleast_1d(_load(path, variable, squeeze_me=True, struct_as_record=False))
    missing = [field for field in fields if value.size and not hasattr(value.flat[0], field)]
    if missing:
        raise DataError(f"{path}: '{variable}' has no field '{missing[0]}'")
    return value


def read_mat_as_stored(path: str | Path, variable: str) -> np.ndarray:
    """One variable of a .mat file in the shapes that ``scipy.io.savemat`` writes back unchanged.

    Structs are structured arrays of Matlab's shape, and so is everything in them.

    Raises:
        DataError: if the file cannot be read, or lacks the variable.
    """
    return _load(path, variable)


def _load(path: str | Path, variable: str, **options):
    if not Path(path).is_file():
        raise DataError(f'{path}: no such file')
    try:
        content = loadmat(path, variable_names=[variable], **options)
    except NotImplementedError:
        raise DataError(f'{path}: a Matlab 7.3 file; save it with -v7') from None
    except Exception as error:                  # scipy raises a dozen types for a broken file
        raise DataError(f'{path}: not a readable .mat file ({error}); fetch it again') from None
    if variable not in content:
        raise DataError(f"{path}: holds no '{variable}', so it is another file than "
                        'expected, or cut off; fetch it again')
    return content[variable]
