import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DockerfileReport, ignoredPaths, readDockerfile } from '../services/compose.ts';
import { describeWith } from '../services/context.ts';
import { PINNED, ROOT, readText } from './files.ts';

const manifest = JSON.parse(readText('package.json')) as {
  readonly version: string;
  readonly license: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
};
const DOCKERIGNORE = join(ROOT, '.dockerignore');

describeWith(['compose'], "the Dockerfile, by Docker's own parser", () => {
  let folder: string;
  let report: DockerfileReport;
  const names = () => report.stages.map(({ name }) => name);
  const instructions = (...kinds: string[]) =>
    report.stages.flatMap((stage) => stage.instructions).filter(({ name }) => kinds.includes(name));
  const image = (name: string) => {
    const found = report.images[name];
    if (found === undefined) throw new Error(`no target ${name}`);
    return found;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-dockerfile-'));
    report = await readDockerfile(join(ROOT, 'Dockerfile'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('passes `docker build --check`, and makes mongolake unless another target is named', () => {
    expect(report.warnings).toEqual([]);
    expect(names().at(-1)).toBe('mongolake');
  });

  it('is built on one pinned image, of a Node.js that package.json allows', () => {
    const outside = report.stages
      .map(({ from }) => from)
      .filter((from) => !names().includes(from) && from !== 'scratch');
    expect(outside).toHaveLength(1);
    expect(outside[0]).toMatch(PINNED);
    const [major = 0] = /\d+/.exec(outside[0] ?? '')?.map(Number) ?? [];
    expect(major).toBeGreaterThan(Number(/\d+/.exec(manifest.engines.node)?.[0]));
  });

  it('copies what exists and .dockerignore lets in, or what a stage of it made', async () => {
    const sources = instructions('COPY', 'ADD').flatMap(({ from, sources = [] }) => {
      if (from === undefined) return sources;
      expect(names()).toContain(from);
      return [];
    });
    expect(sources).toEqual(expect.arrayContaining(['package.json', 'package-lock.json', 'src', 'docker', 'examples']));
    for (const source of sources) expect(existsSync(join(ROOT, source)), source).toBe(true);
    const files = sources.flatMap((source) =>
      statSync(join(ROOT, source)).isDirectory()
        ? readdirSync(join(ROOT, source), { recursive: true }).map((name) => `${source}/${name}`)
        : [],
    );
    expect(files.length).toBeGreaterThan(100);
    expect(await ignoredPaths(DOCKERIGNORE, [...sources, ...files])).toEqual([]);
  });

  it('leaves out everything else', async () => {
    const rest = [
      '.env',
      '.git/config',
      'dist/cli.js',
      'node_modules/bson/package.json',
      'playground/dump',
      'test/tidy.test.ts',
    ];
    const copied = new Set(instructions('COPY', 'ADD').flatMap(({ sources = [] }) => sources));
    const others = readdirSync(ROOT).filter((name) => !copied.has(name));
    expect(await ignoredPaths(DOCKERIGNORE, [...rest, ...others])).toEqual([...rest, ...others]);
  });

  it('runs npm scripts that there are, and installs just what package-lock.json says', () => {
    const commands = instructions('RUN').map(({ text }) => text);
    const scripts = commands.flatMap((text) => [...text.matchAll(/npm run (\S+)/g)].map(([, script]) => script));
    expect(scripts).toEqual(['build']);
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(scripts));
    expect(commands.filter((text) => text.includes('npm install'))).toEqual([]);
    expect(commands.filter((text) => text.includes('npm ci'))).toHaveLength(1);
  });

  it('makes an image that runs the built command line as nobody in particular', () => {
    const { User, Entrypoint, Cmd, WorkingDir, Healthcheck } = image('mongolake');
    expect({ User, Entrypoint, Cmd, WorkingDir, check: Healthcheck?.Test }).toEqual({
      User: '10001:10001',
      Entrypoint: ['mongolake'],
      Cmd: ['--help'],
      WorkingDir: '/etc/mongolake',
      check: ['CMD', 'node', '/opt/mongolake/healthcheck.mjs'],
    });
    const bin = manifest.bin.mongolake ?? '';
    expect(existsSync(join(ROOT, bin))).toBe(true);
    const script = readText('docker/rootfs.sh');
    expect(script).toContain(`ln -s /opt/mongolake/${bin} "$root/usr/local/bin/mongolake"`);
    expect(script).toContain(`chmod +x "$app/${bin}"`);
    expect(script).toContain(`\nmongolake:x:${User}:`);
  });

  it('has no step that is for one platform, and all native packages for both', () => {
    const text = readText('Dockerfile') + readText('docker/rootfs.sh');
    expect(text).not.toMatch(/x86_64|amd64|aarch64|arm64|--platform/);
    const packages = Object.keys((JSON.parse(readText('package-lock.json')) as { packages: object }).packages);
    for (const native of [
      '@duckdb/node-bindings-linux-',
      '@napi-rs/snappy-linux-',
      '@msgpackr-extract/msgpackr-extract-linux-',
    ])
      for (const cpu of ['x64', 'arm64'])
        expect(packages).toContainEqual(expect.stringMatching(new RegExp(`^node_modules/${native}${cpu}(?:-gnu)?$`)));
  });

  it('keeps temporary files on a volume, and secrets out of the environment', () => {
    const { Env = [], Volumes } = image('mongolake');
    const variables = new Map(Env.map((pair) => pair.split('=') as [string, string]));
    expect([...variables.keys()].sort()).toEqual(['NODE_ENV', 'PATH', 'TMPDIR']);
    expect(Object.keys(Volumes ?? {})).toEqual([variables.get('TMPDIR')]);
  });

  it('says what it is', () => {
    expect(image('mongolake').Labels).toMatchObject({
      'org.opencontainers.image.title': 'mongolake',
      'org.opencontainers.image.version': manifest.version,
      'org.opencontainers.image.licenses': manifest.license,
    });
  });

  it('has a target that fills a MongoDB, with a script that is in it', () => {
    const { User, Entrypoint = [], Cmd, WorkingDir } = image('sample');
    expect({ User, Cmd, WorkingDir }).toEqual({ User: 'node', Cmd: ['1'], WorkingDir: '/opt/mongolake' });
    expect(Entrypoint[0]).toBe('sh');
    expect(existsSync(join(ROOT, Entrypoint[1] ?? ''))).toBe(true);
  });

  it.each([
    ['an unknown instruction', 'WORKDIR /etc', 'WORKDIRS /etc', /unknown instruction/],
    ['a stage that copies from itself', 'COPY --from=build', 'COPY --from=mongolake', /circular/],
    ['a flag that COPY has not', 'COPY src src', 'COPY --bogus src src', /bogus/],
  ])('is refused with %s', async (_, from, to, message) => {
    await expect(readDockerfile(altered(from, to))).rejects.toThrow(message);
  });

  it('is warned of where its entry point would not get signals', async () => {
    const { warnings } = await readDockerfile(altered('ENTRYPOINT ["mongolake"]', 'ENTRYPOINT mongolake'));
    expect(warnings.join('\n')).toContain('JSONArgsRecommended');
  });

  function altered(from: string, to: string): string {
    const text = readText('Dockerfile');
    expect(text).toContain(from);
    const file = join(folder, 'Dockerfile');
    writeFileSync(file, text.replace(from, to));
    return file;
  }
});
