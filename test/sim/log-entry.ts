/** What the oracle reads of a log entry: by itself, so that the product's own reader is held against it. */
export interface Entry {
  readonly isFence: boolean;
  /** Whether it holds nothing of the version before it. */
  readonly isReplace: boolean;
  readonly run: string;
  readonly epoch: number;
  /** Read, inserted, updated and so on; empty for a fence. */
  readonly counts: Readonly<Record<string, number>>;
  readonly added: readonly AddedFile[];
  readonly removed: readonly string[];
  /** Epoch milliseconds; `undefined` where the entry does not move it. */
  readonly watermark: number | undefined;
  /** Names the list of quarantined documents; `undefined` where it stays as it was. */
  readonly list: number | undefined;
  /** `undefined` where the entry says nothing of it. */
  readonly idType: string | undefined;
}

/** A data file of an entry and the ids `[lower, upper)` that are its own. */
export interface AddedFile {
  readonly path: string;
  readonly partition: string;
  readonly lower: string | null;
  readonly upper: string | null;
}

/** The appId of the table's watermark; those of its other transactions go on from it. */
const APP = 'mongolake/guest.notifications';

interface Line {
  readonly commitInfo?: {
    readonly operation: string;
    readonly txnId: string;
    readonly mongolake: { readonly epoch: number; readonly counts?: Readonly<Record<string, number>> };
  };
  readonly metaData?: { readonly configuration: Readonly<Record<string, string>> };
  readonly txn?: { readonly appId: string; readonly version: number };
  readonly add?: { readonly path: string; readonly tags: Readonly<Record<string, string>> };
  readonly remove?: { readonly path: string };
}

/** Reads a log entry. */
export function readEntry(body: Buffer): Entry {
  const lines = body
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const info = lines.find(({ commitInfo }) => commitInfo !== undefined)?.commitInfo;
  if (info === undefined) throw new Error('an entry without commitInfo');
  const txn = (app: string) => lines.find((line) => line.txn?.appId === app)?.txn?.version;
  return {
    isFence: info.operation === 'FENCE',
    isReplace: info.operation === 'REPLACE',
    run: info.txnId,
    epoch: info.mongolake.epoch,
    counts: info.mongolake.counts ?? {},
    added: lines.flatMap(({ add }) => (add === undefined ? [] : [addedFile(add)])),
    removed: lines.flatMap(({ remove }) => (remove === undefined ? [] : [decodeURIComponent(remove.path)])),
    watermark: txn(APP),
    list: txn(`${APP}/quarantine`),
    idType: lines.find(({ metaData }) => metaData !== undefined)?.metaData?.configuration['mongolake.idType'],
  };
}

function addedFile({ path, tags }: NonNullable<Line['add']>): AddedFile {
  return {
    path: decodeURIComponent(path),
    partition: tags['mongolake.partition'] ?? '',
    lower: tags['mongolake.lower'] ?? null,
    upper: tags['mongolake.upper'] ?? null,
  };
}
