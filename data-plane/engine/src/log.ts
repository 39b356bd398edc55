/** Ordered by severity; a log writes its own level and those before it. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** Writes one line for each call: `TIME LEVEL MESSAGE KEY=VALUE ...`. Fields that are undefined are left out. */
export type Log = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** Longest value of a field, in characters; the rest is cut. */
const MAX_VALUE_LENGTH = 512;

/** A log that hands lines to `write`, each ending in a newline. */
export function createLog(level: LogLevel, write: (line: string) => void, now: () => Date): Log {
  const written = logLevels.slice(0, logLevels.indexOf(level) + 1);
  const log = (at: LogLevel) =>
    written.includes(at)
      ? (message: string, fields: LogFields = {}) => write(formatLine(now(), at, message, fields))
      : () => undefined;
  return { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
}

function formatLine(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  let line = `${time.toISOString()} ${level} ${message.replace(/[\u0000-\u001f\u007f]+/g, ' ')}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${key}=${formatValue(String(value))}`;
  }
  return `${line}\n`;
}

/** Quoted unless it is plain, so that nothing a client sends can begin a line or a field. */
function formatValue(value: string): string {
  const cut = value.length > MAX_VALUE_LENGTH ? `${value.slice(0, MAX_VALUE_LENGTH)}…` : value;
  return /^[\w.:/@+,-]+$/.test(cut) ? cut : JSON.stringify(cut).replaceAll('\u007f', '\\u007f');
}
