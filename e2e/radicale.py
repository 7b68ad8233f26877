"""A calendar of 10,000 events in a Radicale, moved into Kalends over CalDAV and out again, and compared.

Needs Debian's package radicale; without it it says so and ends with status 77.

    python3 e2e/radicale.py [--events N] [--database URL] [PATH OF kalends]

Compared is what Radicale serves with what `kalends export --format vdir` writes, object by object and line by line: a
calendar that moved is the same calendar. That nobody was sent anything is looked at too.
"""
import argparse
import base64
import difflib
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Vienna
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--events", type=int, default=10_000)
    args.add_argument("--database", help="database of Kalends; without it a SQLite file that goes again")
    args.add_argument("kalends", nargs="?")
    opt = args.parse_args()
    if not shutil.which("radicale"):
        skip("needs Radicale (apt-get install radicale)")
    with tempfile.TemporaryDirectory(prefix="kalends-radicale-") as tmp:
        sys.exit(run(opt, pathlib.Path(tmp)))


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def run(opt, tmp):
    kalends = opt.kalends or str(tmp / "kalends")
    if not opt.kalends:
        subprocess.run(["go", "build", "-o", kalends, "."], cwd=TOP, check=True)
    kalends = os.path.abspath(kalends)
    fill(tmp / "storage", opt.events)
    port = free_port()
    with open(tmp / "radicale.log", "w") as log:
        radicale = subprocess.Popen(
            ["radicale", "--config", "", "--server-hosts", f"127.0.0.1:{port}", "--auth-type", "none", "--rights-type", "owner_only",
             "--storage-filesystem-folder", str(tmp / "storage"), "--logging-level", "warning"], stdout=log, stderr=log)
    try:
        return move(opt, tmp, kalends, f"http://127.0.0.1:{port}/")
    finally:
        radicale.terminate()
        radicale.wait()


def move(opt, tmp, kalends, url):
    wait_for(url)
    database = opt.database or f"sqlite:{tmp}/kalends.db"
    env = {**os.environ, "KALENDS_DATABASE": database, "KALENDS_DATA": str(tmp / "data")}

    def command(*words, stdin=None):
        start = time.monotonic()
        done = subprocess.run([kalends, *words], env=env, cwd=tmp, input=stdin, text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"kalends {' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout, time.monotonic() - start

    command("migrate")
    (tmp / "people.csv").write_text("name,password,display_name,email\nalice,alice,Alice,alice@example.com\n")
    command("user", "import", "people.csv")
    words = ["import", "--user", "alice", "--remote-user", "alice", "--remote-password", "-", "--state", str(tmp / "state"), url]
    start = time.monotonic()
    ask(url + "alice/work/", "PROPFIND", '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>').close()
    print(f"Radicale reads its files: {time.monotonic() - start:.1f} s, which it has done already where people work with it")
    told, took = command(*words, stdin="any\n")
    print(told.strip().splitlines()[-1])
    print(f"import over CalDAV: {took:.1f} s, {opt.events / took:.0f} objects/s")
    again, took_again = command(*words, stdin="any\n")
    print(f"again, with nothing new: {took_again:.1f} s: {again.strip().splitlines()[-1]}")
    _, took = command("export", "--user", "alice", "--format", "vdir", "-o", "out")
    print(f"export: {took:.1f} s")

    there, here = served(url + "alice/work/", tmp / "storage" / "collection-root" / "alice" / "work"), {}
    for path in (tmp / "out").glob("*/*.ics"):
        here.update(by_uid(path.read_bytes().decode()))
    faults = compare(there, here)
    if len(there) != opt.events:
        faults.append(f"Radicale has {len(there)} objects, not {opt.events}")
    mails = list((tmp / "data").glob("**/*.eml"))
    if mails:
        faults.append(f"{len(mails)} mails were sent")
    for f in faults[:10]:
        print("FAIL", f)
    if faults:
        print(f"{len(faults)} faults")
        return 1
    print(f"{len(here)} objects are equal, line for line")
    return 0


def compare(there, here):
    faults = [f"{uid} is missing" for uid in there.keys() - here.keys()]
    faults += [f"{uid} was not there before" for uid in here.keys() - there.keys()]
    for uid in there.keys() & here.keys():
        if there[uid] != here[uid]:
            changed = difflib.unified_diff(there[uid].splitlines(), here[uid].splitlines(), "Radicale", "Kalends", lineterm="", n=0)
            faults.append(f"{uid} differs:\n    " + "\n    ".join(changed))
    return faults


def by_uid(text):
    """One object by its UID. XML knows one kind of line end only."""
    text = text.replace("\r\n", "\n")
    return {re.search(r"^UID:(.*)$", text, re.M).group(1): text}


def ask(url, method, body):
    login = base64.b64encode(b"alice:any").decode()
    header = {"Content-Type": "application/xml", "Depth": "1", "Authorization": "Basic " + login}
    return urllib.request.urlopen(urllib.request.Request(url, body.encode(), header, method=method), timeout=600)


def served(calendar, folder):
    """What Radicale answers to multigets, which is not quite what lies in its files: it sorts the lines."""
    objects, names = {}, sorted(p.name for p in folder.glob("*.ics"))
    path = urllib.parse.urlsplit(calendar).path
    for i in range(0, len(names), 500):
        hrefs = "".join(f"<D:href>{path}{n}</D:href>" for n in names[i:i + 500])
        body = ('<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>'
                f"{hrefs}</C:calendar-multiget>")
        with ask(calendar, "REPORT", body) as answer:
            for data in xml.etree.ElementTree.parse(answer).iter("{urn:ietf:params:xml:ns:caldav}calendar-data"):
                objects.update(by_uid(data.text))
    return objects


def fill(storage, n):
    """Writes the calendar as Radicale stores it: quicker by far than n requests."""
    folder = storage / "collection-root" / "alice" / "work"
    folder.mkdir(parents=True)
    (folder / ".Radicale.props").write_text('{"tag": "VCALENDAR", "D:displayname": "Work", "ICAL:calendar-color": "#2a6f97"}')
    rnd = random.Random(20261122)
    for i in range(n):
        name, text = event(rnd, i)
        (folder / f"{name}.ics").write_bytes(text.replace("\n", "\r\n").encode())


def event(rnd, i):
    uid = f"{rnd.getrandbits(128):032x}"
    day = f"{rnd.randint(2018, 2028)}{rnd.randint(1, 12):02}{rnd.randint(1, 28):02}"
    hour = rnd.randint(7, 18)
    words = rnd.sample(["Planung", "Größe", "review", "日程", "lunch", "budget", "Übung", "call", "visit", "🎂"], 3)
    head = (f"UID:{uid}\nDTSTAMP:20260101T000000Z\nSUMMARY:{' '.join(words)}\\, {i}\n"
            f"DESCRIPTION:{'; '.join(words * rnd.randint(0, 3)).replace(';', chr(92) + ';')}\n")
    zoned = f"DTSTART;TZID=Europe/Vienna:{day}T{hour:02}3000\nDURATION:PT{rnd.randint(15, 180)}M\n"
    kind, more, zone = i % 8, "", ZONE
    if kind == 1:
        zoned, zone = f"DTSTART;VALUE=DATE:{day}\nTRANSP:TRANSPARENT\n", ""
    elif kind == 2:
        zoned += "RRULE:FREQ=WEEKLY;COUNT=12\n"
        if hour < 17:
            more = (f"BEGIN:VEVENT\n{head}RECURRENCE-ID;TZID=Europe/Vienna:{day}T{hour:02}3000\n"
                    f"DTSTART;TZID=Europe/Vienna:{day}T{hour + 1:02}3000\nDURATION:PT30M\nEND:VEVENT\n")
    elif kind == 3:
        zoned += f"RRULE:FREQ=MONTHLY;BYDAY=2TU\nEXDATE;TZID=Europe/Vienna:{day}T{hour:02}3000\n"
    elif kind == 4:
        zoned += "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Soon\nTRIGGER:-PT15M\nEND:VALARM\n"
    elif kind == 5:
        zoned, zone = f"DTSTART:{day}T{hour:02}0000Z\nDTEND:{day}T{hour + 1:02}0000Z\nX-MINE;X-P=\"a;b\":kept\n", ""
    elif kind == 6:
        zoned += ("ORGANIZER;CN=Alice:mailto:alice@example.com\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\n"
                  "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:guest@example.org\n")
    text = fold(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//Moving//EN\n{zone}BEGIN:VEVENT\n{head}{zoned}END:VEVENT\n{more}END:VCALENDAR\n")
    return uid, text


def fold(text):
    lines = []
    for line in text.splitlines():
        while len(line.encode()) > 75:
            n = 74
            while len(line[:n].encode()) > 75:
                n -= 1
            lines.append(line[:n])
            line = " " + line[n:]
        lines.append(line)
    return "\n".join(lines) + "\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url):
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("Radicale does not come up")


main()
