"""The errors this package raises on purpose: one line, which file or key, what to do."""
import difflib
from collections.abc import Iterable


class HourglassError(ValueError):
    """Something a user can mend. The command line tools print its one line, no traceback."""


class DataError(HourglassError):
    """A data folder, annotation or image that cannot be used as it is."""


class ConfigError(HourglassError):
    """A config or command line that asks for something that does not exist."""


class CheckpointError(HourglassError):
    """A checkpoint that cannot be read or does not belong to the network."""


class TrainingError(HourglassError):
    """A run that cannot go on: what stopped it, and how to go on from what was saved."""


class ExportError(HourglassError):
    """A network that cannot be exported, or an exported one that computes something else."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest known word, with a comma before it; empty where none is near."""
    # 0.78 still takes 'modle' (0.80) for 'model', and no variable of the configs for a key
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.78)
    return f", did you mean '{close[0]}'?" if close else ''
