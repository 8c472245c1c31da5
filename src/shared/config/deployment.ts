// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { addressRange, boolean, duration, listenAddress, text } from './fields.ts';

const MINUTE = 60_000;

const ec2 = z
  .strictObject({
    method: z.literal('ec2').meta({
      description:
        "The identity of the EC2 instance: its PKCS7 document and a nonce (Vault's AWS auth method, type ec2).",
    }),
    role: text({ description: 'Role of the auth method to log in to.', examples: ['mongolake'] }),
    mount: text(
      { description: 'Where the auth method is mounted.', examples: ['aws'] },
      /^[^/\s](?:[^\s]*[^/\s])?$/,
      'expected a mount path without a slash at either end',
    ).prefault('aws'),
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
    metadataUrl: text(
      { description: 'The instance metadata service (IMDSv2).', examples: ['http://169.254.169.254'] },
      /^https?:\/\/[^\s/@]+$/,
      'expected a URL that starts with http:// or https://, without a path',
    ).prefault('http://169.254.169.254'),
  })
  .meta({ description: 'Log in as the EC2 instance that this runs on.' });

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
    auth: z.discriminatedUnion('method', [ec2, token]).meta({
      description: 'How to log in.',
      examples: [{ method: 'ec2', role: 'mongolake' }],
    }),
    timeout: duration(
      { description: 'How long one request to Vault or to the metadata service may take.', examples: ['10s'] },
      { min: 100, max: 5 * MINUTE },
    ).prefault('10s'),
  })
  .meta({
    description:
      'A HashiCorp Vault. Any value may then be written as ${vault:secret/data/mongolake#mongo_password}: path of the read, # and the key (KV version 1 and 2). As the user or password of a URL it is percent-encoded, elsewhere put in as it is.',
  });

const LISTEN_EXAMPLES = ['127.0.0.1:9464', '0.0.0.0:9464', '[::1]:9464'];

/** Where a process serves `/metrics`, `/healthz` and `/readyz`; nothing is served where left out. */
export const listenSchema = listenAddress({
  description:
    'Address and port of /metrics, /healthz and /readyz; nothing is served where left out. They tell names of tables and figures, no secrets.',
  examples: LISTEN_EXAMPLES,
});

const HOUR = 60 * MINUTE;

export const coordinatorSchema = z
  .strictObject({
    drainTimeout: duration(
      {
        description:
          'How long a call to store or source that is under way may go on after SIGTERM; one that never ends is given up then. The process ends at most 12s later.',
        examples: ['10s'],
      },
      { min: 0, max: HOUR },
    ).prefault('10s'),
    stuckTimeout: duration(
      {
        description:
          'A run that gives no sign of life for so long is stuck: /healthz says so with 503. Waiting for workers is no silence.',
        examples: ['15m'],
      },
      { min: 1000, max: 24 * HOUR },
    ).prefault('15m'),
    listen: listenSchema.exactOptional(),
  })
  .meta({ description: 'The process that plans and commits.' });

export const dashboardSchema = z
  .strictObject({
    listen: listenAddress({
      description:
        'Address and port of the dashboard. Other than on loopback it needs a password or a proxy that logs people in.',
      examples: ['127.0.0.1:3000', '0.0.0.0:3000'],
    }).prefault('127.0.0.1:3000'),
    user: text({ description: 'User of the basic authentication.', examples: ['mongolake'] }).prefault('mongolake'),
    password: text({
      description: 'Password of the basic authentication; nobody is asked for one where left out.',
      examples: ['${DASHBOARD_PASSWORD}'],
    }).exactOptional(),
    proxyHeader: text(
      {
        description:
          'Header in which a proxy that logs people in (OIDC, SAML) tells who they are. Believed only of trustedProxies, which must set it themselves and drop what a visitor sends. See [dashboard](dashboard.md).',
        examples: ['X-Forwarded-Email'],
      },
      /^[A-Za-z0-9][A-Za-z0-9-]*$/,
      'expected the name of a header',
    ).exactOptional(),
    trustedProxies: z
      .array(addressRange({ description: 'An address, or a range of them.', examples: ['10.0.3.7', '10.0.0.0/8'] }))
      .min(1)
      .meta({
        description:
          'Addresses of the proxies whose proxyHeader is believed. Whoever can connect from one of them can be anybody.',
        examples: [['10.0.3.7', '10.0.0.0/8']],
      })
      .exactOptional(),
    readOnly: boolean({
      description: 'Whether jobs and queues can only be looked at. false lets people pause, retry and remove.',
      examples: [true],
    }).prefault(true),
  })
  .meta({ description: 'Tables, runs and the queue in a browser.' });
