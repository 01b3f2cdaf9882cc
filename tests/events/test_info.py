import io

from rich.console import Console

from l1ae.events.info import tables


def shown(events):
    console = Console(width=220, file=io.StringIO())
    for table in tables(events):
        console.print(table)
    return console.file.getvalue()


def test_the_tables_state_counts_ranges_and_origin(events):
    text = shown(events)
    assert "300 events" in text
    for name in events.process_names:
        assert name in text
    assert "GeV" in text
    assert "recipe" in text


def test_saturated_words_are_counted(events):
    words = events.words.copy()
    words[:, 9, 0] = 2047
    events = type(events)(words, events.process, events.process_names, events.event_id)
    row = next(line for line in shown(events).splitlines() if " jet " in line and " pt " in line)
    assert row.split("│")[-2].strip() == "300"
