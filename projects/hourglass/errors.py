"""Errors for users: one line that names the file or key and says what to do."""
import difflib
import re
from collections.abc import Iterable


class HourglassError(ValueError):
    """An error that a user can fix. The command line prints its one line without a traceback.

    Control characters, as of the name of a file, are escaped: none can begin another line, or
    change what a terminal shows.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if text.startswith('Caught '):      # by a data worker, with its traceback before the line
            text = re.sub(r'^.*\n[\w.]+Error: ', '', text.strip(), flags=re.DOTALL)
        return ''.join(one if one.isprintable() else one.encode('unicode_escape').decode()
                       for one in text)


class DataError(HourglassError):
    """A data folder, annotation or image that cannot be used as it is."""


class ConfigError(HourglassError):
    """A config or command line that asks for something that does not exist."""


class CheckpointError(HourglassError):
    """A checkpoint that cannot be read or does not belong to the network."""


class TrainingError(HourglassError):
    """A run that cannot continue; the message says why, and how to resume from what was saved."""


class ExportError(HourglassError):
    """A network that cannot be exported, or an exported one whose outputs differ."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint at the most similar known word, after a comma; empty if none is similar."""
    # 0.78 still matches 'modle' (0.80) with 'model', and no variable of the configs with a key
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.78)
    return f", did you mean '{close[0]}'?" if close else ''


def words_of(error: Exception) -> str:
    """Return the text of an error as one line."""
    return ' '.join(str(error).split())


def one_line(error: Exception) -> str:
    """Return an error as one line, with its type unless it is written for users."""
    kind = '' if isinstance(error, HourglassError) else f'{type(error).__name__}: '
    return kind + words_of(error)
