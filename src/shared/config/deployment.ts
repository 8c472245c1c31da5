// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { addressRange, boolean, duration, listenAddress, text } from './fields.ts';

const MINUTE = 60_000;

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
