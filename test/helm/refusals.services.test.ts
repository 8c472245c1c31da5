// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { CONFIG, refusal, render, type Values } from './chart.ts';

const SECRET = 'credentials';
const VAULT = { enabled: true, address: 'https://vault.example.com:8200' };

describeWith(['kubernetes'], 'values that helm refuses', () => {
  it.each([
    [{ worker: { concurency: 4 } }, "'/worker'", "'concurency' not allowed"],
    [{ worker: { concurrency: 'auto' } }, "'/worker/concurrency'", 'want integer'],
    [{ worker: { memory: '512' } }, "'/worker/memory'", 'does not match pattern'],
    [{ worker: { drainTimeoutSeconds: -1 } }, "'/worker/drainTimeoutSeconds'", 'minimum'],
    [{ keda: { maxReplicas: 0 } }, "'/keda/maxReplicas'", 'minimum'],
    [{ keda: { fallback: { replicas: 0 } } }, "'/keda/fallback/replicas'", 'minimum'],
    [{ vault: { method: 'kerberos' } }, "'/vault/method'", 'must be one of'],
    [{ coordinator: { replicas: 2 } }, "'/coordinator'", "'replicas' not allowed"],
    [{ config: { pipeline: {} } }, "'/config'", "'pipeline' not allowed"],
    [{ networkpolicy: { enabled: true } }, "at ''", "'networkpolicy' not allowed"],
    [{ worker: { scratch: { type: 'hostPath' } } }, "'/worker/scratch/type'", "must be one of 'emptyDir', 'ephemeral'"],
    [{ worker: { scratch: { size: '20 GB' } } }, "'/worker/scratch/size'", 'does not match pattern'],
    [{ worker: { resources: { requests: { memory: '4 GB' } } } }, "'/worker/resources/requests/memory'", 'pattern'],
    [{ worker: { resources: { request: {} } } }, "'/worker/resources'", "'request' not allowed"],
    [{ worker: { tolerations: [{ efect: 'x' }] } }, "'/worker/tolerations/0'", "'efect' not allowed"],
    [{ coordinator: { podLabels: { team: 'a b' } } }, "'/coordinator/podLabels/team'", 'does not match pattern'],
    [{ commonLabels: { cost: 7 } }, "'/commonLabels/cost'", 'got number, want string'],
    [{ image: { digest: 'latest' } }, "'/image/digest'", 'does not match pattern'],
    [{ extraEnv: [{ name: 'A', value: 1 }] }, "'/extraEnv/0/value'", 'got number, want string'],
    [{ fullnameOverride: 'Lake' }, "'/fullnameOverride'", 'does not match pattern'],
    [{ networkPolicy: { metrics: { namespaces: ['Mon'] } } }, "'/networkPolicy/metrics/namespaces/0'", 'pattern'],
    [{ networkPolicy: { egress: { rules: [{}] } } }, "'/networkPolicy/egress/rules/0'", 'minProperties'],
    [{ serviceMonitor: { interval: '30s' } }, "'/serviceMonitor'", "'interval' not allowed"],
    [{ keda: { behavior: { scaleDown: { policies: [{}] } } } }, "'/keda/behavior/scaleDown/policies/0'", 'missing'],
  ])('%j: the schema names the key', async (values, key, problem) => {
    const said = await refusal(values);
    expect(said).toContain(key);
    expect(said).toContain(problem);
  });

  it.each([
    [{ config: { queue: { url: '${REDIS_URL}' } } }, 'config.queue.url is made from the values under redis'],
    [{ config: { worker: { drainTimeout: '5m' } } }, 'config.worker.drainTimeout is made from the values under worker'],
    [{ config: { coordinator: { listen: '0.0.0.0:1' } } }, 'config.coordinator.listen is set by the chart'],
    ...['${DRAIN}', '10', 10].map((drainTimeout): [Values, string] => [
      { config: { coordinator: { drainTimeout } } },
      `config.coordinator.drainTimeout is "${drainTimeout}": write a duration, such as 10s`,
    ]),
    [{ dashboard: { enabled: true } }, 'existingSecret is empty: it must name a Secret whose key DASHBOARD_PASSWORD'],
    [{ redis: { passwordKey: 'pw' } }, 'existingSecret is empty: it must name a Secret whose key pw'],
    [{ vault: VAULT }, 'existingSecret is empty: it must name a Secret whose key VAULT_EC2_NONCE'],
    [{ vault: { enabled: true }, existingSecret: SECRET }, 'vault.address is empty'],
    [{ keda: { enabled: true, minReplicas: 11 } }, 'keda.minReplicas is more than keda.maxReplicas'],
    [{ keda: { enabled: true, maxReplicas: 2, fallback: { replicas: 3 } } }, 'keda.fallback.replicas is more than'],
    [{ redis: { caKey: 'ca.pem' }, existingSecret: SECRET }, 'redis.caKey needs redis.tls, and existingSecret'],
    [{ redis: { url: 'redis://:hunter2@queue:6379' } }, 'config.queue.url has a URL with a password in it'],
    ...[
      'u:hunter2@db/',
      'u:$ecret@db/',
      '${vault:secret/data/x#u}:hunter2@h/',
      'u:${A}hunter2@h/',
      'u:${A:-hunter2}@h/',
      'h/?tls=true&tlsCertificateKeyFilePassword=hunter2',
      'h/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2',
    ].map((uri): [Values, string] => [
      { config: withGuest({ uri: `mongodb://${uri}` }) },
      'config.connections.guest.uri has a URL with a password in it',
    ]),
    [{ config: { dashboard: { password: 'hunter2' } } }, 'config.dashboard.password is written out'],
    [{ config: { hashKey: 'a key of characters' } }, 'config.hashKey is written out'],
    [{ config: { vault: { auth: { method: 'token', token: 'hvs.1' } } } }, 'config.vault.auth.token is written out'],
    [{ config: { queue: { tls: { keyFilePassword: 'hunter2' } } } }, 'config.queue.tls.keyFilePassword is written out'],
    [
      { config: withGuest({ tls: { certificateKeyFilePassword: 'hunter2' } }) },
      'config.connections.guest.tls.certificateKeyFilePassword is written out',
    ],
    [
      { config: withGuest({ tls: { certificateKeyFilePassword: '${A:-hunter2}' } }) },
      'config.connections.guest.tls.certificateKeyFilePassword is written out',
    ],
    [{ config: { vault: { auth: { nonce: 'abc' } } } }, 'config.vault.auth.nonce is written out'],
    [{ config: { vault: { auth: { secretId: 'abc' } } } }, 'config.vault.auth.secretId is written out'],
    [{ config: { notify: [{ url: '${A}' }, { url: 'https://chat/hunter2' }] } }, 'config.notify[1].url is written out'],
    [
      { config: { notify: [{ url: 'https://chat/hunter2', headers: { 'X-Source': 'lake' } }] } },
      'config.notify[0].url is written out',
    ],
    ...['Authorization', 'x-api-key', 'X-Gitlab-Token', 'Cookie'].map((name): [Values, string] => [
      { config: { notify: [{ url: '${A}', headers: { [name]: 'hunter2' } }] } },
      `config.notify[0].headers.${name} is written out`,
    ]),
    [
      { config: withGuest({ kind: 's3', credentials: { accessKeyId: '${A}', secretAccessKey: 'hunter2' } }) },
      'config.connections.guest.credentials.secretAccessKey is written out',
    ],
  ])('%j: the chart tells why', async (values, why) => {
    const said = await refusal(values);
    expect(said).toContain(why);
    expect(said).not.toContain('hunter2');
  });

  it('are none that refer to secrets, only say where one is, or look like one and are none', async () => {
    const uri = 'mongodb://${vault:secret/data/x#u}:${vault:secret/data/x#p}@h/?tlsCertificateKeyFilePassword=${A}';
    const kept = {
      ...withGuest({ uri, tls: { certificateKeyFile: '/tls/client.pem', certificateKeyFilePassword: '${A}' } }),
      hashKey: '${A}',
      notify: [
        { url: 'https://chat/${A}', headers: { 'X-Source': 'mongolake', authorization: 'Bearer ${A}' } },
        { url: '${A}', headers: { accept: 'application/json' } },
      ],
      defaults: { columns: { types: { password: 'string' } } },
    };
    expect((await render({ config: kept, existingSecret: SECRET })).config).toContain('X-Source: mongolake');
  });
});

function withGuest(change: object): object {
  return { ...CONFIG, connections: { guest: { kind: 'mongodb', ...change } } };
}
