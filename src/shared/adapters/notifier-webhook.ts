import { type Notification, type NotifyEvent, slackBody } from '../domain/notification.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Notifier } from '../ports/notifier.ts';
import { within } from '../within.ts';

/** Who is told, and of what. URL and values of headers are secrets. */
export interface Receiver {
  readonly url: string;
  readonly format: 'json' | 'slack';
  readonly events: readonly NotifyEvent[];
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export type DeliveryResult = 'sent' | 'failed';

export interface WebhookOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What requests say they are from. */
  readonly userAgent: string;
  /** Told of the end of each delivery, of each receiver. Must not throw. */
  readonly onResult?: ((event: NotifyEvent, result: DeliveryResult) => void) | undefined;
  /** Before the second try; three times as much before each further one. */
  readonly backoffMs?: number;
}

const TRIES = 5;
const BACKOFF_MS = 1_000;
/** The longest wait before a try, whatever a receiver asks for. */
const WAIT_MAX_MS = 60_000;
/** Notifications that wait for one receiver. What comes while so many do is lost, and counted as failed. */
const WAITING_MOST = 100;

/** How a request went. */
type Answer =
  | { readonly ok: true }
  /** `passes`: another try may go better. */
  | { readonly ok: false; readonly why: string; readonly passes: boolean; readonly retryAfterMs?: number };

/**
 * Posts notifications to webhooks, one after the other to each. A network error, a timeout, 429 and 5xx are tried again; redirects are not
 * followed. What could not be delivered is told to the log, by host alone. `receivers` gives them as they are now, always as many.
 */
export function webhookNotifier(receivers: () => readonly Receiver[], options: WebhookOptions): Notifier {
  const stop = new AbortController();
  const lines = receivers().map((_, index) => deliveries(() => receivers()[index] as Receiver, options, stop.signal));
  return {
    notify(notification) {
      for (const line of lines) line.add(notification);
    },
    async drain(timeoutMs) {
      const all = Promise.all(lines.map(({ over }) => over()));
      if ((await within(options.clock, timeoutMs, all)).done) return;
      stop.abort();
      await all;
    },
  };
}

/** What is on its way to one receiver. */
function deliveries(receiver: () => Receiver, options: WebhookOptions, stop: AbortSignal) {
  const waiting: Notification[] = [];
  let sending: Promise<void> | undefined;
  const work = async () => {
    for (;;) {
      const next = waiting.shift();
      if (next === undefined) return;
      told(next, receiver(), await deliver(next, receiver, options, stop), options);
    }
  };
  return {
    add(notification: Notification) {
      if (!receiver().events.includes(notification.event)) return;
      if (waiting.length >= WAITING_MOST)
        return told(notification, receiver(), { ok: false, why: 'too many wait', passes: false }, options);
      waiting.push(notification);
      sending ??= work().finally(() => {
        sending = undefined;
      });
    },
    over: async () => sending,
  };
}

function told(
  { event, table }: Notification,
  { url }: Receiver,
  answer: Answer,
  { logger, onResult }: WebhookOptions,
): void {
  onResult?.(event, answer.ok ? 'sent' : 'failed');
  const fields = { event, table, to: URL.canParse(url) ? new URL(url).host : 'a URL that is none' };
  if (answer.ok) logger.debug('notified', fields);
  else logger.warn('a notification could not be delivered', { ...fields, reason: answer.why });
}

/** Tries until it is delivered, or there is no use in it. */
async function deliver(
  notification: Notification,
  receiver: () => Receiver,
  { clock, userAgent, backoffMs = BACKOFF_MS }: WebhookOptions,
  stop: AbortSignal,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const answer = await post(notification, receiver(), { clock, userAgent }, stop);
    if (answer.ok || !answer.passes || tries === TRIES || stop.aborted) return answer;
    const wait = Math.min(Math.max(backoffMs * 3 ** (tries - 1), answer.retryAfterMs ?? 0), WAIT_MAX_MS);
    try {
      await clock.sleep(wait, stop, { background: true });
    } catch {
      return answer;
    }
  }
}

async function post(
  notification: Notification,
  { url, format, headers, timeoutMs }: Receiver,
  { clock, userAgent }: Pick<WebhookOptions, 'clock' | 'userAgent'>,
  stop: AbortSignal,
): Promise<Answer> {
  const over = new AbortController();
  try {
    const request = fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': userAgent, ...headers },
      body: JSON.stringify(format === 'slack' ? slackBody(notification) : notification),
      redirect: 'manual',
      signal: AbortSignal.any([over.signal, stop]),
    });
    const outcome = await within(clock, timeoutMs, request);
    if (!outcome.done) return { ok: false, why: `no answer within ${timeoutMs} ms`, passes: true };
    return answerOf(outcome.value, clock.now());
  } catch (error) {
    return { ok: false, why: reasonOf(error), passes: true };
  } finally {
    // Also where an answer has come: its body is of no use.
    over.abort();
  }
}

function answerOf({ ok, status, headers }: Response, now: number): Answer {
  if (ok) return { ok };
  const retryAfterMs = retryAfter(headers.get('retry-after'), now);
  return {
    ok,
    why: `status ${status}`,
    passes: status === 429 || status >= 500,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Seconds or a date (RFC 9110, section 10.2.3), in milliseconds from now; `undefined` where neither. */
function retryAfter(value: string | null, now: number): number | undefined {
  const ms = value === null ? Number.NaN : /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : ms;
}

/** A code, never a message: that might quote the URL. */
function reasonOf(error: unknown): string {
  const { code, name } = ((error as Error).cause ?? error) as { readonly code?: unknown; readonly name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
