import type { Beside, Command } from './measure.ts';

/** Whoever does a scenario's job. */
export interface Contender {
  readonly name: string;
  /** Makes what the contender starts from, before the first round. */
  readonly prepare: () => Promise<Prepared>;
}

/** A contender that can run. Only `job` is timed. */
export interface Prepared {
  /** Brings everything back to how it was before the job; called before each run. */
  readonly reset: () => void;
  readonly job: Command;
  /** What has to run beside the job. */
  readonly beside?: readonly Beside[];
  /** The same program with nothing to do: what its start costs. Run once a round. */
  readonly idle?: Command;
  /** The seconds of the job itself, out of what the command printed; where not given, those of the whole process count. */
  readonly secondsOf?: (stdout: string) => number;
  /** Looks at what the job left, after each run. Throws where it is not what the job should have made. */
  readonly inspect: (stdout: string) => Promise<Figures>;
}

/** A contender that can't be had here, or failed, and why. */
export interface Absent {
  readonly name: string;
  readonly reason: string;
}

/** What a job wrote. */
export interface Figures {
  /** Of Parquet files. */
  readonly bytesWritten?: number;
  readonly filesWritten?: number;
  /** Files of the table that are the same as before. */
  readonly filesKept?: number;
  /** Bytes of the files that the new ones replace. */
  readonly bytesReplaced?: number;
}

/** A job and those who do it. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** What is done, for the reader of the table. */
  readonly about: string;
  /** Documents that each job reads; where given, documents per second are told. */
  readonly documents?: number;
  /** The first one is what the others are compared with. */
  readonly contenders: readonly (Contender | Absent)[];
}

export function isAbsent(contender: Contender | Absent): contender is Absent {
  return 'reason' in contender;
}
