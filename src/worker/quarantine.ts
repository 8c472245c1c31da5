import pMap from 'p-map';
import { sha256 } from '../shared/digest.ts';
import type { KeyedHash } from '../shared/domain/cut.ts';
import { stagedQuarantineKey } from '../shared/domain/keys.ts';
import {
  checkQuarantineLimit,
  type Form,
  type QuarantinedDocument,
  readableId,
  reasonOf,
} from '../shared/domain/quarantine.ts';
import type { Storage } from '../shared/ports/storage.ts';

const WRITES_AT_ONCE = 8;

/** The documents that one extract attempt puts aside. */
export interface Quarantine {
  readonly documents: readonly QuarantinedDocument[];
  /** Puts a document aside; its bytes must stay as they are until the next `write`. Throws `QUARANTINE_LIMIT`. */
  add(document: Buffer, reason: string, place: string, form: Form): void;
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
  /** The run's column policy, as `policyText` has it. */
  readonly policy: string | undefined;
  readonly keyed: KeyedHash | undefined;
}

/** An empty quarantine for one attempt. */
export function createQuarantine(options: QuarantineOptions): Quarantine {
  const { storage, run, ordinal, attempt, most, policy, keyed } = options;
  const documents: QuarantinedDocument[] = [];
  const staged: string[] = [];
  let waiting: { readonly key: string; readonly body: Buffer }[] = [];
  return {
    documents,
    staged,
    add(document, reason, place, form) {
      const withheld = form === 'hashed' || form === 'hidden';
      const key = stagedQuarantineKey(run, ordinal, attempt, documents.length);
      documents.push({
        digest: form === 'hidden' ? hiddenDigest(document, place, keyed) : sha256(document),
        id: withheld ? null : readableId(document, 0),
        reason: reasonOf(reason),
        place,
        bytes: document.length,
        object: withheld ? null : key,
        ...(form === 'cut' && policy !== undefined ? { policy } : {}),
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

/** A plain hash of a short document would let its hidden values be guessed. Without a key it is told by its place. */
function hiddenDigest(document: Buffer, place: string, keyed: KeyedHash | undefined): string {
  return keyed === undefined ? sha256(`${place}, ${document.length} bytes`) : keyed.hash(sha256(document));
}
