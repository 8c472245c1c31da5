import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadProject } from '../services/compose.ts';
import { describeWith } from '../services/context.ts';
import { ROOT, readCompose, readText } from './files.ts';

/** A service as the loader gives it. */
interface Loaded {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly ports?: readonly { readonly host_ip: string; readonly published: string; readonly target: number }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string }[];
  readonly healthcheck?: { readonly test?: readonly string[] };
}

describeWith(['compose'], "compose.yaml, by Docker's own loader", () => {
  let folder: string;
  let services: Readonly<Record<string, Loaded>>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-compose-'));
    const project = (await loadProject(join(ROOT, 'compose.yaml'))) as { services: typeof services };
    services = project.services;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Loads the file with something replaced. */
  const changed = (from: string, to: string) => {
    const text = readText('compose.yaml');
    expect(text).toContain(from);
    writeFileSync(join(folder, 'compose.yaml'), text.replace(from, to));
    return loadProject(join(folder, 'compose.yaml'));
  };

  it('is valid, and has the services that are written', () => {
    expect(Object.keys(services).sort()).toEqual(Object.keys(readCompose().services).sort());
  });

  it('publishes ports on loopback only', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.map(({ published, target }) => `${published}:${target}`).sort()).toEqual([
      '3000:3000',
      '9000:9000',
      '9001:9001',
      '9464:9464',
    ]);
    expect(new Set(ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']));
  });

  it('mounts and builds from what exists', () => {
    for (const { build, volumes } of Object.values(services)) {
      if (build) expect(existsSync(join(build.context, build.dockerfile))).toBe(true);
      for (const { source } of (volumes ?? []).filter(({ type }) => type === 'bind'))
        expect(existsSync(source), source).toBe(true);
    }
  });

  it("leaves the container's variables to the container", () => {
    expect(services.mongo?.healthcheck?.test?.[1]).toContain('"$MONGO_INITDB_ROOT_PASSWORD"');
  });

  it.each([
    ['an unknown key', 'restart: unless-stopped', 'restarts: unless-stopped', /restarts/],
    ['a value of the wrong type', 'replicas: 2', 'replicas: two', /replicas/],
    ['a service that is not there', 'depends_on:\n      vault:', 'depends_on:\n      safe:', /safe/],
    ['a volume that is not there', '- redis:/data', '- rediss:/data', /rediss/],
    ['YAML that is none', 'services:', 'services: [', /./],
  ])('is refused with %s', async (_, from, to, message) => {
    await expect(changed(from, to)).rejects.toThrow(message);
  });
});
