import { DIFFERENCES, differing } from '../shared/domain/comparison.ts';
import type { ErrorCode, MongolakeError } from '../shared/domain/errors.ts';
import { type Notice, notificationOf } from '../shared/domain/notification.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { CoordinatorObserver, FoundDifferences, RunEnd, TableLimits } from '../shared/ports/metrics.ts';
import type { Notifier } from '../shared/ports/notifier.ts';

/** How a table stands, as far as people were told. Times are epoch milliseconds. */
export interface Standing {
  /** From when on its age counts where no check ended well yet. */
  readonly seenAt: number;
  readonly checkedAt?: number;
  readonly limit_ms?: number | undefined;
  /** Why its last run failed, and when. */
  readonly failing?: { readonly code: ErrorCode; readonly at: number };
  readonly isStale?: boolean;
  /** Since when people think that something is wrong, and what. */
  readonly wrong?: { readonly since: number; readonly what: readonly ('failed' | 'stale')[] };
  /** What the last verification found, as text. */
  readonly differences?: string;
}

/** What the coordinator sees of a table. */
export type Seen =
  | { readonly kind: 'ended'; readonly end: RunEnd }
  | { readonly kind: 'checked'; readonly checkedAt: number }
  /** `isNew`: found by this process, not read from a note. */
  | { readonly kind: 'verified'; readonly found: FoundDifferences; readonly isNew: boolean }
  /** Time has passed. */
  | { readonly kind: 'looked' };

/** The table's standing after what was seen of it at `now`, and what people are to be told: changes, and nothing twice. */
export function noticed(
  before: Standing,
  seen: Seen,
  now: number,
): { readonly standing: Standing; readonly notices: readonly Notice[] } {
  const { standing, notices } = taken(before, seen, now);
  const aged = withAge(standing, now);
  const after = recovered(aged.standing);
  return { standing: after.standing, notices: [...notices, ...aged.notices, ...after.notices] };
}

interface Step {
  readonly standing: Standing;
  readonly notices: readonly Notice[];
}

function taken(before: Standing, seen: Seen, now: number): Step {
  switch (seen.kind) {
    case 'ended':
      return ended(before, seen.end, now);
    case 'checked': {
      const standing = { ...before, checkedAt: Math.max(before.checkedAt ?? 0, seen.checkedAt) };
      // Another process has brought it in step since.
      const isOver = before.failing !== undefined && seen.checkedAt > before.failing.at;
      return { standing: isOver ? withoutFailure(standing) : standing, notices: [] };
    }
    case 'verified': {
      const { differences, repairedIn } = seen.found;
      const text = DIFFERENCES.map((difference) => differences[difference]).join(' ');
      const isTold = seen.isNew && differing(differences) > 0 && text !== before.differences;
      return {
        standing: { ...before, differences: text },
        notices: isTold ? [{ event: 'differs', differences, repairedIn: repairedIn ?? null }] : [],
      };
    }
    case 'looked':
      return { standing: before, notices: [] };
  }
}

function ended(before: Standing, end: RunEnd, now: number): Step {
  if (end.outcome === 'skipped') return { standing: before, notices: [] };
  if (end.error === undefined) return { standing: withoutFailure(before), notices: noticesOfResult(end) };
  const { code } = end.error;
  const standing = { ...blamed(before, 'failed', now), failing: { code, at: now } };
  return { standing, notices: before.failing?.code === code ? [] : [noticeOfFailure(end.error)] };
}

/** What is to be told of a run that failed. */
export function noticeOfFailure({ code, message, hint, retryable, exitCode }: MongolakeError): Notice {
  return { event: 'failed', code, message, ...(hint === undefined ? {} : { hint }), retryable, exit: exitCode };
}

/** What is to be told of a run that ended well. */
export function noticesOfResult({ figures, durationMs }: Pick<RunEnd, 'figures' | 'durationMs'>): readonly Notice[] {
  if (figures?.version == null) return [];
  const { version: tableVersion, counts, newlyQuarantined: added = 0, contents } = figures;
  const committed = { event: 'committed', tableVersion, counts, durationMs: Math.round(durationMs) } as const;
  if (added === 0) return [committed];
  return [committed, { event: 'quarantined', added, listed: contents?.quarantined ?? added, tableVersion }];
}

function withoutFailure({ failing: _, ...rest }: Standing): Standing {
  return rest;
}

function blamed(standing: Standing, what: 'failed' | 'stale', since: number): Standing {
  const { wrong = { since, what: [] } } = standing;
  return wrong.what.includes(what) ? standing : { ...standing, wrong: { ...wrong, what: [...wrong.what, what] } };
}

function withAge(standing: Standing, now: number): Step {
  const { checkedAt, seenAt, limit_ms = Number.POSITIVE_INFINITY, isStale: wasStale = false } = standing;
  const isStale = now - (checkedAt ?? seenAt) > limit_ms;
  if (isStale === wasStale) return { standing, notices: [] };
  if (!isStale) return { standing: { ...standing, isStale }, notices: [] };
  const lastCheckAt = checkedAt === undefined ? null : new Date(checkedAt).toISOString();
  return {
    standing: { ...blamed(standing, 'stale', now), isStale },
    notices: [{ event: 'stale', lastCheckAt, limitSeconds: Math.round(limit_ms / 1000) }],
  };
}

function recovered(standing: Standing): Step {
  const { wrong, failing, isStale, ...rest } = standing;
  if (wrong === undefined || failing !== undefined || isStale === true) return { standing, notices: [] };
  const notice = { event: 'recovered', from: wrong.what, since: new Date(wrong.since).toISOString() } as const;
  return { standing: rest, notices: [notice] };
}

/** Tells the notifier what happens to a coordinator's tables. Knows nothing of what was before this process. */
export function noticing(notifier: Notifier, clock: Clock): CoordinatorObserver & { look(): void } {
  const standings = new Map<string, Standing>();
  const see = (table: string, seen: Seen) => {
    const before = standings.get(table);
    if (before === undefined) return;
    const now = clock.now();
    const { standing, notices } = noticed(before, seen, now);
    standings.set(table, standing);
    for (const notice of notices) notifier.notify(notificationOf(table, notice, now));
  };
  const list = (tables: readonly TableLimits[]) => {
    const names = new Set(tables.map(({ name }) => name));
    for (const name of [...standings.keys()]) if (!names.has(name)) standings.delete(name);
    for (const { name, freshnessLimit_ms: limit_ms } of tables)
      standings.set(name, { ...(standings.get(name) ?? { seenAt: clock.now() }), limit_ms });
  };
  return {
    tables: list,
    runStarted() {},
    runEnded: (table, end) => see(table, { kind: 'ended', end }),
    fresh: (table, { checkedAt }) => see(table, { kind: 'checked', checkedAt }),
    verified: (table, found, isNew) => see(table, { kind: 'verified', found, isNew }),
    contents() {},
    look() {
      for (const table of standings.keys()) see(table, { kind: 'looked' });
    },
  };
}
