import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'bson';
import { afterAll, expect, it } from 'vitest';
import { AS_OF, documentAt } from '../../../bench/data/document.ts';
import { DUMP_FILE, writeDump } from '../../../bench/data/dump.ts';
import { startedAtOf } from '../../../src/shared/adapters/source-dump-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'mongolake-bench-dump-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a dump is the documents one after the other, across chunks, and says when it was started', async () => {
  // More than three chunks of a megabyte.
  const documents = Array.from({ length: 10_000 }, (_, i) => documentAt(i, { seed: 1, rows: 10_000 }));
  await writeDump(folder, documents, AS_OF);
  const file = join(folder, DUMP_FILE);
  expect(readFileSync(file).equals(Buffer.concat(documents.map((document) => serialize(document))))).toBe(true);
  expect(await startedAtOf(file)).toBe(AS_OF);
});
