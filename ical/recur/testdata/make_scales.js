// Makes scales.txt.gz: what other programs say of the calendar systems of RFC 7529, for scale_test.go to compare with.
//
//   npm install lunar-javascript @hebcal/core        (not kept: only the answers are)
//   cc -o expand_libical expand_libical.c -lical     (Debian: libical-dev)
//   node make_scales.js | gzip -9n > scales.txt.gz
//
// Sources, as they were on 2026-11-22: Chinese years from lunar-javascript 1.7, which follows the published almanacs; Hebrew years
// from @hebcal/core 6, and from the ICU in node 20; rules from libical 3.0.16 with ICU 72. ICU's own Chinese calendar is not asked for years:
// it has some months wrong that end near midnight (the new year of 2027, the leap month of 1987).
//
// Of what libical answers only that is kept which it is not known to get wrong:
//   - CHINESE: from 1999 to 2011, where ICU 72 has no month wrong, and no leap months with SKIP or beside others: it loses them
//   - HEBREW: before 2045; ICU 72 makes 5806 a day too long
//   - SKIP of days other than GREGORIAN: it counts months by number and stumbles over leap months and the new year.
//     Nor SKIP=BACKWARD with a day of the year from its end: it gives the first of them out of order
//   - no BYMONTHDAY in yearly rules without BYMONTH (it takes DTSTART's month, not all), no BYDAY on leap months
//   - INTERVAL where the rule does not produce DTSTART: it loses count
// The model in scaled_model_test.go knows no such exceptions.
//
// With the argument "table" it prints the table of scale_chinese.go instead.
'use strict';
const { execFileSync } = require('child_process');
const path = require('path');
const { LunarYear, Solar } = require('lunar-javascript');

const day = 864e5;
const compact = (t) => new Date(t).toISOString().slice(0, 10).replace(/-/g, '');

function chineseYear(n) {
  const months = LunarYear.fromYear(n).getMonthsInYear();
  const first = Solar.fromJulianDay(months[0].getFirstJulianDay());
  return {
    first: Date.UTC(first.getYear(), first.getMonth() - 1, first.getDay()),
    months: months.map((m) => [Math.abs(m.getMonth()) + (m.isLeap() ? 'L' : ''), m.getDayCount()]),
  };
}

function table() {
  let out = '';
  for (let n = 1900; n <= 2100; n++) {
    const y = chineseYear(n);
    let bits = ((y.first - Date.UTC(n, 0, 20)) / day) << 17;
    y.months.forEach(([code, days], i) => {
      if (code.endsWith('L')) bits |= parseInt(code) << 13;
      if (days === 30) bits |= 1 << i;
    });
    out += (n % 10 === 0 ? '\t' : ' ') + '0x' + bits.toString(16).padStart(6, '0') + ',' + (n % 10 === 9 || n === 2100 ? ' // ' + (n - n % 10) + '\n' : '');
  }
  process.stdout.write(out);
}

// hebrewByICU tells [year, month, day] of a day by ICU.
const format = new Intl.DateTimeFormat('en-u-ca-hebrew', { year: 'numeric', month: 'long', day: 'numeric', timeZone: 'UTC' });
function hebrewByICU(t) {
  const p = Object.fromEntries(format.formatToParts(t).map((x) => [x.type, x.value]));
  return p.year + ' ' + p.month + ' ' + p.day;
}

const names = { 7: '1', 8: '2', 9: '3', 10: '4', 11: '5', 1: '7', 2: '8', 3: '9', 4: '10', 5: '11', 6: '12' };

async function main() {
  if (process.argv[2] === 'table') return table();
  const { HDate, months: M } = await import('@hebcal/core');
  const lines = [];
  for (let n = 1900; n <= 2100; n++) {
    const y = chineseYear(n);
    lines.push(`chinese ${n} ${compact(y.first)} ${y.months.map(([c, d]) => c + ':' + d).join(' ')}`);
  }
  for (let n = 3762; n <= 9999; n += n > 5600 && n < 6200 ? 1 : 19) {
    const first = new HDate(1, M.TISHREI, n).abs() - 719163;
    const icu = hebrewByICU(first * day);
    if (icu !== `${n} Tishri 1`) throw new Error(`ICU has ${icu} for 1 Tishri ${n}`);
    const order = [7, 8, 9, 10, 11, 12, 13, 1, 2, 3, 4, 5, 6].filter((m) => m !== 13 || HDate.isLeapYear(n));
    const list = order.map((m) => {
      const code = names[m] || (m === 12 && HDate.isLeapYear(n) ? '5L' : '6');
      return code + ':' + HDate.daysInMonth(m, n);
    });
    lines.push(`hebrew ${n} ${first} ${list.join(' ')}`);
  }

  let seed = 7529;
  const random = (lo, hi) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return lo + ((seed >>> 8) % (hi - lo + 1));
  };
  const some = (percent) => random(0, 99) < percent;
  const list = (n, f) => [...new Set(Array.from({ length: random(1, n) }, f))].join(',');
  const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
  const asked = [];
  for (let i = 0; i < 6000; i++) {
    const scale = ['GREGORIAN', 'HEBREW', 'CHINESE'][i % 3];
    const start = compact(scale === 'CHINESE' ? Date.UTC(random(1999, 2005), random(2, 11), random(1, 31)) : Date.UTC(random(1950, 2040), random(0, 11), random(1, 31)));
    const longest = scale === 'GREGORIAN' ? 31 : 30;
    const skip = ['OMIT', 'BACKWARD', 'FORWARD'][random(0, 2)];
    const parts = ['RSCALE=' + scale, 'FREQ=' + (some(65) ? 'YEARLY' : 'MONTHLY')];
    const yearly = parts[1] === 'FREQ=YEARLY';
    if (some(30)) parts.push('INTERVAL=' + random(2, 5));
    const signed = (most) => (some(25) ? -1 : 1) * (some(60) ? random(most - 2, most) : random(1, most));
    if (yearly && some(15)) {
      parts.push('BYYEARDAY=' + list(3, () => signed(scale === 'GREGORIAN' ? 366 : some(50) ? 385 : 355)));
    } else {
      const byMonth = yearly && some(70);
      if (byMonth) {
        parts.push('BYMONTH=' + list(3, () => {
          if (scale === 'HEBREW' && some(50)) return '5L';
          if (scale === 'CHINESE' && some(50)) return random(2, 10) + 'L';
          return '' + random(1, 12);
        }));
      }
      if (some(60) && (byMonth || !yearly)) parts.push('BYMONTHDAY=' + list(3, () => signed(longest)));
    }
    if (some(20) && !parts.join().includes('L')) parts.push('BYDAY=' + list(3, () => weekdays[random(0, 6)]));
    if (some(75)) parts.push('SKIP=' + skip);
    asked.push(start + ' ' + parts.join(';'));
  }
  const answers = execFileSync(path.join(__dirname, 'expand_libical'), ['15'], { maxBuffer: 1 << 28, input: asked.join('\n') + '\n', encoding: 'utf8' }).split('\n');
  asked.forEach((q, i) => {
    let days = [...new Set(answers[i].trim().split(' '))]; // it gives a day twice that SKIP moved onto another
    // What libical is known to get wrong is left out: see above.
    if (q.includes('INTERVAL') && !q.startsWith(days[0])) return;
    if (!q.includes('GREGORIAN') && /SKIP=[BF]/.test(q) && /[=,]-?(30|38.)\b/.test(q)) return;
    if (q.includes('CHINESE') && /L/.test(q) && (/SKIP=[BF]/.test(q) || /BYMONTH=[^;]*,/.test(q))) return;
    if (/SKIP=BACKWARD/.test(q) && /BYYEARDAY=[^;]*-3[568]/.test(q)) return;
    if (q.includes('CHINESE')) days = days.filter((d) => d < '20120101');
    if (q.includes('HEBREW')) days = days.filter((d) => d < '20450101');
    if (days[0] !== 'refused' && days[0]) lines.push(`rule ${q} ${days.join(' ')}`);
  });
  process.stdout.write(lines.join('\n') + '\n');
}

main();
