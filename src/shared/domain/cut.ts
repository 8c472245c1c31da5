import { BSON, walkElements } from './bson.ts';
import { checkDepth, checkValue } from './bson-text.ts';
import { idText } from './ids.ts';
import { int32At } from './little-endian.ts';
import { type ColumnPolicy, keptPaths, pathParts } from './policy.ts';

/** A document without what the policy leaves out: a view of its bytes where nothing applies, otherwise bytes of its own. */
export type Cut = (bytes: Buffer, at: number) => Buffer;

/** The hash of a text, as 64 lower-case hex digits. */
export type HashText = (text: string) => string;

/** A hash by a secret key. */
export interface KeyedHash {
  readonly hash: HashText;
  /** A secret. */
  readonly key: string;
  /** 16 hex digits that tell one key from another, and nothing of it. */
  readonly fingerprint: string;
}

/**
 * Cuts excluded and not included fields out of documents, and replaces hashed values. All else stays byte by byte, but for the
 * keys of an array that loses elements. As MongoDB's projection does, paths pass through arrays, and where `include` names a
 * field within another, whatever is no object there is left out. Throws `DOCUMENT_BROKEN` where it can't be walked.
 */
export function createCut(policy: ColumnPolicy | undefined, cursorField: string, hash: HashText): Cut {
  const root = policy && compile(policy, cursorField);
  return (bytes, at) => {
    const cut = root && cutFields({ hash }, root, bytes, BSON.object, at, 1);
    return cut ?? bytes.subarray(at, at + int32At(bytes, at));
  };
}

/**
 * What is hashed of a value: the bare text of a string, unless it could be read as EJSON; of all else its EJSON, with one text for
 * all that MongoDB holds to be equal. No two values that differ share a text.
 */
export function hashedText(bytes: Buffer, type: number, at: number, end: number): string {
  return idText(bytes, type, at, end, 'string');
}

/** What is done with a field, and with the fields within it. */
interface CutField {
  readonly name: Buffer;
  drop: boolean;
  hash: boolean;
  /** Whether what is not listed here stays. */
  rest: boolean;
  readonly fields: CutField[];
}

function compile(policy: ColumnPolicy, cursorField: string): CutField | undefined {
  const kept = keptPaths(policy, [cursorField]);
  const root = newField('', { rest: kept === undefined, drop: false });
  for (const path of kept ?? []) fieldAt(root, path, () => ({ rest: false, drop: false })).rest = true;
  const within = ({ rest }: CutField) => ({ rest, drop: !rest });
  for (const path of policy.exclude ?? []) fieldAt(root, path, within).drop = true;
  for (const path of policy.hash ?? []) fieldAt(root, path, within).hash = true;
  return root.rest && root.fields.length === 0 ? undefined : root;
}

function newField(name: string, { rest, drop }: Pick<CutField, 'rest' | 'drop'>): CutField {
  return { name: Buffer.from(name, 'utf8'), drop, hash: false, rest, fields: [] };
}

/** The field at a path; those on the way that are not there yet are made as `make` says of the field around them. */
function fieldAt(root: CutField, path: string, make: (parent: CutField) => Pick<CutField, 'rest' | 'drop'>): CutField {
  let field = root;
  for (const part of pathParts(path)) {
    const name = Buffer.from(part, 'utf8');
    let next = field.fields.find((one) => one.name.equals(name));
    if (next === undefined) {
      next = newField(part, make(field));
      field.fields.push(next);
    }
    field = next;
  }
  return field;
}

interface Cutting {
  readonly hash: HashText;
}

/** A value that takes another's place; `null` where nothing does. */
type Replacement = { readonly type: number; readonly bytes: Buffer } | null;

/** The document or array at `at` without what is cut; `undefined` where all of it stays. Elements of an array are what the array is. */
function cutFields(
  cutting: Cutting,
  field: CutField,
  bytes: Buffer,
  type: number,
  at: number,
  depth: number,
): Buffer | undefined {
  const array = type === BSON.array;
  const rest: Replacement | undefined = field.rest ? undefined : null;
  const judge: Judge = (childType, nameStart, nameEnd, valueAt, end) => {
    if (array) return judgeValue(cutting, field, bytes, childType, valueAt, end, depth);
    const child = fieldNamed(field.fields, bytes, nameStart, nameEnd);
    return child === undefined ? rest : judgeValue(cutting, child, bytes, childType, valueAt, end, depth);
  };
  return rebuilt(bytes, at, array, judge);
}

function fieldNamed(fields: readonly CutField[], bytes: Buffer, start: number, end: number): CutField | undefined {
  for (const field of fields) {
    const { length } = field.name;
    if (length === end - start && field.name.compare(bytes, start, end) === 0) return field;
  }
  return undefined;
}

function judgeValue(
  cutting: Cutting,
  field: CutField,
  bytes: Buffer,
  type: number,
  at: number,
  end: number,
  depth: number,
): Replacement | undefined {
  if (field.drop) return null;
  if (field.hash) return hashed(cutting, bytes, type, at, end, field.name.toString('utf8'), depth);
  if (field.fields.length === 0 && field.rest) return undefined;
  if (type !== BSON.object && type !== BSON.array) return field.rest ? undefined : null;
  checkDepth(depth + 1, field.name.toString('utf8'));
  const cut = cutFields(cutting, field, bytes, type, at, depth + 1);
  return cut && { type, bytes: cut };
}

/** The hash of a value; of an array, of each element. What is null or undefined stays. */
function hashed(
  cutting: Cutting,
  bytes: Buffer,
  type: number,
  at: number,
  end: number,
  name: string,
  depth: number,
): Replacement | undefined {
  if (type === BSON.null || type === BSON.undefined) return undefined;
  checkValue(bytes, type, at, end, name, depth);
  if (type !== BSON.array) {
    return { type: BSON.string, bytes: stringValue(cutting.hash(hashedText(bytes, type, at, end))) };
  }
  const judge: Judge = (childType, _nameStart, _nameEnd, valueAt, childEnd) =>
    hashed(cutting, bytes, childType, valueAt, childEnd, name, depth + 1);
  const cut = rebuilt(bytes, at, true, judge);
  return cut && { type, bytes: cut };
}

function stringValue(text: string): Buffer {
  const value = Buffer.alloc(4 + text.length + 1);
  value.writeInt32LE(text.length + 1);
  value.write(text, 4, 'latin1');
  return value;
}

type Judge = (
  type: number,
  nameStart: number,
  nameEnd: number,
  valueAt: number,
  end: number,
) => Replacement | undefined;

/** The document or array at `at` with every element as it is judged: `undefined` stays. Gives `undefined` where all stay. */
function rebuilt(bytes: Buffer, at: number, array: boolean, judge: Judge): Buffer | undefined {
  const parts: Buffer[] = [];
  let changed = false;
  let keptFrom = at + 4;
  let [index, dropped] = [0, 0];
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    const replacement = judge(type, nameStart, nameEnd, valueAt, end);
    const renumbered = array && dropped > 0;
    if (replacement !== undefined || renumbered) {
      changed = true;
      parts.push(bytes.subarray(keptFrom, nameStart - 1));
      keptFrom = end;
      if (replacement === null) dropped++;
      else {
        const name = renumbered ? Buffer.from(`${index}\0`, 'latin1') : bytes.subarray(nameStart, nameEnd + 1);
        parts.push(Buffer.of(replacement?.type ?? type), name, replacement?.bytes ?? bytes.subarray(valueAt, end));
      }
    }
    if (replacement !== null) index++;
    return true;
  });
  if (!changed) return undefined;
  parts.push(bytes.subarray(keptFrom, at + int32At(bytes, at)));
  const size = parts.reduce((sum, part) => sum + part.length, 4);
  const head = Buffer.alloc(4);
  head.writeInt32LE(size);
  return Buffer.concat([head, ...parts], size);
}
