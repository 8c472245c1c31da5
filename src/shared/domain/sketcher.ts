import { brokenAt, brokenDocument, documentEnd, type Element, nameEndOf, valueEnd } from './bson.ts';
import { checkDepth, checkValue, fieldName } from './bson-text.ts';
import { doubled } from './buffers.ts';
import { type IdClass, idClass, idExample } from './ids.ts';
import { isNamed, type LevelField } from './level-field.ts';
import type { FieldPolicy } from './policy.ts';
import { type DocumentSketch, type FieldSketch, MOST_NAMES, type Sketch } from './sketch.ts';
import { CODE, classOf, codeAs, FIXED_CODE } from './value-class.ts';

/** Sketches documents one by one. */
export interface Sketcher {
  /**
   * Adds the document at `at` and checks all of it: what passes here can be stored. Returns its `_id`. Throws `DOCUMENT_BROKEN` where it
   * has no `_id` or two, is not valid BSON, or holds a name twice or one that is not UTF-8; such a document leaves no trace.
   */
  take(bytes: Buffer, at: number): Element;
  /** The watched element of the document that was taken last; `undefined` where it has none. */
  readonly watched: Element | undefined;
  /** Whether there were names that are not kept: an element of such a name is not watched. */
  readonly isOpen: boolean;
  /** Of all that was taken. */
  sketch(): Sketch;
}

/** A sketcher. `policy` has the types that are configured for fields, `watch` the path of an element that is to be found on the way. */
export function createSketcher(policy?: FieldPolicy, watch: readonly string[] = []): Sketcher {
  return new LevelSketcher(policy, watch);
}

/** What is known of one field. */
class Field implements LevelField<Field> {
  next: Field | undefined;
  /** The number of the level in which it was last met: it may not be met there twice. */
  seen = 0;
  /** Met in a broken document only, and so forgotten: it must not be taken for the field of its name. */
  isGone = false;
  /** Of the documents in it. */
  inside: Level | undefined;
  /** Of the elements of arrays in it. */
  element: Field | undefined;

  constructor(
    /** Where its counts begin among those of all fields, one for each class. */
    readonly counts: number,
    readonly name: string,
    readonly nameBytes: Uint8Array,
    readonly policy: FieldPolicy | undefined,
    /** The names that lead on to the watched element; empty where this is it. */
    readonly watch: readonly string[] | undefined,
  ) {}
}

/** The documents at one place. */
class Level {
  /** The field that came first last time. */
  first: Field | undefined;
  /** By name, in the order first seen. */
  readonly fields = new Map<string, Field>();
  /** Fields met whose names are not kept; where there are any, its keys are data. */
  open = 0;

  constructor(
    readonly policy: FieldPolicy | undefined,
    readonly watch: readonly string[] | undefined,
  ) {}
}

const NO_NAME = new Uint8Array(0);
/** Room for the counts of one field. */
const CLASSES_MOST = FIXED_CODE + 1;

/**
 * A document is walked once, and what is met in it is counted only when its end was reached without a fault: until then it is noted in
 * lists that are used again and again.
 */
class LevelSketcher implements Sketcher {
  watched: Element | undefined;
  isOpen = false;
  readonly #top: Level;
  readonly #id = new Field(0, '_id', Buffer.from('_id'), undefined, undefined);
  readonly #ids: Partial<Record<IdClass, number>> = {};
  readonly #idExamples: Partial<Record<IdClass, string>> = {};
  #names = 0;
  /** Levels that were walked, of any document. */
  #levels = 0;
  #foundId: Element | undefined;
  /** How often each class was met in each field; the first are nobody's. */
  #counts = new Float64Array(64 * CLASSES_MOST);
  #countsUsed = CLASSES_MOST;
  /** What was met in this document: places among the counts. */
  #met = new Uint32Array(1024);
  #metUsed = 0;
  readonly #opened: Level[] = [];
  readonly #created: { readonly level: Level; readonly field: Field }[] = [];

  constructor(policy: FieldPolicy | undefined, watch: readonly string[]) {
    this.#top = new Level(policy, watch.length === 0 ? undefined : watch);
  }

  take(bytes: Buffer, at: number): Element {
    this.#metUsed = 0;
    // Setting a length costs, and mostly there is nothing.
    if (this.#opened.length > 0) this.#opened.length = 0;
    if (this.#created.length > 0) this.#created.length = 0;
    this.#foundId = undefined;
    this.watched = undefined;
    let id: Element | undefined;
    try {
      this.#walk(this.#top, bytes, at, 1, true);
      id = this.#foundId;
      if (id === undefined) throw brokenDocument('a document without _id');
    } catch (error) {
      for (const { level, field } of this.#created) {
        level.fields.delete(field.name);
        field.isGone = true;
      }
      this.#names -= this.#created.length;
      throw error;
    }
    for (let i = 0; i < this.#metUsed; i++) {
      const place = this.#met[i] as number;
      this.#counts[place] = (this.#counts[place] as number) + 1;
    }
    for (const level of this.#opened) level.open++;
    this.#countId(bytes, id);
    return id;
  }

  #countId(bytes: Buffer, id: Element): void {
    const kind = idClass(bytes, id.type, id.at);
    this.#idExamples[kind] ??= idExample(bytes, id);
    this.#ids[kind] = (this.#ids[kind] ?? 0) + 1;
  }

  #walk(level: Level, bytes: Buffer, start: number, depth: number, isTop: boolean): void {
    const end = documentEnd(bytes, start) - 1;
    const own = ++this.#levels;
    let before: Field | undefined;
    let at = start + 4;
    while (at < end) {
      const type = bytes[at] as number;
      const nameAt = at + 1;
      const expected = before === undefined ? level.first : before.next;
      const isExpected = expected !== undefined && !expected.isGone && isNamed(expected, bytes, nameAt);
      const nameEnd = isExpected ? nameAt + expected.nameBytes.length : nameEndOf(bytes, nameAt);
      const valueAt = nameEnd + 1;
      if (valueAt > end) throw brokenAt('a field name', nameAt, ' reaches past its document');
      const field = isExpected ? expected : this.#lookUp(level, before, bytes, nameAt, nameEnd, isTop);
      const next = valueEnd(bytes, type, valueAt, end);
      if (field === undefined) {
        this.#opened.push(level);
        this.isOpen = true;
        checkValue(bytes, type, valueAt, next, fieldName(bytes, nameAt, nameEnd), depth);
      } else {
        if (field.seen === own) throw brokenDocument(`field "${field.name}" occurs twice`);
        field.seen = own;
        if (field === this.#id) {
          checkValue(bytes, type, valueAt, next, '_id', 1);
          this.#foundId = { type, at: valueAt, end: next };
        } else {
          this.#value(field, bytes, type, valueAt, next, depth);
        }
        if (field.watch?.length === 0) this.watched = { type, at: valueAt, end: next };
        before = field;
      }
      at = next;
    }
  }

  /** The field of this name, which is expected here from now on; `undefined` where there is no room for another name. */
  #lookUp(
    level: Level,
    before: Field | undefined,
    bytes: Buffer,
    nameAt: number,
    nameEnd: number,
    isTop: boolean,
  ): Field | undefined {
    const name = fieldName(bytes, nameAt, nameEnd);
    const known = level.fields.get(name) ?? (isTop && name === '_id' ? this.#id : undefined);
    const field = known ?? this.#newField(level, name, Uint8Array.from(bytes.subarray(nameAt, nameEnd)));
    if (before === undefined) level.first = field;
    else before.next = field;
    return field;
  }

  #newField(level: Level, name: string, nameBytes: Uint8Array): Field | undefined {
    if (level.fields.size >= MOST_NAMES.level || this.#names >= MOST_NAMES.all) return undefined;
    const watch = level.watch?.[0] === name ? level.watch.slice(1) : undefined;
    const field = new Field(this.#newCounts(), name, nameBytes, level.policy?.fields.get(name), watch);
    level.fields.set(name, field);
    this.#names++;
    this.#created.push({ level, field });
    return field;
  }

  #value(field: Field, bytes: Buffer, type: number, at: number, end: number, depth: number): void {
    const code = codeAs(field.policy?.type, bytes, type, at);
    if (this.#metUsed === this.#met.length) this.#met = doubled(this.#met);
    this.#met[this.#metUsed++] = field.counts + code;
    if (code < CODE.json || code === FIXED_CODE) return;
    if (code === CODE.json) {
      checkValue(bytes, type, at, end, field.name, depth);
      return;
    }
    checkDepth(depth + 1, field.name);
    if (code === CODE.struct) {
      field.inside ??= new Level(field.policy, field.watch);
      this.#walk(field.inside, bytes, at, depth + 1, false);
      return;
    }
    field.element ??= new Field(this.#newCounts(), field.name, NO_NAME, field.policy, undefined);
    this.#elements(field.element, bytes, at, depth + 1);
  }

  /** The names that an array has in BSON mean nothing and are not looked at. */
  #elements(element: Field, bytes: Buffer, start: number, depth: number): void {
    const end = documentEnd(bytes, start) - 1;
    let at = start + 4;
    while (at < end) {
      const type = bytes[at] as number;
      const valueAt = nameEndOf(bytes, at + 1) + 1;
      if (valueAt > end) throw brokenAt('a field name', at + 1, ' reaches past its document');
      const next = valueEnd(bytes, type, valueAt, end);
      this.#value(element, bytes, type, valueAt, next, depth);
      at = next;
    }
  }

  #newCounts(): number {
    const start = this.#countsUsed;
    this.#countsUsed += CLASSES_MOST;
    if (this.#countsUsed > this.#counts.length) this.#counts = doubled(this.#counts);
    return start;
  }

  sketch(): Sketch {
    return {
      ids: { ...this.#ids },
      idExamples: { ...this.#idExamples },
      fields: fieldsOf(this.#top, this.#counts),
      open: this.#top.open,
      names: this.#names,
    };
  }
}

function fieldsOf({ fields }: Level, counts: Float64Array): DocumentSketch {
  return new Map([...fields].map(([name, field]) => [name, sketchOf(field, counts)]));
}

function sketchOf(field: Field, all: Float64Array): FieldSketch {
  const { policy, inside, element } = field;
  const fixed = policy?.type === 'json' ? undefined : policy?.type;
  const counts: FieldSketch['counts'] = {};
  for (let code = 0; code <= FIXED_CODE; code++) {
    const count = all[field.counts + code] as number;
    if (count > 0) counts[classOf(code, fixed)] = count;
  }
  return {
    counts,
    // What a broken document alone had in it was not counted.
    ...(inside === undefined || counts.struct === undefined
      ? {}
      : { fields: fieldsOf(inside, all), open: inside.open }),
    ...(element === undefined || counts.array === undefined ? {} : { element: sketchOf(element, all) }),
  };
}
