#!/usr/bin/env python3
"""Makes vectors.txt.gz, the recurrences that TestVectors holds this package against.

    python3 make_vectors.py vectors.txt.gz

It takes some minutes: dateutil walks to every window. Needs Debian's python3-dateutil (made with 2.9.0) and the system's tzdata (made with 2025b).
The zoned vectors stay within 2010 to 2037 and use zones whose rules for these years are alike in every tzdata since then.

python-dateutil expands in naive wall time; wall time becomes UTC here, by the rules of RFC 5545 section 3.3.5.
Where dateutil differs from RFC 5545 on purpose or by mistake, the oracle is corrected:
  - DTSTART is always the first instance and counts as first of COUNT (section 3.8.5.3).
  - BYDAY=MO,2TU means the union; dateutil takes the intersection.
  - BYSETPOS chooses from the whole first week of a weekly rule; dateutil begins that week at DTSTART.
  - BYWEEKNO without BYDAY means the weekday of DTSTART; dateutil takes all seven days.

Lines are fields separated by blanks. Times are seconds: the first since 1970, each next one since the one before.
  rule DTSTART RRULE times                          the first times, naive
  date DTSTART RRULE EXDATE RDATE times             all-day; EXDATE and RDATE comma lists of dates, or -
  zone TZID DTSTART RRULE EXDATE RDATE times        instants; EXDATE and RDATE comma lists of wall times, or -
  window DTSTART RRULE FROM TO times                naive, all within [FROM, TO), by expansion from DTSTART
"""
import datetime as dt
import gzip
import itertools
import random
import signal
import sys
import zoneinfo

from dateutil import rrule as du

FREQS = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = """America/New_York America/Santiago America/Havana America/St_Johns America/Los_Angeles America/Asuncion
Atlantic/Azores Europe/Berlin Europe/London Europe/Lisbon Europe/Athens Africa/Cairo Africa/Johannesburg Asia/Kathmandu
Asia/Beirut Asia/Amman Asia/Tokyo Asia/Jerusalem Australia/Lord_Howe Australia/Adelaide Pacific/Auckland Pacific/Chatham
America/Sao_Paulo Asia/Tehran""".split()
ZONES = [z for z in ZONES if z != "America/Asuncion"]  # its rules from 2025 on are too new
EPOCH = dt.datetime(1970, 1, 1)
rnd = random.Random(20260105)


class Slow(Exception):
    pass


def alarm(*_):
    raise Slow


signal.signal(signal.SIGALRM, alarm)


def sample(lo, hi, most, signs=False):
    out = set()
    for _ in range(rnd.randint(1, most)):
        n = rnd.randint(lo, hi)
        out.add(-n if signs and rnd.random() < 0.4 else n)
    return sorted(out)


def random_rule(freq=None, bounded=True, until_years=6):
    """A rule as an ordered dict of its parts, with what RFC 5545 forbids left out."""
    freq = freq or rnd.choice(FREQS)
    sub = freq in FREQS[4:]
    r = {"FREQ": freq}
    if rnd.random() < 0.5:
        r["INTERVAL"] = rnd.choice([1, 2, 2, 3, 4, 5, 7, 10, 13, 25, 40] if freq != "SECONDLY" else [1, 10, 30, 45, 90, 1000, 3601])
    p = lambda x: rnd.random() < x
    if p(0.3 if not sub else 0.15):
        r["BYMONTH"] = sample(1, 12, 4)
    if freq != "WEEKLY" and p(0.3 if not sub else 0.12):
        r["BYMONTHDAY"] = sample(1, 31, 4, True)
    if freq in ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY") and p(0.2 if not sub else 0.06):
        r["BYYEARDAY"] = sample(1, 366, 5, True)
    elif freq == "YEARLY" and p(0.25):
        r["BYWEEKNO"] = sample(1, 53, 4, True)
    elif freq in ("MONTHLY", "DAILY") and p(0.03):
        r["BYYEARDAY"] = sample(1, 366, 60, True)
    if p(0.45 if not sub else 0.15):
        days = set()
        for _ in range(rnd.randint(1, 4)):
            d = rnd.choice(DAYS)
            if freq in ("MONTHLY", "YEARLY") and "BYWEEKNO" not in r and p(0.5):
                most = 5 if freq == "MONTHLY" or "BYMONTH" in r else 53
                n = rnd.randint(1, most)
                d = str(-n if p(0.5) else n) + d
            days.add(d)
        r["BYDAY"] = sorted(days)
    if p(0.25):
        r["BYHOUR"] = sample(0, 23, 3)
    if p(0.2):
        r["BYMINUTE"] = sample(0, 59, 3)
    if p(0.15):
        r["BYSECOND"] = sample(0, 59, 2)
    if len(r) > (2 if "INTERVAL" in r else 1) and p(0.22):
        r["BYSETPOS"] = sample(1, rnd.choice([2, 4, 12]), 3, True)
    if p(0.3):
        r["WKST"] = rnd.choice(DAYS)
    if bounded and p(0.3):
        r["COUNT"] = rnd.randint(1, 30)
    elif bounded and p(0.3):
        r["UNTIL"] = rnd.randint(1, 86400 * 366 * until_years if not sub else 86400 * 30)  # seconds after DTSTART
    return r


def text(r):
    out = []
    for k, v in r.items():
        if k == "UNTIL":
            v = v.strftime("%Y%m%dT%H%M%S") if isinstance(v, dt.datetime) else v
        elif isinstance(v, list):
            v = ",".join(map(str, v))
        out.append(f"{k}={v}")
    return ";".join(out)


def weekdays(days):
    return [getattr(du, d[-2:])(int(d[:-2])) if len(d) > 2 else getattr(du, d) for d in days]


def plain(r, start, byday=None, setpos=True):
    """dateutil's own expansion, without COUNT and UNTIL."""
    kw = {}
    for k, name in [("BYMONTH", "bymonth"), ("BYMONTHDAY", "bymonthday"), ("BYYEARDAY", "byyearday"), ("BYWEEKNO", "byweekno"),
                    ("BYHOUR", "byhour"), ("BYMINUTE", "byminute"), ("BYSECOND", "bysecond"), ("BYSETPOS", "bysetpos")]:
        if k in r and (k != "BYSETPOS" or setpos):
            kw[name] = r[k]
    if byday is None:
        byday = r.get("BYDAY")
    if byday:
        kw["byweekday"] = weekdays(byday)
    return du.rrule(getattr(du, r["FREQ"]), dtstart=start, interval=r.get("INTERVAL", 1),
                    wkst=getattr(du, r.get("WKST", "MO")), cache=False, **kw)


def weekly_sets(r, start):
    """Weekly rules with BYSETPOS, over whole weeks."""
    wkst = DAYS.index(r.get("WKST", "MO"))
    r = dict(r)
    r.setdefault("BYDAY", [DAYS[start.weekday()]])
    for k, v in (("BYHOUR", start.hour), ("BYMINUTE", start.minute), ("BYSECOND", start.second)):
        r.setdefault(k, [v])
    first = (start - dt.timedelta(days=(start.weekday() - wkst) % 7)).replace(hour=0, minute=0, second=0)
    week = lambda t: (t.date() - first.date()).days // 7
    for _, group in itertools.groupby(plain(r, first, setpos=False), week):
        group = list(group)
        chosen = set()
        for pos in r["BYSETPOS"]:
            i = pos - 1 if pos > 0 else len(group) + pos
            if 0 <= i < len(group):
                chosen.add(group[i])
        yield from (t for t in sorted(chosen) if t >= start)


def expand(r, start):
    """All occurrences by the rule alone, without COUNT and UNTIL, ascending; None when the oracle has no answer."""
    days = r.get("BYDAY", [])
    if r["FREQ"] == "WEEKLY" and "BYSETPOS" in r:
        return weekly_sets(r, start)
    if any(len(d) > 2 for d in days) and any(len(d) == 2 for d in days):
        spread = 5 if r["FREQ"] == "MONTHLY" or "BYMONTH" in r else 53
        days = sorted({n for d in days for n in ([d] if len(d) > 2 else [f"{i}{d}" for i in range(1, spread + 1)])})
        return iter(plain(r, start, byday=days))
    if "BYWEEKNO" in r and not any(k in r for k in ("BYDAY", "BYMONTHDAY", "BYYEARDAY")):
        return iter(plain(r, start, byday=[DAYS[start.weekday()]]))
    return iter(plain(r, start))


def occurrences(r, start, most, horizon=None):
    """The recurrence set with DTSTART, COUNT and UNTIL; at most `most`. None when it takes too long."""
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        out, n = [start], 0
        limit = min(r.get("COUNT", most), most)
        if limit > 1:
            for t in expand(r, start):
                if t == start:
                    continue
                if "UNTIL" in r and t > r["UNTIL"] or horizon and t > horizon:
                    break
                out.append(t)
                if len(out) >= limit:
                    break
        return out
    except (Slow, ValueError):  # ValueError: an hour never reached; tested by hand
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def secs(t):
    return int((t - EPOCH).total_seconds())


def deltas(times):
    return ",".join(str(b - a) for a, b in zip([0] + times, times)) or "-"


def wall(t):
    return t.strftime("%Y%m%dT%H%M%S")


def random_start(lo=1995, hi=2030):
    return dt.datetime(rnd.randint(lo, hi), rnd.randint(1, 12), rnd.randint(1, 28), rnd.randint(0, 23), rnd.choice([0, 15, 30, 59]),
                       rnd.choice([0, 0, 0, 30])) + dt.timedelta(days=rnd.choice([0, 0, 1, 2, 3]))


def with_until(r, start):
    if "UNTIL" in r:
        r["UNTIL"] = start + dt.timedelta(seconds=r["UNTIL"])
    return r


def instant(t, zone):
    """RFC 5545 section 3.3.5: the first of two; in a gap, the offset before it."""
    # PEP 495: fold=0 is the first of two, and in a gap the offset before it.
    return secs((t.replace(tzinfo=zone, fold=0)).astimezone(dt.timezone.utc).replace(tzinfo=None))


def rules(out, n):
    while n:
        start = random_start()
        r = with_until(random_rule(), start)
        occ = occurrences(r, start, 40)
        if occ is None:
            continue
        out.append(f"rule {wall(start)} {text(r)} {deltas([secs(t) for t in occ])}")
        n -= 1


def dates(out, n):
    while n:
        start = random_start(2000, 2030).replace(hour=0, minute=0, second=0)
        r = random_rule(rnd.choice(FREQS[:4]))
        for k in ("BYHOUR", "BYMINUTE", "BYSECOND"):
            r.pop(k, None)
        with_until(r, start)
        shown = dict(r)
        if "UNTIL" in r:
            r["UNTIL"] = r["UNTIL"].replace(hour=0, minute=0, second=0)
            shown["UNTIL"] = r["UNTIL"].strftime("%Y%m%d")
        occ = occurrences(r, start, 40)
        if occ is None:
            continue
        occ, ex, rd = edit(occ)
        out.append(f"date {start:%Y%m%d} {text(shown)} {names(ex, '%Y%m%d')} {names(rd, '%Y%m%d')} {deltas([secs(t) for t in occ])}")
        n -= 1


def names(list_, layout):
    return ",".join(t.strftime(layout) for t in list_) or "-"


def edit(occ):
    """Takes some occurrences out, and puts some between."""
    ex = [t for t in occ if rnd.random() < 0.1] if rnd.random() < 0.5 else []
    rd = []
    if len(occ) > 1 and rnd.random() < 0.5:
        days = max(1, (occ[-1] - occ[0]).days)
        rd = sorted({occ[0] + dt.timedelta(days=rnd.randint(0, days)) for _ in range(rnd.randint(1, 4))})
    end = occ[-1]
    occ = sorted({t for t in occ + rd if t not in ex and t <= end})
    return occ, ex, rd


def zoned(out, n):
    while n:
        name = rnd.choice(ZONES)
        zone = zoneinfo.ZoneInfo(name)
        start = random_start(2010, 2030)
        if rnd.random() < 0.5:  # at the hours where clocks change
            start = start.replace(hour=rnd.choice([0, 0, 1, 2, 2, 3, 23]))
        r = random_rule(rnd.choice(FREQS[:4] * 6 + FREQS[4:6]))
        with_until(r, start)
        shown = dict(r)
        if "UNTIL" in r and rnd.random() < 0.7:  # UNTIL in UTC, as RFC 5545 wants it for a DTSTART with TZID
            u = EPOCH + dt.timedelta(seconds=instant(r["UNTIL"], zone))
            shown["UNTIL"] = wall(u) + "Z"
            r["UNTIL"] = r["UNTIL"].replace(microsecond=0)
            zuntil = instant(r["UNTIL"], zone)
            r["UNTIL"] += dt.timedelta(days=2)
        else:
            zuntil = None
        occ = occurrences(r, start, 40 if r["FREQ"] != "HOURLY" else 200, dt.datetime(2037, 6, 1))
        if occ is None:
            continue
        if zuntil is not None:
            occ = [t for t in occ if instant(t, zone) <= zuntil or t == start]
        occ, ex, rd = edit(occ)
        gone = {instant(t, zone) for t in ex}
        ins = sorted({instant(t, zone) for t in occ} - gone)
        out.append(f"zone {name} {wall(start)} {text(shown)} {names(ex, '%Y%m%dT%H%M%S')} {names(rd, '%Y%m%dT%H%M%S')} {deltas(ins)}")
        n -= 1


def windows(out, n):
    while n:
        start = random_start(1990, 2005)
        r = random_rule(rnd.choice(FREQS[:4] * 5 + ["HOURLY"]), bounded=rnd.random() < 0.2, until_years=60)
        with_until(r, start)
        if "COUNT" in r:
            r["COUNT"] *= 100
        years = rnd.choice([1, 5, 10, 20, 35, 60]) if r["FREQ"] != "HOURLY" else rnd.choice([1, 3])
        lo = start + dt.timedelta(days=int(years * 365.25), seconds=rnd.randint(0, 86400 * 400))
        hi = lo + dt.timedelta(seconds=rnd.choice([7 * 86400, 30 * 86400, 400 * 86400]))
        signal.setitimer(signal.ITIMER_REAL, 3)
        try:
            occ, n_seen = [], 1
            for t in expand(r, start):
                if t >= hi or "UNTIL" in r and t > r["UNTIL"]:
                    break
                if t != start:
                    n_seen += 1
                if n_seen > r.get("COUNT", 1 << 60):
                    break
                if t >= lo:
                    occ.append(t)
        except (Slow, ValueError):
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if len(occ) > 300 or not occ and rnd.random() < 0.7:
            continue
        out.append(f"window {wall(start)} {text(r)} {wall(lo)} {wall(hi)} {deltas([secs(t) for t in occ])}")
        n -= 1


def main():
    out = []
    rules(out, 2200)
    dates(out, 400)
    zoned(out, 1200)
    windows(out, 600)
    with open(sys.argv[1], "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write(("\n".join(out) + "\n").encode())


main()
