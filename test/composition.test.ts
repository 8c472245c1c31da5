import { expect, test } from 'vitest';
import { loadAdapters } from '../src/composition.ts';
import { systemClock } from '../src/shared/adapters/clock-system.ts';
import { resolveTargets } from '../src/shared/config/targets.ts';
import { parse } from './shared/config/sample.ts';

/** Where the table of a collection would be. */
async function placeOf(uri: string, collection: string): Promise<string> {
  const config = parse(`version: 1
connections:
  db: { kind: dump, path: ./dump }
  lake: { kind: s3, region: eu-west-1 }
pipelines:
  guest:
    source: { connection: db, database: guest, collections: ["*"] }
    table: { ${uri.startsWith('s3:') ? 'connection: lake, ' : ''}uri: "${uri}" }
`);
  const adapters = await loadAdapters(config);
  const [target] = await resolveTargets(
    config,
    'guest',
    async () => [{ database: 'guest', name: collection }] as never,
  );
  if (target === undefined) throw new Error('no target');
  const storage = adapters.storage(target, systemClock());
  await storage.close();
  return storage.uri;
}

test.each([
  ['..', '%2E%2E'],
  ['.', '%2E'],
  ['a/../../b', 'a%2F..%2F..%2Fb'],
  ['%2e%2e', '%252e%252e'],
  ['a b#?', 'a b%23%3F'],
  ['Größe', 'Größe'],
])(
  'the table of the collection %s is in the folder %s, whatever the name would mean in a URL',
  async (name, folder) => {
    expect(await placeOf('s3://lake/guest/{collection}', name)).toBe(`s3://lake/guest/${folder}`);
    expect(await placeOf('file:/lake/my guest/{collection}', name)).toBe(`file:/lake/my guest/${folder}`);
  },
);
