"""Published results fit the tables they stand in."""
from hourglass.evaluation.protocols import PROTOCOLS
from hourglass.evaluation.published import PUBLISHED


def test_every_row_names_a_protocol_if_it_is_known_and_columns_of_its_table():
    assert PUBLISHED.keys() == PROTOCOLS.keys()
    for dataset, rows in PUBLISHED.items():
        for name, protocol_name, scores in rows:
            protocol = PROTOCOLS[dataset][protocol_name or 'torso']
            assert scores and scores.keys() <= set(protocol.columns)
            assert all(0 < score <= 100 for score in scores.values())
            assert name.endswith((', val', ', test'))
        assert len({row[:2] for row in rows}) == len(rows)


def test_the_papers_scores_are_those_of_its_tables():
    (name, _, mpii), (_, _, flic) = PUBLISHED['mpii'][0], PUBLISHED['flic'][0]
    assert name == 'Hourglass (paper, 8 stacks), test' and mpii['Total'] == 90.9
    assert flic == dict(Elbow=99.0, Wrist=97.0)
