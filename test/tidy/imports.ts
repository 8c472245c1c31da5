import { type Import, type SourceFile, violation } from './source-file.ts';

/** What a part of src/ may import, apart from itself. */
interface Room {
  readonly name: string;
  readonly files: RegExp;
  readonly imports: readonly string[];
  /** Rooms of which it may import types, which are gone when the program runs. */
  readonly types?: readonly string[];
  /** Packages; all that are not another room's own where not given. */
  readonly packages?: readonly string[];
  /** Packages of which it may import types. */
  readonly packageTypes?: readonly string[];
}

/** The first whose `files` match is a file's room. */
const ROOMS: readonly Room[] = [
  {
    name: 'domain',
    files: /^src\/shared\/domain\//,
    imports: [],
    // Pure: no I/O, no clock, the same answer everywhere.
    packages: ['bson', 'lossless-json', 'xxhash-wasm', 'node:buffer', 'node:zlib'],
  },
  { name: 'ports', files: /^src\/shared\/ports\//, imports: ['domain'], packages: [], packageTypes: ['node:stream'] },
  // Waiting with a limit, by a port's clock: for whoever waits.
  { name: 'waiting', files: /^src\/shared\/within\.ts$/, imports: ['ports'] },
  { name: 'adapters', files: /^src\/shared\/adapters\//, imports: ['domain', 'ports', 'waiting'] },
  { name: 'config', files: /^src\/shared\/config(?:\.ts$|\/)/, imports: ['domain', 'ports'] },
  // Parquet files for checkpoints and for a worker's tables.
  { name: 'parquetjs', files: /^src\/shared\/parquetjs\//, imports: ['domain'] },
  // Digests and packing: pure, but for native code and secrets that the domain has none of.
  { name: 'bytes', files: /^src\/shared\/(?:digest|keyed-hash|packing)\.ts$/, imports: ['domain'] },
  { name: 'shared helpers', files: /^src\/shared\//, imports: ['domain', 'ports', 'bytes'] },
  {
    name: 'coordinator',
    files: /^src\/coordinator\//,
    imports: ['domain', 'ports', 'waiting', 'bytes', 'shared helpers', 'parquetjs'],
  },
  { name: 'worker/thread', files: /^src\/worker\/thread\//, imports: ['domain', 'bytes', 'parquetjs'] },
  {
    name: 'worker',
    files: /^src\/worker\//,
    imports: ['domain', 'ports', 'bytes', 'shared helpers'],
    types: ['worker/thread'],
  },
  { name: 'composition', files: /^src\/composition\.ts$/, imports: ['domain', 'ports', 'adapters', 'config'] },
  // What commands and the library share: the only room that knows both coordinator and worker, but for the commands.
  {
    name: 'app',
    files: /^src\/app\//,
    imports: [
      'domain',
      'ports',
      'waiting',
      'bytes',
      'shared helpers',
      'adapters',
      'config',
      'coordinator',
      'worker',
      'composition',
    ],
  },
  {
    name: 'library',
    files: /^src\/(?:index\.ts$|library\/)/,
    imports: ['domain', 'app'],
    types: ['ports', 'config', 'coordinator'],
  },
  {
    name: 'cli',
    files: /^src\/cli(?:\.ts$|\/)/,
    imports: [
      'domain',
      'ports',
      'waiting',
      'bytes',
      'shared helpers',
      'adapters',
      'config',
      'coordinator',
      'worker',
      'worker/thread',
      'composition',
      'app',
    ],
  },
  { name: 'types', files: /^src\/types\//, imports: [] },
];

/** Packages that only some rooms know: a vendor stays behind its port, native code off the main thread. */
const OWN_PACKAGES: readonly { readonly packages: RegExp; readonly rooms: readonly string[] }[] = [
  {
    packages:
      /^(?:@(?:aws-sdk|smithy)\/.*|mongodb|bullmq|ioredis|proper-lockfile|pino|node-vault|fastify|prom-client|@(?:fastify|bull-board)\/.*)$/,
    rooms: ['adapters'],
  },
  { packages: /^@duckdb\//, rooms: ['worker/thread'] },
  { packages: /^parquetjs-lite(?:\/.*)?$/, rooms: ['parquetjs'] },
  { packages: /^piscina$/, rooms: ['worker'] },
  { packages: /^(?:zod|yaml)$/, rooms: ['config'] },
  { packages: /^(?:commander|log-update)$/, rooms: ['cli'] },
];

/** Every import of src/ that goes against the direction `domain ← ports ← adapters`, or into a room that is not its own. */
export function importDirection(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map((file) => file.path));
  return files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap((file) => {
      const room = roomOf(file.path);
      if (room === undefined) return [violation(file, 1, 'is in no room; name it in test/tidy/imports.ts')];
      return file.imports.flatMap((one) => {
        const reason = one.target === undefined ? refusePackage(room, one) : refuseFile(room, one, paths);
        return reason === undefined ? [] : [violation(file, one.line, reason)];
      });
    });
}

function roomOf(path: string): Room | undefined {
  return ROOMS.find(({ files }) => files.test(path));
}

function refusePackage(room: Room, { specifier, typeOnly }: Import): string | undefined {
  if (typeOnly && room.packageTypes?.includes(specifier)) return undefined;
  const owner = OWN_PACKAGES.find(({ packages }) => packages.test(specifier));
  if (owner !== undefined && !owner.rooms.includes(room.name)) {
    return `${room.name} imports ${specifier}, which is for ${owner.rooms.join(', ')}`;
  }
  if (room.packages === undefined || room.packages.includes(specifier)) return undefined;
  return `${room.name} imports ${specifier}, which is not on its list of packages`;
}

function refuseFile(room: Room, { target, typeOnly }: Import, paths: ReadonlySet<string>): string | undefined {
  if (target === undefined) return undefined;
  const other = roomOf(target);
  if (!paths.has(target) || other === undefined) return `imports ${target}, which is no file of src/`;
  if (other === room || room.imports.includes(other.name)) return undefined;
  if (!room.types?.includes(other.name)) return `${room.name} imports ${other.name} (${target})`;
  return typeOnly ? undefined : `${room.name} imports more than types of ${other.name} (${target})`;
}

/** Every circle of imports, once, at the import that closes it. Types count: a circle of types is one of ideas. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: SourceFile, trail: readonly string[]) => {
    if (done.has(file.path)) return;
    const here = [...trail, file.path];
    for (const { target, line } of file.imports) {
      const next = target === undefined ? undefined : byPath.get(target);
      if (next === undefined) continue;
      const at = here.indexOf(next.path);
      if (at === -1) visit(next, here);
      else found.push(violation(file, line, `closes a circle: ${[...here.slice(at), next.path].join(' → ')}`));
    }
    done.add(file.path);
  };
  for (const file of files) visit(file, []);
  return found;
}
