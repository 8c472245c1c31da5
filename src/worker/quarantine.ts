import { createHash } from 'node:crypto';
import pMap from 'p-map';
import type { MongolakeError } from '../shared/domain/errors.ts';
import { stagedQuarantineKey } from '../shared/domain/keys.ts';
import { checkQuarantineLimit, type QuarantinedDocument, readableId, reasonOf } from '../shared/domain/quarantine.ts';
import type { Storage } from '../shared/ports/storage.ts';

const WRITES_AT_ONCE = 8;

/** The documents that one extract attempt puts aside. */
export interface Quarantine {
  readonly documents: readonly QuarantinedDocument[];
  /**
   * Puts a document aside; its bytes must stay as they are until the next `write`. `withheld`: it is listed without its bytes and
   * without its id. Throws `QUARANTINE_LIMIT`.
   */
  add(document: Buffer, reason: MongolakeError, place: string, withheld: boolean): void;
  /** Stages the bytes of what was added since the last call. */
  write(): Promise<void>;
  /** Keys of what was staged. */
  readonly staged: readonly string[];
}

export interface QuarantineOptions {
  readonly storage: Storage;
  readonly run: string;
  readonly ordinal: number;
  readonly attempt: string;
  /** Documents that a run may put aside: a job alone puts aside no more, so its receipt is bounded too. */
  readonly most: number;
}

/** An empty quarantine for one attempt. */
export function createQuarantine(options: QuarantineOptions): Quarantine {
  const { storage, run, ordinal, attempt, most } = options;
  const documents: QuarantinedDocument[] = [];
  const staged: string[] = [];
  let waiting: { readonly key: string; readonly body: Buffer }[] = [];
  return {
    documents,
    staged,
    add(document, reason, place, withheld) {
      const key = stagedQuarantineKey(run, ordinal, attempt, documents.length);
      documents.push({
        digest: createHash('sha256').update(document).digest('hex'),
        id: withheld ? null : readableId(document, 0),
        reason: reasonOf(reason),
        place,
        bytes: document.length,
        object: withheld ? null : key,
      });
      checkQuarantineLimit(`range ${ordinal}`, documents, most);
      if (!withheld) waiting.push({ key, body: document });
    },
    async write() {
      const batch = waiting;
      waiting = [];
      staged.push(...batch.map(({ key }) => key));
      await pMap(batch, ({ key, body }) => storage.put(key, body), { concurrency: WRITES_AT_ONCE });
    },
  };
}
