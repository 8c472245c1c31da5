// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { resolve } from 'node:path';
import { z } from 'zod';
import { boolean, duration, text } from './fields.ts';

const MINUTE = 60_000;

const role = () => text({ description: 'Role of the auth method to log in to.', examples: ['mongolake'] });

const mount = (usual: string) =>
  text(
    { description: 'Where the auth method is mounted.', examples: [usual] },
    /^[^/\s](?:[^\s]*[^/\s])?$/,
    'expected a mount path without a slash at either end',
  ).prefault(usual);

const url = (description: string, example: string) =>
  text(
    { description, examples: [example] },
    /^https?:\/\/[^\s/@]+$/,
    'expected a URL that starts with http:// or https://, without a path',
  );

const ec2 = z
  .strictObject({
    method: z.literal('ec2').meta({
      description:
        "The identity of the EC2 instance: its PKCS7 document and a nonce (Vault's AWS auth method, type ec2).",
    }),
    role: role(),
    mount: mount('aws'),
    nonce: text({
      description:
        'The client nonce itself, where machines share one from a secret of theirs. Otherwise one is made and kept in nonceFile.',
      examples: ['${VAULT_EC2_NONCE}'],
    }).exactOptional(),
    nonceFile: text({
      description:
        'File that keeps the client nonce, made at the first login with mode 0600 and sent again at each one. Vault refuses the instance without it: keep it as long as the instance. Relative to this file.',
      examples: ['/var/lib/mongolake/vault-nonce'],
    }).prefault('/var/lib/mongolake/vault-nonce'),
    metadataUrl: url('The instance metadata service (IMDSv2).', 'http://169.254.169.254').prefault(
      'http://169.254.169.254',
    ),
  })
  .meta({ description: 'Log in as the EC2 instance that this runs on.' });

const iam = z
  .strictObject({
    method: z.literal('iam').meta({
      description:
        "An IAM identity, for which the AWS SDK finds credentials: a request sts:GetCallerIdentity is signed and given to Vault (Vault's AWS auth method, type iam).",
    }),
    role: role(),
    mount: mount('aws'),
    region: text(
      {
        description:
          'Region of the STS that the request is signed for, sts.REGION.amazonaws.com: the one that Vault asks (sts_region). The global one, sts.amazonaws.com, where left out.',
        examples: ['eu-west-1'],
      },
      /^[a-z0-9-]+$/,
      'expected a region, such as eu-west-1',
    ).exactOptional(),
    stsEndpoint: url(
      'URL of the STS that the request is signed for, where that is none of the above.',
      'https://sts.eu-west-1.amazonaws.com',
    ).exactOptional(),
    serverId: text({
      description:
        'Value of the signed header X-Vault-AWS-IAM-Server-ID: what Vault has as iam_server_id_header_value. With it nobody can use the request at another Vault.',
      examples: ['vault.example.com'],
    }).exactOptional(),
  })
  .meta({ description: 'Log in as an IAM user or role.' });

const kubernetes = z
  .strictObject({
    method: z.literal('kubernetes').meta({
      description: "The service account of the pod (Vault's Kubernetes auth method).",
    }),
    role: role(),
    mount: mount('kubernetes'),
    tokenFile: text({
      description:
        "The service account's token, best of a projected volume with Vault as audience. It is read at each login, as Kubernetes replaces it. Relative to this file.",
      examples: ['/var/run/secrets/vault/token'],
    }).prefault('/var/run/secrets/kubernetes.io/serviceaccount/token'),
  })
  .meta({ description: 'Log in as the pod that this runs in.' });

const approle = z
  .strictObject({
    method: z.literal('approle').meta({ description: "A role's id and a secret id (Vault's AppRole auth method)." }),
    mount: mount('approle'),
    roleId: text({ description: 'The role id.', examples: ['${VAULT_ROLE_ID}'] }),
    secretId: text({ description: 'The secret id.', examples: ['${VAULT_SECRET_ID}'] }).exactOptional(),
    secretIdFile: text({
      description:
        'File that holds the secret id, in place of secretId; it is read at each login. Relative to this file.',
      examples: ['/run/secrets/vault-secret-id'],
    }).exactOptional(),
    wrapped: boolean({
      description:
        'Whether secretId or secretIdFile is a token that wraps the secret id (vault write -wrap-ttl=…). It serves one process: each start needs another.',
      examples: [true],
    }).prefault(false),
  })
  .meta({ description: 'Log in by what somebody made for this machine.' });

const token = z
  .strictObject({
    method: z.literal('token').meta({ description: 'A token that somebody else logged in for.' }),
    token: text({ description: 'The token.', examples: ['${VAULT_TOKEN}'] }),
  })
  .meta({ description: 'Use a token.' });

/** Where `${vault:…}` references are answered. */
export const vaultSchema = z
  .strictObject({
    address: text(
      { description: 'URL of Vault.', examples: ['${VAULT_ADDR}', 'https://vault.example.com:8200'] },
      /^https?:\/\/[^\s/@]+(?:\/[^\s]*)?$/,
      'expected a URL that starts with http:// or https://, without a user',
    ),
    namespace: text({ description: 'Namespace, where Vault has them.', examples: ['data-platform'] }).exactOptional(),
    caFile: text({
      description:
        'Certificates (PEM) that vouch for Vault, in place of those that Node trusts. Relative to this file.',
      examples: ['/etc/mongolake/vault-ca.pem', '${VAULT_CACERT}'],
    }).exactOptional(),
    auth: z.discriminatedUnion('method', [ec2, iam, kubernetes, approle, token]).meta({
      description: 'How to log in.',
      examples: [{ method: 'ec2', role: 'mongolake' }],
    }),
    timeout: duration(
      { description: 'How long one request to Vault or to the metadata service may take.', examples: ['10s'] },
      { min: 100, max: 5 * MINUTE },
    ).prefault('10s'),
    refreshInterval: duration(
      {
        description:
          'How often worker and coordinator read the references anew, so that a secret that was changed reaches their connections without a restart.',
        examples: ['5m', '30s'],
      },
      { min: 1000, max: 24 * 60 * MINUTE },
    ).prefault('5m'),
    retryFor: duration(
      {
        description: 'How long a start tries again where Vault is sealed or away, before it ends with code 75.',
        examples: ['30s', '5m'],
      },
      { min: 0, max: 60 * MINUTE },
    ).prefault('30s'),
  })
  .meta({
    description:
      'A HashiCorp Vault. Any value may then be written as ${vault:secret/data/mongolake#mongo_password}: path of the read, # and the key (KV version 1 and 2). As the user or password of a URL it is percent-encoded, elsewhere put in as it is.',
  });

type Vault = z.output<typeof vaultSchema>;

/** The section with its files made absolute from the folder of the configuration. */
export function completeVault(vault: Vault, folder: string): Vault {
  const absolute = (path: string) => resolve(folder, path);
  const { auth, caFile } = vault;
  return {
    ...vault,
    ...(caFile === undefined ? {} : { caFile: absolute(caFile) }),
    auth: completeAuth(auth, absolute),
  };
}

function completeAuth(auth: Vault['auth'], absolute: (path: string) => string): Vault['auth'] {
  if (auth.method === 'ec2') return { ...auth, nonceFile: absolute(auth.nonceFile) };
  if (auth.method === 'kubernetes') return { ...auth, tokenFile: absolute(auth.tokenFile) };
  if (auth.method !== 'approle' || auth.secretIdFile === undefined) return auth;
  return { ...auth, secretIdFile: absolute(auth.secretIdFile) };
}
