// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to secrets, as a user writes them
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { type Ec2Login, startEc2Login } from '../services/ec2.ts';
import type { Services } from '../services/provided.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';
import { type Watch, watch } from './watch.ts';

/** A Vault that knows every credential of MongoDB, S3 and Redis, and servers that ask for them. */
export interface VaultHouse {
  readonly ec2: Ec2Login;
  /** Asks for a password. */
  readonly redis: RedisServer;
  /** The values that nothing may tell. */
  readonly secrets: { readonly mongo: string; readonly redis: string; readonly s3: string };
  /** A configuration that has references in place of them. The nonce is kept in `vault-nonce` beside it. */
  readonly config: object;
  /** Whether the source's password has arrived at MongoDB. */
  heardPassword(): boolean;
  /** Whether this password has: always true of a real server, which is not sent one as it is. */
  heardByMongodb(password: string): boolean;
  /** Whether a text was sent to S3, in a request of any kind; always false where the store is not on this machine. */
  heardByStore(text: string): boolean;
  close(): Promise<void>;
}

const USER = 'reader';
const SECRET = 'vault:secret/data/mongolake';
const KV = 'vault:kv/mongolake';

/** Letters and digits: nothing to escape in a URL. */
const password = () => randomBytes(16).toString('hex');

export async function vaultHouse({
  s3,
  mongodb,
  redis: { prefix },
}: Pick<Services, 's3' | 'mongodb' | 'redis'>): Promise<VaultHouse> {
  const secrets = { mongo: password(), redis: password(), s3: s3.secretAccessKey };
  const ec2 = await startEc2Login({
    secret: { mongolake: { mongo_password: secrets.mongo, redis_password: secrets.redis } },
    kv: { mongolake: { aws_access_key: s3.accessKeyId, aws_secret_key: secrets.s3 } },
    readable: ['secret/data/mongolake', 'kv/mongolake'],
  });
  const redis = required(await startRedis({ password: secrets.redis }));
  const source = await sourceWithPassword(mongodb, secrets.mongo);
  const { protocol, hostname, port } = new URL(s3.endpoint);
  const store = protocol === 'http:' && hostname === '127.0.0.1' ? await watch(Number(port)) : undefined;
  return {
    ec2,
    redis,
    secrets,
    heardPassword: () => source.heard(secrets.mongo),
    heardByMongodb: source.heard,
    heardByStore: (text) => store?.heard(text) ?? false,
    config: {
      version: 1,
      vault: {
        address: ec2.vault.address,
        // Of a Vault that a test seals, on a busy machine.
        retryFor: '2m',
        auth: { method: 'ec2', role: 'mongolake', nonceFile: './vault-nonce', metadataUrl: ec2.metadata.url },
      },
      connections: {
        guest: { kind: 'mongodb', uri: source.uri },
        lake: {
          kind: 's3',
          region: s3.region,
          endpoint: store === undefined ? s3.endpoint : `http://127.0.0.1:${store.port}`,
          forcePathStyle: true,
          credentials: { accessKeyId: `\${${KV}#aws_access_key}`, secretAccessKey: `\${${KV}#aws_secret_key}` },
        },
      },
      queue: { kind: 'redis', url: `redis://:\${${SECRET}#redis_password}@127.0.0.1:${redis.port}`, prefix },
      defaults: { partitions: 4, schedule: '1s' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
          table: { connection: 'lake', uri: `s3://${s3.bucket}/guest/{collection}` },
        },
      },
    },
    async close() {
      await source.close();
      await store?.close();
      await redis.stop();
      await ec2.stop();
    },
  };
}

interface SourceWithPassword {
  readonly uri: string;
  heard(password: string): boolean;
  close(): Promise<void>;
}

/**
 * A URI with a reference in place of the password. A real MongoDB checks it. FerretDB takes any user's (mechanism PLAIN, and its
 * SQLite has no users), so what arrives there is looked at.
 */
async function sourceWithPassword(
  { uri, kind, database }: Services['mongodb'],
  pwd: string,
): Promise<SourceWithPassword> {
  const reference = `${USER}:\${${SECRET}#mongo_password}`;
  if (kind === 'ferretdb') {
    const proxy: Watch = await watch(Number(new URL(uri).port));
    return {
      uri: `mongodb://${reference}@127.0.0.1:${proxy.port}/?authMechanism=PLAIN`,
      heard: (password) => proxy.heard(`\0${USER}\0${password}`),
      close: proxy.close,
    };
  }
  const client = await MongoClient.connect(uri);
  const users = client.db(database);
  await users.command({ createUser: USER, pwd, roles: ['read'] });
  const [, scheme, hosts, options] = /^(mongodb(?:\+srv)?:\/\/)(?:[^@/]*@)?([^/?]+)\/?\??(.*)$/.exec(uri) ?? [];
  return {
    uri: `${scheme}${reference}@${hosts}/?authSource=${database}${options ? `&${options}` : ''}`,
    heard: () => true,
    async close() {
      await users.command({ dropUser: USER });
      await client.close();
    },
  };
}
