import { type Part, type Prepared, partsOf, prepare, stopAll } from './prepare.ts';
import { uniqueBucket } from './s3.ts';

/**
 * `npm run services`: real servers for trying mongolake by hand, until Ctrl-C. Their data goes with them. `npm run services -- cluster,keda`
 * only builds and installs the parts of these names, for the tests to come.
 */
async function main([names]: readonly string[]): Promise<void> {
  if (names === undefined) return serve();
  const parts = partsOf(names, 'npm run services');
  const prepared = await prepare(parts, true);
  for (const part of parts) console.log(`${part}: ${stateOf(prepared, part)}`);
  if (parts.some((part) => !prepared[part].available)) process.exitCode = 1;
  await stopAll(prepared);
}

function stateOf(prepared: Prepared, part: Part): string {
  const started = prepared[part];
  return started.available ? 'ready' : started.reason;
}

async function serve(): Promise<void> {
  const services = await prepare(['redis', 's3', 'mongodb']);
  const bucket = await makeBucket(services);
  console.log(`${describeServices(services, bucket)}\n\n${exampleConfig(services, bucket)}`);
  if (![services.redis, services.s3, services.mongodb].some(({ available }) => available)) {
    process.exitCode = 1;
    return;
  }
  console.error('Running until Ctrl-C.');
  await interrupted();
  await stopAll(services);
}

/** `lake`, or another name where a store from the environment has one of that name already. */
async function makeBucket({ s3 }: Prepared): Promise<string> {
  if (!s3.available) return '';
  for (const name of ['lake', uniqueBucket('lake')]) {
    try {
      await s3.createBucket(name);
      return name;
    } catch (error) {
      if (name !== 'lake') throw error;
    }
  }
  return '';
}

function describeServices({ redis, s3, mongodb }: Prepared, bucket: string): string {
  const lines = [
    `# Redis    ${redis.available ? redis.url : `none: ${redis.reason}`}`,
    `# S3       ${s3.available ? `${s3.endpoint}, bucket ${bucket}` : `none: ${s3.reason}`}`,
    ...(s3.available ? [`#          access key ${s3.accessKeyId}, secret key ${s3.secretAccessKey}`] : []),
    `# MongoDB  ${mongodb.available ? `${mongodb.uri} (${mongodb.kind})` : `none: ${mongodb.reason}`}`,
  ];
  return lines.join('\n');
}

/** A mongolake.yaml for these servers; what is absent is replaced by what needs no server. */
function exampleConfig({ redis, s3, mongodb }: Prepared, bucket: string): string {
  const guest = mongodb.available ? `{ kind: mongodb, uri: "${mongodb.uri}" }` : '{ kind: dump, path: ./dump }';
  const lake = s3.available
    ? [
        `  lake:`,
        `    kind: s3`,
        `    region: ${s3.region}`,
        `    endpoint: ${s3.endpoint}`,
        `    forcePathStyle: true`,
        `    credentials: { accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }`,
      ]
    : [];
  const table = s3.available
    ? `{ connection: lake, uri: "s3://${bucket}/guest/{collection}" }`
    : '{ uri: "file:./lake/{collection}" }';
  return [
    '# mongolake.yaml',
    'version: 1',
    'connections:',
    `  guest: ${guest}`,
    ...lake,
    `queue: ${redis.available ? `{ kind: redis, url: "${redis.url}" }` : '{ kind: local }'}`,
    'defaults: { cursorField: updateTime }',
    'pipelines:',
    '  guest:',
    '    source: { connection: guest, database: guest, collections: ["*"] }',
    `    table: ${table}`,
  ].join('\n');
}

async function interrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  });
}

await main(process.argv.slice(2));
