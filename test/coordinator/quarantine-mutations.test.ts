import type { Document } from 'bson';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readQuarantine } from '../../src/coordinator/quarantine.ts';
import { openState } from '../../src/coordinator/table.ts';
import { mutated } from '../shared/domain/mutated.ts';
import { harness } from './table-harness.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const updateTime = new Date(NOW - 3_600_000);

it('whatever bytes of documents are wrong: each is stored or listed, the books balance, the neighbours are in the table', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(mutated, { minLength: 1, maxLength: 25 }), async (odd) => {
      const table = harness({ now: NOW });
      try {
        const neighbours = odd.map((_, index) => ({ _id: `good ${index}`, n: index, updateTime }));
        table.collection.documents = odd.flatMap((bytes, index) => [neighbours[index] as Document, bytes]);
        const { counts } = await table.sync();
        expect(counts.read).toBe(2 * odd.length);
        expect(counts.inserted + counts.superseded + counts.quarantined).toBe(counts.read);
        expect(counts.inserted).toBeGreaterThanOrEqual(odd.length);
        const state = await openState(table.storage);
        const listed = state === undefined ? [] : await readQuarantine(table.storage, state);
        const digests = new Set(listed.map(({ digest }) => digest));
        expect(digests.size).toBe(listed.length);
        expect(listed.length).toBeLessThanOrEqual(counts.quarantined);
        expect(listed.length > 0).toBe(counts.quarantined > 0);
        // Read again, each has the outcome that it had.
        const again = await table.sync({ mode: 'backfill' });
        expect(again).toMatchObject({
          version: null,
          counts: { quarantined: counts.quarantined, inserted: 0, updated: 0 },
        });
      } finally {
        await table.close();
      }
    }),
    { numRuns: 40 },
  );
});
