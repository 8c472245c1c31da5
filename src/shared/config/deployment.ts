// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the examples are references to variables
import { z } from 'zod';
import { boolean, duration, listenAddress, text } from './fields.ts';

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
      description: 'Address and port of the dashboard. Other than on loopback it needs a password.',
      examples: ['127.0.0.1:3000', '0.0.0.0:3000'],
    }).prefault('127.0.0.1:3000'),
    user: text({ description: 'User of the basic authentication.', examples: ['mongolake'] }).prefault('mongolake'),
    password: text({
      description: 'Password of the basic authentication; nobody is asked for one where left out.',
      examples: ['${DASHBOARD_PASSWORD}'],
    }).exactOptional(),
    readOnly: boolean({
      description: 'Whether jobs and queues can only be looked at. false lets people pause, retry and remove.',
      examples: [true],
    }).prefault(true),
  })
  .meta({ description: 'Bull Board: the queue in a browser.' });
