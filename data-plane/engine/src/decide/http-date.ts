const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';
/** `Sun, 06 Nov 1994 08:49:37 GMT`: what everybody has to write. */
const IMF_FIXDATE = new RegExp(`^[A-Z][a-z]{2}, (\\d\\d) ([A-Z][a-z]{2}) (\\d{4}) ${TIME} GMT$`);
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC_850 = new RegExp(`^[A-Z][a-z]{5,8}, (\\d\\d)-([A-Z][a-z]{2})-(\\d\\d) ${TIME} GMT$`);
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = new RegExp(`^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/**
 * A date as HTTP writes it, in any of its three forms (RFC 9110 5.6.7), as Unix milliseconds; undefined where it is none. Names of
 * days are not looked at. A year of two digits is the one within fifty years of `unixNowMs`.
 */
export function parseHttpDate(text: string, unixNowMs: number): number | undefined {
  let parts = IMF_FIXDATE.exec(text);
  if (parts !== null) return toUnixMs(Number(parts[3]), parts[2], parts[1], parts, 4);
  parts = RFC_850.exec(text);
  if (parts !== null) return toUnixMs(fullYear(Number(parts[3]), unixNowMs), parts[2], parts[1], parts, 4);
  parts = ASCTIME.exec(text);
  return parts === null ? undefined : toUnixMs(Number(parts[6]), parts[1], parts[2], parts, 3);
}

function toUnixMs(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  parts: RegExpExecArray,
  timeAt: number,
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? '');
  const day = Number(dayText);
  const [hour, minute, second] = [Number(parts[timeAt]), Number(parts[timeAt + 1]), Number(parts[timeAt + 2])];
  // 60: a leap second.
  if (month < 0 || day < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // The 31st of a month of thirty days is no date.
  if (date.getUTCDate() !== day) return undefined;
  return date.setUTCHours(hour, minute, second);
}

function fullYear(twoDigits: number, unixNowMs: number): number {
  const year = new Date(unixNowMs).getUTCFullYear();
  const candidate = year - (year % 100) + twoDigits;
  if (candidate > year + 50) return candidate - 100;
  return candidate <= year - 50 ? candidate + 100 : candidate;
}
