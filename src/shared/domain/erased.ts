/** Salted digests of ids (HMAC-SHA-256 of their identity): they tell whether an id was erased, and no id. */
export interface ErasedIds {
  /** Hex. */
  readonly salt: string;
  /** Sorted, back to back; in memory that threads share. */
  readonly digests: Uint8Array<SharedArrayBuffer>;
}

/** The list of one version of the table: an object that the version's log entry names. */
export interface ErasedManifest {
  readonly formatVersion: 1;
  readonly run: string;
  /** Hex; the same in every list of a table, for no digest can be made again without its id. */
  readonly salt: string;
  /** 64 hex digits each, sorted. */
  readonly digests: readonly string[];
}

const DIGEST_BYTES = 32;

/** A list as it is looked up. */
export function erasedIds({ salt, digests }: Pick<ErasedManifest, 'salt' | 'digests'>): ErasedIds {
  const packed = new Uint8Array(new SharedArrayBuffer(digests.length * DIGEST_BYTES));
  for (const [n, digest] of [...digests].sort().entries()) packed.set(Buffer.from(digest, 'hex'), n * DIGEST_BYTES);
  return { salt, digests: packed };
}

/** Whether the digest, 64 hex digits, is on the list. */
export function hasDigest({ digests }: ErasedIds, digest: string): boolean {
  const wanted = Buffer.from(digest, 'hex');
  let low = 0;
  let high = digests.length / DIGEST_BYTES;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = wanted.compare(digests, middle * DIGEST_BYTES, (middle + 1) * DIGEST_BYTES);
    if (order === 0) return true;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return false;
}
