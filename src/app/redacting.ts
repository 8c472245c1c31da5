import { redact } from '../shared/domain/redact.ts';
import type { LogFields, Logger } from '../shared/ports/logger.ts';

/** The log without secrets: every message and every field goes through the one redaction. */
export function redacting(logger: Logger): Logger {
  const line = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) =>
    logger[level](redact(message), fields === undefined ? undefined : clean(fields));
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => redacting(logger.child(clean(fields))),
  };
}

function clean(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? redact(value) : value]),
  );
}
