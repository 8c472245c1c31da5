import { join } from 'node:path';
import { afterEach, beforeEach, describe } from 'vitest';
import { dumpSource } from '../../../src/shared/adapters/source-dump.ts';
import { sourceContract } from '../../contracts/source-contract.ts';
import { encode } from '../../contracts/source-documents.ts';
import { temporaryFolder, writeDump } from '../../contracts/source-dump-writer.ts';

describe.each(['.bson', '.bson.gz'])('source contract: dump %s', { timeout: 60_000 }, (ending) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  sourceContract(() => ({
    storesAll: true,
    filtersWindow: false,
    async open(documents) {
      const path = join(folder.path, 'guest', `notifications${ending}`);
      await writeDump(path, encode(documents));
      return dumpSource({ path });
    },
  }));
});
