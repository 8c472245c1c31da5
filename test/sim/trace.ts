import { createHash } from 'node:crypto';

/** What happened, in the order in which it happened. */
export interface Trace {
  /** Notes a step. `loud` steps are told in the story; `aside` too, but it is no part of the hash. */
  note(who: string, what: string, options?: { readonly loud?: boolean; readonly aside?: string }): void;
  /** Of every step so far, 16 hex digits. */
  hash(): string;
  /** The loud steps as lines; all of them where `everything`. */
  story(everything?: boolean): readonly string[];
  readonly steps: number;
}

interface Line {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly loud: boolean;
}

/** A trace by the simulation's clock: `now` is milliseconds since its start. */
export function createTrace(now: () => number): Trace {
  const lines: Line[] = [];
  const hash = createHash('sha256');
  return {
    note(who, what, { loud = false, aside } = {}) {
      const at = now();
      hash.update(`${at} ${who} ${what}\n`);
      lines.push({ at, who, what: aside === undefined ? what : `${what} ${aside}`, loud });
    },
    hash: () => hash.copy().digest('hex').slice(0, 16),
    story: (everything = false) => lines.filter(({ loud }) => loud || everything).map(lineText),
    get steps() {
      return lines.length;
    },
  };
}

function lineText({ at, who, what }: Line): string {
  return `${(at / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(14)} ${what}`;
}
