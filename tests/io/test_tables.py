"""Tables: columns of all kinds of cells are aligned."""
import math

from hourglass.io.tables import counted, markdown_table, number, text_table

ROWS = [['one', '1.00', ''], ['twenty-one', '21.00', '3']]


def test_the_first_column_is_aligned_left_and_the_others_right():
    assert text_table(ROWS, ['', 'PCK', 'seed']).splitlines() == [
        '              PCK  seed',
        'one          1.00',
        'twenty-one  21.00     3']


def test_every_column_can_have_its_side_and_a_header_is_optional():
    assert text_table([['a', 'b', 'c'], ['dd', 'ee', 'ff']], align='><<').splitlines() == [
        ' a  b   c', 'dd  ee  ff']
    assert text_table([['a', 'b', 'c'], ['dd', 'ee', 'ff']], align='>').splitlines() == [
        ' a   b   c', 'dd  ee  ff']


def test_markdown_tells_the_sides_and_escapes_bars():
    assert markdown_table([['a|b', '1', '']], ['', 'x', 'y'], '<<>').splitlines() == [
        '|  | x | y |', '|---|---|---:|', r'| a\|b | 1 |  |']


def test_a_missing_number_is_an_empty_cell():
    assert [number(value) for value in (None, math.nan, 2.345, 0)] == ['', '', '2.35', '0.00']
    assert number(1.5e-7, '.1e') == '1.5e-07'


def test_one_thing_is_counted_in_the_singular():
    assert [counted(count, 'image') for count in (0, 1, 2)] == ['0 images', '1 image', '2 images']
    assert [counted(count, 'person', 'people') for count in (1, 2)] == ['1 person', '2 people']
