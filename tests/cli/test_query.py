"""`logwatch query`."""

from commandline import call
from kept_history import HOUR, START, Kept

from logwatch.model import SECOND
from logwatch.notation import rfc3339

DEATHS = "docker_container_events_total"


def kept(folder):
    kept = Kept(folder)
    for hour in range(3):
        kept.series.add(DEATHS, ("web", "die"), 1, START + hour * HOUR)
    kept.commit(START + 2 * HOUR)
    kept.close()
    return ["--state-dir", str(folder), "--no-shipped-rules"]


def test_the_value_at_a_time(tmp_path):
    at = rfc3339(START + HOUR + SECOND, 0)
    done = call("query", f'{DEATHS}{{action="die"}}', "--time", at, "--format", "jsonl", *kept(tmp_path))

    (row,) = done.rows
    assert (row["metric"]["name"], row["value"], row["time"]) == ("web", "2", at.replace("Z", ".000Z"))


def test_a_range_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: START + 3 * HOUR)
    flags = kept(tmp_path)
    done = call("query", f"increase({DEATHS}[1h])", "--range", "2h", "--step", "30m", *flags)
    rows = call("query", f"sum({DEATHS})", "--range", "2h", "--step", "1h", "--format", "jsonl", *flags).rows

    assert 'name="web"' in done.out
    assert "█" in done.out
    assert [row["value"] for row in rows] == ["1", "2", "3"]  # steps are multiples of their length


def test_a_number(tmp_path):
    assert "3" in call("query", "1 + 2", *kept(tmp_path)).out


def test_mistakes_are_explained(tmp_path):
    flags = kept(tmp_path)

    assert call("query", "sum(", *flags).err == "1:4: '(' is never closed: add ')'"
    assert "--range" in call("query", "1", "--range", "soon", *flags).err
    assert "--step 0s: give more than 0" in call("query", "1", "--range", "1h", "--step", "0s", *flags).err
    assert "exceeded maximum resolution" in call("query", "1", "--range", "90d", "--step", "1s", *flags).err
