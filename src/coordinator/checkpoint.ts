import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { crashPoint } from '../shared/crash-points.ts';
import { checksumOf, startChecksum } from '../shared/domain/checksum.ts';
import type { Action, Snapshot } from '../shared/domain/delta/actions.ts';
import { checkpointKey, LAST_CHECKPOINT_KEY } from '../shared/domain/delta/entry.ts';
import { applyAction, draftOf, finishDraft, withoutExpired } from '../shared/domain/delta/snapshot.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { scratched } from '../shared/domain/scratch.ts';
import type { Storage } from '../shared/ports/storage.ts';

let loaded: Promise<typeof import('./checkpoint-parquet.ts')> | undefined;

/** Loads what reads and writes checkpoints, once: the most runs meet none, and the libraries behind it take a tenth of a second to load. */
export function loadParquet(): Promise<typeof import('./checkpoint-parquet.ts')> {
  loaded ??= import('./checkpoint-parquet.ts');
  return loaded;
}

export interface WrittenCheckpoint {
  readonly version: number;
  /** Rows of the file. */
  readonly actions: number;
  /** Bytes of the file. */
  readonly size: number;
  /** Whether `_last_checkpoint` names it now; not so where a newer one is named already. */
  readonly pointed: boolean;
}

/**
 * Writes the classic V1 checkpoint of a committed version (Delta PROTOCOL.md, "Checkpoints") and points `_last_checkpoint` to it,
 * unless that names a newer one. Tombstones that `retentionMs` has expired at `now` (both in milliseconds) are left out. The file
 * is made in a folder of its own below `scratch` and read back by another library before it is published, since log entries may
 * be deleted on the strength of it. Harmless to repeat. Errors: `SCRATCH`, the storage's own, `INTERNAL` where the file reads
 * back other than it was written; then nothing is published.
 */
export async function writeCheckpoint(
  storage: Storage,
  snapshot: Snapshot,
  now: number,
  retentionMs: number,
  scratch: string = tmpdir(),
): Promise<WrittenCheckpoint> {
  const content = withoutExpired(snapshot, now - retentionMs);
  const folder = await scratched(scratch, () => mkdtemp(join(scratch, 'mongolake-checkpoint-')));
  try {
    const path = join(folder, 'checkpoint.parquet');
    const { actions, crc32 } = await writeLocal(path, content);
    await verifyLocal(path, content);
    const { size } = await storage.put(checkpointKey(snapshot.version), createReadStream(path));
    crashPoint('checkpoint-uploaded');
    const pointer: Pointer = {
      version: snapshot.version,
      size: actions,
      sizeInBytes: size,
      numOfAddFiles: content.files.size,
      tags: { [CRC32_TAG]: crc32 },
    };
    const pointed = await pointTo(storage, pointer);
    crashPoint('checkpoint-written');
    return { version: snapshot.version, actions, size, pointed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The snapshot that a checkpoint holds; `version` is that of its key, which is also its name in errors; `crc32` is its checksum, where
 * that is known. `TABLE_CORRUPT` where it can't be read or is another than its checksum says, `TABLE_FOREIGN` where it can but its
 * protocol is above ours.
 */
export async function readCheckpoint(bytes: Uint8Array, version: number, crc32?: string): Promise<Snapshot> {
  if (crc32 !== undefined && checksumOf(bytes) !== crc32) {
    const key = checkpointKey(version);
    throw new MongolakeError(
      'TABLE_CORRUPT',
      `${key} can't be read as a checkpoint: ${LAST_CHECKPOINT_KEY} has another checksum of it`,
    );
  }
  const { bytesBuffer, readCheckpointFile } = await loadParquet();
  const draft = draftOf(undefined);
  for await (const actions of readCheckpointFile(bytesBuffer(bytes), checkpointKey(version))) {
    for (const action of actions) applyAction(draft, action);
  }
  return finishDraft(draft, version);
}

/** What a checkpoint holds, in the order of its rows. Tombstones go without tags, as the protocol has it. */
function* checkpointActions(snapshot: Snapshot): Generator<Action> {
  yield { protocol: snapshot.protocol };
  yield { metaData: snapshot.metadata };
  for (const txn of snapshot.txns.values()) yield { txn };
  for (const add of snapshot.files.values()) yield { add };
  for (const { tags: _, ...remove } of snapshot.tombstones.values()) yield { remove };
}

async function writeLocal(
  path: string,
  snapshot: Snapshot,
): Promise<{ readonly actions: number; readonly crc32: string }> {
  const { writeCheckpointFile } = await loadParquet();
  const file = await scratched(path, () => open(path, 'w'));
  const sum = startChecksum();
  try {
    const actions = await writeCheckpointFile(checkpointActions(snapshot), async (bytes) => {
      sum.add(bytes);
      await scratched(path, () => file.writeFile(bytes));
    });
    return { actions, crc32: sum.text };
  } finally {
    await file.close();
  }
}

async function verifyLocal(path: string, snapshot: Snapshot): Promise<void> {
  const { fileBuffer, readCheckpointFile } = await loadParquet();
  const expected = checkpointActions(snapshot);
  const name = checkpointKey(snapshot.version);
  for await (const actions of readCheckpointFile(await fileBuffer(path), name)) {
    for (const action of actions) {
      if (!isDeepStrictEqual(action, expected.next().value)) throw misread(name, action);
    }
  }
  const missing = expected.next();
  if (missing.done !== true) throw misread(name, missing.value);
}

function misread(name: string, action: Action): MongolakeError {
  const told = JSON.stringify(action, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  return new MongolakeError('INTERNAL', `${name}: reads back other than it was written, at ${told.slice(0, 300)}`, {
    hint: 'Nothing was published and the log is complete without it. Please report it.',
  });
}

/** What `_last_checkpoint` says: a version, or what is wrong with it. */
export interface LastCheckpoint {
  readonly etag: string;
  readonly version: number | undefined;
  /** Checksum of that version's checkpoint; `undefined` where another writer, or an older version of ours, made it. */
  readonly crc32: string | undefined;
  readonly fault: string | undefined;
}

/** The protocol leaves `tags` of `_last_checkpoint` to whoever writes it. */
const CRC32_TAG = 'mongolake.crc32';

/** Reads `_last_checkpoint` ("Last Checkpoint File"); `undefined` where there is none. A damaged one is told, not thrown. */
export async function readLastCheckpoint(storage: Storage): Promise<LastCheckpoint | undefined> {
  const found = await storage.get(LAST_CHECKPOINT_KEY);
  if (found === undefined) return undefined;
  return { etag: found.etag, ...parsePointer(found.body) };
}

function parsePointer(body: Buffer): Omit<LastCheckpoint, 'etag'> {
  let pointer: unknown;
  try {
    pointer = JSON.parse(body.toString());
  } catch (error) {
    return faulty(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { version, tags } = Object(pointer);
  if (!Number.isSafeInteger(version) || version < 0) return faulty('it names no version');
  const crc32: unknown = Object(tags)[CRC32_TAG];
  return { version, crc32: typeof crc32 === 'string' ? crc32 : undefined, fault: undefined };
}

function faulty(fault: string): Omit<LastCheckpoint, 'etag'> {
  return { version: undefined, crc32: undefined, fault };
}

interface Pointer {
  readonly version: number;
  /** Actions, as the protocol has it. */
  readonly size: number;
  readonly sizeInBytes: number;
  readonly numOfAddFiles: number;
  readonly tags: Readonly<Record<string, string>>;
}

const POINTER_TRIES = 5;

/** Points `_last_checkpoint` to a checkpoint unless it names a newer one; true where it did. Never goes back, also in a race. */
async function pointTo(storage: Storage, pointer: Pointer): Promise<boolean> {
  const text = JSON.stringify(pointer);
  const body = Buffer.from(text);
  for (let tries = 0; tries < POINTER_TRIES; tries++) {
    const current = await readLastCheckpoint(storage);
    if (current?.version !== undefined && current.version > pointer.version) return false;
    // Who wrote the very same text has said the same: the text itself will do as the writer's id.
    const { written } =
      current === undefined
        ? await storage.putIfAbsent(LAST_CHECKPOINT_KEY, body, text)
        : await storage.putIfMatch(LAST_CHECKPOINT_KEY, body, current.etag, text);
    if (written) return true;
  }
  return false;
}
