"""The errors this package raises on purpose: one line, which file or key, what to do."""


class HourglassError(ValueError):
    """Something a user can mend. The command line tools print its one line, no traceback."""


class DataError(HourglassError):
    """A data folder, annotation or picture that cannot be used as it is."""


class ConfigError(HourglassError):
    """A config or command line that asks for something that does not exist."""


class CheckpointError(HourglassError):
    """A checkpoint that cannot be read or does not belong to the network."""


class ExportError(HourglassError):
    """A network that cannot be exported, or an exported one that computes something else."""
