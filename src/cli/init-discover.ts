import pMap from 'p-map';
import { type Adapters, loadAdapters } from '../composition.ts';
import { candidateFields, readSample, type Sample } from '../coordinator/sample.ts';
import type { InitCollection } from '../shared/config/init.ts';
import type { Config } from '../shared/config/schema.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import type { CursorType } from '../shared/domain/cursor.ts';
import { asMongolakeError, MongolakeError } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { CollectionInfo, IndexInfo, SourceClock } from '../shared/ports/source.ts';

/** What `init` found in a source. */
export interface Discovery {
  readonly database: string;
  readonly collections: readonly InitCollection[];
  readonly kind: SourceClock['kind'];
  /** What could not be looked at. */
  readonly notes: readonly string[];
}

/** Name of the connection in the files that `init` writes. */
export const CONNECTION = 'source';

const COLLECTIONS_AT_ONCE = 8;

/**
 * Lists the collections of one database and looks at a few documents of each. `wanted` is the database that the user named; without
 * it the source must have only one. Errors: `USAGE` (name one), `SOURCE_MISSING` (nothing there), those of the source.
 */
export async function discover(config: Config, wanted: string | undefined, clock: Clock): Promise<Discovery> {
  const adapters = await loadAdapters(config);
  const listed = await adapters.collections(CONNECTION, wanted);
  const database = chooseDatabase(listed, wanted);
  const found = await pMap(
    listed.filter((info) => info.database === database),
    (info) => lookAt(config, adapters, info, clock),
    { concurrency: COLLECTIONS_AT_ONCE },
  );
  return {
    database,
    collections: found.map(({ collection }) => collection),
    kind: config.connections[CONNECTION]?.kind === 'dump' ? 'dump' : 'live',
    notes: found.flatMap(({ note }) => (note === undefined ? [] : [note])),
  };
}

/** The database that was named, or the only one. */
export function chooseDatabase(listed: readonly CollectionInfo[], wanted: string | undefined): string {
  const names = [...new Set(listed.map(({ database }) => database))];
  const [only, ...others] = names;
  if (only === undefined) {
    const where = wanted === undefined ? 'the source' : `the database ${wanted}`;
    throw new MongolakeError('SOURCE_MISSING', `${where} has no collection that the user may see`, {
      hint: 'Check the name of the database and the rights of the user (role `read`).',
    });
  }
  if (others.length === 0) return only;
  throw new MongolakeError('USAGE', `there are several databases: ${names.join(', ')}`, {
    hint: 'Name one with --database.',
  });
}

interface Found {
  readonly collection: InitCollection;
  readonly note?: string;
}

async function lookAt(config: Config, adapters: Adapters, info: CollectionInfo, clock: Clock): Promise<Found> {
  const { database, name } = info;
  const source = adapters.source(targetOf(config, database, name), clock);
  try {
    const documents = info.documents ?? (await source.estimate({ kind: 'full' })).documents;
    const sample = await readSample(source);
    const indexes = await source.indexes();
    return { collection: { name, documents, cursorFields: cursorFields(sample, indexes) } };
  } catch (error) {
    const known = asMongolakeError(error);
    if (known.retryable || known.code === 'INTERNAL') throw error;
    // One that can't be read is not a reason to know nothing of the others.
    return { collection: { name, documents: info.documents, cursorFields: [] }, note: known.message };
  } finally {
    await source.close();
  }
}

function targetOf(config: Config, database: string, collection: string): TableTarget {
  return {
    name: `${CONNECTION}.${collection}`,
    pipeline: CONNECTION,
    database,
    collection,
    connection: CONNECTION,
    store: undefined,
    tableUri: '',
    settings: config.defaults,
  };
}

/** Share of the sample in which a field must tell a time to be a cursor. */
const MOST = 0.9;

/**
 * The fields that may be the cursor, of the best type that there is: dates, then timestamps, then numbers, then the `_id`. Those that nearly
 * every document has; where there are none, those that any has.
 */
export function cursorFields(
  sample: Sample,
  indexes: readonly Pick<IndexInfo, 'fields'>[],
): InitCollection['cursorFields'] {
  const candidates = candidateFields(sample);
  const best = PREFERENCE.find((types) => candidates.some(({ type }) => types.includes(type))) ?? [];
  const times = candidates.filter(({ type }) => best.includes(type));
  const common = times.filter(({ documents }) => documents >= MOST * sample.length);
  return (common.length > 0 ? common : times).map(({ field, type }) => ({
    path: field,
    type,
    indexed: indexes.some(({ fields }) => fields[0] === field),
  }));
}

/** An `_id` comes last: it tells when a document was made, never when it was changed. */
const PREFERENCE: readonly (readonly CursorType[])[] = [
  ['date'],
  ['timestamp'],
  ['epochMilliseconds', 'epochSeconds'],
  ['objectId'],
];
