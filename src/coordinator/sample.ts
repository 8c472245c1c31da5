import { MongolakeError } from '../shared/domain/errors.ts';
import type { Projection } from '../shared/domain/policy.ts';
import { type DocumentSketch, emptySketch, sketchDocument } from '../shared/domain/sketch.ts';
import type { Source } from '../shared/ports/source.ts';

/** The shape of a few documents of a collection. */
export interface Sample {
  /** Documents looked at; 0 for an empty collection. */
  readonly documents: number;
  readonly fields: DocumentSketch;
}

interface SampleOptions {
  /** Documents. */
  readonly limit?: number;
  readonly projection?: Projection | undefined;
  readonly signal?: AbortSignal;
}

/** Looks at the documents of the source's first batch, at most so many; the rest is not read. Errors: those of `Source.read`. */
export async function readSample(source: Source, options: SampleOptions = {}): Promise<Sample> {
  const { limit = 1000, projection, signal } = options;
  const sketch = emptySketch();
  for await (const batch of source.read({ scope: { kind: 'full' }, part: null }, signal, projection)) {
    const some = batch.offsets.slice(0, limit);
    for (const at of some) {
      try {
        sketchDocument(sketch, batch.bytes, at);
      } catch (error) {
        // It still is one of the sample; a run will say what is wrong with it.
        if (!(error instanceof MongolakeError) || error.code !== 'DOCUMENT_BROKEN') throw error;
      }
    }
    return { documents: some.length, fields: sketch.fields };
  }
  return { documents: 0, fields: sketch.fields };
}

/** A field that holds dates, dotted where it is within an object. */
export interface DateField {
  readonly path: string;
  /** Documents of the sample in which it is a date. */
  readonly documents: number;
}

/** The fields that hold dates, in the order first seen. Within arrays there are none that a cursor could be. */
export function dateFields({ fields }: Sample): readonly DateField[] {
  return below(fields, '');
}

function below(fields: DocumentSketch, prefix: string): DateField[] {
  return [...fields].flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const documents = field.counts.timestamp ?? 0;
    const nested = field.fields === undefined ? [] : below(field.fields, `${path}.`);
    return documents === 0 ? nested : [{ path, documents }, ...nested];
  });
}
