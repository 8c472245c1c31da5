import { MongolakeError } from '../shared/domain/errors.ts';

/** An ISO 8601 time with a zone, or a date, in epoch milliseconds. Throws `USAGE`. */
export function parseTime(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new MongolakeError('USAGE', `${option}: "${text}" is not a time`, {
      hint: 'Write it with a zone, such as 2026-01-31T02:00:00Z, or as a date.',
    });
  }
  return ms;
}
