// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables, as a user writes them
import { afterEach, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';

const good = `version: 1
connections:
  guest: { kind: dump, path: ./dump }
pipelines:
  guest:
    source: { connection: guest, database: guest, collections: [notifications] }
    table: { uri: "file:./lake/{collection}" }
`;

describe('a wrong configuration names file, line and key, and exits 78', () => {
  let space: Workspace;
  afterEach(() => space.close());

  it.each([
    [
      'an unknown key',
      good.replace('collections:', 'colections:'),
      [/mongolake\.yaml:6:\d+/, /colections/, /did you mean "collections"/],
    ],
    [
      'an unset variable',
      good.replace('path: ./dump', 'path: "${NOT_SET_ANYWHERE}"'),
      [/mongolake\.yaml:3:\d+/, /NOT_SET_ANYWHERE/],
    ],
    ['a wrong type', `${good}defaults: { partitions: many }\n`, [/mongolake\.yaml:8:\d+/, /partitions/]],
    [
      'two pipelines and no name',
      good.replace(
        'pipelines:\n',
        'pipelines:\n  other:\n    source: { connection: guest, database: other, collections: [a] }\n    table: { uri: "file:./other/{collection}" }\n',
      ),
      [/other, guest/],
    ],
  ])('%s', async (_name, config, patterns) => {
    space = workspace(config);
    const ended = await space.run('sync');
    expect(ended.code).toBe(78);
    for (const pattern of patterns) expect(ended.stderr).toMatch(pattern);
  });

  it('prints the failure as JSON too', async () => {
    space = workspace('version: 2\n');
    const { ended, results } = await space.json('sync');
    expect(ended.code).toBe(78);
    expect(results).toMatchObject([
      { schemaVersion: 1, status: 'failed', error: { code: 'CONFIG_INVALID', retryable: false } },
    ]);
  });

  it('answers an unknown command with usage, 64', async () => {
    space = workspace(good);
    expect((await space.run('snyc')).code).toBe(64);
    expect((await space.run('sync', '--from', 'yesterday')).code).toBe(64);
  });
});
