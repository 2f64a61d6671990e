"""Published results fit the tables they stand in."""
import numpy as np

from hourglass.evaluation import pck
from hourglass.evaluation.protocols import PROTOCOLS
from hourglass.evaluation.published import PUBLISHED


def test_every_row_names_a_protocol_and_columns_of_its_table():
    assert PUBLISHED.keys() == PROTOCOLS.keys()
    for dataset, rows in PUBLISHED.items():
        for row in rows:
            protocol = PROTOCOLS[dataset][row.protocol]
            names = protocol.scored
            nothing = pck.count(np.empty((0, len(names))), protocol.thresholds)
            assert row.scores and row.scores.keys() <= protocol.table(nothing, names).keys()
            assert all(0 < score <= 100 for score in row.scores.values())
            assert row.people in ('val', 'test')
        assert len({(row.name, row.protocol) for row in rows}) == len(rows)


def test_the_papers_numbers():
    mpii, flic = PUBLISHED['mpii'][0], PUBLISHED['flic'][0]
    assert (mpii.people, mpii.scores['Total']) == ('test', 90.9)
    assert flic.scores == dict(Elbow=99.0, Wrist=97.0)
