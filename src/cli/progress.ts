import pc from 'picocolors';
import type { ProgressListener, StageProgress } from '../coordinator/progress.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { number } from './output.ts';
import type { Screen } from './screen.ts';
import { duration, tableTitle } from './text.ts';

/** Shows runs in progress: bars on a terminal, elsewhere a log line every few seconds. */
export interface ProgressView {
  listenerFor(table: string, logger: Logger): ProgressListener;
  /** Takes the table's bar away. */
  finish(table: string): void;
}

const LINE_EVERY_MS = 5000;
const BAR_WIDTH = 24;

/** A stage as it was first told of: a run that is taken up begins in the middle. */
interface StageStart {
  readonly first: StageProgress;
  readonly at: number;
}

/** How fast a stage goes, and when it will be done; `undefined` where that can't be told yet. */
export interface Pace {
  readonly documentsPerSecond: number | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly etaMs: number | undefined;
}

export function createProgressView(clock: Clock, screen: Screen): ProgressView {
  return screen.interactive ? barView(clock, screen) : lineView(clock);
}

function barView(clock: Clock, screen: Screen): ProgressView {
  const lines = new Map<string, string>();
  return {
    listenerFor(table) {
      const paceOf = pacer(clock);
      return (progress) => {
        lines.set(table, bar(table, progress, paceOf(progress)));
        screen.draw([...lines.values()]);
      };
    },
    finish(table) {
      lines.delete(table);
      screen.draw([...lines.values()]);
    },
  };
}

function lineView(clock: Clock): ProgressView {
  return {
    listenerFor(_table, logger) {
      const paceOf = pacer(clock);
      let printedAt = clock.monotonic();
      return (progress) => {
        const { documentsPerSecond, bytesPerSecond, etaMs } = paceOf(progress);
        if (clock.monotonic() - printedAt < LINE_EVERY_MS) return;
        printedAt = clock.monotonic();
        const { stage, done, total, documents, bytes } = progress;
        const etaSeconds = etaMs === undefined ? undefined : Math.round(etaMs / 1000);
        logger.info(stage, { done, total, documents, bytes, documentsPerSecond, bytesPerSecond, etaSeconds });
      };
    },
    finish() {},
  };
}

/** Tells the pace of one run's stages as they are told. */
function pacer(clock: Clock): (progress: StageProgress) => Pace {
  let start: StageStart | undefined;
  return (progress) => {
    const now = clock.monotonic();
    if (start?.first.stage !== progress.stage) start = { first: progress, at: now };
    return pace(start.first, progress, now - start.at);
  };
}

/** The share done: by documents where their number is known, else by jobs. */
function share({ done, total, documents, documentsTotal }: StageProgress): number {
  const byJobs = total === 0 ? 1 : done / total;
  const byDocuments = documentsTotal === undefined || documentsTotal === 0 ? 0 : documents / documentsTotal;
  return Math.min(1, Math.max(byJobs, byDocuments));
}

/** How fast a stage went from `first` to `now`, and how long the rest takes at that. */
export function pace(first: StageProgress, now: StageProgress, elapsedMs: number): Pace {
  const known = elapsedMs > 1000;
  const perSecond = (amount: number) => (known && amount > 0 ? Math.round((amount * 1000) / elapsedMs) : undefined);
  const part = share(now) - share(first);
  return {
    documentsPerSecond: perSecond(now.documents - first.documents),
    bytesPerSecond: perSecond(now.bytes - first.bytes),
    etaMs: known && part > 0.02 ? (elapsedMs * (1 - share(now))) / part : undefined,
  };
}

/** One line: `guest.notifications  extract  ████████░░░░  12/64 ranges  1,200,000 documents  345.6 MB  60,000 documents/s  17.3 MB/s  ETA 12 s`. */
function bar(table: string, progress: StageProgress, { documentsPerSecond, bytesPerSecond, etaMs }: Pace): string {
  const filled = Math.round(share(progress) * BAR_WIDTH);
  return [
    tableTitle(table),
    progress.stage.padEnd(7),
    pc.green('█'.repeat(filled)) + pc.dim('░'.repeat(BAR_WIDTH - filled)),
    `${progress.done}/${progress.total} ${progress.stage === 'merge' ? 'partitions' : 'ranges'}`,
    ...(progress.documents > 0 ? [`${number(progress.documents)} documents`] : []),
    ...(progress.bytes > 0 ? [bytesText(progress.bytes)] : []),
    ...(documentsPerSecond === undefined ? [] : [pc.dim(`${number(documentsPerSecond)} documents/s`)]),
    ...(bytesPerSecond === undefined ? [] : [pc.dim(`${bytesText(bytesPerSecond)}/s`)]),
    ...(etaMs === undefined ? [] : [pc.dim(`ETA ${duration(Math.ceil(etaMs / 1000) * 1000)}`)]),
  ].join('  ');
}
