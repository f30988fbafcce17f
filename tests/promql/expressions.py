"""Expressions over the series of fleet.py: written by hand, made from tables, and generated."""

from __future__ import annotations

import random
from collections.abc import Iterator

EVENTS = "docker_container_events_total"

BY_HAND = r"""
docker_container_events_total
docker_container_events_total{action="die"}
docker_container_events_total{action!="die"}
docker_container_events_total{action=~"die|oom"}
docker_container_events_total{action=~"d.*"}
docker_container_events_total{action!~"d.*|oom"}
docker_container_events_total{name=~"(?i)WEB"}
docker_container_events_total{name="été"}
docker_container_events_total{name=~".t."}
docker_container_events_total{action="die",name=~"w.*|b.*",name!="web"}
docker_container_events_total{missing=""}
docker_container_events_total{missing!=""}
docker_container_events_total{missing=~".*"}
docker_container_events_total{name=~""}
docker_container_events_total{job="logwatch",instance="host:9"}
docker_container_events_total{job="other"}
{__name__="limit"}
{__name__=~"limit|temperature"}
{__name__=~"limit|temperature",rack="a"}
{__name__!~"docker.*|latency.*|extreme",rack!=""}
{rack="a"}
{le="0.5",name="web"}
docker_container_events_total offset 5m
docker_container_events_total{name="gone"} offset 15m
docker_container_events_total{name="gone"} offset 14m45s
docker_container_events_total{name="back"}
docker_container_events_total{name="brief"}
nothing_at_all
limit @ end()
limit @ start() offset 20m
temperature @ 1700004300
temperature @ 1700004307.5 offset 1m
sum by (name) (docker_container_events_total @ 1700004300)
max_over_time(temperature[5m] @ 1700004300)
max_over_time((temperature @ 1700004300)[10m:1m])
max_over_time(temperature[10m:1m] @ 1700004300)
increase(docker_container_events_total{name="db"}[5m] @ 1700004300)
temperature offset -2m
limit offset -30s
max_over_time(temperature[3m] offset -1m)
max_over_time(temperature[10m:1m] offset -90s)
temperature @ 1700004300 offset -2m
rate(docker_container_events_total[5m] offset 5m) - rate(docker_container_events_total[5m] @ end() offset 5m)
temperature @ end() offset 1m
timestamp(temperature)
timestamp(limit offset 5m)
timestamp(limit + 0)
timestamp((limit))
timestamp(-limit)
timestamp(sum(limit))
timestamp(limit @ end())
absent(nothing_at_all)
absent(nothing_at_all{name="web",action=~"d.*",job="x"})
absent(nothing_at_all{name="web",name="db",job="x"})
absent(nothing_at_all{name="web",name!="db",job="x"})
absent((nothing_at_all{name="web"}))
absent(nothing_at_all{name=""})
absent({__name__="nothing_at_all",name="web"})
absent(limit)
absent(sum(nothing_at_all{name="web"}))
absent(docker_container_events_total{name="gone"})
absent(docker_container_events_total{name="gone"} offset 20m)
absent_over_time(nothing_at_all{name="web"}[5m])
absent_over_time(docker_container_events_total{name="gone",action="die"}[5m])
absent_over_time(docker_container_events_total{name="gone",action="die"}[20m])
absent_over_time(nothing_at_all{name="web"}[5m:])
absent_over_time((nothing_at_all{name="web"}[5m]))
last_over_time(temperature[1m])
last_over_time(docker_container_events_total{name=~"gone|brief"}[20m])
present_over_time(docker_container_events_total{name=~"gone|brief|late"}[20m])
quantile_over_time(0.5, temperature[10m])
quantile_over_time(0.9, temperature[10m])
quantile_over_time(-1, temperature[10m])
quantile_over_time(2, temperature[10m])
quantile_over_time(scalar(nothing_at_all), temperature[10m])
predict_linear(temperature[10m], 3600)
predict_linear(limit[10m], 3600)
predict_linear(temperature[10m] offset 3m, -60)
deriv(temperature[10m])
deriv(extreme[10m])
avg_over_time(extreme[10m])
sum_over_time(extreme[10m])
max_over_time(extreme[10m])
min_over_time(extreme[10m])
changes(extreme[10m])
sum_over_time((1 / extreme)[10m:1m])
avg_over_time((1 / extreme)[10m:1m])
sum_over_time((extreme * 1e8)[20m:1m])
avg_over_time((extreme * 1e8)[20m:1m])
avg_over_time((-extreme)[10m:1m])
quantile_over_time(0.5, (1 / extreme)[10m:1m])
predict_linear(docker_container_events_total{name="brief"}[20s], 60)
predict_linear(temperature[10s], 60)
deriv(temperature[10s])
irate(temperature[10s])
delta(temperature[10s])
1 / last_over_time(extreme[1m])
1 / max_over_time(extreme[1m])
1 / max_over_time(extreme[5m])
resets(docker_container_events_total{name="db"}[40m])
resets(temperature[10m])
irate(docker_container_events_total{name="db"}[40m])
irate(docker_container_events_total[15s])
irate(docker_container_events_total[14s])
delta(temperature[5m])
delta(docker_container_events_total{name="late"}[10m])
delta(docker_container_events_total{name="gone"}[16m])
idelta(temperature[5m])
count_over_time(docker_container_events_total[10m])
count_over_time(docker_container_events_total{name="gone"}[16m])
count_over_time(temperature[1s])
count_over_time(temperature[1m])
count_over_time(temperature[1m] @ end() offset 7s)
time()
time() - 60
vector(time())
vector(1)
vector(1) + vector(2)
scalar(limit)
scalar(limit{rack="a"})
scalar(limit{rack="a"}) + 1
pi()
-1
-(1)
-limit
--limit
+limit
-limit ^ 2
(-limit) ^ 2
2 ^ 3 ^ 2
1 - 2 - 3
7 % 3
-7 % 3
7 % -3
7.5 % 0
1 / 0
-1 / 0
0 / 0
Inf - Inf
NaN == bool NaN
NaN != bool NaN
1 == bool 1
2 > bool 1
1 >= bool 2
0x1f + .5 + 1e3
limit + 1
1 - limit
limit * 2 ^ 0.5
limit % 2
limit / 0
limit ^ 0.5
2 ^ limit
extreme ^ 3
(-extreme) ^ 3
extreme ^ -1
extreme ^ -2
extreme ^ 0
(-limit) ^ 0.5
10 ^ extreme
0 ^ -1
(-2) ^ Inf
(-1) ^ -Inf
limit > 0
limit > bool 0
0 < limit
0 < bool limit
limit == 5.5
limit != 5.5
limit >= limit
limit == limit
limit != bool limit
3 <= limit
limit > NaN
extreme > 0
extreme < Inf
extreme * 0
extreme / extreme
extreme - extreme
1 / extreme
extreme == extreme
abs(extreme)
ceil(temperature)
floor(temperature)
1 / ceil(extreme)
round(temperature)
round(temperature, 5)
round(temperature, 0.1)
round(temperature, -1)
round(temperature, 0)
round(extreme)
sgn(temperature)
sgn(extreme)
sgn(limit * NaN)
exp(temperature)
exp(extreme)
ln(temperature)
ln(abs(temperature))
log2(abs(extreme))
log10(abs(extreme))
log10(extreme)
sqrt(temperature)
sqrt(abs(extreme))
clamp(temperature, -1, 1)
clamp(temperature, 1, -1)
clamp(temperature, NaN, 1)
clamp(extreme, -1, 1)
clamp_min(temperature, 0)
clamp_max(temperature, 0)
clamp_max(temperature, NaN)
clamp_max(extreme * NaN, 0)
sin(temperature) + cos(temperature) + tan(temperature)
asin(temperature / 10)
acos(temperature / 5)
atan(temperature)
sinh(temperature)
cosh(temperature)
tanh(temperature)
asinh(temperature)
acosh(temperature)
atanh(temperature / 10)
atanh(sgn(extreme))
sinh(extreme)
deg(temperature)
rad(temperature)
day_of_week(started_seconds)
day_of_month(started_seconds)
day_of_year(started_seconds)
days_in_month(started_seconds)
month(started_seconds)
year(started_seconds)
hour(started_seconds)
minute(started_seconds)
year(started_seconds * 200)
day_of_month(-started_seconds)
hour(temperature * 100)
hour()
day_of_week()
year()
minute(vector(time()))
label_replace(limit, "copy", "$1", "rack", "(.*)")
label_replace(limit, "copy", "x-$1-$2", "rack", "(.)(.*)")
label_replace(limit, "copy", "${1}y$$", "rack", "(.*)")
label_replace(limit, "copy", "$1y", "rack", "(.*)")
label_replace(limit, "copy", "$word", "rack", "(?P<word>.*)")
label_replace(limit, "copy", "$3 $nothing $", "rack", "(.*)")
label_replace(limit, "rack", "", "rack", "a")
label_replace(limit, "rack", "", "rack", ".*")
label_replace(limit, "copy", "fixed", "missing", "")
label_replace(limit, "copy", "fixed", "missing", ".+")
label_replace(limit, "rack", "z", "rack", "")
label_replace(limit, "__name__", "other", "rack", "a")
rate(label_replace({__name__=~"limit|temperature"}, "__name__", "same", "rack", "a|b")[5m:])
label_replace(docker_container_events_total{action="die"}, "short", "$1", "name", "(..).*")
label_join(limit, "joined", "-", "rack", "job")
label_join(limit, "joined", ",", "rack", "missing", "job")
label_join(limit, "joined", ",")
label_join(limit, "rack", ",", "missing")
histogram_quantile(0.9, latency_seconds_bucket)
histogram_quantile(0.5, sum by (le) (latency_seconds_bucket))
histogram_quantile(0, latency_seconds_bucket)
histogram_quantile(1, latency_seconds_bucket)
histogram_quantile(-1, latency_seconds_bucket)
histogram_quantile(2, latency_seconds_bucket)
histogram_quantile(NaN, latency_seconds_bucket)
histogram_quantile(0.05, latency_seconds_bucket)
histogram_quantile(0.001, latency_seconds_bucket)
histogram_quantile(0.5, latency_seconds_bucket * Inf)
histogram_quantile(0.5, latency_seconds_bucket * NaN)
histogram_quantile(0.5, label_replace(latency_seconds_bucket, "le", "-$1", "le", "(0.*)"))
histogram_quantile(0.1, label_replace(latency_seconds_bucket, "le", "-$1", "le", "(0.1)"))
histogram_quantile(0.5, label_replace(latency_seconds_bucket, "le", "low", "le", "0.1"))
histogram_quantile(0.5, latency_seconds_bucket and on (le) vector(0) or latency_seconds_bucket)
histogram_quantile(0.5, latency_seconds_bucket{le!="+Inf"})
histogram_quantile(0.5, latency_seconds_bucket{le=~"[+]Inf|0.1"})
histogram_quantile(0.5, latency_seconds_bucket{le="+Inf"})
histogram_quantile(0.5, latency_seconds_bucket * 0)
histogram_quantile(0.5, -latency_seconds_bucket)
histogram_quantile(0.5, limit)
histogram_quantile(0.9, rate(latency_seconds_bucket[10m:15s]))
histogram_quantile(0.9, sum without (name) (delta(latency_seconds_bucket[10m])))
histogram_quantile(0.9, label_replace(latency_seconds_bucket, "le", "$1", "le", "(.).*"))
sum(limit)
sum(nothing_at_all)
sum by (name) (docker_container_events_total)
sum without (name) (docker_container_events_total)
sum by (name, missing) (docker_container_events_total)
sum by () (docker_container_events_total)
sum without () (docker_container_events_total)
sum by (__name__) ({__name__=~"limit|temperature"})
sum without (name, action, job, instance) (docker_container_events_total)
count by (name) (docker_container_events_total) > 2
count({__name__=~"limit|temperature"}) by (__name__, rack)
max(temperature) by (rack)
min(temperature) by (rack)
avg(temperature) without (name, rack)
group(temperature) by (rack)
group by (rack) (limit)
stddev(temperature)
stdvar by (rack) (temperature)
stddev(limit{rack="a"})
stddev(extreme)
sum(extreme)
avg(extreme)
max(extreme)
min(extreme)
max(extreme * NaN)
min(extreme * 0)
max(extreme * 0)
topk(2, temperature)
bottomk(2, temperature)
topk by (rack) (1, temperature)
topk without (name) (1, temperature)
topk(0, temperature)
topk(-1, temperature)
topk(100, temperature)
topk(1.9, temperature)
topk(NaN, temperature)
topk(Inf, temperature)
topk(scalar(limit{rack="a"}), temperature)
topk(3, extreme)
bottomk(3, extreme)
topk(2, extreme * 0)
quantile(0.5, temperature)
quantile(0.25, temperature) by (rack)
quantile(-0.1, temperature)
quantile(1.1, temperature)
quantile(NaN, temperature)
quantile(0.5, extreme)
quantile(0.5, extreme * 0)
count_values("value", docker_container_state)
count_values by (state) ("value", docker_container_state)
count_values without (name) ("value", docker_container_state)
count_values("state", docker_container_state)
count_values by (state) ("state", docker_container_state)
count_values without (state) ("state", docker_container_state)
count_values("value", extreme)
count_values("value", extreme * 0)
count_values("value", temperature)
count_values("value", 1 / (limit * 1e9))
sort(temperature)
sort_desc(temperature)
sort(extreme * 0)
temperature + on (rack) group_left limit
temperature * on (rack) group_left () limit
limit - on (rack) group_right temperature
temperature > on (rack) group_left limit
temperature > bool on (rack) group_left limit
limit > on (rack) group_right temperature
limit < bool on (rack) group_right temperature
temperature / ignoring (name) group_left limit
temperature / ignoring (name, job, instance) group_left limit
temperature + limit
temperature + on (rack) limit
temperature + ignoring (name) limit
limit + on () limit
limit + on (rack) limit
limit + ignoring (rack) limit
limit == on (rack) limit
limit + on (rack, job) limit
limit{rack="a"} + on () limit{rack="b"}
limit{rack="a"} > on () limit{rack="b"}
limit{rack="a"} > bool on () limit{rack="b"}
limit{rack="a"} - ignoring (rack) limit{rack="b"}
limit{rack="a"} == ignoring (rack) limit{rack="b"}
docker_container_events_total * on (name) group_left (rack) temperature
docker_container_events_total * on (name) group_left (rack, missing) temperature
docker_container_events_total * on (name) group_left (action) docker_container_exit_code
docker_container_exit_code * on (name) group_right (state) docker_container_events_total
docker_container_events_total == on (name) group_left (rack) docker_container_events_total{action="die"}
sum by (name) (docker_container_events_total) / on (name) docker_container_exit_code
sum by (name) (docker_container_events_total) / ignoring (job, instance) docker_container_exit_code
temperature ^ on (rack) group_left limit
temperature % on (rack) group_left limit
temperature and limit
temperature and on (rack) limit
temperature and on (rack) (limit > 0)
temperature and on () limit
temperature and ignoring (name) limit
temperature and on () nothing_at_all
temperature unless on (rack) (limit > 0)
temperature unless limit
temperature unless on () nothing_at_all
nothing_at_all or temperature
temperature or limit
temperature or on (rack) limit
limit or on (rack) temperature
limit or ignoring (name) temperature
(limit > 3) or on (rack) (limit < 0) or vector(0)
vector(1) or vector(2)
temperature > 0 and temperature < 5 or limit unless on (rack) limit == 5.5
docker_container_events_total{action="die"} and on (name) docker_container_state{state="exited"} == 1
docker_container_exit_code == 137 and on (name) delta(docker_container_events_total{action="oom"}[10m]) > 0
-{__name__=~"limit|temperature"}
{__name__=~"limit|temperature"} + 1
{__name__=~"limit|temperature"} > 1
-{__name__=~"docker_container_e.*"}
abs({__name__=~"extreme|limit|temperature",rack!="b"} > 0)
max_over_time({__name__=~"limit|temperature"}[5m])
max_over_time(docker_container_events_total[10m:1m])
max_over_time(docker_container_events_total[10m:])
max_over_time((docker_container_events_total > 10)[10m:1m])
avg_over_time(sum(docker_container_events_total)[10m:30s])
sum_over_time((temperature > 0)[10m:45s])
count_over_time((temperature > 0)[10m:45s])
count_over_time(docker_container_events_total{name="gone"}[20m:1m])
min_over_time(avg_over_time(temperature[5m])[10m:1m])
max_over_time(max_over_time(temperature[1m])[10m:1m] offset 5m)
max_over_time(temperature[10m:1m] @ end() offset 3m)
max_over_time((temperature @ end())[10m:1m])
max_over_time((temperature offset 2m)[10m:1m] offset 1m)
avg_over_time(timestamp(temperature)[5m:1m])
avg_over_time(time()[5m:1m])
avg_over_time(vector(time())[5m:1m])
last_over_time(temperature[5m:1m])
rate(docker_container_events_total[10m:15s])
rate(docker_container_events_total[10m:1m])
increase(docker_container_events_total{name="db"}[40m:1m])
increase(sum by (name) (docker_container_events_total)[10m:20s])
increase(temperature[10m:1m] offset 1m)
irate(docker_container_events_total[10m:1m])
delta(sum(temperature)[10m:1m])
deriv(sum(temperature)[10m:1m])
predict_linear(sum(temperature)[10m:1m], 60)
quantile_over_time(0.3, sum by (rack) (temperature)[10m:1m])
stddev_over_time((0 / docker_container_state)[10m:1m])
sum_over_time((1 / docker_container_state)[10m:1m])
changes((0 / docker_container_state)[20m:1m])
max_over_time((0 / docker_container_state)[20m:1m])
absent_over_time((temperature > 1000)[10m:1m])
sum(max_over_time(docker_container_state{state="running"}[5m])) by (name) == 0
time() - timestamp(docker_container_events_total) > 10
sum(rate(latency_seconds_bucket{le="+Inf"}[5m:15s])) by (name) > 0.01
max by (name) (docker_container_state == 1) unless on (name) docker_container_exit_code == 137
SUM(limit) BY (rack) > 0 AND limit OFFSET 5m
sum(count_values("v", docker_container_state)) by (v)
(((limit)))
(limit > 1) > 2
limit > (1 + 1) * 2
scalar(sum(limit)) * limit
vector(scalar(limit{rack="a"}) > bool 1)
topk(1, limit) or bottomk(1, limit)
increase(docker_container_events_total{name=~"web|cache"}[10m])
rate(docker_container_events_total{name=~"web|cache"}[5m])
sum by (name) (increase(docker_container_events_total{name=~"web|db"}[40m]))
increase(docker_container_events_total{name="db"}[25m] offset 15m)
rate(latency_seconds_bucket[10m])
histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[10m])))
sum(rate(latency_seconds_bucket{le="0.5"}[10m])) / sum(rate(latency_seconds_bucket{le="+Inf"}[10m]))
"""

NAMES = """avg_over_time min_over_time max_over_time sum_over_time count_over_time last_over_time present_over_time
stddev_over_time stdvar_over_time changes resets delta idelta irate deriv"""
OVER_TIME = NAMES.split()
RANGES = [
    "temperature[5m]",
    f"{EVENTS}[1m]",
    f"{EVENTS}[20m]",
    "docker_container_exit_code[30m] offset 2m",
    "temperature[10m:40s]",
]


def by_hand() -> list[str]:
    return [line for line in BY_HAND.splitlines() if line]


def counts_exactly(expression: str) -> bool:
    """Whether Prometheus has nothing to extrapolate only when the time is on the grid."""
    return any(
        f"{name}({EVENTS}" in expression or f"{name}(latency" in expression for name in ("rate", "increase")
    ) and (":15s]" not in expression and ":1m]" not in expression)


def tabled() -> list[str]:
    return [f"{function}({window})" for function in OVER_TIME for window in RANGES]


def generated(count: int, seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(count):
        yield vector(chance, 3)


SELECTORS = (
    EVENTS,
    f'{EVENTS}{{action="die"}}',
    f'{EVENTS}{{name=~"web|late|back"}}',
    f'{EVENTS}{{action!~"s.*"}} offset 3m',
    "docker_container_state",
    'docker_container_state{state="running"}',
    "docker_container_exit_code",
    "temperature",
    'temperature{rack="a"}',
    "limit",
    "nothing_at_all",
    "extreme",
)
LABELS = ("name", "rack", "action", "state", "missing", "job")


def vector(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.1:
        return chance.choice(SELECTORS)
    makers = (selected, mapped, over_time, aggregated, with_number, with_vector, with_vector, aggregated, subquery)
    return chance.choice(makers)(chance, depth - 1)


def selected(chance: random.Random, depth: int) -> str:
    return chance.choice(SELECTORS)


def mapped(chance: random.Random, depth: int) -> str:
    function = chance.choice(("abs", "ceil", "floor", "round", "sgn", "-", "timestamp", "sort", "absent"))
    return f"{function}({vector(chance, depth)})"


def over_time(chance: random.Random, depth: int) -> str:
    selector, _, offset = chance.choice(SELECTORS).partition(" ")
    length = chance.choice(("1m", "5m", "10m", "16m", "100s", "7s"))
    return f"{chance.choice(OVER_TIME)}({selector}[{length}] {offset})"


def subquery(chance: random.Random, depth: int) -> str:
    length, step = chance.choice((("5m", "1m"), ("10m", "45s"), ("7m", ""), ("2m", "7s")))
    function = chance.choice([*OVER_TIME, "rate", "increase"])
    return f"{function}(({vector(chance, min(depth, 1))})[{length}:{step}])"


def aggregated(chance: random.Random, depth: int) -> str:
    operator = chance.choice(
        ("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "quantile", "count_values")
    )
    labels = ", ".join(chance.sample(LABELS, chance.randrange(3)))
    grouping = chance.choice((f"by ({labels})", f"without ({labels})", ""))
    parameter = {"quantile": "0.4, ", "count_values": '"value", '}.get(operator, "")
    argument = vector(chance, depth)
    if operator == "count_values":  # of the last digits, which depend on the order of sums
        argument = f"round({argument}, 0.001)"
    return f"{operator} {grouping} ({parameter}{argument})"


def with_number(chance: random.Random, depth: int) -> str:
    operator = chance.choice(("+", "-", "*", "/", "%", ">", "<", ">=", "<=", "==", "!=", "> bool", "== bool"))
    number = chance.choice(("0", "1", "2.5", "-3", "137", "scalar(limit{rack='a'})"))
    sides = [f"({vector(chance, depth)})", number]
    chance.shuffle(sides)
    return f"{sides[0]} {operator} {sides[1]}"


def with_vector(chance: random.Random, depth: int) -> str:
    operator = chance.choice(
        ("+", "-", "*", "/", ">", "<", "==", "!= bool", "and", "or", "unless", "and", "or", "unless")
    )
    labels = ", ".join(chance.sample(LABELS, chance.randrange(1, 3)))
    matching = chance.choice(("", f"on ({labels})", f"on ({labels})", f"ignoring ({labels})"))
    if matching and operator not in {"and", "or", "unless"}:
        matching += chance.choice(("", " group_left", " group_right"))
    return f"({vector(chance, depth)}) {operator} {matching} ({vector(chance, depth)})"
