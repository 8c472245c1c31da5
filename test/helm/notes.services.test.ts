import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { CONFIG, EXAMPLES, notes, render } from './chart.ts';

describeWith(['kubernetes'], 'notes of the chart', () => {
  it('name what is missing, and what comes next', async () => {
    const bare = await notes({});
    expect(bare).toContain('MISSING: config.pipelines is empty');
    expect(bare).not.toContain('existingSecret');
    expect(bare).not.toContain('Next:');
    const without = await notes({ config: CONFIG });
    expect(without).toContain('MISSING: the configuration refers to MONGODB_URI, and existingSecret is empty');
    expect(without).toContain('create secret generic guest-mongolake --from-literal=MONGODB_URI=');
    expect(without).toContain('helm -n data upgrade guest … -f values.yaml --set existingSecret=guest-mongolake');
    const given = await notes({ config: CONFIG, extraEnv: [{ name: 'MONGODB_URI', value: 'mongodb://db' }] });
    expect(given).not.toContain('MISSING');
    expect(given).toContain('helm -n data test guest --logs');
    expect(given).toContain('exec deploy/guest-mongolake-coordinator -- mongolake');
    const everything = await notes(EXAMPLES.everything ?? {});
    expect(everything).not.toContain('MISSING');
    expect(everything).toContain(
      'The Secret mongolake must have: MONGODB_URI, board, redis-password, VAULT_EC2_NONCE.',
    );
    expect(everything).toContain('hop limit of 2');
    expect(everything).toContain('port-forward service/guest-lake-dashboard 3000:80');
    expect(everything).toContain('1 to 40 workers (KEDA)');
    const job = (await render(EXAMPLES.everything ?? {})).one('Job').metadata.name;
    expect(everything).toContain(`Backfill of guest.notifications, by the Job ${job}:`);
    expect(everything).toContain('helm -n data upgrade guest … -f values.yaml --set backfill.enabled=false');
    expect(given).not.toContain('Backfill');
  });
});
