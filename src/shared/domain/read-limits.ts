/** What a table's settings say of how its source is spared. */
export interface ReadSettings {
  /** Extract jobs of one run at once. */
  readonly maxConcurrentReads?: number;
  /** Of all of these together. */
  readonly documentsPerSecond?: number;
}

/** How a run spares its source; fixed in its plan, so that whoever takes the run up goes on so. */
export interface ReadLimits {
  /** Extract jobs at once. */
  readonly jobsAtOnce: number;
  /** Of each of these jobs; absent where there is no limit. */
  readonly documentsPerSecond?: number;
}

/** A rate can only be shared by a known number of reads: so many, where `maxConcurrentReads` is not given. */
const READS_OF_A_RATE = 4;

/** The limits of a run that reads so many ranges; `undefined` where nothing is set. */
export function readLimits(settings: ReadSettings, ranges: number): ReadLimits | undefined {
  const { maxConcurrentReads, documentsPerSecond } = settings;
  if (maxConcurrentReads === undefined && documentsPerSecond === undefined) return undefined;
  const jobsAtOnce = maxConcurrentReads ?? READS_OF_A_RATE;
  if (documentsPerSecond === undefined) return { jobsAtOnce };
  return { jobsAtOnce, documentsPerSecond: documentsPerSecond / Math.min(jobsAtOnce, ranges) };
}
