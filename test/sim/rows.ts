/** A row of the simulation's table: which state of a document it is says all about it. */
export interface Row {
  /** The `_id` as the table stores it, as text. */
  readonly id: string;
  readonly revision: number;
  /** Epoch milliseconds. */
  readonly cursor: number;
}

/** A data file. What is Parquet otherwise is JSON here: the engines have tests of their own. */
export function encodeRows(rows: readonly Row[]): Buffer {
  return Buffer.from(JSON.stringify(rows));
}

/** The rows of a data file, in its order. */
export function decodeRows(file: Buffer): readonly Row[] {
  return JSON.parse(file.toString()) as Row[];
}

/** The order of ids in a table: integers by value, texts by their UTF-8 bytes. Told anew here, so that the product's own is tested by it. */
export function compareIdTexts(idType: string, a: string, b: string): number {
  if (idType !== 'long') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
