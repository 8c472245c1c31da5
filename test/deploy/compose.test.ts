import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/shared/config/units.ts';
import { mongolakeServices, PINNED, ROOT, readCompose, readText } from './files.ts';

const compose = readCompose();
const services = Object.entries(compose.services);
const ours = mongolakeServices(compose);
const CLI = join(ROOT, 'dist', 'cli.js');
const CONFIGURATION_EXIT = 78;

describe('compose.yaml', () => {
  it('has a coordinator, two workers, a dashboard and what they work with', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      ['bucket', 'coordinator', 'dashboard', 'minio', 'mongo', 'redis', 'sample', 'secrets', 'vault', 'worker'].sort(),
    );
    expect(ours.map(([name]) => name)).toEqual(['coordinator', 'worker', 'dashboard']);
    expect(compose.services.worker?.deploy?.replicas).toBe(2);
  });

  it.each(services)('%s: its image is pinned by a version, or built here by one service', (_, { image }) => {
    if (!image.endsWith(':local')) return expect(image).toMatch(PINNED);
    const builders = services.filter(([, service]) => service.image === image && service.build);
    expect(builders).toHaveLength(1);
    const others = services.filter(([, service]) => service.image === image && !service.build);
    expect(others.filter(([, service]) => service.pull_policy !== 'never')).toEqual([]);
  });

  it.each(['redis', 'redis:latest', 'redis:7', 'redis@sha256:00', 'minio/minio:RELEASE'])(
    '%s would not be',
    (image) => {
      expect(image).not.toMatch(PINNED);
    },
  );

  it.each(services.filter(([, { build }]) => build))('%s: what it is built from exists', (_, { build }) => {
    expect(build?.context).toBe('.');
    expect(readText('Dockerfile')).toMatch(new RegExp(`^FROM \\S+ AS ${build?.target}$`, 'm'));
  });

  it.each(services)('%s: what it mounts exists, and what is of the repository can not be written', (_, { volumes }) => {
    for (const [source = '', , mode] of (volumes ?? []).map((volume) => volume.split(':'))) {
      if (source.startsWith('./')) {
        expect(existsSync(join(ROOT, source)), source).toBe(true);
        expect(mode).toBe('ro');
      } else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  it.each(services)('%s: is published on loopback only', (_, { ports }) => {
    for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  });

  it.each(services)('%s: waits for what can come to pass', (_, { depends_on }) => {
    for (const [name, { condition }] of Object.entries(depends_on ?? {})) {
      const needed = compose.services[name];
      if (condition === 'service_healthy') expect(needed?.healthcheck, name).toBeDefined();
      else {
        expect(condition).toBe('service_completed_successfully');
        expect(['bucket', 'secrets', 'sample']).toContain(name);
        expect(needed?.restart).toBeUndefined();
      }
    }
  });

  it('Redis writes its jobs to disk and evicts none', () => {
    const command = compose.services.redis?.command ?? [];
    expect(command[command.indexOf('--appendonly') + 1]).toBe('yes');
    expect(command[command.indexOf('--maxmemory-policy') + 1]).toBe('noeviction');
    expect(compose.services.redis?.volumes).toContain('redis:/data');
  });

  it.each(ours)('%s is started again, since "try again later" is an exit, and has an init', (_, service) => {
    expect(service.restart).toBe('unless-stopped');
    expect(service.init).toBe(true);
  });

  it('gives the worker ten seconds more than it takes to drain', async () => {
    const drain = /drainTimeout: (\S+)/.exec(readText('examples/compose/mongolake.yaml'))?.[1] ?? '';
    const grace = compose.services.worker?.stop_grace_period ?? '';
    expect(parseDuration(grace)).toBeGreaterThanOrEqual((parseDuration(drain) ?? Number.NaN) + 10_000);
  });
});

describe('the command lines', () => {
  let empty: string;
  beforeAll(() => {
    empty = mkdtempSync(join(tmpdir(), 'mongolake-deploy-'));
  });
  afterAll(() => rmSync(empty, { recursive: true }));

  /** The exit code where there is no configuration: a command line that is known gets as far as to miss it. */
  const exitCode = (words: readonly string[]) =>
    spawnSync(process.execPath, [CLI, ...words], { cwd: empty, encoding: 'utf8' }).status;

  it.each(ours)('%s: is one that mongolake knows', (_, { command }) => {
    expect(exitCode(command ?? [])).toBe(CONFIGURATION_EXIT);
  });

  it('would not be with an unknown command or option', () => {
    expect(exitCode(['supervisor'])).not.toBe(CONFIGURATION_EXIT);
    expect(exitCode(['worker', '--threads', '2'])).not.toBe(CONFIGURATION_EXIT);
  });

  const told = [...readText('docs/docker.md').matchAll(/docker compose (exec|run --rm) (\S+) ?([^\n`#]*)/g)].map(
    ([line, how, service, rest]) => ({ line, how, service: service ?? '', words: rest?.trim().split(/\s+/) ?? [] }),
  );

  it('docs/docker.md tells some', () => {
    expect(told.length).toBeGreaterThan(3);
  });

  it.each(told)('docs/docker.md: $line', ({ how, service, words }) => {
    expect(Object.keys(compose.services)).toContain(service);
    if (how !== 'exec') return expect(['1', '2']).toContain(words[0]);
    if (words[0] === 'mongolake') expect(exitCode(words.slice(1))).toBe(CONFIGURATION_EXIT);
  });
});

describe('the health checks', () => {
  it.each(ours)("%s: is the image's own, asked more often", (_, { healthcheck }) => {
    expect(readText('Dockerfile')).toMatch(/^HEALTHCHECK /m);
    expect(healthcheck).toEqual({ interval: '5s', timeout: '10s', retries: 24 });
  });
});
