import pc from 'picocolors';
import type { ProgressListener, StageProgress } from '../coordinator/progress.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { number } from './output.ts';
import type { Screen } from './screen.ts';

/** Shows runs in progress: bars on a terminal, elsewhere a log line every few seconds. */
export interface ProgressView {
  listenerFor(table: string, logger: Logger): ProgressListener;
  /** Takes the table's bar away. */
  finish(table: string): void;
}

const LINE_EVERY_MS = 5000;
const BAR_WIDTH = 24;

interface StageStart {
  readonly stage: StageProgress['stage'];
  readonly at: number;
}

export function createProgressView(clock: Clock, screen: Screen): ProgressView {
  return screen.interactive ? barView(clock, screen) : lineView(clock);
}

function barView(clock: Clock, screen: Screen): ProgressView {
  const lines = new Map<string, string>();
  return {
    listenerFor(table) {
      let start: StageStart | undefined;
      return (progress) => {
        if (start?.stage !== progress.stage) start = { stage: progress.stage, at: clock.monotonic() };
        lines.set(table, bar(table, progress, clock.monotonic() - start.at));
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
      let start: StageStart | undefined;
      let printedAt = clock.monotonic();
      return (progress) => {
        const now = clock.monotonic();
        if (start?.stage !== progress.stage) start = { stage: progress.stage, at: now };
        if (now - printedAt < LINE_EVERY_MS) return;
        printedAt = now;
        const eta = etaMs(progress, now - start.at);
        logger.info(progress.stage, {
          done: progress.done,
          total: progress.total,
          documents: progress.documents,
          bytes: progress.bytes,
          etaSeconds: eta === undefined ? undefined : Math.round(eta / 1000),
        });
      };
    },
    finish() {},
  };
}

/** The share done: by documents where their number is known, else by jobs. */
function share({ done, total, documents, documentsTotal }: StageProgress): number {
  const byJobs = total === 0 ? 1 : done / total;
  const byDocuments = documentsTotal === undefined || documentsTotal === 0 ? 0 : documents / documentsTotal;
  return Math.min(1, Math.max(byJobs, byDocuments));
}

function etaMs(progress: StageProgress, elapsedMs: number): number | undefined {
  const part = share(progress);
  return part > 0.02 && elapsedMs > 1000 ? (elapsedMs * (1 - part)) / part : undefined;
}

/** One line: `guest.notifications  merge    ████████░░░░  12/64  1,200,000 documents  345.6 MB  ETA 12 s`. */
export function bar(table: string, progress: StageProgress, elapsedMs: number): string {
  const filled = Math.round(share(progress) * BAR_WIDTH);
  const eta = etaMs(progress, elapsedMs);
  return [
    pc.bold(table),
    progress.stage.padEnd(7),
    pc.green('█'.repeat(filled)) + pc.dim('░'.repeat(BAR_WIDTH - filled)),
    `${progress.done}/${progress.total} ${progress.stage === 'merge' ? 'partitions' : 'ranges'}`,
    ...(progress.documents > 0 ? [`${number(progress.documents)} documents`] : []),
    ...(progress.bytes > 0 ? [bytesText(progress.bytes)] : []),
    ...(eta === undefined ? [] : [pc.dim(`ETA ${Math.ceil(eta / 1000)} s`)]),
  ].join('  ');
}
