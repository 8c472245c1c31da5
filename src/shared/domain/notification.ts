import type { Difference } from './comparison.ts';
import type { ErrorCode } from './errors.ts';
import type { Counts } from './receipt.ts';

/** What people can be told of a table. */
export const EVENTS = ['failed', 'stale', 'quarantined', 'differs', 'recovered', 'committed'] as const;
export type NotifyEvent = (typeof EVENTS)[number];

/** What they are told where nothing else is asked for. */
export const USUAL_EVENTS: readonly NotifyEvent[] = EVENTS.filter((event) => event !== 'committed');

/** What happened to a table, and when: ISO 8601 in UTC. docs/notifications.md describes each. */
export type Notice =
  | {
      readonly event: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint?: string;
      readonly retryable: boolean;
      /** The exit code of a command that ends with this error. */
      readonly exit: number;
    }
  | {
      readonly event: 'stale';
      /** `null` where no check ended well yet. */
      readonly lastCheckAt: string | null;
      readonly limitSeconds: number;
    }
  | {
      readonly event: 'quarantined';
      /** Documents that this run put on the list, and those on it now. */
      readonly added: number;
      readonly listed: number;
      readonly tableVersion: number;
    }
  | {
      readonly event: 'differs';
      readonly differences: Readonly<Record<Difference, number>>;
      /** The version that made it right; `null` where none was made. */
      readonly repairedIn: number | null;
    }
  | {
      readonly event: 'recovered';
      /** What was told of it before. */
      readonly from: readonly ('failed' | 'stale')[];
      readonly since: string;
    }
  | {
      readonly event: 'committed';
      readonly tableVersion: number;
      readonly counts: Counts;
      readonly durationMs: number;
    };

/** A notice as it is sent. `version` grows only when a field changes its meaning. */
export type Notification = Notice & {
  readonly version: 1;
  /** `pipeline.collection`. */
  readonly table: string;
  readonly pipeline: string;
  readonly collection: string;
  readonly at: string;
};

/** A notice of the table `pipeline.collection`, at epoch milliseconds. A pipeline's name has no dot. */
export function notificationOf(table: string, notice: Notice, at: number): Notification {
  const dot = table.indexOf('.');
  const named = { table, pipeline: table.slice(0, dot), collection: table.slice(dot + 1) };
  return { version: 1, ...notice, ...named, at: new Date(at).toISOString() };
}

/** The longest text for a chat: Discord takes no more than 2,000 characters. */
const TEXT_LENGTH = 1_800;

/** The body for a chat that takes Slack's incoming webhooks. Its three control characters are escaped, so that nothing in a text mentions or links. */
export function slackBody(notification: Notification): { readonly text: string } {
  const text = textOf(notification);
  return { text: escaped(text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text) };
}

/** docs.slack.dev, "Formatting message text": only these, and the ampersand first. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A notification in words. */
function textOf(notification: Notification): string {
  const { table } = notification;
  switch (notification.event) {
    case 'failed':
      return [
        `mongolake: ${table} failed: ${notification.message} [${notification.code}]`,
        ...(notification.hint === undefined ? [] : [notification.hint]),
        ...(notification.retryable ? ['It may succeed when it is run again; a coordinator does so by itself.'] : []),
      ].join('\n');
    case 'stale': {
      const since = notification.lastCheckAt ?? 'never';
      return `mongolake: ${table} is stale: last in step ${since}, and ${notification.limitSeconds} s is the limit`;
    }
    case 'quarantined': {
      const { added, listed } = notification;
      return `mongolake: ${table}: ${added} more documents can't be stored and were put aside, ${listed} in all\n\`mongolake quarantine list ${table}\` shows them.`;
    }
    case 'differs': {
      const { missing, stale, gone } = notification.differences;
      const { repairedIn } = notification;
      const repair = repairedIn === null ? 'not repaired' : `repaired in version ${repairedIn}`;
      return `mongolake: ${table} differs from its source: ${missing} missing, ${stale} stale, ${gone} gone; ${repair}`;
    }
    case 'recovered':
      return `mongolake: ${table} is in step again (${notification.from.join(' and ')} since ${notification.since})`;
    case 'committed': {
      const { inserted, updated, deleted } = notification.counts;
      return `mongolake: ${table}: version ${notification.tableVersion}: ${inserted} inserted, ${updated} updated, ${deleted} deleted in ${Math.round(notification.durationMs / 1000)} s`;
    }
  }
}
