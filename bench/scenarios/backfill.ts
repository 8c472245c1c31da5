import { join } from 'node:path';
import { type Agreement, agreement } from '../agreement.ts';
import type { Absent, Contender, Scenario } from '../contender.ts';
import { DUMP_FILE } from '../data/dump.ts';
import { baseDump } from '../data/dumps.ts';
import { parquetIn, remove, warm } from '../folders.ts';
import type { Lab } from '../lab.ts';
import { peer, withPython } from '../peers.ts';
import { backfillOfOurs } from './backfill-ours.ts';

/** A dump of `lab.load` becomes a table. */
export function backfillScenario(lab: Lab): Scenario {
  const base = lab.load;
  const agree = agreement(lab, base.rows);
  return {
    name: 'backfill',
    title: 'First load',
    about: 'A dump of the collection becomes a table of Parquet files.',
    documents: base.rows,
    contenders: [
      backfillOfOurs(lab, { name: 'mongolake', base, settings: {}, agree }),
      loadOfPeer(lab, { name: 'pymongo + pyarrow', script: 'load_pymongo.py', result: '.', agree }),
      loadOfPeer(lab, { name: 'dlt', script: 'load_dlt.py', result: 'lake/guest/notifications', agree }),
      { name: 'PySpark', reason: 'Spark reads no BSON files; its connector for MongoDB needs a server' },
    ],
  };
}

interface PeerLoad {
  readonly name: string;
  readonly script: string;
  /** Where its Parquet files are, within its folder. */
  readonly result: string;
  readonly agree: Agreement;
}

function loadOfPeer(lab: Lab, { name, script, result, agree }: PeerLoad): Contender | Absent {
  return withPython(name, lab.peers, async (python) => {
    const dump = await baseDump(lab.load);
    const out = join(lab.work, script.replace('.py', ''));
    const args = [join(dump, DUMP_FILE), out, lab.cores];
    return {
      reset() {
        remove(out);
        warm(dump);
      },
      job: peer(python, script, ...args),
      idle: peer(python, script, ...args, '--idle'),
      async inspect() {
        await agree('parquet', join(out, result));
        return parquetIn(join(out, result));
      },
    };
  });
}
