import type { Lab } from './lab.ts';
import { runPeer } from './peers.ts';

/** What a result holds, as peers/describe.py tells it. */
export interface State {
  readonly rows: number;
  /** Different values of `_id`. */
  readonly ids: number;
  /** Of the set of rows, over the columns that tell one state of a document from another. */
  readonly digest: string;
}

/** Throws where a contender's result is not that of the others. `kind` is what is in the folder. */
export type Agreement = (kind: 'delta' | 'parquet', folder: string) => Promise<void>;

/** All results must have `rows` rows, one for each id, and be equal. Without Python, which looks at them, they are not looked at. */
export function agreement({ peers }: Pick<Lab, 'peers'>, rows: number): Agreement {
  let first: State | undefined;
  return async (kind, folder) => {
    if (!peers.available) return;
    const state = JSON.parse(await runPeer(peers, 'describe.py', kind, folder)) as State;
    const problem = disagreement(state, rows, first);
    if (problem !== undefined) throw new Error(`${folder}: ${problem}`);
    first ??= state;
  };
}

/** What is wrong with a result, or undefined. `first` is that of another contender. */
export function disagreement(state: State, rows: number, first: State | undefined): string | undefined {
  if (state.rows !== rows) return `${state.rows} rows, ${rows} are expected`;
  if (state.ids !== rows) return `${state.ids} ids in ${rows} rows`;
  if (first !== undefined && first.digest !== state.digest) return 'the rows are not those of the contenders before';
  return undefined;
}
