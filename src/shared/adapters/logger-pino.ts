import pc from 'picocolors';
import { type Logger as Pino, pino } from 'pino';
import type { LogFields, Logger } from '../ports/logger.ts';

export interface LoggerOptions {
  readonly level: string;
  /** `json` is a line of JSON each; `pretty` is for people. */
  readonly format: 'pretty' | 'json';
  /** Takes the lines of `pretty`, each with its line end. */
  readonly print: (line: string) => void;
}

/** Logs to stderr, synchronously, so that nothing is lost when the process ends. */
export function pinoLogger(options: LoggerOptions): Logger {
  const destination =
    options.format === 'json'
      ? pino.destination({ dest: 2, sync: true })
      : { write: (line: string) => options.print(pretty(line)) };
  return wrap(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        messageKey: 'message',
        formatters: { level: (level) => ({ level }) },
      },
      destination,
    ),
  );
}

function wrap(logger: Pino): Logger {
  const line = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) =>
    logger[level](fields ?? {}, message);
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => wrap(logger.child(fields)),
  };
}

const COLOR: Readonly<Record<string, (text: string) => string>> = {
  debug: pc.dim,
  info: pc.cyan,
  warn: pc.yellow,
  error: pc.red,
};

/** `12:34:56 info  message  key=value`; control characters can't break out of the line. */
function pretty(json: string): string {
  const { level, time, message, ...fields } = JSON.parse(json) as {
    level: string;
    time: string;
    message: string;
    [key: string]: unknown;
  };
  const paint = COLOR[level] ?? ((text: string) => text);
  const rest = Object.entries(fields).map(([key, value]) =>
    pc.dim(`${key}=${typeof value === 'string' && !/[\s"=]|\p{C}/u.test(value) ? value : quoted(value)}`),
  );
  return `${pc.dim(time.slice(11, 19))} ${paint(level.padEnd(5))} ${quoted(message).slice(1, -1).replaceAll('\\"', '"')}${rest.length === 0 ? '' : `  ${rest.join(' ')}`}\n`;
}

/** As JSON, with escapes also for what a terminal would act on and JSON lets be: C1 controls, marks of direction and lines. */
function quoted(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
