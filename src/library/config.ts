// Written by `npm run schema` from the configuration's schema; change that instead.
import type { MongolakeSettings, Reference } from './settings.ts';

/**
 * A configuration as an object, of the same shape as the file. Durations and sizes are strings with a unit (`5m`, `128MB`), and any
 * string may hold references. Relative paths start at the working directory, where these comments say "this file".
 */
export interface MongolakeConfig {
  /** Version of this format. */
  readonly version: 1;
  /** Servers, dumps and stores, by a name of your own. */
  readonly connections: Readonly<Record<string, {
    /** A MongoDB deployment. */
    readonly kind: 'mongodb';
    /** Connection string. Keep the password out of this file: take it from a variable. */
    readonly uri: string;
    /** Which member serves the reads; overrides the connection string. */
    readonly readPreference?: 'primary' | 'primaryPreferred' | 'secondary' | 'secondaryPreferred' | 'nearest' | Reference | undefined;
    /** How long opening a socket may take; 10s where neither this nor the URI tells. */
    readonly connectTimeout?: string | undefined;
    /** How long to look for a usable member before the server counts as unreachable; 10s where neither this nor the URI tells. */
    readonly serverSelectionTimeout?: string | undefined;
    /** How long a socket may be silent during a request; 5m where neither this nor the URI tells. */
    readonly socketTimeout?: string | undefined;
    /** TLS to the server; on where this is given, {} also. The options of the connection string go on working, these override them. Files are read at start. */
    readonly tls?: {
      /** Certificates of the authorities that may have signed the server’s certificate, instead of those that Node knows. PEM, relative to this file. */
      readonly caFile?: string | undefined;
      /** Our certificate and its key in one file, where the server asks for one (or for MONGODB-X509). PEM, relative to this file. */
      readonly certificateKeyFile?: string | undefined;
      /** Password of the key, where it is encrypted. */
      readonly certificateKeyFilePassword?: string | undefined;
    } | undefined;
  } | {
    /** mongodump's files. */
    readonly kind: 'dump';
    /** A .bson or .bson.gz file, the folder of a database, or a whole mongodump, on a local disk. Relative to this file. */
    readonly path: string;
    /** When the dump was started. Without it the whole dump is compared and no watermark moves. */
    readonly startedAt?: string | undefined;
  } | {
    /** S3, or a store that speaks its protocol. */
    readonly kind: 's3';
    /** Region of the bucket. */
    readonly region: string;
    /** URL of a store other than AWS. */
    readonly endpoint?: string | undefined;
    /** Put the bucket in the path, not in the host name. Many stores other than AWS need it. By default false. */
    readonly forcePathStyle?: boolean | Reference | undefined;
    /** Static credentials. Without them the AWS SDK's usual chain is asked. */
    readonly credentials?: {
      /** Access key. */
      readonly accessKeyId: string;
      /** Secret key. */
      readonly secretAccessKey: string;
      /** Token of temporary credentials. */
      readonly sessionToken?: string | undefined;
    } | undefined;
    /** Certificates of the authorities that may have signed the server’s certificate, instead of those that Node knows. PEM, relative to this file. */
    readonly caFile?: string | undefined;
    /** Encryption at rest that every write asks for. What the bucket does by itself where left out. */
    readonly encryption?: {
      /** Keys that the store manages (SSE-S3, AES256). */
      readonly kind: 's3';
    } | {
      /** A key in AWS KMS (SSE-KMS). */
      readonly kind: 'kms';
      /** Id, ARN or alias of the key; the account’s own key for S3 where left out. */
      readonly keyId?: string | undefined;
      /** An S3 Bucket Key: far fewer requests to KMS. What the bucket says where left out. */
      readonly bucketKey?: boolean | Reference | undefined;
    } | undefined;
    /** Account that the bucket must belong to: S3 refuses every request where it is another’s, as when a bucket was deleted and its name taken. */
    readonly expectedBucketOwner?: string | undefined;
  }>>;
  /** A HashiCorp Vault. Any value may then be written as ${vault:secret/data/mongolake#mongo_password}: path of the read, # and the key (KV version 1 and 2). As the user or password of a URL it is percent-encoded, elsewhere put in as it is. */
  readonly vault?: {
    /** URL of Vault. */
    readonly address: string;
    /** Namespace, where Vault has them. */
    readonly namespace?: string | undefined;
    /** Certificates (PEM) that vouch for Vault, in place of those that Node trusts. Relative to this file. */
    readonly caFile?: string | undefined;
    /** How to log in. */
    readonly auth: {
      /** The identity of the EC2 instance: its PKCS7 document and a nonce (Vault's AWS auth method, type ec2). */
      readonly method: 'ec2';
      /** Role of the auth method to log in to. */
      readonly role: string;
      /** Where the auth method is mounted. By default 'aws'. */
      readonly mount?: string | undefined;
      /** The client nonce itself, where machines share one from a secret of theirs. Otherwise one is made and kept in nonceFile. */
      readonly nonce?: string | undefined;
      /** File that keeps the client nonce, made at the first login with mode 0600 and sent again at each one. Vault refuses the instance without it: keep it as long as the instance. Relative to this file. By default '/var/lib/mongolake/vault-nonce'. */
      readonly nonceFile?: string | undefined;
      /** The instance metadata service (IMDSv2). By default 'http://169.254.169.254'. */
      readonly metadataUrl?: string | undefined;
    } | {
      /** An IAM identity, for which the AWS SDK finds credentials: a request sts:GetCallerIdentity is signed and given to Vault (Vault's AWS auth method, type iam). */
      readonly method: 'iam';
      /** Role of the auth method to log in to. */
      readonly role: string;
      /** Where the auth method is mounted. By default 'aws'. */
      readonly mount?: string | undefined;
      /** Region of the STS that the request is signed for, sts.REGION.amazonaws.com: the one that Vault asks (sts_region). The global one, sts.amazonaws.com, where left out. */
      readonly region?: string | undefined;
      /** URL of the STS that the request is signed for, where that is none of the above. */
      readonly stsEndpoint?: string | undefined;
      /** Value of the signed header X-Vault-AWS-IAM-Server-ID: what Vault has as iam_server_id_header_value. With it nobody can use the request at another Vault. */
      readonly serverId?: string | undefined;
    } | {
      /** The service account of the pod (Vault's Kubernetes auth method). */
      readonly method: 'kubernetes';
      /** Role of the auth method to log in to. */
      readonly role: string;
      /** Where the auth method is mounted. By default 'kubernetes'. */
      readonly mount?: string | undefined;
      /** The service account's token, best of a projected volume with Vault as audience. It is read at each login, as Kubernetes replaces it. Relative to this file. By default '/var/run/secrets/kubernetes.io/serviceaccount/token'. */
      readonly tokenFile?: string | undefined;
    } | {
      /** A role's id and a secret id (Vault's AppRole auth method). */
      readonly method: 'approle';
      /** Where the auth method is mounted. By default 'approle'. */
      readonly mount?: string | undefined;
      /** The role id. */
      readonly roleId: string;
      /** The secret id. */
      readonly secretId?: string | undefined;
      /** File that holds the secret id, in place of secretId; it is read at each login. Relative to this file. */
      readonly secretIdFile?: string | undefined;
      /** Whether secretId or secretIdFile is a token that wraps the secret id (vault write -wrap-ttl=…). It serves one process: each start needs another. By default false. */
      readonly wrapped?: boolean | Reference | undefined;
    } | {
      /** A token that somebody else logged in for. */
      readonly method: 'token';
      /** The token. */
      readonly token: string;
    };
    /** How long one request to Vault or to the metadata service may take. By default '10s'. */
    readonly timeout?: string | undefined;
    /** How often worker and coordinator read the references anew, so that a secret that was changed reaches their connections without a restart. By default '5m'. */
    readonly refreshInterval?: string | undefined;
    /** How long a start tries again where Vault is sealed or away, before it ends with code 75. By default '30s'. */
    readonly retryFor?: string | undefined;
  } | undefined;
  /** Key of the hashes of columns.hash: a secret of 16 characters or more, 32 at best; space around it is cut off. Another key gives other hashes. */
  readonly hashKey?: string | undefined;
  /** How jobs reach workers. */
  readonly queue?: {
    /** No server: everything in this process. */
    readonly kind: 'local';
  } | {
    /** A queue in Redis: coordinator and workers are processes of their own. */
    readonly kind: 'redis';
    /** URL of Redis. */
    readonly url: string;
    /** Certificates for a rediss:// URL. Files are read at start. */
    readonly tls?: {
      /** Certificates of the authorities that may have signed the server’s certificate, instead of those that Node knows. PEM, relative to this file. */
      readonly caFile?: string | undefined;
      /** Our certificate, where the server asks for one. PEM, relative to this file. */
      readonly certFile?: string | undefined;
      /** Its key. PEM, relative to this file. */
      readonly keyFile?: string | undefined;
      /** Password of the key, where it is encrypted. */
      readonly keyFilePassword?: string | undefined;
    } | undefined;
    /** Start of every key. The braces keep all keys in one slot of a Redis Cluster. By default '{mongolake}'. */
    readonly prefix?: string | undefined;
    /** A worker that is silent for so long has lost its job, and another takes it up. By default '30s'. */
    readonly lockDuration?: string | undefined;
  } | undefined;
  /** Settings of every table. */
  readonly defaults?: MongolakeSettings | undefined;
  /** What is synced, by a name of your own. */
  readonly pipelines: Readonly<Record<string, MongolakeSettings & {
    /** What is read. */
    readonly source: {
      /** Name of a mongodb or dump connection. */
      readonly connection: string;
      /** Database to read. May be left out for a dump. */
      readonly database?: string | undefined;
      /** Collections to sync, looked up again at each run. May be left out for a dump: all of it. */
      readonly collections?: readonly string[] | undefined;
      /** How changes are found: by the cursor field, or by the change stream of a replica set or sharded cluster, which tells of deletions too. See docs/change-streams.md. By default 'cursor'. */
      readonly mode?: 'cursor' | 'changestream' | Reference | undefined;
      /** With mode: changestream the coordinator looks for changes so often, in place of schedule: each look that finds some is one run and one version. By default '10s'. */
      readonly followInterval?: string | undefined;
    };
    /** What is written. */
    readonly table: {
      /** Name of an s3 connection. Left out for a local folder. */
      readonly connection?: string | undefined;
      /** Folder of the table: s3://bucket/folder, file:./folder or a path, relative to this file. {collection}, {database} and {pipeline} are filled in. */
      readonly uri: string;
    };
    /** Settings by collection. */
    readonly collections?: Readonly<Record<string, MongolakeSettings>> | undefined;
  }>>;
  /** Tables that the coordinator syncs at once. By default 4. */
  readonly maxConcurrentRuns?: number | Reference | undefined;
  /** The process that plans and commits. */
  readonly coordinator?: {
    /** How long a call to store or source that is under way may go on after SIGTERM; one that never ends is given up then. The process ends at most 12s later. By default '10s'. */
    readonly drainTimeout?: string | undefined;
    /** A run that gives no sign of life for so long is stuck: /healthz says so with 503. Waiting for workers is no silence. By default '15m'. */
    readonly stuckTimeout?: string | undefined;
    /** Address and port of /metrics, /healthz and /readyz; nothing is served where left out. They tell names of tables and figures, no secrets. */
    readonly listen?: string | undefined;
  } | undefined;
  /** Processes that read and merge. */
  readonly worker?: {
    /** Jobs, and so merge threads, at once. auto is one per core; set it where a container has a CPU limit. By default 'auto'. */
    readonly concurrency?: 'auto' | number | Reference | undefined;
    /** Memory of one merge thread, above which it spills to scratch. A worker needs about concurrency times this, and a few hundred MB besides. By default '512MB'. */
    readonly memory?: string | undefined;
    /** Folder for temporary files, relative to this file. By default the system's. */
    readonly scratch?: string | undefined;
    /** What scratch may hold where its file system does not say it, as of a Kubernetes emptyDir with a limit. Metrics tell size and free space by it; it keeps nobody from writing more. */
    readonly scratchSize?: string | undefined;
    /** How long running jobs may go on after SIGTERM before they are handed back. By default '25s'. */
    readonly drainTimeout?: string | undefined;
    /** A job that gives no sign of life for so long is stuck: /healthz says so with 503. A merge gives none while its thread works, so this is more than the longest merge of one partition takes. By default '15m'. */
    readonly stuckTimeout?: string | undefined;
    /** Address and port of /metrics, /healthz and /readyz; nothing is served where left out. They tell names of tables and figures, no secrets. */
    readonly listen?: string | undefined;
  } | undefined;
  /** Tables, runs and the queue in a browser. */
  readonly dashboard?: {
    /** Address and port of the dashboard. Other than on loopback it needs a password or a proxy that logs people in. By default '127.0.0.1:3000'. */
    readonly listen?: string | undefined;
    /** User of the basic authentication. By default 'mongolake'. */
    readonly user?: string | undefined;
    /** Password of the basic authentication; nobody is asked for one where left out. */
    readonly password?: string | undefined;
    /** Header in which a proxy that logs people in (OIDC, SAML) tells who they are. Believed only of trustedProxies, which must set it themselves and drop what a visitor sends. See docs/dashboard.md. */
    readonly proxyHeader?: string | undefined;
    /** Addresses of the proxies whose proxyHeader is believed. Whoever can connect from one of them can be anybody. */
    readonly trustedProxies?: readonly string[] | undefined;
    /** Whether jobs and queues can only be looked at. false lets people pause, retry and remove. By default true. */
    readonly readOnly?: boolean | Reference | undefined;
  } | undefined;
  /** Webhooks that are told of what happens to tables. See docs/notifications.md. */
  readonly notify?: readonly {
    /** Where to POST to, http or https. It is a secret: such a URL often is the password. */
    readonly url: string;
    /** json is the event as it is, slack is text for whatever takes Slack’s incoming webhooks. By default 'json'. */
    readonly format?: 'json' | 'slack' | Reference | undefined;
    /** Of what to tell. All but committed where left out. See docs/notifications.md. */
    readonly events?: readonly ('failed' | 'stale' | 'quarantined' | 'differs' | 'recovered' | 'committed' | Reference)[] | undefined;
    /** Headers of the request, whose values are secrets. */
    readonly headers?: Readonly<Record<string, string>> | undefined;
    /** How long to wait for an answer before the next try. By default '10s'. */
    readonly timeout?: string | undefined;
  }[] | undefined;
  /** Logs, on stderr. */
  readonly log?: {
    /** Least severe level that is logged. By default 'info'. */
    readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' | Reference | undefined;
    /** pretty for people, json a line each; auto is pretty on a terminal. By default 'auto'. */
    readonly format?: 'auto' | 'pretty' | 'json' | Reference | undefined;
  } | undefined;
}
