#!/usr/bin/python3
"""Reads the mails of testdata/mail/sent back with programs that are not ours: Python's email package and, where it is
installed, icalendar (Debian: python3-icalendar). With --pictures it also draws their HTML into docs/mail with Chromium: 600
pixels wide and light, some also dark and 300 pixels wide.

    e2e/mails.py [--pictures]
"""
import email
import email.policy
import glob
import os
import subprocess
import sys
import tempfile

try:
    import icalendar
except ImportError:
    icalendar = None

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
bad = 0


def complain(name, what):
    global bad
    bad += 1
    print(f"{name}: {what}", file=sys.stderr)


def check(name, raw):
    """Returns the HTML of a mail after looking at all of it."""
    if any(len(line) > 998 for line in raw.split(b"\r\n")):
        complain(name, "a line longer than 998 octets")
    if raw.replace(b"\r\n", b"").count(b"\n") or any(b > 126 for b in raw):
        complain(name, "bare line ends, or octets beyond ASCII")
    msg = email.message_from_bytes(raw, policy=email.policy.default)
    html = None
    calendars = []
    for part in msg.walk():
        if part.defects:
            complain(name, f"{part.get_content_type()}: {part.defects}")
        for header, value in part.items():
            if getattr(value, "defects", ()):
                complain(name, f"{header}: {value.defects}")
        kind = part.get_content_type()
        if kind == "text/html":
            html = part.get_content()
        elif kind == "text/calendar":
            calendars.append((part.get_param("method"), part.get_content()))
        elif kind == "application/ics":
            calendars.append((None, part.get_content().decode()))
    for method, text in calendars:
        if "\r\n" not in text:
            text = text.replace("\n", "\r\n")
        if icalendar is None:
            continue
        cal = icalendar.Calendar.from_ical(text)
        if method is not None and cal["METHOD"] != method:
            complain(name, f"METHOD {cal['METHOD']} in the calendar, {method} in the header")
        zones = {str(z["TZID"]) for z in cal.walk("VTIMEZONE")}
        for c in cal.walk():
            if c.errors:
                complain(name, f"{c.name}: {c.errors}")
            for prop in ("DTSTART", "DTEND", "RECURRENCE-ID"):
                tzid = c[prop].params.get("TZID") if prop in c and c.name != "STANDARD" else None
                if tzid and tzid not in zones:
                    complain(name, f"{prop} in {tzid}, which no VTIMEZONE defines")
    return html


def draw(name, html):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mail.html")
        with open(path, "w", encoding="utf-8") as f:
            f.write(html)
        views = [("", 600, False)]
        if name.startswith("request-"):
            views += [("-dark", 600, True), ("-narrow", 300, False)]
        for suffix, width, dark in views:
            # Chromium's windows are at least 500 wide, so narrow ones are a frame within.
            frame = os.path.join(folder, "frame.html")
            with open(frame, "w", encoding="utf-8") as f:
                f.write(f'<!DOCTYPE html><style>html{{color-scheme:light dark}}body{{margin:0}}iframe{{border:0;width:{width}px;height:900px}}</style><iframe src="mail.html"></iframe>')
            out = os.path.join(root, "docs", "mail", name + suffix + ".png")
            subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                 f"--user-data-dir={folder}/profile", f"--window-size={max(width, 500)},900", f"--screenshot={out}"]
                + (["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"])
                + ["file://" + frame],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)


names = sorted(glob.glob(os.path.join(root, "testdata", "mail", "sent", "*.eml")))
for path in names:
    name = os.path.splitext(os.path.basename(path))[0]
    with open(path, "rb") as f:
        raw = f.read()
    if b"\r\n" not in raw:
        raw = raw.replace(b"\n", b"\r\n")
    html = check(name, raw)
    if "--pictures" in sys.argv[1:] and html:
        draw(name, html)
if not names:
    complain("testdata/mail/sent", "no mails")
print(f"{len(names)} mails, {bad} complaints" + ("" if icalendar else "; icalendar is not installed"))
sys.exit(1 if bad else 0)
