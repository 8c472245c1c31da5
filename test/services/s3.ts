import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import type { Certificates } from './certificates.ts';
import { findOnPath, runCommand } from './command.ts';
import { goProgram } from './go.ts';
import { messageOf, orUnavailable, type Started, unavailable } from './result.ts';
import { onPort, type Server, type ServerPlan, serverFolder, startServer } from './server.ts';

/** How to reach an S3 store; path-style addressing. */
export interface S3Access {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of the authority that vouches for an https:// endpoint, where Node does not know it. */
  readonly caFile?: string;
}

/** An S3 store that tests may use. It honours conditional writes (If-None-Match, If-Match). */
export interface S3Service extends S3Access {
  readonly available: true;
  /** Makes a bucket; throws where it exists. */
  createBucket(name: string): Promise<void>;
}

/** An S3 process of ours. */
export interface S3Server extends S3Service, Server {
  readonly port: number;
  /** Where the objects are. Removed by `stop` unless it was given. */
  readonly dir: string;
}

/** Where an S3 store of ours runs and keeps its data; free port and temporary folder where not given. */
export interface S3Options {
  readonly port?: number;
  /** With the same port and dir, a store that was killed comes back with its objects, at the same endpoint and keys. */
  readonly dir?: string;
  /** Only TLS is spoken then; `endpoint` starts with https://. Of versitygw only. */
  readonly tls?: Certificates;
  /** Users besides the root, with keys of their own, made by `addUser`. Of versitygw only. */
  readonly users?: boolean;
}

const VERSITYGW_VERSION = 'v1.8.0';
const START_MS = 30_000;
const REGION = 'us-east-1';
const LOCAL_KEYS = { accessKeyId: 'mongolake-test', secretAccessKey: 'mongolake-test-secret' };

/** A client for a store; the caller destroys it. */
export function s3Client(access: S3Access): S3Client {
  const { accessKeyId, secretAccessKey, caFile } = access;
  // The SDK's advice to move on from Node 20 is not for whoever reads test output.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  return new S3Client({
    endpoint: access.endpoint,
    region: access.region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    ...(caFile === undefined ? {} : { requestHandler: { httpsAgent: { ca: readFileSync(caFile) } } }),
  });
}

/** A bucket name that no other test has: `<hint>-<random>`, the hint cut to what bucket names allow. */
export function uniqueBucket(hint: string): string {
  const name = hint
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40);
  return `${name || 'test'}-${randomBytes(4).toString('hex')}`;
}

/**
 * The store of MONGOLAKE_TEST_S3_ENDPOINT (with …_S3_ACCESS_KEY, …_S3_SECRET_KEY, …_S3_REGION), else one of ours. `stop` leaves
 * the former alone.
 */
export async function s3Service(): Promise<Started<S3Service & { stop(): Promise<void> }>> {
  const env = process.env;
  const endpoint = env.MONGOLAKE_TEST_S3_ENDPOINT;
  if (!endpoint) return startS3();
  const access: S3Access = {
    endpoint,
    region: env.MONGOLAKE_TEST_S3_REGION ?? REGION,
    accessKeyId: env.MONGOLAKE_TEST_S3_ACCESS_KEY ?? '',
    secretAccessKey: env.MONGOLAKE_TEST_S3_SECRET_KEY ?? '',
  };
  try {
    await listBuckets(access);
    return { ...service(access), stop: async () => {} };
  } catch (error) {
    return unavailable(`the store of MONGOLAKE_TEST_S3_ENDPOINT refuses: ${messageOf(error)}`);
  }
}

/** Starts a store of ours: `versitygw` or `minio` on the PATH, else versitygw built with Go (about two minutes, once). */
export async function startS3(options: S3Options = {}): Promise<Started<S3Server>> {
  return orUnavailable('versitygw', async () => {
    const versitygw = findOnPath('versitygw');
    if (versitygw) return start(versitygwPlan(versitygw, options), options);
    const minio = findOnPath('minio');
    if (minio && !options.tls && !options.users) return start(minioPlan(minio), options);
    const built = await buildVersitygw();
    if (built) return start(versitygwPlan(built, options), options);
    return unavailable(
      'neither versitygw, minio nor go (to build the former) is on the PATH; or set MONGOLAKE_TEST_S3_ENDPOINT',
    );
  });
}

/** The versitygw of the cache, built where it is missing; undefined without Go. Throws where the build fails. */
export async function buildVersitygw(): Promise<string | undefined> {
  return goProgram({
    entry: `versitygw-${VERSITYGW_VERSION}`,
    program: 'versitygw',
    args: ['install', `github.com/versity/versitygw/cmd/versitygw@${VERSITYGW_VERSION}`],
  });
}

type Plan = (port: number, dir: string) => Pick<ServerPlan, 'program' | 'args' | 'env'>;

function versitygwPlan(program: string, { tls, users }: S3Options): Plan {
  const secure = tls === undefined ? [] : ['--cert', tls.serverCert, '--key', tls.serverKey];
  return (port, dir) => ({
    program,
    args: [
      ...['--quiet', '--keep-alive', '--region', REGION, '--port', `127.0.0.1:${port}`, ...secure],
      ...(users ? ['--iam-dir', iamFolder(dir)] : []),
      ...['posix', dir],
    ],
    env: { ROOT_ACCESS_KEY_ID: LOCAL_KEYS.accessKeyId, ROOT_SECRET_ACCESS_KEY: LOCAL_KEYS.secretAccessKey },
  });
}

/** Beside the buckets: what is in their folder is one of them. */
function iamFolder(dir: string): string {
  const folder = `${dir}-iam`;
  mkdirSync(folder, { recursive: true });
  return folder;
}

function minioPlan(program: string): Plan {
  return (port, dir) => ({
    program,
    args: ['server', '--quiet', '--address', `127.0.0.1:${port}`, '--console-address', '127.0.0.1:0', dir],
    env: {
      MINIO_ROOT_USER: LOCAL_KEYS.accessKeyId,
      MINIO_ROOT_PASSWORD: LOCAL_KEYS.secretAccessKey,
      MINIO_REGION: REGION,
    },
  });
}

async function start(plan: Plan, options: S3Options): Promise<S3Server> {
  return onPort(options.port, async (port) => {
    const folder = serverFolder('s3');
    const dir = options.dir ?? join(folder, 'data');
    mkdirSync(dir, { recursive: true });
    const { tls } = options;
    const endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    const access: S3Access = {
      endpoint,
      region: REGION,
      ...LOCAL_KEYS,
      ...(tls === undefined ? {} : { caFile: tls.ca }),
    };
    const ready = () => listBuckets(access);
    const server = await startServer(folder, { ...plan(port, dir), ready, deadlineMs: START_MS });
    return { ...service(access), port, dir, ...server };
  });
}

function service(access: S3Access): S3Service {
  return { available: true, ...access, createBucket: (name) => createBucket(access, name) };
}

/** Makes a user of a store that was started with `users`; bucket policies say what it may. Returns its access. */
export async function addUser(store: S3Access, accessKeyId: string, secretAccessKey: string): Promise<S3Access> {
  const program = findOnPath('versitygw') ?? (await buildVersitygw());
  if (program === undefined) throw new Error('no versitygw');
  const root = ['--access', store.accessKeyId, '--secret', store.secretAccessKey];
  const user = ['--access', accessKeyId, '--secret', secretAccessKey, '--role', 'user'];
  const place = ['--endpoint-url', store.endpoint, '--region', store.region];
  await runCommand(program, ['admin', ...root, ...place, 'create-user', ...user], { deadlineMs: START_MS });
  return { ...store, accessKeyId, secretAccessKey };
}

async function createBucket(access: S3Access, name: string): Promise<void> {
  const client = s3Client(access);
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } finally {
    client.destroy();
  }
}

async function listBuckets(access: S3Access): Promise<void> {
  const client = s3Client(access);
  try {
    await client.send(new ListBucketsCommand({}), { requestTimeout: 2_000 });
  } finally {
    client.destroy();
  }
}
