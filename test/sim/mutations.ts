import type { Fault } from './options.ts';

/** A bug that somebody could make in a bad hour, as a change of the product's text. The simulation has to notice it. */
export interface Mutation {
  readonly name: string;
  /** What goes wrong with it. */
  readonly breaks: string;
  /** Faults without which nobody would notice: seeds that have them often find it sooner. */
  readonly takes?: readonly Fault[];
  readonly changes: readonly Change[];
}

interface Change {
  /** Below `src/`. */
  readonly file: string;
  /** Must be found exactly once. */
  readonly from: string;
  readonly to: string;
}

/** The planted bugs. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'no fence at a takeover',
    breaks: 'a run that was given up commits all the same, when its holder wakes up',
    takes: ['late'],
    changes: [
      {
        file: 'coordinator/steps.ts',
        from: 'if (lease.overtaken !== undefined) {',
        to: 'if (lease.overtaken !== undefined && lease.epoch < 0) {',
      },
    ],
  },
  {
    name: 'a lost answer is taken for a no',
    breaks: 'the run is given up and cleaned while its entry is still on the way',
    takes: ['late'],
    changes: [
      {
        file: 'coordinator/commit.ts',
        from: 'await settle(storage, version, run, error);',
        to: 'throw conflict(storage, version);',
      },
    ],
  },
  {
    name: 'an unknown outcome is forgotten when the lease is given back',
    breaks: 'the next holder does not fence off the entry that is still on the way',
    takes: ['late'],
    changes: [{ file: 'coordinator/lease.ts', from: "open ? 'unsettled' : 'released'", to: "'released'" }],
  },
  {
    name: 'cleaning up after an unknown outcome',
    breaks: 'files are deleted that the version names, which comes a little later',
    takes: ['late', 'lostAnswer'],
    changes: [
      {
        file: 'coordinator/commit-run.ts',
        from: "    if (asMongolakeError(error).code === 'COMMIT_CONFLICT') lease.settled();\n",
        to: '    await storage.delete(merged.flatMap(({ added }) => added.map(({ path }) => path)));\n',
      },
    ],
  },
  {
    name: 'the plan is dropped before the commit',
    breaks: 'whoever comes next gives the run up, and it commits',
    changes: [
      {
        file: 'coordinator/carry-out.ts',
        from: 'const committed = await commitRun(',
        to: 'await giveUpRun(context.storage, plan.run);\n    const committed = await commitRun(',
      },
    ],
  },
  {
    name: 'a run is given up although it may have committed',
    breaks: 'what it staged is deleted while its entry is still on the way',
    takes: ['late'],
    changes: [{ file: 'coordinator/carry-out.ts', from: "  'COMMIT_UNKNOWN',\n", to: '' }],
  },
  {
    name: 'an old plan is finished on a newer version',
    breaks: 'what was read long ago overwrites what was read since',
    takes: ['crash', 'interrupt'],
    changes: [
      {
        file: 'coordinator/unfinished.ts',
        from: 'if (actions === undefined || !isFence(actions)) return false;',
        to: 'if (actions === undefined) return false;',
      },
    ],
  },
  {
    name: 'a run that is finished keeps the epoch of its first holder',
    breaks: 'epochs go back along the log',
    changes: [
      {
        file: 'coordinator/unfinished.ts',
        from: 'const plan = { ...staged, base: held.base, epoch: held.epoch };',
        to: 'const plan = { ...staged, base: held.base };',
      },
    ],
  },
  {
    name: 'the commit overwrites',
    breaks: 'of two commits of one version the later one wins',
    takes: ['pause', 'echo'],
    changes: [
      {
        file: 'coordinator/commit.ts',
        from: 'const { written } = await storage.putIfAbsent(key, encodeEntry(actions), run);',
        to: 'await storage.put(key, encodeEntry(actions));\n    const written = true as boolean;',
      },
    ],
  },
  {
    name: 'the watermark without lateness',
    breaks: 'a document that is stamped a little late is never read',
    changes: [
      {
        file: 'shared/domain/window.ts',
        from: 'safe - input.allowedLatenessMs - lag_ms(cursor)',
        to: 'safe - lag_ms(cursor)',
      },
    ],
  },
  {
    name: 'the watermark moves to now',
    breaks: 'what is written while the source is read is never read',
    changes: [
      {
        file: 'shared/domain/window.ts',
        from: 'safe === null ? null : safe - input.allowedLatenessMs - lag_ms(cursor)',
        to: 'safe === null ? null : input.now',
      },
    ],
  },
  {
    name: 'the watermark stands at an exclusive bound',
    breaks: 'a document that is stamped with the bound is left behind unread',
    changes: [{ file: 'shared/domain/window.ts', from: 'Math.min(reached, to - 1)', to: 'Math.min(reached, to)' }],
  },
  {
    name: 'the window begins a millisecond above the watermark',
    breaks: 'a document that is stamped with the next millisecond is never read',
    changes: [
      {
        file: 'shared/domain/window.ts',
        from: 'cursor > BigInt(scope.from)',
        to: 'cursor > BigInt(scope.from + 1)',
      },
    ],
  },
  {
    name: 'a remove is forgotten',
    breaks: 'an old file stays in the table beside the one that replaces it',
    changes: [
      {
        file: 'coordinator/entry.ts',
        from: 'receipts.flatMap((receipt) => receipt.removed);',
        to: 'receipts.flatMap((receipt) => receipt.removed.slice(1));',
      },
    ],
  },
  {
    name: 'all attempts of a merge job have one key',
    breaks: 'the attempt that lost deletes the files of the one that won',
    takes: ['queueTwice'],
    changes: [
      {
        file: 'worker/merge.ts',
        from: 'dataKey(partition ?? job.partition, job.run, attempt, part)',
        to: "dataKey(partition ?? job.partition, job.run, '0123456789ab', part)",
      },
    ],
  },
  {
    name: 'a receipt overwrites the one that is there',
    breaks: 'the merge reads one attempt, the books another',
    takes: ['queueTwice', 'interrupt', 'crash'],
    changes: [
      {
        file: 'worker/extract.ts',
        from: 'const { written } = await storage.putIfAbsent(\n',
        to: 'const written = true as boolean;\n    await storage.put(\n',
      },
      {
        file: 'worker/extract.ts',
        from: '      jsonBody(receiptOf(pass, job, attempt, segment, durationMs)),\n      attempt,\n',
        to: '      jsonBody(receiptOf(pass, job, attempt, segment, durationMs)),\n',
      },
    ],
  },
  {
    name: 'the winner of two attempts is deleted',
    breaks: 'the table names files that are not there',
    takes: ['queueTwice'],
    changes: [
      {
        file: 'worker/merge.ts',
        from: 'if (!written) await storage.delete(added',
        to: 'if (written) await storage.delete(added',
      },
    ],
  },
  {
    name: 'a table that is replaced keeps its old files',
    breaks: 'rows of the old version stay beside those of the new one',
    changes: [
      {
        file: 'coordinator/entry.ts',
        from: 'const removed = plan.replace ? [...base.keys()] : ',
        to: 'const removed = ',
      },
    ],
  },
  {
    name: 'a missing receipt is passed over',
    breaks: 'a range that was not read is left behind by the watermark',
    changes: [
      {
        file: 'coordinator/dispatch.ts',
        from: 'if (missing.size === 0) return onProgress(',
        to: 'if (missing.size < Math.max(1, jobs.size)) return onProgress(',
      },
      {
        file: 'coordinator/dispatch.ts',
        from: 'return jobs.map((job) => receipts.get(indexOf(job)) as R);',
        to: 'return jobs.map((job) => receipts.get(indexOf(job)) as R).filter((receipt) => receipt !== undefined);',
      },
    ],
  },
  {
    name: 'ids are compared as JavaScript strings',
    breaks: 'a document is merged into a file that does not own its id',
    changes: [
      {
        file: 'shared/domain/ids.ts',
        from: "return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));",
        to: 'return a < b ? -1 : a > b ? 1 : 0;',
      },
    ],
  },
  {
    name: 'integers are compared as text',
    breaks: 'a document is merged into a file that does not own its id',
    changes: [
      { file: 'shared/domain/ids.ts', from: "if (idType !== 'long') return Buffer", to: 'if (true) return Buffer' },
    ],
  },
  {
    name: 'vacuum goes by age alone',
    breaks: 'files are deleted that the newest version names',
    changes: [
      {
        file: 'coordinator/vacuum-plan.ts',
        from: "if (rules.referred.has(key)) return 'referred';",
        to: '',
      },
    ],
  },
  {
    name: 'vacuum takes what belongs to a run that can be finished',
    breaks: 'the run is finished, and names files that are gone',
    takes: ['interrupt', 'crash'],
    changes: [
      {
        file: 'coordinator/vacuum-plan.ts',
        from: "if ('run' in own && rules.living.has(own.run)) return 'living';",
        to: "if (own.kind === 'staging' && rules.living.has(own.run)) return 'living';",
      },
    ],
  },
  {
    name: 'vacuum forgets that old versions are retained',
    breaks: 'a reader of a version that was newest a minute ago finds no file',
    changes: [
      {
        file: 'coordinator/vacuum-log.ts',
        from: 'const oldest = oldestRetained(',
        to: 'const oldest = state.version;\n  oldestRetained(',
      },
      {
        file: 'coordinator/vacuum-log.ts',
        from: '.filter(({ deletionTimestamp = 0 }) => deletionTimestamp >= before)',
        to: '.filter(() => false)',
      },
    ],
  },
];
