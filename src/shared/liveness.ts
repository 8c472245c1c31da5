import type { Clock } from './ports/clock.ts';

/** What something is about, for probes and logs: names and figures, no value of a document. */
export type LifeFields = Readonly<Record<string, string | number>>;

/** Something that a process works on. */
export interface Life {
  /** It goes on. `fields` are added to what is told of it from now on. */
  beat(fields?: LifeFields): void;
  /** It has ended, well or not: its silence means nothing any more. */
  end(): void;
}

/** Who has been silent for too long, and for how long, milliseconds. */
export interface Stuck {
  readonly fields: LifeFields;
  readonly silentMs: number;
}

/** What a process works on now, and when each part last gave a sign of life. */
export interface Liveness {
  /**
   * Begins to watch something that counts as having given a sign now. While `excused` says so its silence means nothing; who excuses
   * it beats when the excuse ends.
   */
  begin(fields: LifeFields, excused?: () => boolean): Life;
  /** The one that has been silent for the longest, where that is `timeoutMs` or more. */
  stuck(): Stuck | undefined;
}

interface Watched {
  fields: LifeFields;
  beatenAt: number;
  readonly excused: () => boolean;
}

/** Watches nothing yet. Silence is measured on the monotonic clock, `timeoutMs` in milliseconds. */
export function createLiveness(clock: Clock, timeoutMs: number): Liveness {
  const watched = new Set<Watched>();
  return {
    begin(fields, excused = () => false) {
      const one: Watched = { fields, beatenAt: clock.monotonic(), excused };
      watched.add(one);
      return {
        beat(more) {
          one.beatenAt = clock.monotonic();
          if (more !== undefined) one.fields = { ...one.fields, ...more };
        },
        end: () => void watched.delete(one),
      };
    },
    stuck() {
      const now = clock.monotonic();
      const silent = [...watched]
        .map(({ fields, beatenAt, excused }) => ({ fields, silentMs: excused() ? 0 : now - beatenAt }))
        .sort((a, b) => b.silentMs - a.silentMs)[0];
      return silent !== undefined && silent.silentMs >= timeoutMs ? silent : undefined;
    },
  };
}
