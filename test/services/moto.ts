import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { cached, fingerprint } from './cache.ts';
import { installPython } from './python.ts';
import { orUnavailable, type Started } from './result.ts';
import { onPort, type Server, serverFolder, startServer } from './server.ts';

/** What an instance says of itself in its identity document, as far as anybody asks. */
export interface InstanceIdentity {
  readonly instanceId: string;
  readonly imageId: string;
  readonly accountId: string;
  readonly region: string;
  /** When it was started last, ISO 8601 with seconds. */
  readonly pendingTime: string;
}

/** An AWS API process of ours: moto, which keeps all in memory and takes any access key until it is told to check signatures. */
export interface MotoServer extends Server {
  readonly available: true;
  /** Endpoint of EC2, IAM and STS alike. */
  readonly endpoint: string;
  /** Registers a machine image and returns its id. */
  registerImage(): Promise<string>;
  /** Runs an instance of an image: `DescribeInstances` knows it as running from now on. */
  runInstance(imageId: string): Promise<InstanceIdentity>;
  /** A call of IAM: gives what the answer has as an element of a name. */
  iam(parameters: Readonly<Record<string, string>>): Promise<(element: string) => string>;
  /** From now on a request must be signed with the access key of a user, who may do what it asks. */
  checkSignatures(): Promise<void>;
}

const MOTO = ['moto[server]==5.2.5'];
const START_MS = 60_000;
const REQUEST_MS = 30_000;
const REGION = 'us-east-1';

/** The Python of moto's virtual environment, installed once (about a minute). Throws where it can't be. */
export async function prepareMoto(): Promise<string> {
  const check = join('bin', 'python');
  const build = (into: string) => installPython(into, MOTO);
  return join(await cached({ name: `moto-${fingerprint(MOTO)}`, check, build }), check);
}

/** Starts a moto of ours. */
export async function startMoto(): Promise<Started<MotoServer>> {
  return orUnavailable('moto', async () => {
    const python = await prepareMoto();
    return onPort(undefined, (port) => start(python, port));
  });
}

async function start(python: string, port: number): Promise<MotoServer> {
  const endpoint = `http://127.0.0.1:${port}`;
  const server = await startServer(serverFolder('moto'), {
    program: python,
    args: ['-m', 'moto.server', '--host', '127.0.0.1', '--port', String(port)],
    ready: () => ask(endpoint, 'ec2', { Action: 'DescribeRegions' }),
    deadlineMs: START_MS,
  });
  return {
    available: true,
    endpoint,
    registerImage: async () =>
      field(await ask(endpoint, 'ec2', { Action: 'RegisterImage', Name: randomBytes(6).toString('hex') }), 'imageId'),
    runInstance: async (imageId) => {
      const run = { Action: 'RunInstances', ImageId: imageId, MinCount: '1', MaxCount: '1' };
      const answer = await ask(endpoint, 'ec2', run);
      return {
        instanceId: field(answer, 'instanceId'),
        imageId,
        accountId: field(answer, 'ownerId'),
        region: REGION,
        pendingTime: field(answer, 'launchTime').replace(/\.\d+/, ''),
      };
    },
    async iam(parameters) {
      const answer = await ask(endpoint, 'iam', parameters);
      return (element) => field(answer, element);
    },
    async checkSignatures() {
      const answer = await fetch(`${endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' });
      if (!answer.ok) throw new Error(`moto, reset-auth: ${answer.status}`);
    },
    ...server,
  };
}

const VERSIONS = { ec2: '2016-11-15', iam: '2010-05-08' };

/** A call of a query API; the answer is XML. */
async function ask(
  endpoint: string,
  service: keyof typeof VERSIONS,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    // Moto takes service and region from the signature's scope and checks nothing else of it.
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=test/20240101/${REGION}/${service}/aws4_request` },
    body: new URLSearchParams({ ...parameters, Version: VERSIONS[service] }),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`moto, ${parameters.Action}: ${answer.status}: ${text.trim()}`);
  return text;
}

/** The first element of that name. */
function field(xml: string, name: string): string {
  const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  if (value === undefined) throw new Error(`moto answered without ${name}: ${xml}`);
  return value;
}
