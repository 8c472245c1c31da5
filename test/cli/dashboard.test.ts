import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from '../e2e/cli.ts';
import { freePort } from '../services/server.ts';

const config = (queue: object, dashboard: object = {}) => ({
  version: 1,
  connections: { guest: { kind: 'dump', path: './dump' } },
  queue,
  dashboard,
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
      table: { uri: 'file:./lake/{collection}' },
    },
  },
});

describe('a dashboard that does not start', () => {
  let space: Workspace;
  let absent: { readonly kind: string; readonly url: string };
  beforeAll(async () => {
    absent = { kind: 'redis', url: `redis://127.0.0.1:${await freePort()}` };
    space = workspace(config(absent));
  });
  afterAll(() => space.close());

  it('on an address that others reach, without a password: 78', async () => {
    const byOption = await space.run('dashboard', '--listen', '0.0.0.0:0');
    expect(byOption.code).toBe(78);
    expect(byOption.stderr).toMatch(/dashboard\.listen \(or --listen\) is 0\.0\.0\.0:0.*no dashboard\.password/);
    space.configure(config(absent, { listen: '0.0.0.0:0' }));
    expect((await space.run('dashboard')).code).toBe(78);
  });

  it('with --listen that is no address: 64', async () => {
    const { code, stderr } = await space.run('dashboard', '--listen', '3000');
    expect(code).toBe(64);
    expect(stderr).toContain('expected host:port');
  });

  it('without Redis: 75', async () => {
    space.configure(config(absent));
    const { code, stderr } = await space.run('dashboard', '--listen', '127.0.0.1:0');
    expect(code).toBe(75);
    expect(stderr).toContain('QUEUE_UNREACHABLE');
  });
});
